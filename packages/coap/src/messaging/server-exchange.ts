// SPDX-License-Identifier: Apache-2.0
/**
 * A request of a peer, from its first datagram to its answer (RFC 7252 Sections 4.2, 4.3 and 5.2).
 *
 * Invariant: the handler is called once, whatever duplicates come; a confirmable request is
 * acknowledged within `ackDelayMs`, by its response or by an empty message.
 *
 * @module
 */

import { type CoapMessage, code, isResponseCode } from '@waxwing/oscore'
import type { Handler, Request, Response } from '../handler.js'
import { CODE_EMPTY, emptyDatagram, encodeDatagram, stampMessageId, TYPE } from './datagram.js'
import { isRepeatable } from './echo-values.js'
import type { Medium } from './medium.js'
import { isUnwanted } from './no-response.js'
import type { Arrival, MessageAtWork, PeerState } from './peer-state.js'
import type { Replies } from './replies.js'
import { fingerprintOf } from './request-fingerprint.js'
import { VERIFIED, type VerifiableRequest } from './verified.js'
import type { WithheldResponse } from './withheld-responses.js'

const CODE_INTERNAL = code(5, 0)

export interface ServerExchangePort {
  readonly medium: Medium
  readonly replies: Replies
  /**
   * Makes an observation of a response with notifications.
   *
   * @returns The response as it is to be sent, and what begins the notifications then; `undefined` where
   *   the peer has to prove its address first.
   */
  readonly observe: (exchange: ServerExchange, response: Response) => Observing | undefined
  /** The request is answered, and all is said of it. Called once. */
  readonly answered: (exchange: ServerExchange, answered: Answered) => void
  /** Sends a response as a message of its own. @param lost - Called if it is not acknowledged. */
  readonly deliver: (state: PeerState, datagram: Buffer, lost: () => void) => void
}

/** What is to be remembered of a request. */
export interface Answered {
  /** What its duplicates get. */
  readonly reply: Buffer | undefined
  readonly withheld: WithheldResponse | undefined
}

/** A response with Observe. */
export interface Observing {
  readonly response: CoapMessage
  begin(): void
  /** The peer does not know of it. */
  stop(): void
}

export class ServerExchange implements MessageAtWork {
  readonly state: PeerState
  readonly arrival: Arrival
  readonly #port: ServerExchangePort
  #controller: AbortController | undefined
  #isAborted = false
  #ackTimer: ReturnType<typeof setTimeout> | undefined
  #acknowledgement: Buffer | undefined
  #isAnswered = false

  constructor(port: ServerExchangePort, state: PeerState, arrival: Arrival) {
    this.#port = port
    this.state = state
    this.arrival = arrival
  }

  get reply(): Buffer | undefined {
    return this.#acknowledgement
  }

  /** Made when somebody asks: most handlers do not. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#isAborted) this.#controller.abort()
    return this.#controller.signal
  }

  /** Nobody waits any more. */
  abort(): void {
    this.#isAborted = true
    this.#controller?.abort()
  }

  /** The peer proved its address by what its request holds. */
  markVerified(): void {
    this.state.budget.prove()
  }

  /** What asks the peer to prove its address, unless it did. */
  challenge(): CoapMessage | undefined {
    const { medium, replies } = this.#port
    const isUnlimited = medium.limits.amplificationFactor === Infinity
    return isUnlimited || this.state.budget.isProved ? undefined : replies.challenge(this.state)
  }

