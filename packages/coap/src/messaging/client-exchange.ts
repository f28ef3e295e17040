// SPDX-License-Identifier: Apache-2.0
/**
 * A request of ours, from its first datagram to its response or the end of its observation (RFC 7252
 * Sections 4.2, 4.3 and 5.2; RFC 7641 Section 3).
 *
 * Invariant: the promise settles, and then no timer and no listener is left; the token is known for as
 * long as something may come for it, and not longer.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import { type CoapMessage, OPTION, optionValue } from '@waxwing/oscore'
import type { Notifications, Request, Response } from '../handler.js'
import { uintOption, withoutOptions } from '../options.js'
import { isRegistration } from '../registration.js'
import { ClientObservation, isObserved } from './client-observation.js'
import { CODE_EMPTY, encodeDatagram, stampMessageId, TYPE } from './datagram.js'
import type { Medium } from './medium.js'
import { silenceMeans } from './no-response.js'
import type { Outcome, Transmission } from './outbox.js'
import type { Arrival, Expectation, MessageAtWork, PeerState } from './peer-state.js'

const DEREGISTER = 1
/** While a notification is being taken its duplicates are not answered. */
const SILENCE: MessageAtWork = { reply: undefined }
const NOTHING: Response = { code: CODE_EMPTY, options: [], payload: new Uint8Array(0) }

export interface ClientExchangePort {
  readonly medium: Medium
  /** A response was taken: it is acknowledged, and so are its duplicates. */
  readonly accept: (state: PeerState, arrival: Arrival) => void
  /** Nothing is waited for any more. Called once. */
  readonly released: () => void
}

export interface OutgoingRequest {
  readonly state: PeerState
  readonly token: string
  readonly request: Request
}

export class ClientExchange implements Expectation {
  readonly #port: ClientExchangePort
  readonly #state: PeerState
  readonly #token: string
  readonly #request: Request
  readonly #promise = Promise.withResolvers<Response>()
  readonly #aborted = (): void => this.#abort()
  #transmission: Transmission | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #observation: ClientObservation | undefined
  /** When something was heard of the observation last. */
  #since = 0

  constructor(port: ClientExchangePort, { state, token, request }: OutgoingRequest) {
    this.#port = port
    this.#state = state
    this.#token = token
    this.#request = request
  }

  get transmission(): Transmission | undefined {
    return this.#transmission
  }

  get response(): Promise<Response> {
    return this.#promise.promise
  }

  /** Sends the request. @param datagram - It, encoded. */
  start(datagram: Buffer): void {
    const { medium } = this.#port
    const state = this.#state
    const { signal, confirmable = true } = this.#request
    state.expectations.set(this.#token, this)
    signal.addEventListener('abort', this.#aborted)
    if (confirmable) {
      const settled = (outcome: Outcome): void => this.#settled(outcome)
      this.#transmission = state.outbox.send({ datagram, isCounted: false, settled })
      return
    }
    stampMessageId(datagram, state.outbox.newMessageId())
    medium.send(datagram, state.peer)
    if (silenceMeans(this.#request) === 'the end') this.#finish(NOTHING)
    else this.#awaitResponse()
  }

  take(arrival: Arrival, isPiggybacked: boolean): void {
    if (this.#observation !== undefined) {
      this.#takeNotification(this.#observation, arrival)
      return
    }
    // Only who got the request knows the token.
    this.#state.budget.prove()
    if (!isPiggybacked) this.#port.accept(this.#state, arrival)
    this.#answered(arrival.message)
  }

  fail(error: Error): void {
    if (this.#observation !== undefined) this.#deregister()
    this.#release()
    this.#observation?.stop(error)
    this.#promise.reject(error)
  }

  forgetUnheard(before: number): void {
    if (this.#observation === undefined || this.#observation.isHeard) return
    if (this.#since < before) this.fail(timeoutError('nobody listened to the notifications'))
  }

  #settled(outcome: Outcome): void {
    this.#transmission = undefined
    if (outcome === 'timeout') this.fail(timeoutError('no acknowledgement came'))
    else if (outcome === 'rejected') this.fail(rejectedError())
    else if (silenceMeans(this.#request) === 'the end') this.#finish(NOTHING)
    else this.#awaitResponse()
  }

  #awaitResponse(): void {
    const { responseTimeoutMs } = this.#port.medium.transmission
    this.#timer = setTimeout(() => {
      if (silenceMeans(this.#request) === 'failure') this.fail(timeoutError('no response came'))
      else this.#finish(NOTHING)
    }, responseTimeoutMs)
  }

  #answered(message: CoapMessage): void {
    // A response shows that the request arrived, whatever became of its acknowledgement.
    this.#cancel()
    if (!isObserved(message) || !isRegistration(this.#request)) {
      this.#finish(message)
      return
    }
    const { medium } = this.#port
    this.#since = medium.now()
    const observation = new ClientObservation(message, medium.now, () => this.#release())
    this.#observation = observation
    const notifications: Notifications = (listener) => observation.listen(listener)
    this.#promise.resolve({ ...message, notifications })
  }

  #takeNotification(observation: ClientObservation, arrival: Arrival): void {
    const state = this.#state
    const { key, message } = arrival
    this.#since = this.#port.medium.now()
    state.atWork.set(key, SILENCE)
    const settle = (isTaken: boolean): void => {
      state.atWork.delete(key)
      if (isTaken) this.#port.accept(state, arrival)
    }
    observation.offer({ message, settle })
  }

  #finish(response: Response): void {
    this.#release()
    this.#promise.resolve(response)
  }

  #abort(): void {
    if (this.#observation !== undefined) this.#deregister()
    this.#release()
    this.#observation?.stop()
    this.#promise.reject(this.#request.signal.reason as Error)
  }

  /**
   * Says that no more notifications are wanted (RFC 7641 Section 3.6): once, because later ones are
   * rejected anyway. A protected request cannot be changed; there it is its layer that says it.
   */
  #deregister(): void {
    const request = this.#request
    if (optionValue(request, OPTION.oscore) !== undefined) return
    const { medium } = this.#port
    const state = this.#state
    const kept = withoutOptions(request.options, OPTION.observe)
    const options = [...kept, uintOption(OPTION.observe, DEREGISTER)]
    const messageId = state.outbox.newMessageId()
    medium.send(
      encodeDatagram(TYPE.non, messageId, this.#token, { ...request, options }),
      state.peer,
    )
  }

  #release(): void {
    const { expectations } = this.#state
    this.#cancel()
    if (expectations.get(this.#token) !== this) return
    expectations.delete(this.#token)
    this.#port.released()
    this.#request.signal.removeEventListener('abort', this.#aborted)
  }

  #cancel(): void {
    clearTimeout(this.#timer)
    if (this.#transmission !== undefined) this.#state.outbox.cancel(this.#transmission)
    this.#transmission = undefined
  }
}

function timeoutError(why: string): WaxwingError {
  return new WaxwingError('ERR_TIMEOUT', why)
}

function rejectedError(): WaxwingError {
  return new WaxwingError('ERR_TRANSPORT', 'the peer rejected the message with a reset')
}
