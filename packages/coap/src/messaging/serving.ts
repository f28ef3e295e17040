// SPDX-License-Identifier: Apache-2.0
/**
 * The server's side of an endpoint: requests that are no duplicates come in, the handler is asked, and
 * observations live until somebody ends them.
 *
 * @module
 */

import { code, type CoapMessage, OPTION, optionValue } from '@waxwing/oscore'
import type { Handler, Response } from '../handler.js'
import { uintOption, withoutOptions } from '../options.js'
import { isRegistration } from '../registration.js'
import { isObserved } from './client-observation.js'
import { type EchoValues, isRepeatable } from './echo-values.js'
import { CODE_EMPTY, readHeader, readMessage, stampMessageId, unconfirm } from './datagram.js'
import type { Medium } from './medium.js'
import type { Outcome } from './outbox.js'
import type { Arrival, PeerState } from './peer-state.js'
import type { PeerTable } from './peer-table.js'
import type { Replies } from './replies.js'
import { fingerprintOf } from './request-fingerprint.js'
import {
  type Answered,
  answerOf,
  type Observing,
  ServerExchange,
  type ServerExchangePort,
} from './server-exchange.js'
import { ObserveNumbers, ServerObservation } from './server-observation.js'

const CODE_UNAVAILABLE = code(5, 3)
const RETRY_AFTER_SECONDS = 1

export interface ServingPort {
  readonly medium: Medium
  readonly peers: PeerTable
  readonly replies: Replies
  readonly echo: EchoValues
}

export class Serving {
  readonly #port: ServingPort
  readonly #handler: Handler
  readonly #numbers: ObserveNumbers
  readonly #exchangePort: ServerExchangePort
  readonly #exchanges = new Set<ServerExchange>()
  #observationCount = 0
  #undeliveredCount = 0
  #whenIdle: (() => void) | undefined
  #isClosing = false

