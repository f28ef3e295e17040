// SPDX-License-Identifier: Apache-2.0
/**
 * New contexts from an old Master Secret: what client and server of the protocol have in common (RFC
 * 8613 Appendix B.2).
 *
 * Each gives a random part to a new ID Context, so that neither can be led into keys that it used
 * before. The protocol has no forward secrecy, and needs good randomness at both ends.
 *
 * @module
 */

import { concatBytes, type CryptoProvider, decodeCbor, encodeCbor } from '@waxwing/core'
import { type ContextInput, deriveContext, type SecurityContext } from './context.js'
import { ReplayGuard } from './replay-guard.js'
import { SenderSequence } from './sender-sequence.js'

/** What both endpoints were given once; the ID Context is drawn. */
export type SharedInput = Omit<ContextInput, 'idContext' | 'kidContext'>

/** Length of R1, R3, and of the random part of R2, in bytes. */
export const RANDOM_BYTES = 8

/** Derives a context that begins anew, because its ID Context was never used before. */
export function contextOf(
  crypto: CryptoProvider,
  input: SharedInput,
  ...idContextParts: readonly Uint8Array[]
): SecurityContext {
  const idContext = concatBytes(...idContextParts)
  const named = { ...input, idContext, kidContext: wrap(idContext) }
  const sequence = SenderSequence.ofFreshKeys()
  return deriveContext(crypto, named, { sequence, replay: ReplayGuard.ofFreshKeys() })
}

/** A 'kid context' of this protocol: a CBOR byte string. */
export function wrap(idContext: Uint8Array): Uint8Array {
  return encodeCbor(idContext)
}

/** What a 'kid context' wraps; `undefined` if it is not of this protocol, or wraps nothing. */
export function unwrap(kidContext: Uint8Array): Uint8Array | undefined {
  try {
    const value = decodeCbor(kidContext, 'kid context')
    return value instanceof Uint8Array && value.length > 0 ? value : undefined
  } catch {
    return undefined
  }
}
