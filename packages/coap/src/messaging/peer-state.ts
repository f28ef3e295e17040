// SPDX-License-Identifier: Apache-2.0
/**
 * What is known of one peer: all that is matched by its address and port (RFC 7252 Sections 4.2, 5.3.2).
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'
import type { Peer } from '../handler.js'
import { AddressBudget } from './address-budget.js'
import { AgingMap } from './aging-map.js'
import type { Medium } from './medium.js'
import { Outbox, type Transmission } from './outbox.js'
import { type Withholding, WithheldResponses } from './withheld-responses.js'

/** A request or response that came, with what its datagram says of it. */
export interface Arrival {
  readonly isConfirmable: boolean
  readonly messageId: number
  readonly token: string
  /** The same for its duplicates alone. */
  readonly key: string
  readonly message: CoapMessage
}

/** A message on which somebody works, so that its duplicates are ignored. */
export interface MessageAtWork {
  /** What its duplicates are answered meanwhile. */
  readonly reply: Buffer | undefined
}

/** A message that was dealt with, for as long as duplicates of it may come. */
export interface RememberedMessage extends Withholding {
  readonly expiresAt: number
  /** What its duplicates are answered; `undefined` for silence. */
  readonly reply: Buffer | undefined
  /** Whether that is spent of the address budget. */
  readonly isCounted: boolean
}

/** A request of ours that waits for a response or for notifications. */
export interface Expectation {
  readonly transmission: Transmission | undefined
  /** Takes a response. */
  take(arrival: Arrival, isPiggybacked: boolean): void
  /** The endpoint forgets it. */
  fail(error: Error): void
  /** Forgets an observation that nobody ever listened to. */
  forgetUnheard(before: number): void
}

/** An observation by the peer. */
export interface ObservationByPeer {
  /** Of the last notification that was not confirmable. */
  readonly lastMessageId: number | undefined
  /** The peer does not want it any more, or is gone. */
  stop(): void
}

export class PeerState {
  readonly peer: Peer
  readonly key: string
  readonly budget: AddressBudget
  readonly outbox: Outbox
  /** By token. */
  readonly expectations: Map<string, Expectation> = new Map()
  /** By token. */
  readonly observations: Map<string, ObservationByPeer> = new Map()
  readonly atWork: Map<string, MessageAtWork> = new Map()
  /** In the order in which they were dealt with. */
  readonly remembered: AgingMap<RememberedMessage> = new AgingMap()
  /** Those of them with a response that could not be sent. */
  readonly withheld: WithheldResponses = new WithheldResponses()
  /** Requests of the peer that handlers work on. */
  requestCount = 0
  heardAt: number
  /** How often an eviction passed it over since something came from there. */
  passedOver = 0

  constructor(medium: Medium, key: string, peer: Peer) {
    this.key = key
    this.peer = peer
    this.budget = new AddressBudget(medium)
    this.outbox = new Outbox(medium, this)
    this.heardAt = medium.now()
  }

  /** Whether nobody waits for anything here. */
  get isIdle(): boolean {
    const { expectations, observations, atWork, outbox } = this
    return expectations.size + observations.size + atWork.size + outbox.size === 0
  }
}
