// SPDX-License-Identifier: Apache-2.0
/**
 * The crypto provider over `node:crypto`: all four content algorithms, and the only one with
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
import { nodeRandomBytes } from './crypto/node-random.js'
import {
  type AeadAlgorithm,
  ALG_A128GCM,
  ALG_A256GCM,
  ALG_AES_CCM_16_64_128,
  ALG_CHACHA20_POLY1305,
  type CryptoProvider,
} from './crypto/provider.js'

const AEADS: ReadonlySet<AeadAlgorithm> = new Set<AeadAlgorithm>([
  ALG_CHACHA20_POLY1305,
  ALG_A256GCM,
  ALG_A128GCM,
  ALG_AES_CCM_16_64_128,
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
  hkdfExpandSha256: (prk, info, lengthBytes) => hkdfExpand(nodeHmacSha256, prk, info, lengthBytes),
  ed25519SigningKey: nodeSigningKey,
  ed25519VerifyingKey: nodeVerifyingKey,
  randomBytes: nodeRandomBytes,
  hpke: nodeHpke,
}
