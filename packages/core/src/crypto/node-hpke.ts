// SPDX-License-Identifier: Apache-2.0
/**
 * The parts of HPKE over `node:crypto`.
 *
 * @module
 */

import { hpkeParts } from './hpke-parts.js'
import { NodeAead } from './node-aead.js'
import { nodeHmacSha256, nodeSha3, nodeShake256 } from './node-hash.js'
import { nodeMlKem768 } from './node-ml-kem.js'
import { nodeRandomBytes } from './node-random.js'
import { nodeX25519 } from './node-x25519.js'
import { ALG_CHACHA20_POLY1305, type HpkeParts } from './provider.js'

/** HPKE's parts by Node's OpenSSL. */
export const nodeHpke: HpkeParts = hpkeParts({
  x25519: nodeX25519,
  mlKem768: nodeMlKem768,
  hmacSha256: nodeHmacSha256,
  sha3: nodeSha3,
  shake256: nodeShake256,
  chacha20Poly1305: (key) => new NodeAead(ALG_CHACHA20_POLY1305, key),
  randomBytes: nodeRandomBytes,
})
