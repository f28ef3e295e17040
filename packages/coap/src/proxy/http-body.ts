// SPDX-License-Identifier: Apache-2.0
/**
 * Reading what comes over HTTP, up to a limit.
 *
 * @module
 */

import type { IncomingMessage } from 'node:http'

/**
 * Reads a body.
 *
 * @returns `undefined` as soon as it is known to exceed `maxBytes`; the rest is not read.
 * @throws What the connection ended with before the body did.
 */
export async function readBody(
  message: IncomingMessage,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  if (Number(message.headers['content-length'] ?? 0) > maxBytes) return undefined
  const chunks: Buffer[] = []
  let length = 0
  // Leaving the loop must not destroy the connection: an answer is still to be written to it.
  for await (const chunk of message.iterator({ destroyOnReturn: false })) {
    const bytes = chunk as Buffer
    length += bytes.length
    if (length > maxBytes) return undefined
    chunks.push(bytes)
  }
  return Buffer.concat(chunks, length)
}
