// SPDX-License-Identifier: Apache-2.0
/**
 * Values at rest: XChaCha20-Poly1305 under the store's data key, a fresh random nonce for each
 * value (24 bytes, so that they do not repeat by chance), bound to table and key.
 *
 * A value moved to another key, or changed by a bit, does not open. That an older value was put
 * back at the same key, or an entry removed, is not seen here: the store cannot know it.
 *
 * @module
 */

import { randomFillSync } from 'node:crypto'
import sodium from 'sodium-native'
import { WaxwingError, utf8 } from '@waxwing/core'

export const KEY_BYTES = 32
const NONCE_BYTES = 24
const TAG_BYTES = 16

/** Encrypts: nonce, ciphertext, tag. Returns `plaintext.length + 40` new bytes. */
export function sealBytes(key: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(NONCE_BYTES + plaintext.length + TAG_BYTES)
  const nonce = randomFillSync(sealed.subarray(0, NONCE_BYTES))
  const ciphertext = sealed.subarray(NONCE_BYTES)
  sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(ciphertext, plaintext, aad, null, nonce, key)
  return sealed
}

/** Decrypts what {@link sealBytes} made; `undefined` if it does not verify. Returns new bytes. */
export function openBytes(
  key: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  const length = sealed.length - NONCE_BYTES - TAG_BYTES
  if (length < 0) return undefined
  const plaintext = new Uint8Array(length)
  const nonce = sealed.subarray(0, NONCE_BYTES)
  const ciphertext = sealed.subarray(NONCE_BYTES)
  try {
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(plaintext, null, ciphertext, aad, nonce, key)
  } catch {
    return undefined // the lengths were checked: only the tag can be wrong
  }
  return plaintext
}

/** The data key, at work. Owns it, and wipes it when told. */
export class ValueCipher {
  readonly #dataKey: Uint8Array

  /** Takes ownership of `dataKey`, 32 bytes. */
  constructor(dataKey: Uint8Array) {
    this.#dataKey = dataKey
  }

  seal(table: string, key: string, value: Uint8Array): Uint8Array {
    return sealBytes(this.#dataKey, aadOf(table, key), value)
  }

  /** @throws {WaxwingError} `ERR_STORE_CORRUPT` if it is not what was stored under this key. */
  open(table: string, key: string, sealed: unknown): Uint8Array {
    const value =
      sealed instanceof Uint8Array ? openBytes(this.#dataKey, aadOf(table, key), sealed) : undefined
    if (value !== undefined) return value
    throw new WaxwingError('ERR_STORE_CORRUPT', `an entry of table '${table}' is damaged`)
  }

  wipe(): void {
    this.#dataKey.fill(0)
  }
}

/** Neither names nor keys contain NUL, so no two entries have the same. */
function aadOf(table: string, key: string): Uint8Array {
  return utf8(`${table}\0${key}`)
}
