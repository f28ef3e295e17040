// SPDX-License-Identifier: Apache-2.0
/**
 * The parts of HPKE in plain JavaScript.
 *
 * @module
 */

import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { sha3_256, shake256 } from '@noble/hashes/sha3.js'
import { hpkeParts } from './hpke-parts.js'
import { ALG_CHACHA20_POLY1305, type HpkeParts } from './provider.js'
import { PureAead } from './pure-aead.js'
import { pureMlKem768 } from './pure-ml-kem.js'
import { pureRandomBytes } from './pure-random.js'
import { pureX25519 } from './pure-x25519.js'

/** HPKE's parts by `@noble/*`. */
export const pureHpke: HpkeParts = hpkeParts({
  x25519: pureX25519,
  mlKem768: pureMlKem768,
  hmacSha256: (key, data) => hmac(sha256, key, data),
  sha3: (data) => sha3_256(data),
  shake256: (data, lengthBytes) => shake256(data, { dkLen: lengthBytes }),
  chacha20Poly1305: (key) => new PureAead(ALG_CHACHA20_POLY1305, key),
  randomBytes: pureRandomBytes,
})
