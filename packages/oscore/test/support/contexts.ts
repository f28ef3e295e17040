// SPDX-License-Identifier: Apache-2.0
/**
 * Pairs of contexts that match, and what is said between them.
 *
 * @module
 */

import type { AeadAlgorithm, CryptoProvider } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import {
  type AcceptedRequest,
  type CoapMessage,
  type CoapOption,
  type ContextInput,
  deriveContext,
  type FindContexts,
  ReplayGuard,
  type SecurityContext,
  SenderSequence,
  type SequenceRecord,
  unprotectRequest,
} from '../../src/index.js'

export const EMPTY: Uint8Array = new Uint8Array(0)

export const INPUT: ContextInput = {
  masterSecret: new Uint8Array(16).fill(7),
  masterSalt: new Uint8Array(8).fill(8),
  senderId: Uint8Array.of(0xc),
  recipientId: Uint8Array.of(0x5),
}

/** What the other side derives from. */
export function mirrored(input: ContextInput): ContextInput {
  return { ...input, senderId: input.recipientId, recipientId: input.senderId }
}

/** Derives a context with fresh state. */
export function freshContext(
  input: ContextInput = INPUT,
  crypto: CryptoProvider = nodeProvider,
): SecurityContext {
  return deriveContext(crypto, input, {
    sequence: SenderSequence.ofFreshKeys(),
    replay: ReplayGuard.ofFreshKeys(),
  })
}

export interface Pair {
  readonly client: SecurityContext
  readonly server: SecurityContext
}

/** A client and its server, which have not said anything yet. */
export function pairOf(
  input: ContextInput = INPUT,
  suite: { readonly crypto?: CryptoProvider; readonly algorithm?: AeadAlgorithm } = {},
): Pair {
  const { crypto, algorithm } = suite
  const both = { ...input, algorithm }
  return { client: freshContext(both, crypto), server: freshContext(mirrored(both), crypto) }
}

/** Knows one context, whatever is asked for. */
export function only(context: SecurityContext): FindContexts {
  return () => [context]
}

/** Unprotects a request that is to be accepted. @throws {Error} If it is unconfirmed. */
export function accept(context: SecurityContext, message: CoapMessage): AcceptedRequest {
  const received = unprotectRequest(only(context), message)
  if (received.kind !== 'accepted') throw new Error('the request was not confirmed')
  return received
}

/** A message with text as payload. */
export function messageOf(
  code: number,
  options: readonly CoapOption[] = [],
  text = '',
): CoapMessage {
  return { code, options, payload: new TextEncoder().encode(text) }
}

/** An option of text. */
export function option(number: number, text = ''): CoapOption {
  return { number, value: new TextEncoder().encode(text) }
}

/** A record in memory, which begins at a number. */
export function recordFrom(limit: number): SequenceRecord {
  let current = limit
  return {
    read: () => Promise.resolve(current),
    raise: (from, to) => {
      if (current !== from) return Promise.resolve(false)
      current = to
      return Promise.resolve(true)
    },
  }
}
