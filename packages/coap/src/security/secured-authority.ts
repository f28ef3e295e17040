// SPDX-License-Identifier: Apache-2.0
/**
 * One server, as a client with keys sees it.
 *
 * Requests go out protected with the context that there is. Where there is none, or the server seems to
 * have lost it, a new one is established, by one request for all that wait; the old one stays in use until
 * the new one is proven.
 *
 * Invariant: what may not be repeated is sent once. Anybody on the way can take the response of a request
 * that was carried out, and put a refusal without protection in its place.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import {
  answerChallenge,
  OPTION,
  optionValue,
  protectRequest,
  type SecurityContext,
} from '@waxwing/oscore'
import { isIdempotentMethod } from '../codes.js'
import type { Handler, Request, Response } from '../handler.js'
import { Carrier } from './carrier.js'
import { Establishing } from './establishing.js'
import { asError, type SecurityListener, tell } from './events.js'
import type { Established, KeySource } from './key-source.js'
import {
  type Answer,
  openAnswer,
  outcomeUnknown,
  plainAnswerError,
  tellsLoss,
} from './opened-response.js'
import { RecoveryBudget } from './recovery-budget.js'
import { UnansweredRequests } from './unanswered-requests.js'

/** A context in use. */
interface Live {
  /** Whom it is shared with; absent where its keys are recorded. */
  readonly name?: string
  readonly context: SecurityContext
  /** Its keys are the same for ever, and requests name its ID Context: a server finds fresh keys without. */
  readonly isRecorded: boolean
  /** How many responses were verified with it. */
  provenCount: number
  readonly unanswered: UnansweredRequests
}

export interface SecuredAuthorityOptions {
  readonly source: KeySource
  /** Recorded keys, which are in use from the beginning. */
  readonly recorded: SecurityContext | undefined
  readonly monotonic: () => number
  readonly listener: SecurityListener | undefined
}

/** Who waits for keys gets them; whose request was carried gets its response as well. */
interface Start {
  readonly live: Live
  readonly response?: Response
}

export class SecuredAuthority {
  readonly #source: KeySource
  readonly #listener: SecurityListener | undefined
  readonly #budget: RecoveryBudget
  #live: Live | undefined
  #establishing: Establishing<Start> | undefined

  constructor({ source, recorded, monotonic, listener }: SecuredAuthorityOptions) {
    this.#source = source
    this.#listener = listener
    this.#budget = new RecoveryBudget(monotonic)
    if (recorded !== undefined) {
      this.#live = liveOf(recorded, true)
    }
  }

  /** Sends a request and returns the verified response; answers a challenge by Echo once. */
  async send(request: Request, next: Handler): Promise<Response> {
    request.signal.throwIfAborted()
    const response = await this.#sendOnce(request, next)
    const echoing = answerChallenge(request, response)
    if (echoing === undefined || optionValue(request, OPTION.echo) !== undefined) return response
    return await this.#sendOnce({ ...request, ...echoing }, next)
  }

  /** Does not use a context any more that is shared with this peer. Returns whether there was one. */
  forget(name: string): boolean {
    if (this.#live?.name !== name) return false
    this.#live = undefined
    return true
  }

  #sendOnce(request: Request, next: Handler): Promise<Response> {
    const live = this.#live
    return live === undefined ? this.#sendFirst(request, next) : this.#ask(request, next, live)
  }

  async #sendFirst(request: Request, next: Handler): Promise<Response> {
    const { live, response } = await this.#establish(request, next)
    return response ?? (await this.#ask(request, next, live))
  }

