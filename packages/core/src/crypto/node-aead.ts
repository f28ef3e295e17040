// SPDX-License-Identifier: Apache-2.0
/**
 * AES-GCM, AES-CCM and ChaCha20-Poly1305 by `node:crypto`, for one cached `KeyObject` each (raw
 * keys are several times slower on some releases of Node 24).
 *
 * AES-CCM-16-64-128 spends two bytes on the length (RFC 9053 Section 4.2), so its plaintexts end at
 * 65,535 bytes; Node wants to know their length beforehand and ignores it for the other modes.
 *
 * @module
 */

import {
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type DecipherGCM,
  type KeyObject,
} from 'node:crypto'
import { WaxwingError } from '../errors.js'
import { checkNonceAndOut } from './argument-checks.js'
import {
  type Aead,
  AEAD_PARAMETERS,
  type AeadAlgorithm,
  type AeadParameters,
  ALG_AES_CCM_16_64_128,
} from './provider.js'

const CCM_MAX_PLAINTEXT_BYTES = 65_535

const NAMES: Readonly<Record<AeadAlgorithm, string>> = {
  1: 'aes-128-gcm',
  3: 'aes-256-gcm',
  10: 'aes-128-ccm',
  24: 'chacha20-poly1305',
}

interface TagLength {
  readonly authTagLength: number
}

/** All four modes answer to the same methods, which the types tell apart by name. */
const encipher = createCipheriv as (
  name: string,
  key: KeyObject,
  nonce: Uint8Array,
  options: TagLength,
) => CipherGCM
const decipher = createDecipheriv as (
  name: string,
  key: KeyObject,
  nonce: Uint8Array,
  options: TagLength,
) => DecipherGCM

/** One content key of any of the four algorithms. Keeps a copy of the bytes that it is given. */
export class NodeAead implements Aead {
  readonly #name: string
  readonly #key: KeyObject
  readonly #parameters: AeadParameters
  readonly #options: TagLength
  readonly #maxPlaintextBytes: number

  constructor(alg: AeadAlgorithm, key: Uint8Array) {
    this.#name = NAMES[alg]
    this.#key = createSecretKey(key)
    this.#parameters = AEAD_PARAMETERS[alg]
    this.#options = { authTagLength: this.#parameters.tagBytes }
    this.#maxPlaintextBytes = alg === ALG_AES_CCM_16_64_128 ? CCM_MAX_PLAINTEXT_BYTES : Infinity
  }

  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array): void {
    const { nonceBytes, tagBytes } = this.#parameters
    checkNonceAndOut(nonceBytes, nonce, plaintext.length + tagBytes, out)
    if (plaintext.length > this.#maxPlaintextBytes) throw tooLong()
    const cipher = encipher(this.#name, this.#key, nonce, this.#options)
    cipher.setAAD(aad, { plaintextLength: plaintext.length })
    out.set(cipher.update(plaintext))
    cipher.final() // empty in all four modes
    out.set(cipher.getAuthTag(), plaintext.length)
  }

  open(nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, out: Uint8Array): boolean {
    const { nonceBytes, tagBytes } = this.#parameters
    const plaintextBytes = ciphertext.length - tagBytes
    if (plaintextBytes < 0) return false
    checkNonceAndOut(nonceBytes, nonce, plaintextBytes, out)
    if (plaintextBytes > this.#maxPlaintextBytes) return false
    const cipher = decipher(this.#name, this.#key, nonce, this.#options)
    cipher.setAAD(aad, { plaintextLength: plaintextBytes })
    cipher.setAuthTag(ciphertext.subarray(plaintextBytes))
    const plaintext = finish(cipher, ciphertext.subarray(0, plaintextBytes))
    if (plaintext === undefined) return false
    out.set(plaintext)
    return true
  }
}

/** CCM fails in `update` or in `final`, by the release of Node; the others in `final`. */
function finish(cipher: DecipherGCM, ciphertext: Uint8Array): Uint8Array | undefined {
  try {
    const plaintext = cipher.update(ciphertext)
    cipher.final()
    return plaintext
  } catch {
    return undefined
  }
}

function tooLong(): WaxwingError {
  const limit = CCM_MAX_PLAINTEXT_BYTES
  return new WaxwingError('ERR_LIMIT', `AES-CCM-16-64-128 seals at most ${limit} bytes`, {
    rule: 'plaintext length of AES-CCM-16-64-128',
  })
}
