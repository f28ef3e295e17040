// SPDX-License-Identifier: Apache-2.0
/**
 * Principals and their names (`docs/spec/06-identity.md` Section 6.1): the id of a principal is the
 * COSE Key Thumbprint (RFC 9679) of its signing key.
 *
 * @module
 */

import { toBase64Url } from '../bytes.js'
import { coseKeyThumbprint } from '../cose/key.js'
import type { CryptoProvider } from '../crypto/provider.js'

export const PRINCIPAL_ID_BYTES = 32

/** Seconds by which two honest clocks may differ (Section 6.2). */
export const CLOCK_SKEW_SECONDS = 300

/** Computes a principal's id from its Ed25519 public key. The anchor's gives the domain's id. */
export function principalId(
  crypto: Pick<CryptoProvider, 'sha256'>,
  publicKey: Uint8Array,
): Uint8Array {
  return coseKeyThumbprint(crypto, { kind: 'ed25519', publicKey })
}

/** The short form in which ids are shown to people: the first 12 characters. */
export function formatShortId(id: Uint8Array): string {
  return toBase64Url(id).slice(0, 12)
}
