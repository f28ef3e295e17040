// SPDX-License-Identifier: Apache-2.0
/**
 * The part of sodium-native 5.1 that Waxwing uses; the package ships no types. Every output is
 * preallocated by the caller in exactly the right length.
 */

declare module 'sodium-native' {
  const sodium: {
    /** `c` is exactly `m.length + 16` bytes. Returns the length written. */
    readonly crypto_aead_chacha20poly1305_ietf_encrypt: (
      c: Uint8Array,
      m: Uint8Array,
      ad: Uint8Array | null,
      nsec: null,
      npub: Uint8Array,
      k: Uint8Array,
    ) => number
    /** `m` is exactly `c.length - 16` bytes. Throws an `Error` if the tag does not verify. */
    readonly crypto_aead_chacha20poly1305_ietf_decrypt: (
      m: Uint8Array,
      nsec: null,
      c: Uint8Array,
      ad: Uint8Array | null,
      npub: Uint8Array,
      k: Uint8Array,
    ) => number
    readonly crypto_hash_sha256: (out: Uint8Array, input: Uint8Array) => void
    readonly crypto_hash_sha512: (out: Uint8Array, input: Uint8Array) => void
    /** `pk` 32 bytes, `sk` 64, `seed` 32. */
    readonly crypto_sign_seed_keypair: (pk: Uint8Array, sk: Uint8Array, seed: Uint8Array) => void
    readonly crypto_sign_detached: (sig: Uint8Array, m: Uint8Array, sk: Uint8Array) => void
    readonly crypto_sign_verify_detached: (
      sig: Uint8Array,
      m: Uint8Array,
      pk: Uint8Array,
    ) => boolean
    /** Canonical, on the curve, of the prime-order subgroup, and not the identity. */
    readonly crypto_core_ed25519_is_valid_point: (p: Uint8Array) => boolean
    readonly crypto_scalarmult_base: (q: Uint8Array, n: Uint8Array) => void
    /** Throws an `Error` if the result would be all zero. */
    readonly crypto_scalarmult: (q: Uint8Array, n: Uint8Array, p: Uint8Array) => void
    readonly randombytes_buf: (buffer: Uint8Array) => void
  }
  export default sodium
}
