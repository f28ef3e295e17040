// SPDX-License-Identifier: Apache-2.0
/**
 * What X-Wing needs of ML-KEM-768 (FIPS 203), for a library to provide.
 *
 * @module
 */

/** Length of a secret key in the form of its seed, d || z. */
export const ML_KEM_768_SEED_BYTES = 64
export const ML_KEM_768_PUBLIC_KEY_BYTES = 1184
export const ML_KEM_768_CIPHERTEXT_BYTES = 1088

export interface MlKemPublicKey {
  /** 1,184 bytes. */
  readonly bytes: Uint8Array
  /**
   * Makes a fresh shared secret (32 bytes) and its ciphertext (1,088 bytes).
   *
   * @throws {Error} If a coefficient of the key is not reduced (FIPS 203 Section 7.2), unless the
   *   import has found that already.
   */
  encapsulate(): { readonly sharedKey: Uint8Array; readonly ciphertext: Uint8Array }
}

export interface MlKemSecretKey {
  readonly publicKey: MlKemPublicKey
  /**
   * Recovers the shared secret. Every ciphertext of the right length gives one; a wrong ciphertext
   * gives a wrong secret (FIPS 203 Section 6.3).
   *
   * @throws {Error} If the ciphertext is not 1,088 bytes.
   */
  decapsulate(ciphertext: Uint8Array): Uint8Array
}

export interface MlKem768 {
  /** Prepares a 64-byte seed. @throws {RangeError} If it has another length. */
  importSeed(seed: Uint8Array): MlKemSecretKey
  /** Prepares a public key. @throws {RangeError} If it is not 1,184 bytes. */
  importPublicKey(bytes: Uint8Array): MlKemPublicKey
}

/** Checks a length that is said to be fixed. @throws {RangeError} If it is another. */
export function checkMlKemLength(name: string, bytes: Uint8Array, wanted: number): void {
  if (bytes.length !== wanted) {
    throw new RangeError(`${name} must be ${wanted} bytes, got ${bytes.length}`)
  }
}
