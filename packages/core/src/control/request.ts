// SPDX-License-Identifier: Apache-2.0
/**
 * Requests: a reader asks for a grant (`docs/spec/07-granting.md` Section 7.3.1).
 *
 * @module
 */

import type { CborValue } from '../cbor/cbor.js'
import { ArrayFields, type MapFields } from '../cbor/fields.js'
import { malformed } from '../errors.js'
import { LAST_EPOCH, type Span } from '../key-tree/span.js'
import { MAX_REASON_BYTES, type BodyCodec } from './body.js'

export const MAX_REQUEST_SPANS = 16

/** What a grant allows: to read, or also to grant onwards. */
export type Rights = 'read' | 'share'

const RIGHTS: readonly Rights[] = ['read', 'share']

export interface Request {
  /** The hint that the objects carry: 4 or 8 bytes. */
  readonly kid: Uint8Array
  /** The epochs that are wanted, 1 to 16 spans. */
  readonly spans: readonly Span[]
  readonly rights: Rights
  /** For the person who decides; at most 256 bytes. */
  readonly reason?: string | undefined
}

export const requestCodec: BodyCodec<Request> = {
  toCbor({ kid, spans, rights, reason }) {
    const fields: [number, CborValue][] = [
      [0, kid],
      [1, spans.map(spanToCbor)],
      [2, rightsToCbor(rights)],
    ]
    if (reason !== undefined) fields.push([3, reason])
    return fields
  },
  fromFields(map, from) {
    const kid = kidFromFields(map, from, 'request')
    const spans = map.array(from + 1, 'spans', { min: 1, max: MAX_REQUEST_SPANS })
    return {
      kid,
      spans: spans.map((span) => spanFromCbor(span, 'request')),
      rights: rightsFromCbor(map.uint(from + 2, 'rights'), 'request'),
      reason: map.optText(from + 3, 'reason', { maxBytes: MAX_REASON_BYTES }),
    }
  },
}

/** Reads a kid: 4 or 8 bytes. @throws {WaxwingError} `ERR_MALFORMED`. */
export function kidFromFields(map: MapFields, key: number, what: string): Uint8Array {
  const kid = map.bytes(key, 'kid', { min: 4, max: 8 })
  if (kid.length !== 4 && kid.length !== 8) throw malformed(what, 'kid')
  return kid
}

/** A span as `[first, last]`; open-ended where `last` is the last epoch there is. */
export function spanToCbor({ first, last }: Span): CborValue {
  return [first, last]
}

/** @throws {WaxwingError} `ERR_MALFORMED`. */
export function spanFromCbor(value: CborValue, what: string): Span {
  const list = new ArrayFields(what, value)
  const first = list.uint(0, 'span', { max: LAST_EPOCH })
  const last = list.uint(1, 'span', { min: first, max: LAST_EPOCH })
  list.end()
  return { first, last }
}

export function rightsToCbor(rights: Rights): number {
  return RIGHTS.indexOf(rights) + 1
}

/** @throws {WaxwingError} `ERR_MALFORMED`. */
export function rightsFromCbor(value: number, what: string): Rights {
  const rights = RIGHTS[value - 1]
  if (rights === undefined) throw malformed(what, 'rights')
  return rights
}
