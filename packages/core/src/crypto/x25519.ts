// SPDX-License-Identifier: Apache-2.0
/**
 * What the KEMs need of X25519 (RFC 7748 Section 5), for a library to provide.
 *
 * @module
 */

/** One secret scalar, made ready. */
export interface X25519Secret {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /**
   * Computes the shared secret with a peer's 32-byte public key.
   *
   * @throws {Error} If it would be all zero, whatever the secret: a public key of small order
   *   (RFC 7748 Section 6.1).
   */
  agree(publicKey: Uint8Array): Uint8Array
}

/** Prepares 32 secret bytes, which it copies. */
export type X25519 = (secretKey: Uint8Array) => X25519Secret
