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

/** COSE algorithm numbers (RFC 9053 Section 4). */
export const ALG_A128GCM = 1
export const ALG_A256GCM = 3
export const ALG_AES_CCM_16_64_128 = 10
export const ALG_CHACHA20_POLY1305 = 24
export const ALG_AES_CCM_16_128_128 = 30

/** What objects may be encrypted with (`docs/spec/02-algorithms.md` Section 2.1). */
export type ContentAlgorithm = 1 | 3 | 10 | 24

/** What providers may offer: the content algorithms, and one that only EDHOC and OSCORE use. */
export type AeadAlgorithm = ContentAlgorithm | 30

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
  [ALG_AES_CCM_16_128_128]: { keyBytes: 16, nonceBytes: 13, tagBytes: 16 },
}

const CONTENT_ALGORITHMS: ReadonlySet<unknown> = new Set<ContentAlgorithm>([
  ALG_A128GCM,
  ALG_A256GCM,
  ALG_AES_CCM_16_64_128,
  ALG_CHACHA20_POLY1305,
])

/** Tells whether a number that was read is that of a content algorithm. */
export function isContentAlgorithm(alg: unknown): alg is ContentAlgorithm {
  return CONTENT_ALGORITHMS.has(alg)
}

/** One content key, ready for use. The caller never repeats a nonce. */
export interface Aead {
  /**
   * Encrypts into `out`, which is exactly `plaintext.length + tagBytes` long and may not overlap
   * `plaintext`. Ciphertext, then tag.
   *
   * @throws {RangeError} If `nonce` or `out` has the wrong length.
   * @throws {WaxwingError} `ERR_LIMIT` with algorithms 10 and 30, if the plaintext exceeds 65,535 bytes.
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

export interface Es256SigningKey {
  /** 65 bytes: 4, then x, then y (SEC 1 Section 2.3.3, uncompressed). */
  readonly publicKey: Uint8Array
  /**
   * Signs with ECDSA and SHA-256: 64 new bytes, r, then s. Whether two signatures of one message are
   * the same is not said.
   */
  sign(message: Uint8Array): Uint8Array
}

export interface Es256VerifyingKey {
  /** 65 bytes, as in {@link Es256SigningKey.publicKey}, in whichever form it was imported. */
  readonly publicKey: Uint8Array
  /**
   * Verifies 64 bytes, r, then s, both from 1 to n − 1. A signature with n − s in the place of s
   * verifies as well, as RFC 9053 Section 2.1 allows.
   */
  verify(message: Uint8Array, signature: Uint8Array): boolean
}

/** One secret key of Diffie-Hellman, made ready. */
export interface EcdhSecret {
  /** 32 bytes: the u-coordinate on Curve25519, or the x-coordinate on P-256. */
  readonly publicKey: Uint8Array
  /**
   * Computes the shared secret with a peer's public key, which may come from anybody.
   *
   * @returns 32 new bytes: a coordinate of a point, to be hashed before it is a key.
   * @throws {WaxwingError} `ERR_KEY_INVALID` unless the public key is 32 bytes long and, on
   *   Curve25519, not of small order (the secret would be all zero: RFC 7748 Section 6.1), on P-256,
   *   the x-coordinate of a point.
   */
  agree(publicKey: Uint8Array): Uint8Array
}

export interface P256Secret extends EcdhSecret {
  /** The whole public key: 65 bytes, 4, then x, then y. */
  readonly point: Uint8Array
}

/** Diffie-Hellman on one curve, static or ephemeral. */
export interface Ecdh<Secret extends EcdhSecret = EcdhSecret> {
  /** Draws a secret key: 32 fresh bytes that {@link importSecretKey} takes. */
  randomSecretKey(): Uint8Array
  /**
   * Makes a secret key of 32 bytes ready, which it copies.
   *
   * @throws {RangeError} If they are not 32, or, on P-256, not a number from 1 to n − 1, big-endian.
   */
  importSecretKey(secretKey: Uint8Array): Secret
}

/** The curves that EDHOC knows as well (RFC 9528 Section 3.6). */
export interface EcdhCurves {
  /** RFC 7748 Section 5. */
  readonly x25519: Ecdh
  /**
   * NIST P-256. Public keys are x-coordinates alone: both points that have one give the same secret
   * (RFC 9528 Section 3.7).
   */
  readonly p256: Ecdh<P256Secret>
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
  /** The AEADs that this provider offers. */
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
  /** HKDF-Extract with SHA-256 (RFC 5869 Section 2.2): 32 new bytes. An empty salt is as good as none. */
  hkdfExtractSha256(salt: Uint8Array, ikm: Uint8Array): Uint8Array
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
   * Makes an ECDSA signing key on P-256 of 32 secret bytes, which it copies. Principals never sign
   * with it: it is for EDHOC.
   *
   * @throws {RangeError} Unless they are 32, a number from 1 to n − 1, big-endian.
   */
  es256SigningKey(secretKey: Uint8Array): Es256SigningKey
  /**
   * Imports a public key of P-256 and checks it once.
   *
   * @param publicKey - 33 bytes, compressed, or 65 bytes, uncompressed (SEC 1 Section 2.3.3).
   * @throws {WaxwingError} `ERR_KEY_INVALID` if it has another form, or is not a point of the curve.
   */
  es256VerifyingKey(publicKey: Uint8Array): Es256VerifyingKey
  readonly ecdh: EcdhCurves
  /**
   * Fresh bytes from the operating system's generator.
   *
   * @throws {RangeError} Unless `lengthBytes` is in [0, 2^31 - 1].
   */
  randomBytes(lengthBytes: number): Uint8Array
  readonly hpke: HpkeParts
}
