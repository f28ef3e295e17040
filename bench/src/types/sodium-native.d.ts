// SPDX-License-Identifier: Apache-2.0
/** The part of sodium-native 5.1 that is measured; the package ships no types. */

declare module 'sodium-native' {
  const sodium: {
    readonly crypto_aead_chacha20poly1305_ietf_encrypt: (
      c: Uint8Array,
      m: Uint8Array,
      ad: Uint8Array | null,
      nsec: null,
      npub: Uint8Array,
      k: Uint8Array,
    ) => number
    readonly crypto_aead_chacha20poly1305_ietf_decrypt: (
      m: Uint8Array,
      nsec: null,
      c: Uint8Array,
      ad: Uint8Array | null,
      npub: Uint8Array,
      k: Uint8Array,
    ) => number
    readonly crypto_sign_seed_keypair: (pk: Uint8Array, sk: Uint8Array, seed: Uint8Array) => void
    readonly crypto_sign_detached: (sig: Uint8Array, m: Uint8Array, sk: Uint8Array) => void
    readonly crypto_sign_verify_detached: (
      sig: Uint8Array,
      m: Uint8Array,
      pk: Uint8Array,
    ) => boolean
    readonly crypto_scalarmult_base: (q: Uint8Array, n: Uint8Array) => void
    readonly crypto_scalarmult: (q: Uint8Array, n: Uint8Array, p: Uint8Array) => void
  }
  export default sodium
}
