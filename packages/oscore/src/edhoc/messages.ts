// SPDX-License-Identifier: Apache-2.0
/**
 * The forms of message_1 to message_4 and of their plaintexts (RFC 9528 Sections 5.2 to 5.5).
 *
 * Decoding says that the form is right and nothing else. Trailing bytes, integers in the place of byte
 * strings, identifiers in the longer of their two forms: all refused.
 *
 * @module
 */

import { type CborValue, concatBytes, encodeCbor, malformed } from '@waxwing/core'
import { POINT_BYTES } from './cipher-suites.js'
import { eadFromCbor, type EadItem, eadToCbor } from './ead.js'
import { type IdCred, idCredFromPlaintext, idCredToPlaintext } from './id-cred.js'
import { decodeSequence, encodeSequence, identifierFromCbor, identifierToCbor } from './sequence.js'

export interface Message1 {
  /** Any integer; 0 to 3 are known. */
  readonly method: number
  /** At least one; the last is the selected one. */
  readonly suitesI: readonly number[]
  /** Of any length: which one is right, the suite says. */
  readonly gX: Uint8Array
  readonly cI: Uint8Array
  readonly ead: readonly EadItem[]
}

export interface Plaintext2 extends Plaintext3 {
  readonly cR: Uint8Array
}

export interface Plaintext3 {
  readonly idCred: IdCred
  readonly signatureOrMac: Uint8Array
  readonly ead: readonly EadItem[]
}

export function encodeMessage1(message: Message1): Uint8Array {
  const { method, suitesI, gX, cI, ead } = message
  return encodeSequence([
    method,
    suitesToCbor(suitesI),
    gX,
    identifierToCbor(cI),
    ...eadToCbor(ead),
  ])
}

/** @throws {WaxwingError} `ERR_MALFORMED`. */
export function decodeMessage1(bytes: Uint8Array): Message1 {
  const what = 'message_1'
  const [method, suitesI, gX, cI, ...ead] = decodeSequence(bytes, what)
  if (typeof method !== 'number') throw malformed(what, 'METHOD')
  const suites = suitesFromCbor(suitesI)
  if (suites === undefined) throw malformed(what, 'SUITES_I')
  if (!(gX instanceof Uint8Array)) throw malformed(what, 'G_X')
  return {
    method,
    suitesI: suites,
    gX: gX.slice(),
    cI: identifierFromCbor(cI, what, 'C_I'),
    ead: eadFromCbor(ead, what),
  }
}

export function encodeMessage2(gY: Uint8Array, ciphertext2: Uint8Array): Uint8Array {
  return encodeCbor(concatBytes(gY, ciphertext2))
}

/** @throws {WaxwingError} `ERR_MALFORMED`. */
export function decodeMessage2(bytes: Uint8Array): { gY: Uint8Array; ciphertext2: Uint8Array } {
  const joined = decodeOneByteString(bytes, 'message_2')
  if (joined.length <= POINT_BYTES) throw malformed('message_2', 'CIPHERTEXT_2')
  return { gY: joined.slice(0, POINT_BYTES), ciphertext2: joined.slice(POINT_BYTES) }
}

/** Encodes message_3 or message_4: a ciphertext and nothing else. */
export function encodeCiphertext(ciphertext: Uint8Array): Uint8Array {
  return encodeCbor(ciphertext)
}

/** @throws {WaxwingError} `ERR_MALFORMED`. */
export function decodeCiphertext(bytes: Uint8Array, what: 'message_3' | 'message_4'): Uint8Array {
  return decodeOneByteString(bytes, what)
}

export function encodePlaintext2({ cR, ...rest }: Plaintext2): Uint8Array {
  return concatBytes(encodeCbor(identifierToCbor(cR)), encodePlaintext3(rest))
}

/**
 * @param signatureOrMacBytes - The one length that Signature_or_MAC_2 has in this session.
 * @throws {WaxwingError} `ERR_MALFORMED`.
 */
export function decodePlaintext2(bytes: Uint8Array, signatureOrMacBytes: number): Plaintext2 {
  const what = 'PLAINTEXT_2'
  const [cR, ...rest] = decodeSequence(bytes, what)
  const connectionId = identifierFromCbor(cR, what, 'C_R')
  return { cR: connectionId, ...readAuthentication(rest, what, signatureOrMacBytes) }
}

export function encodePlaintext3({ idCred, signatureOrMac, ead }: Plaintext3): Uint8Array {
  return encodeSequence([idCredToPlaintext(idCred), signatureOrMac, ...eadToCbor(ead)])
}

/** As {@link decodePlaintext2}, of Signature_or_MAC_3. */
export function decodePlaintext3(bytes: Uint8Array, signatureOrMacBytes: number): Plaintext3 {
  const what = 'PLAINTEXT_3'
  return readAuthentication(decodeSequence(bytes, what), what, signatureOrMacBytes)
}

/** @throws {WaxwingError} `ERR_MALFORMED`. */
export function decodePlaintext4(bytes: Uint8Array): readonly EadItem[] {
  return eadFromCbor(decodeSequence(bytes, 'PLAINTEXT_4'), 'PLAINTEXT_4')
}

/** One suite stands without an array (RFC 9528 Section 5.2.1). */
export function suitesToCbor(suites: readonly number[]): CborValue {
  const [first] = suites
  if (first === undefined) throw new RangeError('suites must not be empty')
  return suites.length === 1 ? first : suites
}

/** `undefined` if it is neither an integer nor an array of two or more. */
export function suitesFromCbor(value: CborValue | undefined): readonly number[] | undefined {
  if (typeof value === 'number') return [value]
  if (!Array.isArray(value) || value.length < 2) return undefined
  const suites = value as readonly CborValue[]
  return suites.every((suite) => typeof suite === 'number') ? suites : undefined
}

function readAuthentication(
  values: readonly CborValue[],
  what: string,
  signatureOrMacBytes: number,
): Plaintext3 {
  const [id, signatureOrMac, ...ead] = values
  const idCred = idCredFromPlaintext(id, what)
  const isRight =
    signatureOrMac instanceof Uint8Array && signatureOrMac.length === signatureOrMacBytes
  if (!isRight) throw malformed(what, 'Signature_or_MAC')
  return { idCred, signatureOrMac: signatureOrMac.slice(), ead: eadFromCbor(ead, what) }
}

function decodeOneByteString(bytes: Uint8Array, what: string): Uint8Array {
  const [value, ...rest] = decodeSequence(bytes, what)
  if (!(value instanceof Uint8Array) || rest.length > 0) throw malformed(what, 'byte string')
  return value
}