  /** Calls the handler, and answers with what it says. Never rejects. */
  async run(handler: Handler): Promise<void> {
    if (this.arrival.isConfirmable) {
      const { ackDelayMs } = this.#port.medium.transmission
      this.#ackTimer = setTimeout(() => this.#acknowledge(), ackDelayMs)
    }
    try {
      this.respond(await handler(this.#request()))
    } catch (error) {
      if (!this.#isAborted) this.#port.medium.report(error)
      this.respond(answerOf(CODE_INTERNAL))
    }
  }

  /** Answers, without a handler or after it. */
  respond(response: Response): void {
    if (this.#isAnswered) return
    clearTimeout(this.#ackTimer)
    if (response.code === CODE_EMPTY || isUnwanted(this.arrival.message, response.code)) {
      this.abort() // with nothing to follow
      this.#acknowledge()
      this.#conclude()
    } else if (response.notifications === undefined) {
      this.#send(response)
    } else {
      this.#observe(response)
    }
  }

  /** Answers nothing, whatever the handler will say: the endpoint is closed. */
  giveUp(): void {
    clearTimeout(this.#ackTimer)
    this.#isAnswered = true
    this.abort()
  }

  #observe(response: Response): void {
    const observing = this.#port.observe(this, response)
    if (observing === undefined) {
      this.abort()
      this.#send(this.#port.replies.challenge(this.state))
      return
    }
    if (!this.#send(observing.response, () => observing.stop())) {
      this.abort()
      return
    }
    try {
      observing.begin()
    } catch (error) {
      observing.stop()
      this.#port.medium.report(error)
    }
  }

  /** @returns `false` if something else had to be sent. */
  #send(response: CoapMessage, lost?: () => void): boolean {
    const datagram = this.#encode(response)
    if (this.arrival.isConfirmable && this.#acknowledgement !== undefined) {
      return this.#sendSeparately(datagram, response, lost)
    }
    const isWhole = this.#port.replies.send(this.state, datagram)
    if (this.arrival.isConfirmable) this.#acknowledgement = datagram
    this.#conclude(isWhole ? undefined : this.#withheld(response))
    return isWhole
  }

  /** The acknowledgement is gone already: the response is a message of its own (Section 5.2.2). */
  #sendSeparately(datagram: Buffer, response: CoapMessage, lost?: () => void): boolean {
    const { replies, deliver } = this.#port
    const { state } = this
    const isWhole = state.budget.allows(datagram.length)
    const affordable = isWhole ? datagram : replies.challengeFor(state, datagram)
    this.#conclude(isWhole ? undefined : this.#withheld(response))
    if (state.budget.allows(affordable.length))
      deliver(state, affordable, lost ?? (() => undefined))
    return isWhole
  }

  /** Only what must not be executed again is kept; the rest is made again. */
  #withheld(response: CoapMessage): WithheldResponse | undefined {
    const { message } = this.arrival
    if (isRepeatable(message)) return undefined
    const { code: responseCode, options, payload } = response
    // A copy: a block is a part of a body, all of which it would keep.
    const kept = { code: responseCode, options, payload: Uint8Array.from(payload) }
    return { fingerprint: fingerprintOf(message), response: kept, bytes: payload.length }
  }

  #acknowledge(): void {
    const { isConfirmable, messageId, token } = this.arrival
    if (!isConfirmable || this.#acknowledgement !== undefined) return
    const { state } = this
    const { replies } = this.#port
    const acknowledgement = emptyDatagram(TYPE.ack, messageId)
    if (replies.acknowledge(state, acknowledgement, token.length)) {
      this.#acknowledgement = acknowledgement
    }
  }

  #conclude(withheld?: WithheldResponse): void {
    this.#isAnswered = true
    this.#port.answered(this, { reply: this.#acknowledgement, withheld })
  }

  #encode(response: CoapMessage): Buffer {
    const { medium } = this.#port
    const { maxMessageBytes } = medium.limits
    try {
      if (!isResponseCode(response.code)) {
        throw new RangeError(`code must be of a response, got ${response.code}`)
      }
      const datagram = this.#encodeAny(response)
      if (datagram.length <= maxMessageBytes) return datagram
      throw new RangeError(`response must be at most ${maxMessageBytes} bytes long`)
    } catch (error) {
      medium.report(error)
      return this.#encodeAny(answerOf(CODE_INTERNAL))
    }
  }

  #encodeAny(response: CoapMessage): Buffer {
    const { isConfirmable, messageId, token } = this.arrival
    if (!isConfirmable) {
      const datagram = encodeDatagram(TYPE.non, 0, token, response)
      stampMessageId(datagram, this.state.outbox.newMessageId())
      return datagram
    }
    const isPiggybacked = this.#acknowledgement === undefined
    const type = isPiggybacked ? TYPE.ack : TYPE.con
    return encodeDatagram(type, isPiggybacked ? messageId : 0, token, response)
  }

  #request(): Request {
    const { message, isConfirmable } = this.arrival
    const signal = (): AbortSignal => this.signal
    const request: VerifiableRequest = {
      code: message.code,
      options: message.options,
      payload: message.payload,
      peer: this.state.peer,
      confirmable: isConfirmable,
      get signal() {
        return signal()
      },
      [VERIFIED]: this,
    }
    return request
  }
}

/** A response of nothing but its code. */
export function answerOf(responseCode: number): Response {
  return { code: responseCode, options: [], payload: new Uint8Array(0) }
}
