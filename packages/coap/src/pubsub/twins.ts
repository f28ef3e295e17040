// SPDX-License-Identifier: Apache-2.0
/**
 * A message that is to be retained and not to be missed is in two places: in a slot, and in the topic-data
 * resource. Whoever reads both is handed it once, by whichever way it comes first.
 *
 * Messages are known by their bytes. The memory is short: what comes late comes twice, and finding
 * duplicates is the endpoint's business anyway.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { Registration } from './registration.js'

/** By which way a message came. */
export type Way = 'slot' | 'topic-data'

const MAX_REMEMBERED = 64

/** What stands for the bytes of a message. */
export function digestOf(payload: Uint8Array): string {
  return createHash('sha256').update(payload).digest('base64')
}

export class Twins {
  readonly #handed = new WeakMap<Registration, Map<string, Way>>()

  /**
   * Takes note of a message that is about to be handed over.
   *
   * @returns Whether the reader had it by the other way. Then it is forgotten: the next one with the same
   *   bytes was sent anew.
   */
  isSecond(reader: Registration, digest: string, way: Way): boolean {
    const handed = this.#handed.get(reader) ?? new Map<string, Way>()
    this.#handed.set(reader, handed)
    const before = handed.get(digest)
    handed.delete(digest)
    if (before !== undefined && before !== way) return true
    handed.set(digest, way)
    const [oldest] = handed.keys()
    if (handed.size > MAX_REMEMBERED && oldest !== undefined) handed.delete(oldest)
    return false
  }
}
