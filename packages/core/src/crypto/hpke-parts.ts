// SPDX-License-Identifier: Apache-2.0
/**
 * The parts of HPKE (RFC 9180 Section 7) over a provider's own primitives: one implementation for
 * all providers, so that they agree. Everything is synchronous inside, several times as fast as
 * WebCrypto; only the interface of the `hpke` package is not.
 *
 * @module
 */

import type { AEAD, AEADFactory, KDF, KDFFactory } from 'hpke'
import { dhkemX25519 } from './dhkem-x25519.js'
import { type HmacSha256, hkdfExpand } from './hkdf-expand.js'
import type { MlKem768 } from './ml-kem.js'
import type { Aead, HpkeParts } from './provider.js'
import { xWing } from './x-wing.js'
import type { X25519 } from './x25519.js'

const TAG_BYTES = 16

const KDF_PARAMETERS = { id: 0x0001, type: 'KDF', name: 'HKDF-SHA256', Nh: 32, stages: 2 } as const
const AEAD_PARAMETERS = {
  id: 0x0003,
  type: 'AEAD',
  name: 'ChaCha20Poly1305',
  Nk: 32,
  Nn: 12,
  Nt: TAG_BYTES,
} as const

export interface HpkePrimitives {
  readonly x25519: X25519
  readonly mlKem768: MlKem768
  readonly hmacSha256: HmacSha256
  /** SHA3-256: 32 new bytes. */
  readonly sha3: (data: Uint8Array) => Uint8Array
  /** SHAKE256: as many new bytes as asked. */
  readonly shake256: (data: Uint8Array, lengthBytes: number) => Uint8Array
  /** One key of ChaCha20-Poly1305. */
  readonly chacha20Poly1305: (key: Uint8Array) => Aead
  readonly randomBytes: (lengthBytes: number) => Uint8Array
}

/** Makes the parts. */
export function hpkeParts(primitives: HpkePrimitives): HpkeParts {
  return {
    x25519: dhkemX25519(primitives),
    xWing: xWing(primitives),
    hkdfSha256: hkdfSha256(primitives.hmacSha256),
    chacha20Poly1305: chacha20Poly1305(primitives.chacha20Poly1305),
  }
}

function hkdfSha256(hmac: HmacSha256): KDFFactory {
  const kdf: KDF = {
    ...KDF_PARAMETERS,
    Extract: async (salt, ikm) => hmac(salt, ikm),
    Expand: async (prk, info, L) => hkdfExpand(hmac, prk, info, L),
    Derive: () => Promise.reject(new TypeError('a KDF of two stages has no Derive')),
  }
  return () => kdf
}

function chacha20Poly1305(aead: (key: Uint8Array) => Aead): AEADFactory {
  const part: AEAD = {
    ...AEAD_PARAMETERS,
    async Seal(key, nonce, aad, pt) {
      const ciphertext = new Uint8Array(pt.length + TAG_BYTES)
      aead(key).seal(nonce, aad, pt, ciphertext)
      return ciphertext
    },
    async Open(key, nonce, aad, ct) {
      const plaintext = new Uint8Array(Math.max(0, ct.length - TAG_BYTES))
      if (!aead(key).open(nonce, aad, ct, plaintext)) throw new Error('the tag does not verify')
      return plaintext
    },
  }
  return () => part
}
