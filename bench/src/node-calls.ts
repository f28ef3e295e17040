// SPDX-License-Identifier: Apache-2.0
/**
 * The bare calls of `node:crypto`: AES-128-GCM, the fastest on large messages where the processor has
 * instructions for it, and Ed25519.
 *
 * @module
 */

import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  sign,
  verify,
} from 'node:crypto'
import type { Contender } from './measure.ts'
import { inTurn, objectPool, seed, type ObjectParts } from './object-parts.ts'
import { signContender, verifyContender } from './signature-calls.ts'

const NAME = 'aes-128-gcm'
const KEY_BYTES = 16
const TAG_BYTES = 16
/** PKCS #8 of an Ed25519 key, up to its 32 bytes (RFC 8410 Section 7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')

const privateKey = createPrivateKey({
  key: Buffer.concat([PKCS8_HEAD, seed]),
  format: 'der',
  type: 'pkcs8',
})
const publicKey = createPublicKey(privateKey)

export function bareGcmEncrypt(payloadBytes: number): Contender {
  const { key, pool } = gcmPool(payloadBytes)
  return {
    name: 'bare AES-128-GCM encrypt',
    run: (count) => {
      for (let i = 0; i < count; i++) {
        const { text, aad, nonce } = inTurn(pool, i)
        const cipher = createCipheriv(NAME, key, nonce)
        cipher.setAAD(aad)
        cipher.update(text)
        cipher.final()
        cipher.getAuthTag()
      }
    },
  }
}

export function bareGcmDecrypt(payloadBytes: number): Contender {
  const { key, pool } = gcmPool(payloadBytes)
  const sealed = pool.map((parts) => ({ ...parts, ...encrypted(parts) }))
  return {
    name: 'bare AES-128-GCM decrypt',
    run: (count) => {
      for (let i = 0; i < count; i++) {
        const { ciphertext, tag, aad, nonce } = inTurn(sealed, i)
        const cipher = createDecipheriv(NAME, key, nonce, { authTagLength: TAG_BYTES })
        cipher.setAAD(aad)
        cipher.setAuthTag(tag)
        cipher.update(ciphertext)
        cipher.final() // throws if the tag is wrong
      }
    },
  }
}

export function bareNodeSign(payloadBytes: number): Contender {
  return signContender(payloadBytes, (message) => sign(null, message, privateKey))
}

export function bareNodeVerify(payloadBytes: number): Contender {
  return verifyContender(payloadBytes, (message, signature) =>
    verify(null, message, publicKey, signature),
  )
}

/** One content key for all of a pool, as for a session. */
function gcmPool(payloadBytes: number): ReturnType<typeof gcmKey> & { pool: ObjectParts[] } {
  const pool = objectPool(false, payloadBytes)
  return { ...gcmKey(inTurn(pool, 0)), pool }
}

function gcmKey({ key }: ObjectParts): { readonly key: ReturnType<typeof createSecretKey> } {
  return { key: createSecretKey(key.subarray(0, KEY_BYTES)) }
}

function encrypted(parts: ObjectParts): { ciphertext: Uint8Array; tag: Uint8Array } {
  const cipher = createCipheriv(NAME, gcmKey(parts).key, parts.nonce)
  cipher.setAAD(parts.aad)
  const ciphertext = cipher.update(parts.text)
  cipher.final()
  return { ciphertext, tag: cipher.getAuthTag() }
}
