// SPDX-License-Identifier: Apache-2.0
/**
 * An observation at the server (RFC 7641 Section 4): notifications go out one after the other, the
 * newest in place of those that still wait (Section 4.5.2), until the peer rejects one, does not
 * acknowledge one, or says that it wants no more.
 *
 * @module
 */

import { type CoapMessage, code, OPTION } from '@waxwing/oscore'
import type { NotificationListener } from '../handler.js'
import { uintOption, withoutOptions } from '../options.js'
import { isObserved } from './client-observation.js'
import { encodeDatagram, stampMessageId, TYPE } from './datagram.js'
import type { Medium } from './medium.js'
import type { Outcome, Transmission } from './outbox.js'
import type { ObservationByPeer, PeerState } from './peer-state.js'

/** At least this often a notification has to be acknowledged (Section 4.5). */
const MAX_UNCONFIRMED_MS = 24 * 3_600_000
const CODE_INTERNAL = code(5, 0)
const SEQUENCE_LIMIT = 2 ** 24

/** Numbers of notifications (Section 4.4): of one endpoint, so that a new registration goes on. */
export class ObserveNumbers {
  #last: number

  constructor(medium: Medium) {
    this.#last = medium.randomBytes(3).readUIntBE(0, 3)
  }

  /** The message with the next number in its Observe option. */
  number(message: CoapMessage): CoapMessage {
    this.#last = (this.#last + 1) % SEQUENCE_LIMIT
    const others = withoutOptions(message.options, OPTION.observe)
    const options = [...others, uintOption(OPTION.observe, this.#last)]
    return { code: message.code, options, payload: message.payload }
  }
}

export interface ServerObservationPort {
  readonly medium: Medium
  readonly state: PeerState
  readonly token: string
  readonly numbers: ObserveNumbers
  /** Nothing more is sent. Called once; `isByPeer` where the handler does not know it yet. */
  readonly ended: (isByPeer: boolean) => void
}

interface Waiting {
  readonly message: CoapMessage
  readonly resolve: () => void
}

export class ServerObservation implements NotificationListener, ObservationByPeer {
  readonly #port: ServerObservationPort
  #transmission: Transmission | undefined
  #inFlight: Waiting | undefined
  #queued: Waiting | undefined
  /** No further notification is taken. */
  #isComplete = false
  #isOver = false
  #count = 0
  #confirmedAt: number
  #lastMessageId: number | undefined

  constructor(port: ServerObservationPort) {
    this.#port = port
    this.#confirmedAt = port.medium.now()
  }

  get lastMessageId(): number | undefined {
    return this.#lastMessageId
  }

  next(notification: CoapMessage): Promise<void> {
    if (this.#isComplete) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    if (!isObserved(notification)) this.#isComplete = true
    this.#queued?.resolve() // passed over
    this.#queued = { message: notification, resolve }
    if (this.#inFlight === undefined) this.#sendQueued()
    return promise
  }

  end(): void {
    this.#isComplete = true
    if (this.#inFlight === undefined) this.#finish(false)
  }

  stop(): void {
    this.#finish(true)
  }

  #sendQueued(): void {
    const waiting = this.#queued
    if (waiting === undefined) {
      if (this.#isComplete) this.#finish(false)
      return
    }
    const { medium, state } = this.#port
    const isConfirmable = this.#mustConfirm(waiting.message)
    const datagram = this.#encode(waiting.message, isConfirmable ? TYPE.con : TYPE.non)
    this.#queued = undefined
    if (isConfirmable) {
      this.#sendConfirmable(waiting, datagram)
      return
    }
    this.#lastMessageId = state.outbox.newMessageId()
    stampMessageId(datagram, this.#lastMessageId)
    medium.send(datagram, state.peer)
    waiting.resolve()
  }

  #sendConfirmable(waiting: Waiting, datagram: Buffer): void {
    this.#inFlight = waiting
    const { state } = this.#port
    // The address was proved when the observation began, and each acknowledgement is a sign of it.
    this.#transmission = state.outbox.send({
      datagram,
      isCounted: false,
      settled: (outcome) => this.#settled(outcome),
      newer: () => this.#newer(),
    })
  }

  #settled(outcome: Outcome): void {
    this.#transmission = undefined
    this.#inFlight?.resolve()
    this.#inFlight = undefined
    if (outcome !== 'acknowledged') {
      this.#finish(true)
      return
    }
    this.#confirmedAt = this.#port.medium.now()
    this.#sendQueued()
  }

  /** What waits takes the place of what was not acknowledged, and its remaining attempts. */
  #newer(): Buffer | undefined {
    const waiting = this.#queued
    if (waiting === undefined) return undefined
    this.#inFlight?.resolve()
    this.#inFlight = waiting
    this.#queued = undefined
    return this.#encode(waiting.message, TYPE.con)
  }

  #mustConfirm(message: CoapMessage): boolean {
    const { transmission, now } = this.#port.medium
    const isDue = this.#count++ % transmission.confirmableEvery === 0
    return isDue || !isObserved(message) || now() - this.#confirmedAt > MAX_UNCONFIRMED_MS
  }

  #encode(message: CoapMessage, type: number): Buffer {
    const { medium, numbers, token } = this.#port
    const { maxMessageBytes } = medium.limits
    try {
      const numbered = isObserved(message) ? numbers.number(message) : message
      const datagram = encodeDatagram(type, 0, token, numbered)
      if (datagram.length <= maxMessageBytes) return datagram
      throw new RangeError(`notification must be at most ${maxMessageBytes} bytes long`)
    } catch (error) {
      medium.report(error)
      this.#isComplete = true
      const refusal = { code: CODE_INTERNAL, options: [], payload: new Uint8Array(0) }
      return encodeDatagram(type, 0, token, refusal)
    }
  }

  #finish(isByPeer: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#isComplete = true
    const { state, ended } = this.#port
    if (this.#transmission !== undefined) state.outbox.cancel(this.#transmission)
    this.#inFlight?.resolve()
    this.#queued?.resolve()
    this.#inFlight = undefined
    this.#queued = undefined
    ended(isByPeer)
  }
}
