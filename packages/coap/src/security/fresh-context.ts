// SPDX-License-Identifier: Apache-2.0
/**
 * Contexts whose keys are new, and end with this process.
 *
 * @module
 */

import type { CryptoProvider } from '@waxwing/core'
import {
  deriveContext,
  type OscoreParameters,
  ReplayGuard,
  type SecurityContext,
  SenderSequence,
  type SharedInput,
} from '@waxwing/oscore'

/** The context of an exchange of EDHOC that has just been completed (RFC 9528 Appendix A.1). */
export function contextOfExchange(crypto: CryptoProvider, input: SharedInput): SecurityContext {
  const sequence = SenderSequence.ofFreshKeys()
  return deriveContext(crypto, input, { sequence, replay: ReplayGuard.ofFreshKeys() })
}

/** What is kept of an exchange: later contexts are derived from it, never this one again. */
export function inputOfExchange(parameters: OscoreParameters): SharedInput {
  const { masterSecret, masterSalt, senderId, recipientId } = parameters
  return { masterSecret, masterSalt, senderId, recipientId }
}
