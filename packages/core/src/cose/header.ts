// SPDX-License-Identifier: Apache-2.0
/**
 * The header of a COSE message: its labels, its algorithms and its two buckets (RFC 9052 Section 3).
 *
 * Invariant: what is authenticated is the protected bucket as it stood in the message, never as it
 * would be encoded again.
 *
 * @module
 */

import { decodeCbor, encodeCbor, type CborKey, type CborValue } from '../cbor/cbor.js'
import type { ArrayFields } from '../cbor/fields.js'
import { malformed, WaxwingError } from '../errors.js'

// Tags (RFC 9052 Section 2, RFC 8392 Section 6).
export const TAG_COSE_ENCRYPT0 = 16
export const TAG_COSE_SIGN1 = 18
export const TAG_CWT = 61

// Labels of header parameters (RFC 9052 Section 3.1).
export const LABEL_ALG = 1
export const LABEL_CRIT = 2
export const LABEL_CONTENT_TYPE = 3
export const LABEL_KID = 4
export const LABEL_IV = 5
export const LABEL_PARTIAL_IV = 6
/** kid context (RFC 8613 Section 5.1). */
export const LABEL_KID_CONTEXT = 10
/** Abbreviated countersignature (RFC 9338 Section 3.2). */
export const LABEL_COUNTERSIGNATURE0 = 12
/** Type of the message (RFC 9596). */
export const LABEL_TYP = 16
/** Encapsulated key (draft-ietf-cose-hpke-27 Section 3.1); not yet a final number. */
export const LABEL_EK: -4 = -4
/** Identifier of a pre-shared key (draft-ietf-cose-hpke-27 Section 3.1); not yet a final number. */
export const LABEL_PSK_ID: -5 = -5

// Algorithms other than content encryption, which is in `crypto/provider.ts`.
/** Ed25519, fully specified (RFC 9864 Section 2.2). */
export const ALG_ED25519: -19 = -19
/** EdDSA, over whatever curve the key is for (RFC 9053 Section 2.2). Accepted, never written. */
export const ALG_EDDSA: -8 = -8
/** HPKE-4, integrated: X25519, HKDF-SHA256, ChaCha20Poly1305 (draft-ietf-cose-hpke-27 Section 4). */
export const ALG_HPKE_4 = 42
/** The same with X-Wing (0x647a) as its KEM; from the private-use range of "COSE Algorithms". */
export const ALG_HPKE_XWING: -65539 = -65539

const EMPTY = new Uint8Array(0)

/** One bucket of a header: labels are integers or text. */
export type HeaderMap = ReadonlyMap<CborKey, CborValue>

export interface Header {
  /** The contents of the protected bucket's byte string, to be authenticated as they are. */
  readonly protectedBytes: Uint8Array
  readonly protectedHeader: HeaderMap
  readonly unprotectedHeader: HeaderMap
}

export interface CoseDecodeOptions {
  /** Whether the message stands under its CBOR tag; the other form is refused. Default `true`. */
  readonly tagged?: boolean
}

/** Encodes a protected bucket; an empty one is the empty byte string (RFC 9052 Section 3). */
export function encodeProtected(header: HeaderMap): Uint8Array {
  return header.size === 0 ? EMPTY : encodeCbor(header)
}

/**
 * Reads the two buckets, which are the first two elements of every COSE message.
 *
 * An encoded empty map is accepted for the empty byte string, and replaced by it, as RFC 9052
 * Section 3 demands.
 *
 * @throws {WaxwingError} `ERR_MALFORMED` if one is no header, or a label stands in both;
 *   `ERR_UNSUPPORTED` if `crit` is present: no critical parameter is known here.
 */
export function readHeader(message: ArrayFields, what: string): Header {
  const bucket = message.bytes(0, 'protected header')
  const protectedHeader = decodeProtected(bucket, what)
  const unprotectedHeader = message.map(1, 'unprotected header')
  for (const label of unprotectedHeader.keys()) {
    if (protectedHeader.has(label)) throw malformed(what, 'header: a label stands in both buckets')
  }
  const has = (label: number): boolean => protectedHeader.has(label) || unprotectedHeader.has(label)
  if (has(LABEL_CRIT)) {
    const details = { field: 'crit' }
    throw new WaxwingError('ERR_UNSUPPORTED', `${what}: crit is not supported`, details)
  }
  if (has(LABEL_IV) && has(LABEL_PARTIAL_IV)) throw malformed(what, 'header: IV and Partial IV')
  const protectedBytes = protectedHeader.size === 0 ? EMPTY : bucket
  return { protectedBytes, protectedHeader, unprotectedHeader }
}

function decodeProtected(bucket: Uint8Array, what: string): HeaderMap {
  if (bucket.length === 0) return new Map()
  const header = decodeCbor(bucket, `${what}: protected header`)
  if (!(header instanceof Map)) throw malformed(what, 'protected header')
  return header as HeaderMap
}
