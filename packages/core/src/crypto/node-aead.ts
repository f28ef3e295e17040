// SPDX-License-Identifier: Apache-2.0
/**
 * AES-GCM, AES-CCM and ChaCha20-Poly1305 by `node:crypto`, for one cached `KeyObject` each (raw
 * keys are several times slower on some releases of Node 24).
 *
 * Both AES-CCM-16 spend two bytes on the length (RFC 9053 Section 4.2), so their plaintexts end at
 * 65,535 bytes; Node wants to know the length beforehand and ignores it for the other modes.
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
import { concatBytes } from '../bytes.js'
import { WaxwingError } from '../errors.js'
import { checkNonce, checkNonceAndOut } from './argument-checks.js'
import { type Aead, AEAD_PARAMETERS, type AeadAlgorithm, type AeadParameters } from './provider.js'

const CCM = 'aes-128-ccm'
const CCM_MAX_PLAINTEXT_BYTES = 65_535

const NAMES: Readonly<Record<AeadAlgorithm, string>> = {
  1: 'aes-128-gcm',
  3: 'aes-256-gcm',
  10: CCM,
  24: 'chacha20-poly1305',
  30: CCM,
}

interface TagLength {
  readonly authTagLength: number
}

/** All modes answer to the same methods, which the types tell apart by name. */
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

/** One key of any of the five algorithms. Keeps a copy of the bytes that it is given. */
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
    this.#maxPlaintextBytes = this.#name === CCM ? CCM_MAX_PLAINTEXT_BYTES : Infinity
  }

  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array): void {
    const cipher = this.#cipher(nonce, aad, plaintext.length, out)
    out.set(cipher.update(plaintext))
    cipher.final() // empty in all modes
    out.set(cipher.getAuthTag(), plaintext.length)
  }

  /** CCM takes its plaintext in one piece. */
  sealPieces(
    nonce: Uint8Array,
    aad: Uint8Array,
    pieces: readonly Uint8Array[],
    out: Uint8Array,
  ): void {
    if (this.#name === CCM) return this.seal(nonce, aad, concatBytes(...pieces), out)
    const plaintextLength = pieces.reduce((sum, { length }) => sum + length, 0)
    const cipher = this.#cipher(nonce, aad, plaintextLength, out)
    let at = 0
    for (const piece of pieces) {
      out.set(cipher.update(piece), at)
      at += piece.length
    }
    cipher.final()
    out.set(cipher.getAuthTag(), at)
  }

  open(nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, out: Uint8Array): boolean {
    const { nonceBytes, tagBytes } = this.#parameters
    if (ciphertext.length < tagBytes) return false
    checkNonceAndOut(nonceBytes, nonce, ciphertext.length - tagBytes, out)
    const plaintext = this.#open(nonce, aad, ciphertext)
    if (plaintext === undefined) return false
    out.set(plaintext)
    return true
  }

  openNew(nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    checkNonce(this.#parameters.nonceBytes, nonce)
    if (ciphertext.length < this.#parameters.tagBytes) return undefined
    const plaintext = this.#open(nonce, aad, ciphertext)
    if (plaintext === undefined) return undefined
    return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length)
  }

  /** A cipher at its beginning, for as many bytes. */
  #cipher(nonce: Uint8Array, aad: Uint8Array, plaintextLength: number, out: Uint8Array): CipherGCM {
    const { nonceBytes, tagBytes } = this.#parameters
    checkNonceAndOut(nonceBytes, nonce, plaintextLength + tagBytes, out)
    if (plaintextLength > this.#maxPlaintextBytes) throw tooLong()
    const cipher = encipher(this.#name, this.#key, nonce, this.#options)
    cipher.setAAD(aad, { plaintextLength })
    return cipher
  }

  #open(
    nonce: Uint8Array,
    aad: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array<ArrayBuffer> | undefined {
    const plaintextLength = ciphertext.length - this.#parameters.tagBytes
    if (plaintextLength > this.#maxPlaintextBytes) return undefined
    const cipher = decipher(this.#name, this.#key, nonce, this.#options)
    cipher.setAAD(aad, { plaintextLength })
    cipher.setAuthTag(ciphertext.subarray(plaintextLength))
    return finish(cipher, ciphertext.subarray(0, plaintextLength))
  }
}

/** CCM fails in `update` or in `final`, by the release of Node; the others in `final`. */
function finish(cipher: DecipherGCM, ciphertext: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
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
  return new WaxwingError('ERR_LIMIT', `AES-CCM-16 seals at most ${limit} bytes`, {
    rule: 'plaintext length of AES-CCM-16',
  })
}
