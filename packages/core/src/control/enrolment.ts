// SPDX-License-Identifier: Apache-2.0
/**
 * Proof of possession at enrolment (`docs/spec/07-granting.md` Section 7.9): the one message whose
 * author nobody vouches for yet.
 *
 * @module
 */

import { equalBytes } from '../bytes.js'
import type { CryptoProvider } from '../crypto/provider.js'
import { WaxwingError } from '../errors.js'
import { principalId } from '../identity/principal.js'
import { verifyStatement } from '../statement/statement.js'
import { checkTime } from './envelope.js'
import type { DecodedMessage } from './message.js'

/**
 * Verifies that the author of an enrolment has the key that it names.
 *
 * @param now - Seconds since 1970.
 * @throws {WaxwingError} `ERR_SIGNATURE`, `ERR_KEY_INVALID`, `ERR_EXPIRED`, `ERR_NOT_YET_VALID`.
 */
export function verifyEnrol(
  crypto: CryptoProvider,
  message: Extract<DecodedMessage, { type: 'enrol' }>,
  now: number,
): void {
  checkTime(message.envelope, now)
  const { publicKey } = message.body
  const key = crypto.ed25519VerifyingKey(publicKey)
  if (!equalBytes(principalId(crypto, publicKey), message.author)) {
    throw new WaxwingError('ERR_SIGNATURE', 'the enrolment is signed by another key')
  }
  verifyStatement(message.statement, key, null)
}
