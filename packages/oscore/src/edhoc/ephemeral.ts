// SPDX-License-Identifier: Apache-2.0
/**
 * Ephemeral keys, a new one for each session (RFC 9528 Section 3.7).
 *
 * @module
 */

import type { EcdhSecret } from '@waxwing/core'
import type { CipherSuite, EdhocCrypto } from './cipher-suites.js'

/** Draws an ephemeral key on the curve of a suite. Its bytes are left nowhere but inside. */
export function ephemeralKey(crypto: EdhocCrypto, suite: CipherSuite): EcdhSecret {
  const curve = crypto.ecdh[suite.ecdh]
  const secretKey = curve.randomSecretKey()
  const ephemeral = curve.importSecretKey(secretKey)
  secretKey.fill(0)
  return ephemeral
}