  /** Asks with a context, and where that one turns out to be lost, once more what may be repeated. */
  async #ask(request: Request, next: Handler, first: Live): Promise<Response> {
    let live = first
    const mayBeRepeated = isIdempotentMethod(request.code)
    let [mayRetry, mayEstablish] = [true, true]
    for (;;) {
      while (!live.unanswered.hasRoom) {
        await live.unanswered.turn(request.signal)
        live = this.#live ?? live
      }
      const { provenCount, unanswered } = live
      const answer = await unanswered.add(this.#askWith(live, request, next), mayBeRepeated)
      if (answer.kind === 'verified') return answer.response
      if (!tellsLoss(answer.code)) throw plainAnswerError(answer.code)
      const isThere = live.provenCount > provenCount
      if (!mayBeRepeated) {
        throw outcomeUnknown(isThere ? undefined : await this.#renew(live, request, next))
      }
      if (mayRetry && isThere) {
        // Others were answered meanwhile: the context is there, and the request came after its window.
        mayRetry = false
        continue
      }
      if (!mayEstablish) throw plainAnswerError(answer.code)
      mayEstablish = false
      const start = await this.#replace(live, request, next)
      if (start.response !== undefined) return start.response
      live = start.live
    }
  }

  async #askWith(live: Live, request: Request, next: Handler): Promise<Answer> {
    const { context, isRecorded } = live
    if (isRecorded) await context.sender.sequence.ready()
    const { message, exchange } = protectRequest(context, request, { withKidContext: isRecorded })
    const { peer, confirmable = true, signal } = request
    const own = exchange.isRegistration ? new AbortController() : undefined
    const asking = {
      exchange,
      cancel: () => own?.abort(),
      isWanted: () => !signal.aborted,
    }
    const ending = own === undefined ? signal : AbortSignal.any([signal, own.signal])
    const answer = openAnswer(asking, await next({ ...message, peer, confirmable, signal: ending }))
    if (answer.kind === 'verified') live.provenCount++
    return answer
  }

  /** Sees to it that the next request has keys. Returns why there are none, if so. */
  async #renew(lost: Live, request: Request, next: Handler): Promise<Error | undefined> {
    try {
      await this.#replace(lost, request, next)
      return undefined
    } catch (error) {
      request.signal.throwIfAborted()
      return asError(error)
    }
  }

  /** The context that took the place of a lost one, or a new one. */
  async #replace(lost: Live, request: Request, next: Handler): Promise<Start> {
    if (this.#live !== lost && this.#live !== undefined) return { live: this.#live }
    if (this.#establishing === undefined && !this.#budget.take()) {
      throw new WaxwingError('ERR_KEY_UNKNOWN', 'the keys were lost too often in a short time')
    }
    return await this.#establish(request, next)
  }

  async #establish(request: Request, next: Handler): Promise<Start> {
    const current = this.#establishing
    if (current !== undefined && !current.isAbandoned) {
      return await this.#joined(current, request, next)
    }
    const mine: Establishing<Start> = new Establishing(
      (signal) => this.#run(new Carrier(request, next, signal)),
      () => {
        if (this.#establishing === mine) this.#establishing = undefined
      },
    )
    this.#establishing = mine
    return await mine.join(request.signal)
  }

  async #joined(
    establishing: Establishing<Start>,
    request: Request,
    next: Handler,
  ): Promise<Start> {
    try {
      const { live } = await establishing.join(request.signal)
      return { live }
    } catch (error) {
      // The mistake of another request, which could not be carried, is none of this one.
      if (error instanceof RangeError) return await this.#establish(request, next)
      throw error
    }
  }

  async #run(carrier: Carrier): Promise<Start> {
    try {
      const established = await this.#source.establish(carrier)
      const { response } = established
      carrier.release(response)
      const live = this.#begin(established)
      return carrier.carriesRequest ? { live, response } : { live }
    } catch (error) {
      carrier.drop()
      throw error
    }
  }

  #begin({ context, name, by }: Established): Live {
    const live = { ...liveOf(context, false), name }
    this.#live = live
    tell(this.#listener, { kind: 'established', side: 'client', name, by })
    return live
  }
}

function liveOf(context: SecurityContext, isRecorded: boolean): Live {
  const unanswered = new UnansweredRequests()
  // Recorded keys are yet to be proven; of new ones the server's first response was verified.
  return { context, isRecorded, provenCount: isRecorded ? 0 : 1, unanswered }
}
