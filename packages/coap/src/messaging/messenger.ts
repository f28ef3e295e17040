// SPDX-License-Identifier: Apache-2.0
/**
 * Takes datagrams, whatever they hold, and hands each to whom it belongs (RFC 7252 Section 4). It knows
 * nothing of sockets.
 *
 * Invariant: no datagram makes this throw; what it keeps of datagrams is within `EndpointLimits`.
 *
 * @module
 */

import { isRequestCode, isResponseCode } from '@waxwing/oscore'
import type { Handler, Peer } from '../handler.js'
import {
  CODE_EMPTY,
  emptyDatagram,
  type Header,
  messageKey,
  readHeader,
  readMessage,
  readToken,
  TYPE,
} from './datagram.js'
import { EchoValues } from './echo-values.js'
import { GroupRequests } from './group-requests.js'
import type { Medium } from './medium.js'
import { isObserved } from './client-observation.js'
import type { Arrival, PeerState } from './peer-state.js'
import { PeerTable } from './peer-table.js'
import { Replies } from './replies.js'
import { Requesting } from './requesting.js'
import { Serving } from './serving.js'

/** How much an endpoint keeps at the moment. */
export interface EndpointStats {
  /** Peers of which anything is known. */
  readonly peers: number
  /** Messages by which duplicates are recognised. */
  readonly rememberedMessages: number
  readonly rememberedBytes: number
  /** Requests of peers that handlers work on. */
  readonly requests: number
  /** Responses that were sent in messages of their own and are not acknowledged. */
  readonly undeliveredResponses: number
  /** Observations by peers. */
  readonly observations: number
  /** Requests of our own without a response, observations among them. */
  readonly outgoingRequests: number
}

export class Messenger {
  readonly #medium: Medium
  readonly #peers: PeerTable
  readonly #requesting: Requesting
  readonly #serving: Serving | undefined
  /** What was asked of groups. */
  readonly groupRequests: GroupRequests = new GroupRequests()

  constructor(medium: Medium, handler?: Handler) {
    this.#medium = medium
    this.#peers = new PeerTable(medium)
    const echo = new EchoValues(medium)
    const replies = new Replies(medium, echo)
    this.#requesting = new Requesting(medium, this.#peers)
    if (handler === undefined) return
    this.#serving = new Serving({ medium, peers: this.#peers, replies, echo }, handler)
  }

  get network(): Handler {
    return this.#requesting.network
  }

  get stats(): EndpointStats {
    return {
      peers: this.#peers.size,
      rememberedMessages: this.#peers.remembered.count,
      rememberedBytes: this.#peers.remembered.bytes,
      requests: this.#serving?.requestCount ?? 0,
      undeliveredResponses: this.#serving?.undeliveredCount ?? 0,
      observations: this.#serving?.observationCount ?? 0,
      outgoingRequests: this.#requesting.count,
    }
  }

  /** Takes a datagram. Views into it are handed on: it must not be changed afterwards. */
  receive(datagram: Buffer, from: Peer): void {
    const header = readHeader(datagram)
    if (header === undefined) return
    const { type, code } = header
    if (type === TYPE.rst) this.#rejected(header, from)
    else if (type === TYPE.ack) this.#acknowledged(datagram, header, from)
    else if (isRequestCode(code) || isResponseCode(code)) this.#arrived(datagram, header, from)
    else this.#reject(header, from) // a ping, or a reserved code (Sections 4.2 and 4.3)
  }

  /** Forgets what is too old. To be called from time to time. */
  sweep(): void {
    this.#peers.sweep()
  }

  /** Lets handlers finish, then ends everything. */
  async close(): Promise<void> {
    this.#requesting.refuse()
    await this.#serving?.close()
    this.#requesting.close()
    for (const state of this.#peers) state.outbox.clear()
  }

  #arrived(datagram: Buffer, header: Header, from: Peer): void {
    const arrival = arrivalOf(datagram, header)
    if (arrival === undefined) {
      this.#reject(header, from)
      return
    }
    if (isResponseCode(header.code)) this.#responded(arrival, header, from)
    else this.#requested(arrival, header, from, datagram.length)
  }

  #requested(arrival: Arrival, header: Header, from: Peer, bytes: number): void {
    if (this.#serving === undefined) {
      this.#reject(header, from)
      return
    }
    const state = this.#peers.obtain(from)
    if (state === undefined) return
    state.heardAt = this.#medium.now()
    state.budget.heard(bytes)
    if (!this.#isDuplicate(state, arrival)) this.#serving.take(state, arrival)
  }

  #responded(arrival: Arrival, header: Header, from: Peer): void {
    if (this.groupRequests.take(arrival, from)) return
    const state = this.#peers.find(from)
    if (state !== undefined) {
      state.heardAt = this.#medium.now()
      if (this.#isDuplicate(state, arrival) || this.#requesting.take(state, arrival)) return
    }
    // Others that are not confirmable need no answer; a notification would be followed by more.
    if (arrival.isConfirmable || isObserved(arrival.message)) this.#reset(header, from)
  }

  #isDuplicate(state: PeerState, arrival: Arrival): boolean {
    const { key, isConfirmable } = arrival
    const remembered = this.#peers.remembered.find(state, key)
    const before = remembered ?? state.atWork.get(key)
    if (before === undefined) return false
    if (!isConfirmable || before.reply === undefined) return true
    if (remembered?.isCounted === false) this.#medium.send(before.reply, state.peer)
    else this.#serving?.answerAgain(state, arrival, before.reply)
    return true
  }

  #acknowledged(datagram: Buffer, header: Header, from: Peer): void {
    const state = this.#peers.find(from)
    const transmission = state?.outbox.inFlight(header.messageId)
    if (state === undefined || transmission === undefined) return
    if (header.code === CODE_EMPTY) {
      if (header.tokenBytes === 0) state.outbox.settle(transmission, 'acknowledged')
      return
    }
    const arrival = isResponseCode(header.code) ? arrivalOf(datagram, header) : undefined
    if (arrival !== undefined) this.#requesting.takePiggybacked(state, arrival)
  }

  #rejected({ messageId, code }: Header, from: Peer): void {
    const state = this.#peers.find(from)
    if (state === undefined || code !== CODE_EMPTY) return
    const transmission = state.outbox.inFlight(messageId)
    if (transmission !== undefined) {
      state.outbox.settle(transmission, 'rejected')
      return
    }
    for (const observation of state.observations.values()) {
      if (observation.lastMessageId === messageId) observation.stop()
    }
  }

  #reject(header: Header, from: Peer): void {
    if (header.type === TYPE.con) this.#reset(header, from)
  }

  /** Four bytes for at least four that are not counted as heard. */
  #reset({ messageId }: Header, from: Peer): void {
    this.#medium.send(emptyDatagram(TYPE.rst, messageId), from)
  }
}

function arrivalOf(datagram: Buffer, header: Header): Arrival | undefined {
  try {
    return {
      isConfirmable: header.type === TYPE.con,
      messageId: header.messageId,
      message: readMessage(datagram, header),
      token: readToken(datagram, header),
      key: messageKey(datagram, header),
    }
  } catch {
    return undefined // malformed, which its sender gets to know (Sections 4.2 and 4.3)
  }
}
