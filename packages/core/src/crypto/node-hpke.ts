// SPDX-License-Identifier: Apache-2.0
/**
 * The parts of HPKE (RFC 9180) from the `hpke` package.
 *
 * @module
 */

import {
  AEAD_ChaCha20Poly1305,
  KDF_HKDF_SHA256,
  KEM_DHKEM_X25519_HKDF_SHA256,
  KEM_MLKEM768_X25519,
} from 'hpke'
import type { HpkeParts } from './provider.js'

/** HPKE's parts. */
export const nodeHpke: HpkeParts = {
  x25519: KEM_DHKEM_X25519_HKDF_SHA256 as unknown as HpkeParts['x25519'],
  xWing: KEM_MLKEM768_X25519,
  hkdfSha256: KDF_HKDF_SHA256,
  chacha20Poly1305: AEAD_ChaCha20Poly1305,
}
