// SPDX-License-Identifier: Apache-2.0
/**
 * The COSE object of OSCORE: its additional data, encryption and decryption (RFC 8613 Section 5).
 *
 * @module
 */

import { type Aead, AEAD_PARAMETERS, encodeCbor, encStructure, WaxwingError } from '@waxwing/core'
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

/** Encrypts. Returns ciphertext and tag in one new array. */
export function encrypt(
  { common, aead, nonce, request }: CoseOperation,
  plaintext: Uint8Array,
): Uint8Array {
  const ciphertext = new Uint8Array(plaintext.length + AEAD_PARAMETERS[common.algorithm].tagBytes)
  aead.seal(nonce, encStructure(EMPTY, aadArray(common, request)), plaintext, ciphertext)
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
  const plaintext = new Uint8Array(length)
  const aad = encStructure(EMPTY, aadArray(common, request))
  return aead.open(nonce, aad, ciphertext, plaintext) ? plaintext : undefined
}

/** The one failure of decryption (Section 8.2, step 6): it does not say what was wrong. */
export function decryptionFailed(): WaxwingError {
  return new WaxwingError('ERR_NOT_AUTHENTIC', 'the OSCORE message could not be decrypted')
}
