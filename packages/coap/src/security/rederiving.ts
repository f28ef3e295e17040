// SPDX-License-Identifier: Apache-2.0
/**
 * A client that derives a new context from a secret that both ends keep: one further round trip, and no
 * public-key operation (RFC 8613 Appendix B.2).
 *
 * @module
 */

import type { CryptoProvider, WaxwingError } from '@waxwing/core'
import {
  type CoapMessage,
  decodeOscoreOption,
  isOscoreMessage,
  OPTION,
  optionValue,
  RederivingClient,
  type SecurityContext,
  type SharedInput,
} from '@waxwing/oscore'
import type { Response } from '../handler.js'
import type { Carrier } from './carrier.js'
import { notVerified, plainAnswerError, withNotifications } from './opened-response.js'

/** How often a challenge is answered. Clients that share a secret make each other's void. */
const MAX_ROUNDS = 4

/** What became of one way to establish a context. */
export type Attempt =
  | {
      readonly kind: 'established'
      readonly context: SecurityContext
      /** To what was carried, verified: it proves that the server has the context too. */
      readonly response: Response
    }
  | { readonly kind: 'refused'; readonly error: WaxwingError }

/**
 * Runs the protocol. Request #1 asks for nothing: no server acts upon it, and the one that counts travels
 * as request #2.
 *
 * @throws What the network throws; `RangeError` if the request cannot be protected.
 */
export async function rederive(
  crypto: CryptoProvider,
  input: SharedInput,
  carrier: Carrier,
): Promise<Attempt> {
  const run = new RederivingClient(crypto, input)
  const asked = run.ask(carrier.nothing)
  let answer = await carrier.exchange(asked)
  for (let round = 1; ; round++) {
    if (!isOscoreMessage(answer)) return refused(plainAnswerError(answer.code))
    const second = confirmed(run, answer, carrier)
    if (second.kind === 'refused') return second
    answer = await carrier.carry(second.message)
    // A challenge once more: another client with this secret was faster, and made ours void.
    if (round === MAX_ROUNDS || !isChallenge(answer)) return finished(run, answer, carrier)
  }
}

/** Whether a response names an ID Context, as only response #1 does. */
function isChallenge(answer: CoapMessage): boolean {
  const option = optionValue(answer, OPTION.oscore)
  return option !== undefined && namesContext(option)
}

function namesContext(option: Uint8Array): boolean {
  try {
    return decodeOscoreOption(option).kidContext !== undefined
  } catch {
    return false
  }
}

function confirmed(
  run: RederivingClient,
  first: CoapMessage,
  { carried }: Carrier,
):
  | { readonly kind: 'confirmed'; readonly message: CoapMessage }
  | { readonly kind: 'refused'; readonly error: WaxwingError } {
  try {
    return { kind: 'confirmed', message: run.confirm(first, carried) }
  } catch (cause) {
    // A request that cannot be protected is its sender's mistake.
    if (cause instanceof RangeError) throw cause
    return refused(notVerified(cause))
  }
}

function finished(run: RederivingClient, answer: Response, carrier: Carrier): Attempt {
  if (!isOscoreMessage(answer)) return refused(plainAnswerError(answer.code))
  try {
    const { context, exchange, response } = run.finish(answer)
    const opened = withNotifications(carrier.asking(exchange), response, answer)
    return { kind: 'established', context, response: opened }
  } catch (cause) {
    return refused(notVerified(cause))
  }
}

export function refused(error: WaxwingError): { kind: 'refused'; error: WaxwingError } {
  return { kind: 'refused', error }
}
