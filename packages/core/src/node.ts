// SPDX-License-Identifier: Apache-2.0
/**
 * The crypto provider over `node:crypto`: all content algorithms, and the only one with
 * AES-CCM.
 *
 * @module
 */

import { checkKey } from './crypto/argument-checks.js'
import { hkdfExpand } from './crypto/hkdf-expand.js'
import { NodeAead } from './crypto/node-aead.js'
import { nodeSigningKey, nodeVerifyingKey } from './crypto/node-ed25519.js'
import { nodeHmacSha256, nodeHmacSha512, nodeSha256 } from './crypto/node-hash.js'
import { nodeHpke } from './crypto/node-hpke.js'
import { nodeEs256SigningKey, nodeEs256VerifyingKey, nodeP256 } from './crypto/node-p256.js'
import { nodeRandomBytes } from './crypto/node-random.js'
import { nodeX25519 } from './crypto/node-x25519.js'
import {
  type AeadAlgorithm,
  ALG_A128GCM,
  ALG_A256GCM,
  ALG_AES_CCM_16_128_128,
  ALG_AES_CCM_16_64_128,
  ALG_CHACHA20_POLY1305,
  type CryptoProvider,
} from './crypto/provider.js'
import { x25519Ecdh } from './crypto/x25519-ecdh.js'

const AEADS: ReadonlySet<AeadAlgorithm> = new Set<AeadAlgorithm>([
  ALG_CHACHA20_POLY1305,
  ALG_A256GCM,
  ALG_A128GCM,
  ALG_AES_CCM_16_64_128,
  ALG_AES_CCM_16_128_128,
])

/** Cryptography by Node's OpenSSL. */
export const nodeProvider: CryptoProvider = {
  name: 'node',
  aeads: AEADS,
  aead(alg, key) {
    checkKey(AEADS, alg, key)
    return new NodeAead(alg, key)
  },
  sha256: nodeSha256,
  hmacSha512: nodeHmacSha512,
  hkdfExtractSha256: nodeHmacSha256,
  hkdfExpandSha256: (prk, info, lengthBytes) => hkdfExpand(nodeHmacSha256, prk, info, lengthBytes),
  ed25519SigningKey: nodeSigningKey,
  ed25519VerifyingKey: nodeVerifyingKey,
  es256SigningKey: nodeEs256SigningKey,
  es256VerifyingKey: nodeEs256VerifyingKey,
  ecdh: { x25519: x25519Ecdh(nodeX25519, nodeRandomBytes), p256: nodeP256 },
  randomBytes: nodeRandomBytes,
  hpke: nodeHpke,
}
