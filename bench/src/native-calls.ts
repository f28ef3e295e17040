// SPDX-License-Identifier: Apache-2.0
/**
 * The bare native calls, into preallocated buffers: what nothing built on them can be faster than.
 *
 * @module
 */

import sodium from 'sodium-native'
import type { Contender } from './measure.ts'
import { inTurn, objectPool, seed } from './object-parts.ts'
import { signContender, verifyContender } from './signature-calls.ts'

const TAG_BYTES = 16
const publicKey = new Uint8Array(32)
const secretKey = new Uint8Array(64)
sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)

export function bareEncrypt(payloadBytes: number): Contender {
  const pool = objectPool(false, payloadBytes)
  const out = new Uint8Array(inTurn(pool, 0).text.length + TAG_BYTES)
  const encrypt = sodium.crypto_aead_chacha20poly1305_ietf_encrypt
  return {
    name: 'bare ChaCha20-Poly1305 encrypt',
    run: (count) => {
      for (let i = 0; i < count; i++) {
        const { text, aad, nonce, key } = inTurn(pool, i)
        encrypt(out, text, aad, null, nonce, key)
      }
    },
  }
}

export function bareDecrypt(payloadBytes: number): Contender {
  const pool = objectPool(false, payloadBytes)
  const out = new Uint8Array(inTurn(pool, 0).text.length)
  const decrypt = sodium.crypto_aead_chacha20poly1305_ietf_decrypt
  return {
    name: 'bare ChaCha20-Poly1305 decrypt',
    run: (count) => {
      for (let i = 0; i < count; i++) {
        const { ciphertext, aad, nonce, key } = inTurn(pool, i)
        decrypt(out, null, ciphertext, aad, nonce, key)
      }
    },
  }
}

export function bareSign(payloadBytes: number): Contender {
  const signature = new Uint8Array(64)
  return signContender(payloadBytes, (message) =>
    sodium.crypto_sign_detached(signature, message, secretKey),
  )
}

export function bareVerify(payloadBytes: number): Contender {
  return verifyContender(payloadBytes, (message, signature) =>
    sodium.crypto_sign_verify_detached(signature, message, publicKey),
  )
}
