// SPDX-License-Identifier: Apache-2.0
/**
 * The one interface to cryptography. Three entry points implement it: `@waxwing/core/sodium`,
 * `@waxwing/core/node` and `@waxwing/core/pure`. Everything here is synchronous, because it stands
 * on the path of every message; HPKE, which stands on the path of every grant, is not.
 *
 * Where two providers offer an algorithm they agree on every input, the bad ones included
 * (`docs/spec/02-algorithms.md` Section 2.7).
 *
 * @module
 */

import type { AEADFactory, KDFFactory, KEMFactory } from 'hpke'

/** COSE algorithm numbers of the content algorithms (RFC 9053 Section 4, RFC 9052). */
export const ALG_A128GCM = 1
export const ALG_A256GCM = 3
export const ALG_AES_CCM_16_64_128 = 10
export const ALG_CHACHA20_POLY1305 = 24

export type AeadAlgorithm = 1 | 3 | 10 | 24

export interface AeadParameters {
  readonly keyBytes: number
  readonly nonceBytes: number
  readonly tagBytes: number
}

/** Lengths by algorithm (RFC 9053 Sections 4.1 to 4.3). */
export const AEAD_PARAMETERS: Readonly<Record<AeadAlgorithm, AeadParameters>> = {
  [ALG_A128GCM]: { keyBytes: 16, nonceBytes: 12, tagBytes: 16 },
  [ALG_A256GCM]: { keyBytes: 32, nonceBytes: 12, tagBytes: 16 },
  [ALG_AES_CCM_16_64_128]: { keyBytes: 16, nonceBytes: 13, tagBytes: 8 },
  [ALG_CHACHA20_POLY1305]: { keyBytes: 32, nonceBytes: 12, tagBytes: 16 },
}

/** One content key, ready for use. The caller never repeats a nonce. */
export interface Aead {
  /**
   * Encrypts into `out`, which is exactly `plaintext.length + tagBytes` long and may not overlap
   * `plaintext`. Ciphertext, then tag.
   *
   * @throws {RangeError} If `nonce` or `out` has the wrong length.
   * @throws {WaxwingError} `ERR_LIMIT` with algorithm 10, if the plaintext exceeds 65,535 bytes.
   */
  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array): void
  /**
   * Decrypts into `out`, which is exactly `ciphertext.length - tagBytes` long.
   *
   * @returns `false` if the tag does not verify or the ciphertext is shorter than a tag; what
   *   `out` then holds is not plaintext.
   * @throws {RangeError} If `nonce` or `out` has the wrong length.
   */
  open(nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array, out: Uint8Array): boolean
  /**
   * As {@link seal}, of a plaintext that lies in pieces. Absent where they would be copied together.
   */
  sealPieces?(
    nonce: Uint8Array,
    aad: Uint8Array,
    pieces: readonly Uint8Array[],
    out: Uint8Array,
  ): void
  /**
   * As {@link open}, into an array of its own. Absent where it would be copied there.
   *
   * @returns An array that is the caller's; `undefined` where {@link open} says `false`.
   */
  openNew?(nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined
}

export interface Ed25519SigningKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** Signs deterministically (RFC 8032 Section 5.1.6). Returns 64 new bytes. */
  sign(message: Uint8Array): Uint8Array
}

export interface Ed25519VerifyingKey {
  /** 32 bytes, canonical, of the prime-order subgroup. */
  readonly publicKey: Uint8Array
  /**
   * Verifies by the one rule: 64 bytes, canonical R and S, R not of small order, and the bytes of
   * [S]B − [k]A equal R, without cofactor.
   */
  verify(message: Uint8Array, signature: Uint8Array): boolean
  /**
   * Says that {@link verify} will be asked about this soon. Absent where there is nobody who could
   * begin with it meanwhile. Both are copied.
   */
  verifyAhead?(message: Uint8Array, signature: Uint8Array): void
}

/** The parts from which the `hpke` package builds a cipher suite. */
export interface HpkeParts {
  /** DHKEM(X25519, HKDF-SHA256), 0x0020. */
  readonly x25519: KEMFactory
  /** MLKEM768-X25519, which is X-Wing, 0x647a. */
  readonly xWing: KEMFactory
  /** HKDF-SHA256, 0x0001. */
  readonly hkdfSha256: KDFFactory
  /** ChaCha20Poly1305, 0x0003. */
  readonly chacha20Poly1305: AEADFactory
}

export interface CryptoProvider {
  readonly name: 'sodium' | 'node' | 'pure'
  /** Whether its verifying keys have `verifyAhead`. Default `false`. */
  readonly verifiesAhead?: boolean
  /** The content algorithms that this provider offers. */
  readonly aeads: ReadonlySet<AeadAlgorithm>
  /**
   * Prepares a content key.
   *
   * @throws {RangeError} If `key` has not the length that the algorithm wants.
   * @throws {WaxwingError} `ERR_UNSUPPORTED` if this provider does not offer `alg`.
   */
  aead(alg: AeadAlgorithm, key: Uint8Array): Aead
  /** SHA-256: 32 new bytes. */
  sha256(data: Uint8Array): Uint8Array
  /** HMAC-SHA-512 (RFC 2104): 64 new bytes. */
  hmacSha512(key: Uint8Array, data: Uint8Array): Uint8Array
  /**
   * HKDF-Expand with SHA-256 (RFC 5869 Section 2.3): `lengthBytes` new bytes.
   *
   * @throws {RangeError} If `prk` is shorter than 32 bytes, or `lengthBytes` is not in [0, 8160].
   */
  hkdfExpandSha256(prk: Uint8Array, info: Uint8Array, lengthBytes: number): Uint8Array
  /**
   * Makes the signing key of a 32-byte seed (RFC 8032 Section 5.1.5), which it copies.
   *
   * @throws {RangeError} If the seed has another length.
   */
  ed25519SigningKey(seed: Uint8Array): Ed25519SigningKey
  /**
   * Imports a public key and checks it once.
   *
   * @throws {WaxwingError} `ERR_KEY_INVALID` unless it is 32 bytes, canonical, on the curve, and in
   *   the prime-order subgroup without being its identity.
   */
  ed25519VerifyingKey(publicKey: Uint8Array): Ed25519VerifyingKey
  /**
   * Fresh bytes from the operating system's generator.
   *
   * @throws {RangeError} Unless `lengthBytes` is in [0, 2^31 - 1].
   */
  randomBytes(lengthBytes: number): Uint8Array
  readonly hpke: HpkeParts
}