  constructor(port: ServingPort, handler: Handler) {
    this.#port = port
    this.#handler = handler
    this.#numbers = new ObserveNumbers(port.medium)
    this.#exchangePort = {
      medium: port.medium,
      replies: port.replies,
      observe: (exchange, response) => this.#observe(exchange, response),
      answered: (exchange, answered) => this.#answered(exchange, answered),
      deliver: (state, datagram, lost) => this.#deliver(state, datagram, lost),
    }
  }

  get requestCount(): number {
    return this.#exchanges.size
  }

  get undeliveredCount(): number {
    return this.#undeliveredCount
  }

  get observationCount(): number {
    return this.#observationCount
  }

  /** Takes a request that is no duplicate. */
  take(state: PeerState, given: Arrival): void {
    // Whatever it asks: the token means something else now (RFC 7641 Sections 3.6 and 4.1).
    state.observations.get(given.token)?.stop()
    if (this.#isClosing) return
    const { arrival, isProof } = this.#readEcho(state, given)
    const exchange = new ServerExchange(this.#exchangePort, state, arrival)
    state.atWork.set(arrival.key, exchange)
    state.requestCount++
    this.#exchanges.add(exchange)
    const withheld = isProof ? this.#takeWithheld(state, arrival.message) : undefined
    if (withheld !== undefined) exchange.respond(withheld)
    else if (this.#isTooMuch(state)) exchange.respond(tooBusy())
    else void exchange.run(this.#handler)
  }

  /** Answers a duplicate as the request before it, as far as the address budget goes. */
  answerAgain(state: PeerState, { key, message }: Arrival, reply: Buffer): void {
    const { replies, peers } = this.#port
    if (replies.send(state, reply) || isRepeatable(message)) return
    // Challenged, the peer will repeat what was executed: its response is there then.
    const response = readMessage(reply, readHeader(reply)!)
    if (response.code === CODE_EMPTY) return
    const { length: bytes } = response.payload
    const withheld = { fingerprint: fingerprintOf(message), response, bytes }
    peers.remembered.withhold(state, key, withheld)
  }

  /** Takes no more requests. Resolves when all are answered, or their time is over. */
  async close(): Promise<void> {
    this.#isClosing = true
    const { closeTimeoutMs } = this.#port.medium.limits
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, closeTimeoutMs)
    this.#whenIdle = resolve
    this.#checkIdle()
    await promise
    clearTimeout(timer)
    for (const exchange of this.#exchanges) exchange.giveUp()
    for (const { observations } of this.#port.peers) {
      for (const observation of observations.values()) observation.stop()
    }
  }

  #checkIdle(): void {
    if (this.#exchanges.size + this.#undeliveredCount === 0) this.#whenIdle?.()
  }

  #answered(exchange: ServerExchange, { reply, withheld }: Answered): void {
    const { state, arrival } = exchange
    const { medium, peers } = this.#port
    const { exchangeLifetimeMs, nonLifetimeMs } = medium.transmission
    const lifetimeMs = arrival.isConfirmable ? exchangeLifetimeMs : nonLifetimeMs
    const expiresAt = medium.now() + lifetimeMs
    state.atWork.delete(arrival.key)
    // Who had proved its address by now gets this response again, also when it must prove it anew.
    const isCounted = !state.budget.isProved
    peers.remembered.add(state, arrival.key, { expiresAt, reply, isCounted, withheld })
    state.requestCount--
    this.#exchanges.delete(exchange)
    this.#checkIdle()
  }

  /** Where too many responses wait for acknowledgements that do not come, one is sent only once. */
  #deliver(state: PeerState, datagram: Buffer, lost: () => void): void {
    const { maxRequests, maxRequestsPerPeer } = this.#port.medium.limits
    if (this.#undeliveredCount >= maxRequests || state.outbox.size >= maxRequestsPerPeer) {
      unconfirm(datagram)
      stampMessageId(datagram, state.outbox.newMessageId())
      this.#port.replies.sendWhole(state, datagram)
      return
    }
    this.#undeliveredCount++
    const settled = (outcome: Outcome): void => {
      this.#undeliveredCount--
      if (outcome !== 'acknowledged') lost()
      this.#checkIdle()
    }
    state.outbox.send({ datagram, isCounted: !state.budget.isProved, isResponse: true, settled })
  }

  #isTooMuch(state: PeerState): boolean {
    const { maxRequests, maxRequestsPerPeer } = this.#port.medium.limits
    return this.#exchanges.size > maxRequests || state.requestCount > maxRequestsPerPeer
  }

  /** An Echo option that was made here is for us alone, and not handed on. */
  #readEcho(state: PeerState, arrival: Arrival): { arrival: Arrival; isProof: boolean } {
    const { message } = arrival
    const value = optionValue(message, OPTION.echo)
    if (value === undefined || !this.#port.echo.isProof(value, state.key)) {
      return { arrival, isProof: false }
    }
    state.budget.prove()
    const options = withoutOptions(message.options, OPTION.echo)
    return { arrival: { ...arrival, message: { ...message, options } }, isProof: true }
  }

  /** What this request was answered when it came before its sender had proved its address. */
  #takeWithheld(state: PeerState, message: CoapMessage): CoapMessage | undefined {
    if (state.withheld.isEmpty || isRepeatable(message)) return undefined
    const { remembered } = this.#port.peers
    return remembered.takeWithheld(state, fingerprintOf(message))
  }

  #observe(exchange: ServerExchange, response: Response): Observing | undefined {
    const { notifications } = response
    const { state } = exchange
    const isWanted = isObserved(response) && isRegistration(exchange.arrival.message)
    if (notifications === undefined || !isWanted || !this.#hasRoom(state)) {
      exchange.abort()
      const options = withoutOptions(response.options, OPTION.observe)
      const nothing = (): void => undefined
      return { response: { ...response, options }, begin: nothing, stop: nothing }
    }
    // Nobody has notifications sent to others (RFC 7641 Section 7).
    if (!state.budget.isProved && !this.#isUnlimited) return undefined
    let observation: ServerObservation | undefined
    return {
      response: this.#numbers.number(response),
      begin: () => {
        observation = this.#newObservation(exchange)
        notifications(observation)
      },
      stop: () => observation?.stop(),
    }
  }

  get #isUnlimited(): boolean {
    return this.#port.medium.limits.amplificationFactor === Infinity
  }

  #hasRoom({ observations }: PeerState): boolean {
    const { maxObservations, maxObservationsPerPeer } = this.#port.medium.limits
    return this.#observationCount < maxObservations && observations.size < maxObservationsPerPeer
  }

  #newObservation(exchange: ServerExchange): ServerObservation {
    const { state } = exchange
    const { token } = exchange.arrival
    const ended = (isByPeer: boolean): void => {
      state.observations.delete(token)
      this.#observationCount--
      if (isByPeer) exchange.abort()
    }
    const { medium } = this.#port
    const observation = new ServerObservation({
      medium,
      state,
      token,
      numbers: this.#numbers,
      ended,
    })
    state.observations.get(token)?.stop()
    state.observations.set(token, observation)
    this.#observationCount++
    return observation
  }
}

function tooBusy(): Response {
  const options = [uintOption(OPTION.maxAge, RETRY_AFTER_SECONDS)]
  return { ...answerOf(CODE_UNAVAILABLE), options }
}
