// SPDX-License-Identifier: Apache-2.0
/**
 * The COSE object of OSCORE: its additional data, encryption and decryption (RFC 8613 Section 5).
 *
 * @module
 */

import {
  type Aead,
  AEAD_PARAMETERS,
  encodeCbor,
  encStructure,
  Slab,
  utf8,
  WaxwingError,
} from '@waxwing/core'
import type { CommonContext } from './context.js'

const OSCORE_VERSION = 1
const EMPTY = new Uint8Array(0)

/** What a response is bound to: 'kid' and Partial IV of its request (Section 7.1). */
export interface RequestNames {
  readonly kid: Uint8Array
  readonly partialIv: Uint8Array
}

/** One encryption or decryption. */
export interface CoseOperation {
  readonly common: CommonContext
  readonly aead: Aead
  readonly nonce: Uint8Array
  readonly request: RequestNames
}

/** The aad_array (Section 5.4). There are no options of Class I. */
export function aadArray(
  { algorithm }: CommonContext,
  { kid, partialIv }: RequestNames,
): Uint8Array {
  return encodeCbor([OSCORE_VERSION, [algorithm], kid, partialIv, EMPTY])
}

// The Enc_structure up to its external_aad (RFC 9052 Section 5.3), and the aad_array up to its algorithm.
const ENC_STRUCTURE_START = Uint8Array.of(0x83, 0x68, ...utf8('Encrypt0'), 0x40)
const AAD_ARRAY_START = Uint8Array.of(0x85, OSCORE_VERSION, 0x81)
/** What is sent, of all contexts: anybody may see it. */
const ciphertexts = new Slab()

const EMPTY_STRING = 0x40
const ONE_BYTE_INTEGER = 0x18
/** A byte string up to this long has its length in one byte, and an integer up to this stands alone. */
const MAX_SHORT = 23
/** Of kid and Partial IV together; those of contexts have 12 at the most. */
const MAX_NAMES_BYTES = 15

/**
 * The additional data of the AEAD (Section 5.4): an Enc_structure around the aad_array, laid out at once.
 * Each message needs it, and nearly all of it is always the same.
 */
export function additionalData(common: CommonContext, request: RequestNames): Uint8Array {
  const { kid, partialIv } = request
  const namesBytes = kid.length + partialIv.length
  if (namesBytes > MAX_NAMES_BYTES) return encStructure(EMPTY, aadArray(common, request))
  const { algorithm } = common
  const isShort = algorithm <= MAX_SHORT
  const arrayBytes = AAD_ARRAY_START.length + (isShort ? 1 : 2) + 2 + namesBytes + 1
  const bytes = new Uint8Array(ENC_STRUCTURE_START.length + 1 + arrayBytes)
  bytes.set(ENC_STRUCTURE_START)
  let at = ENC_STRUCTURE_START.length
  bytes[at++] = EMPTY_STRING + arrayBytes
  bytes.set(AAD_ARRAY_START, at)
  at += AAD_ARRAY_START.length
  if (!isShort) bytes[at++] = ONE_BYTE_INTEGER
  bytes[at++] = algorithm
  bytes[at++] = EMPTY_STRING + kid.length
  bytes.set(kid, at)
  at += kid.length
  bytes[at++] = EMPTY_STRING + partialIv.length
  bytes.set(partialIv, at)
  bytes[at + partialIv.length] = EMPTY_STRING
  return bytes
}

/** Encrypts. Returns ciphertext and tag in one new array. */
export function encrypt(
  { common, aead, nonce, request }: CoseOperation,
  plaintext: Uint8Array,
): Uint8Array {
  const { tagBytes } = AEAD_PARAMETERS[common.algorithm]
  const ciphertext = ciphertexts.take(plaintext.length + tagBytes)
  aead.seal(nonce, additionalData(common, request), plaintext, ciphertext)
  return ciphertext
}

/** Decrypts into a new array; `undefined` if the tag does not verify. */
export function tryDecrypt(
  { common, aead, nonce, request }: CoseOperation,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  const length = ciphertext.length - AEAD_PARAMETERS[common.algorithm].tagBytes
  // A plaintext has a Code at least.
  if (length < 1) return undefined
  const aad = additionalData(common, request)
  if (aead.openNew !== undefined) return aead.openNew(nonce, aad, ciphertext)
  const plaintext = new Uint8Array(length)
  return aead.open(nonce, aad, ciphertext, plaintext) ? plaintext : undefined
}

/** The one failure of decryption (Section 8.2, step 6): it does not say what was wrong. */
export function decryptionFailed(): WaxwingError {
  return new WaxwingError('ERR_NOT_AUTHENTIC', 'the OSCORE message could not be decrypted')
}
