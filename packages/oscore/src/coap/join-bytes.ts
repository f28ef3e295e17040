// SPDX-License-Identifier: Apache-2.0
/**
 * Putting together as many parts as a peer cares to send: they are no arguments of a call, of which an
 * engine takes no more than its stack holds.
 *
 * @module
 */

/** Joins byte strings into new bytes. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}
