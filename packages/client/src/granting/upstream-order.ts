// SPDX-License-Identifier: Apache-2.0
/**
 * An order of somebody above us, or who may come to be, as it is kept
 * (`docs/spec/07-granting.md` Section 7.8.1).
 *
 * @module
 */

import { fromHex, MapFields, toHex, type CborValue } from '@waxwing/core'

export interface UpstreamOrder {
  /** Of the message, in hex. */
  readonly digest: string
  /** Who is revoked: its id in base64url. */
  readonly principal: string
  /** Who says so: its id in base64url. */
  readonly author: string
  /** The one that is meant, in hex; `null` for all. */
  readonly generation: string | null
  /** Until when it is kept at least, in seconds since 1970. */
  readonly until: number
}

export function orderToCbor({
  digest,
  principal,
  author,
  generation,
  until,
}: UpstreamOrder): CborValue {
  return new Map<number, CborValue>([
    [1, fromHex(digest)],
    [2, principal],
    [3, author],
    [4, generation === null ? null : fromHex(generation)],
    [5, until],
  ])
}

export function orderFromCbor(value: CborValue): UpstreamOrder {
  const map = new MapFields('revocation by a granter', value)
  const generation = map.bytesOrNull(4, 'generation id', { length: 32 })
  return {
    digest: toHex(map.bytes(1, 'digest', { length: 32 })),
    principal: map.text(2, 'principal'),
    author: map.text(3, 'author'),
    generation: generation === null ? null : toHex(generation),
    until: map.uint(5, 'until'),
  }
}
