// SPDX-License-Identifier: Apache-2.0
/**
 * A control message as it is kept until it got through (`docs/spec/07-granting.md` Section 7.7).
 *
 * @module
 */

import { ArrayFields, MapFields, type CborValue } from '@waxwing/core'
import type { Reply } from './messenger.js'

export interface Posting extends Reply {
  /** What waits for an acknowledgement; without it the message is done once it was sent. */
  readonly awaiting?: {
    /** SHA-256 of the signed message, in hex. */
    readonly digest: string
    /** Who is to acknowledge: id in base64url. */
    readonly principal: string
    readonly about: 'revocation' | 'share'
  }
}

export interface OutboxRecord extends Posting {
  /** How often it was sent. */
  readonly attempts: number
  /** When it is sent next, for whoever starts later: milliseconds since 1970. */
  readonly nextAt: number
}

export function recordToCbor(record: OutboxRecord): CborValue {
  const { address, payload, retained, attempts, nextAt, awaiting } = record
  const wait = awaiting ? [awaiting.digest, awaiting.principal, awaiting.about] : null
  return new Map<number, CborValue>([
    [1, address],
    [2, payload],
    [3, retained],
    [4, attempts],
    [5, nextAt],
    [6, wait],
  ])
}

export function recordFromCbor(value: CborValue): OutboxRecord {
  const map = new MapFields('outbox record', value)
  const record = {
    address: map.text(1, 'address'),
    payload: map.bytes(2, 'payload'),
    retained: map.bool(3, 'retained'),
    attempts: map.uint(4, 'attempts'),
    nextAt: map.uint(5, 'next'),
  }
  const wait = map.arrayOrNull(6, 'awaiting')
  if (wait === null) return record
  const list = new ArrayFields('outbox record', wait)
  const digest = list.text(0, 'digest')
  const principal = list.text(1, 'principal')
  const about = list.text(2, 'about') === 'revocation' ? 'revocation' : 'share'
  return { ...record, awaiting: { digest, principal, about } }
}
