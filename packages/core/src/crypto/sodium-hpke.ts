// SPDX-License-Identifier: Apache-2.0
/**
 * The parts of HPKE over libsodium. What it has not, ML-KEM and SHA-3, comes from `node:crypto`.
 *
 * @module
 */

import { hpkeParts } from './hpke-parts.js'
import { nodeSha3, nodeShake256 } from './node-hash.js'
import { nodeMlKem768 } from './node-ml-kem.js'
import type { HpkeParts } from './provider.js'
import { SodiumAead } from './sodium-aead.js'
import { sodiumHmacSha256 } from './sodium-hash.js'
import { sodiumRandomBytes } from './sodium-random.js'
import { sodiumX25519 } from './sodium-x25519.js'

/** HPKE's parts by libsodium. */
export const sodiumHpke: HpkeParts = hpkeParts({
  x25519: sodiumX25519,
  mlKem768: nodeMlKem768,
  hmacSha256: sodiumHmacSha256,
  sha3: nodeSha3,
  shake256: nodeShake256,
  chacha20Poly1305: (key) => new SodiumAead(key),
  randomBytes: sodiumRandomBytes,
})
