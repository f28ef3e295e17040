// SPDX-License-Identifier: Apache-2.0
/**
 * ChaCha20-Poly1305 and AES-GCM by `@noble/ciphers`: for browsers, and wherever no native library
 * is to be had. Its AES looks tables up in memory, so that its time can tell of the key to another
 * program on the same machine.
 *
 * @module
 */

import { gcm } from '@noble/ciphers/aes.js'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { checkNonceAndOut } from './argument-checks.js'
import { type Aead, type AeadAlgorithm, ALG_CHACHA20_POLY1305 } from './provider.js'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** One content key of algorithm 24, 3 or 1. Keeps a copy of the bytes that it is given. */
export class PureAead implements Aead {
  readonly #cipher: typeof gcm | typeof chacha20poly1305
  readonly #key: Uint8Array

  constructor(alg: AeadAlgorithm, key: Uint8Array) {
    this.#cipher = alg === ALG_CHACHA20_POLY1305 ? chacha20poly1305 : gcm
    this.#key = new Uint8Array(key)
  }

  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array): void {
    checkNonceAndOut(NONCE_BYTES, nonce, plaintext.length + TAG_BYTES, out)
    out.set(this.#cipher(this.#key, nonce, aad).encrypt(plaintext))
  }

  open(nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, out: Uint8Array): boolean {
    if (ciphertext.length < TAG_BYTES) return false
    checkNonceAndOut(NONCE_BYTES, nonce, ciphertext.length - TAG_BYTES, out)
    const cipher = this.#cipher(this.#key, nonce, aad)
    try {
      out.set(cipher.decrypt(ciphertext))
    } catch {
      return false // all lengths were checked: only the tag can be wrong
    }
    return true
  }
}
