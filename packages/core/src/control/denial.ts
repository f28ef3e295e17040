// SPDX-License-Identifier: Apache-2.0
/**
 * Denials, and the proof that their author had a say (`docs/spec/07-granting.md` Section 7.6). A
 * denial delays; it never vouches for anything, and any valid grant outranks it.
 *
 * @module
 */

import type { CborValue } from '../cbor/cbor.js'
import { malformed } from '../errors.js'
import type { BodyCodec } from './body.js'
import { linksFromCbor, MAX_LINKS } from './grant.js'
import { kidFromFields } from './request.js'

/** Longest time for which a denial can hold a reader back from asking again. */
export const MAX_RETRY_SECONDS = 3600

export const DENIAL_CODES = [
  'not-authorized',
  'pending-approval',
  'rate-limited',
  'out-of-span',
] as const

export type DenialCode = (typeof DENIAL_CODES)[number]

export interface Denial {
  /** The one that was asked for: 4 or 8 bytes. */
  readonly kid: Uint8Array
  readonly code: DenialCode
  /** Ask again after so many seconds, 0 to 3600. */
  readonly retrySeconds: number
  /** With the manifest's digest it proves which generation is meant. */
  readonly producerId: Uint8Array
  /** SHA-256 of the manifest's payload; reveals nothing of it. */
  readonly manifestDigest: Uint8Array
  /** The author's own share grant, without its nodes; empty if the author is the producer. */
  readonly chain: readonly Uint8Array[]
}

export const denialCodec: BodyCodec<Denial> = {
  toCbor(denial) {
    const fields: [number, CborValue][] = [
      [0, denial.kid],
      [1, DENIAL_CODES.indexOf(denial.code) + 1],
      [2, denial.retrySeconds],
      [3, denial.producerId],
      [4, denial.manifestDigest],
      [5, denial.chain],
    ]
    return fields
  },
  fromFields(map, from) {
    const kid = kidFromFields(map, from, 'denial')
    const code = DENIAL_CODES[map.uint(from + 1, 'code') - 1]
    if (code === undefined) throw malformed('denial', 'code')
    return {
      kid,
      code,
      retrySeconds: map.uint(from + 2, 'retry', { max: MAX_RETRY_SECONDS }),
      producerId: map.bytes(from + 3, 'producer id', { length: 32 }),
      manifestDigest: map.bytes(from + 4, 'manifest digest', { length: 32 }),
      chain: linksFromCbor(map.array(from + 5, 'chain', { max: MAX_LINKS - 1 }), 'denial'),
    }
  },
}
