// SPDX-License-Identifier: Apache-2.0
/**
 * The envelope that all control messages share (`docs/spec/07-granting.md` Section 7.2.1).
 *
 * @module
 */

import type { CborKey, CborValue } from '../cbor/cbor.js'
import { ArrayFields, type MapFields } from '../cbor/fields.js'
import { WaxwingError } from '../errors.js'
import { CLOCK_SKEW_SECONDS } from '../identity/principal.js'

export const MESSAGE_ID_BYTES = 16
export const MESSAGE_DIGEST_BYTES = 32
/** Longest life of a message: a hundred years, because grants for recovery wait in brokers for good. */
export const MAX_MESSAGE_SECONDS = 3_155_760_000

/** Which trust bundle the author has: version and the first 8 bytes of its SHA-256. */
export interface BundleReference {
  readonly version: number
  readonly digest: Uint8Array
}

export interface Envelope {
  /** 16 random bytes. */
  readonly id: Uint8Array
  /** Seconds since 1970. */
  readonly issued: number
  readonly expires: number
  /** SHA-256 of the signed message that this one answers. */
  readonly inReplyTo?: Uint8Array | undefined
  readonly bundle?: BundleReference | undefined
  /** The author's credential. */
  readonly credential?: Uint8Array | undefined
  /** The author's newest key card. */
  readonly keyCard?: Uint8Array | undefined
}

/** Checks that a message is neither over nor from the future. @throws {WaxwingError} */
export function checkTime({ issued, expires }: Envelope, now: number): void {
  if (expires + CLOCK_SKEW_SECONDS <= now) {
    throw new WaxwingError('ERR_EXPIRED', 'the message has expired')
  }
  if (issued > now + CLOCK_SKEW_SECONDS) {
    throw new WaxwingError('ERR_NOT_YET_VALID', 'the message is dated in the future')
  }
}

/** The envelope's fields, to which the body's are added. */
export function envelopeToCbor(envelope: Envelope): Map<CborKey, CborValue> {
  const { id, issued, expires, inReplyTo, bundle, credential, keyCard } = envelope
  const map = new Map<CborKey, CborValue>([
    [1, id],
    [2, issued],
    [3, expires],
  ])
  if (inReplyTo !== undefined) map.set(4, inReplyTo)
  if (bundle !== undefined) map.set(5, [bundle.version, bundle.digest])
  if (credential !== undefined) map.set(6, credential)
  if (keyCard !== undefined) map.set(7, keyCard)
  return map
}

/** @throws {WaxwingError} `ERR_MALFORMED`. */
export function envelopeFromCbor(map: MapFields): Envelope {
  const issued = map.uint(2, 'issued')
  const max = issued + MAX_MESSAGE_SECONDS
  return {
    id: map.bytes(1, 'id', { length: MESSAGE_ID_BYTES }),
    issued,
    expires: map.uint(3, 'expires', { min: issued, max }),
    inReplyTo: map.optBytes(4, 'in reply to', { length: MESSAGE_DIGEST_BYTES }),
    bundle: bundleFromCbor(map.optArray(5, 'bundle', { max: 2 })),
    credential: map.optBytes(6, 'credential'),
    keyCard: map.optBytes(7, 'key card'),
  }
}

function bundleFromCbor(value: readonly CborValue[] | undefined): BundleReference | undefined {
  if (value === undefined) return undefined
  const list = new ArrayFields('message', value)
  const version = list.uint(0, 'bundle version')
  const digest = list.bytes(1, 'bundle digest', { length: 8 })
  list.end()
  return { version, digest }
}
