// SPDX-License-Identifier: Apache-2.0
/**
 * The part of sodium-native 5.1 that the store uses; the package ships no types. Every output is
 * written into an array that the caller allocates.
 */

declare module 'sodium-native' {
  interface Sodium {
    readonly crypto_pwhash_ALG_ARGON2ID13: number
    /** Throws if there is not enough memory. */
    crypto_pwhash(
      out: Uint8Array,
      passphrase: Uint8Array,
      salt: Uint8Array,
      opsLimit: number,
      memLimitBytes: number,
      algorithm: number,
    ): void
    /** `ciphertext` is exactly 16 bytes longer than `message`. */
    crypto_aead_xchacha20poly1305_ietf_encrypt(
      ciphertext: Uint8Array,
      message: Uint8Array,
      additionalData: Uint8Array,
      secretNonce: null,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number
    /** Throws if the tag does not verify. `message` is exactly 16 bytes shorter than `ciphertext`. */
    crypto_aead_xchacha20poly1305_ietf_decrypt(
      message: Uint8Array,
      secretNonce: null,
      ciphertext: Uint8Array,
      additionalData: Uint8Array,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number
  }
  const sodium: Sodium
  export default sodium
}
