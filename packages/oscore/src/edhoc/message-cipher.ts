// SPDX-License-Identifier: Apache-2.0
/**
 * The encryption of messages: message_2 by a keystream, message_3 and message_4 as a COSE_Encrypt0 of
 * which only the ciphertext is sent (RFC 9528 Sections 5.3.2, 5.4.2 and 5.5.2).
 *
 * @module
 */

import { AEAD_PARAMETERS, encStructure, WaxwingError } from '@waxwing/core'
import type { CipherSuite, EdhocCrypto } from './cipher-suites.js'
import type { KeySchedule, MessageKey } from './key-schedule.js'

/** What HKDF-Expand gives at the most; the longer plaintexts of Appendix G are not implemented. */
const MAX_PLAINTEXT_2_BYTES = 255 * 32

const EMPTY = new Uint8Array(0)

/**
 * Encrypts PLAINTEXT_2, or decrypts CIPHERTEXT_2.
 *
 * @throws {WaxwingError} `ERR_LIMIT` if it is longer than 8160 bytes.
 */
export function xorKeystream2(
  schedule: KeySchedule,
  prk2e: Uint8Array,
  th2: Uint8Array,
  text: Uint8Array,
): Uint8Array {
  if (text.length > MAX_PLAINTEXT_2_BYTES) {
    throw new WaxwingError('ERR_LIMIT', 'PLAINTEXT_2 is longer than 8160 bytes', {
      rule: 'length of PLAINTEXT_2',
    })
  }
  const keystream = schedule.keystream2(prk2e, th2, text.length)
  const result = text.map((byte, i) => byte ^ keystream[i]!)
  keystream.fill(0)
  return result
}

/**
 * Encrypts PLAINTEXT_3 or PLAINTEXT_4, each under a key that is used once, and overwrites that key.
 *
 * @throws {WaxwingError} `ERR_LIMIT` if it is longer than 65,535 bytes.
 */
export function sealMessage(
  crypto: EdhocCrypto,
  suite: CipherSuite,
  { key, iv, th }: MessageKey,
  plaintext: Uint8Array,
): Uint8Array {
  const ciphertext = new Uint8Array(plaintext.length + AEAD_PARAMETERS[suite.aead].tagBytes)
  try {
    crypto.aead(suite.aead, key).seal(iv, encStructure(EMPTY, th), plaintext, ciphertext)
  } finally {
    key.fill(0)
  }
  return ciphertext
}

/**
 * Decrypts CIPHERTEXT_3 or CIPHERTEXT_4, and overwrites the key: there is no second try.
 *
 * @throws {WaxwingError} `ERR_NOT_AUTHENTIC`.
 */
export function openMessage(
  crypto: EdhocCrypto,
  suite: CipherSuite,
  { key, iv, th }: MessageKey,
  ciphertext: Uint8Array,
): Uint8Array {
  const lengthBytes = ciphertext.length - AEAD_PARAMETERS[suite.aead].tagBytes
  const plaintext = new Uint8Array(Math.max(lengthBytes, 0))
  const aead = crypto.aead(suite.aead, key)
  // Shorter than a tag, it does not open either.
  const isRight = aead.open(iv, encStructure(EMPTY, th), ciphertext, plaintext)
  key.fill(0)
  if (!isRight) throw new WaxwingError('ERR_NOT_AUTHENTIC', 'the message does not decrypt')
  return plaintext
}
