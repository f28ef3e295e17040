// SPDX-License-Identifier: Apache-2.0
/**
 * The key schedule (RFC 9528 Section 4): from shared secrets and transcript hashes to all keys.
 *
 * Every function gives new bytes. Whoever holds a pseudorandom key overwrites it when it is done.
 *
 * @module
 */

import { AEAD_PARAMETERS, ALG_AES_CCM_16_64_128, type CborValue, concatBytes } from '@waxwing/core'
import { type EdhocCrypto, HASH_BYTES } from './cipher-suites.js'
import { encodeSequence } from './sequence.js'

// Labels of EDHOC_KDF (RFC 9528 Section 4.1.2).
const LABEL_KEYSTREAM_2 = 0
const LABEL_PRK_OUT = 7
const LABEL_PRK_EXPORTER = 10
const LABEL_KEY_UPDATE = 11

const EMPTY = new Uint8Array(0)

/** Where one of the two authenticated keys comes from, and what is made with it. */
export interface AuthenticationLabels {
  /** SALT_3e2m or SALT_4e3m. */
  readonly salt: 1 | 5
  /** MAC_2 or MAC_3. */
  readonly mac: 2 | 6
}

export const LABELS_OF_RESPONDER: AuthenticationLabels = { salt: 1, mac: 2 }
export const LABELS_OF_INITIATOR: AuthenticationLabels = { salt: 5, mac: 6 }

/** K_3 with IV_3, or K_4 with IV_4, and what the message is bound to. */
export interface MessageKey {
  readonly key: Uint8Array
  readonly iv: Uint8Array
  /** TH_3 or TH_4. */
  readonly th: Uint8Array
}

/** Both algorithms of EDHOC have keys and nonces of the same lengths. */
const { keyBytes: KEY_BYTES, nonceBytes: IV_BYTES } = AEAD_PARAMETERS[ALG_AES_CCM_16_64_128]

export class KeySchedule {
  readonly #crypto: EdhocCrypto

  constructor(crypto: EdhocCrypto) {
    this.#crypto = crypto
  }

  /** EDHOC_KDF (RFC 9528 Section 4.1.2). */
  kdf(prk: Uint8Array, label: number, context: Uint8Array, lengthBytes: number): Uint8Array {
    const info = encodeSequence([label, context, lengthBytes])
    return this.#crypto.hkdfExpandSha256(prk, info, lengthBytes)
  }

  /** H() over a CBOR sequence of which the first items are byte strings. */
  #hash(items: readonly CborValue[], rest: Uint8Array): Uint8Array {
    return this.#crypto.sha256(concatBytes(encodeSequence(items), rest))
  }

  /** TH_2 (RFC 9528 Section 5.3.2). */
  th2(gY: Uint8Array, message1: Uint8Array): Uint8Array {
    return this.#hash([gY, this.#crypto.sha256(message1)], EMPTY)
  }

  /** TH_3 of TH_2, or TH_4 of TH_3 (RFC 9528 Section 5.4.2). */
  nextTh(th: Uint8Array, plaintext: Uint8Array, credential: Uint8Array): Uint8Array {
    return this.#hash([th], concatBytes(plaintext, credential))
  }

  /** PRK_2e (RFC 9528 Section 4.1.1.1). */
  prk2e(th2: Uint8Array, gXY: Uint8Array): Uint8Array {
    return this.#crypto.hkdfExtractSha256(th2, gXY)
  }

  /**
   * PRK_3e2m of PRK_2e, or PRK_4e3m of PRK_3e2m (RFC 9528 Sections 4.1.1.2 and 4.1.1.3).
   *
   * @param shared - G_RX or G_IY; `undefined` where a signature authenticates: nothing is mixed in.
   */
  nextPrk(
    prk: Uint8Array,
    labels: AuthenticationLabels,
    th: Uint8Array,
    shared: Uint8Array | undefined,
  ): Uint8Array {
    if (shared === undefined) return prk.slice()
    const salt = this.kdf(prk, labels.salt, th, HASH_BYTES)
    const next = this.#crypto.hkdfExtractSha256(salt, shared)
    salt.fill(0)
    return next
  }

  keystream2(prk2e: Uint8Array, th2: Uint8Array, lengthBytes: number): Uint8Array {
    return this.kdf(prk2e, LABEL_KEYSTREAM_2, th2, lengthBytes)
  }

  /** The key of message_3, of PRK_3e2m and TH_3, or that of message_4, of PRK_4e3m and TH_4. */
  messageKey(message: 3 | 4, prk: Uint8Array, th: Uint8Array): MessageKey {
    const label = message === 3 ? 3 : 8
    const key = this.kdf(prk, label, th, KEY_BYTES)
    return { key, iv: this.kdf(prk, label + 1, th, IV_BYTES), th }
  }

  prkOut(prk4e3m: Uint8Array, th4: Uint8Array): Uint8Array {
    return this.kdf(prk4e3m, LABEL_PRK_OUT, th4, HASH_BYTES)
  }

  prkExporter(prkOut: Uint8Array): Uint8Array {
    return this.kdf(prkOut, LABEL_PRK_EXPORTER, EMPTY, HASH_BYTES)
  }

  /** The next PRK_out (RFC 9528 Appendix H). */
  updatedPrkOut(prkOut: Uint8Array, context: Uint8Array): Uint8Array {
    return this.kdf(prkOut, LABEL_KEY_UPDATE, context, HASH_BYTES)
  }
}
