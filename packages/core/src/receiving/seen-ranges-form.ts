// SPDX-License-Identifier: Apache-2.0
/**
 * The form in which {@link SeenRanges} are stored. Small, because it is written after every few
 * messages. One version byte, 1; then numbers of 7 bits a byte, the lowest first, each in the
 * fewest bytes (LEB128):
 *
 * - the number of ranges; for each, what lies between it and the one before, less the one counter
 *   that must (for the first: its first counter), and its last counter less its first;
 * - the number of digests, those of the counters added first before the others; for each, its
 *   counter less the one before (for the first: less 0), d as 2d, or -2d - 1 below 0; and 8 bytes.
 *
 * @module
 */

import { malformed } from '../errors.js'
import { MAX_COUNTER, type CounterRange } from './range-list.js'
import { SEEN_DIGEST_BYTES } from './recent-digests.js'

export interface SeenForm {
  readonly ranges: readonly CounterRange[]
  readonly digests: readonly SeenDigest[]
}

/** A counter and its digest, 8 bytes. */
export type SeenDigest = readonly [counter: number, digest: Uint8Array]

const VERSION = 1
/** Differences of counters, doubled, need 41 bits. */
const MAX_NUMBER_BYTES = 6

/** Encodes into new bytes. */
export function encodeSeen({ ranges, digests }: SeenForm): Uint8Array {
  const numberCount = 2 + 2 * ranges.length + digests.length
  const bytes = new Uint8Array(
    1 + numberCount * MAX_NUMBER_BYTES + digests.length * SEEN_DIGEST_BYTES,
  )
  bytes[0] = VERSION
  let end = writeNumber(bytes, 1, ranges.length)
  let lowestFirst = 0
  for (const { first, last } of ranges) {
    end = writeNumber(bytes, end, first - lowestFirst)
    end = writeNumber(bytes, end, last - first)
    lowestFirst = last + 2
  }
  end = writeNumber(bytes, end, digests.length)
  let before = 0
  for (const [counter, digest] of digests) {
    const step = counter - before
    end = writeNumber(bytes, end, step < 0 ? -2 * step - 1 : 2 * step)
    bytes.set(digest, end)
    end += SEEN_DIGEST_BYTES
    before = counter
  }
  return bytes.slice(0, end)
}

/**
 * Decodes; total on any input, in linear time. The digests are views of `bytes`.
 *
 * @throws {WaxwingError} `ERR_MALFORMED` unless {@link encodeSeen} gives exactly these bytes, for
 *   ranges in order that do not touch, of counters of at most 2^40 - 1. That each digest is of
 *   another counter, and of one in a range, is checked by the caller.
 */
export function decodeSeen(bytes: Uint8Array): SeenForm {
  const reader = new NumberReader(bytes)
  if (bytes[0] !== VERSION) throw malformed('seen ranges', 'version')
  const ranges: CounterRange[] = []
  let lowestFirst = 0
  for (let left = reader.number(); left > 0; left--) {
    const first = lowestFirst + reader.number()
    const last = first + reader.number()
    if (last > MAX_COUNTER) throw malformed('seen ranges', 'range')
    ranges.push({ first, last })
    lowestFirst = last + 2
  }
  const digests: SeenDigest[] = []
  let before = 0
  for (let left = reader.number(); left > 0; left--) {
    const step = reader.number()
    before += step % 2 === 1 ? -(step + 1) / 2 : step / 2
    digests.push([before, reader.digest()])
  }
  reader.end()
  return { ranges, digests }
}

function writeNumber(bytes: Uint8Array, offset: number, number: number): number {
  let rest = number
  let end = offset
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[end++] = (rest % 128) + 128
  bytes[end++] = rest
  return end
}

class NumberReader {
  readonly #bytes: Uint8Array
  #offset = 1

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  number(): number {
    let number = 0
    let scale = 1
    for (let i = 0; i < MAX_NUMBER_BYTES; i++, scale *= 128) {
      const byte = this.#bytes[this.#offset++]
      if (byte === undefined) break
      number += (byte % 128) * scale
      if (byte >= 128) continue
      if (byte === 0 && i > 0) break // longer than it has to be
      return number
    }
    throw malformed('seen ranges', 'number')
  }

  digest(): Uint8Array {
    const start = this.#offset
    this.#offset += SEEN_DIGEST_BYTES
    if (this.#offset > this.#bytes.length) throw malformed('seen ranges', 'digest')
    return this.#bytes.subarray(start, this.#offset)
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw malformed('seen ranges', 'length')
  }
}
