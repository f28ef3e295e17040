// SPDX-License-Identifier: Apache-2.0
/**
 * The client's side of an endpoint: requests go out, and what comes is matched with them by token,
 * address and port (RFC 7252 Section 5.3.2).
 *
 * @module
 */

import { isIP, isIPv4 } from 'node:net'
import { WaxwingError } from '@waxwing/core'
import { answerChallenge, isRequestCode, OPTION, optionValue } from '@waxwing/oscore'
import type { Handler, Peer, Request, Response } from '../handler.js'
import { canonicalPeer } from './addresses.js'
import { ClientExchange, type ClientExchangePort } from './client-exchange.js'
import { emptyDatagram, encodeDatagram, TYPE } from './datagram.js'
import type { Medium } from './medium.js'
import type { Arrival, PeerState } from './peer-state.js'
import type { PeerTable } from './peer-table.js'

/** Enough randomness against responses by those who do not see the request (RFC 7252 Section 5.3.1). */
const TOKEN_BYTES = 4
/** Randomness is drawn for so many tokens at once. */
const TOKENS_AT_ONCE = 256

export class Requesting {
  readonly #medium: Medium
  readonly #peers: PeerTable
  readonly #port: ClientExchangePort
  #randomness: Buffer = Buffer.alloc(0)
  #count = 0
  #isClosed = false

  constructor(medium: Medium, peers: PeerTable) {
    this.#medium = medium
    this.#peers = peers
    this.#port = {
      medium,
      accept: (state, arrival) => this.#accept(state, arrival),
      released: () => this.#count--,
    }
  }

  /** Requests without a response, and observations. */
  get count(): number {
    return this.#count
  }

  /**
   * Sends requests, once more with the Echo option where the peer asks for it (RFC 9175 Section 2.3). Of a
   * protected request a proxy may ask that, without protection; what the server asks is protected, and
   * not for us.
   */
  readonly network: Handler = async (request) => {
    const response = await this.#send(request)
    const isPlain = optionValue(response, OPTION.oscore) === undefined
    if (!isPlain || optionValue(request, OPTION.echo) !== undefined) return response
    const answer = answerChallenge(request, response)
    return answer === undefined ? response : this.#send({ ...request, ...answer })
  }

  /** Takes a response that is no duplicate. @returns `false` if nobody waits for it. */
  take(state: PeerState, arrival: Arrival): boolean {
    const expectation = state.expectations.get(arrival.token)
    if (expectation === undefined) return false
    expectation.take(arrival, false)
    return true
  }

  /** Takes a response that came with an acknowledgement. */
  takePiggybacked(state: PeerState, arrival: Arrival): void {
    const expectation = state.expectations.get(arrival.token)
    const transmission = state.outbox.inFlight(arrival.messageId)
    if (transmission === undefined || expectation?.transmission !== transmission) return
    expectation.take(arrival, true)
  }

  /** Ends all; later requests fail. */
  close(): void {
    this.refuse()
    for (const { expectations } of this.#peers) {
      for (const expectation of expectations.values()) expectation.fail(closedError())
    }
  }

  /** Lets later requests fail. */
  refuse(): void {
    this.#isClosed = true
  }

  /** @throws {TypeError | RangeError | WaxwingError} At once. */
  #send(request: Request): Promise<Response> {
    const { signal, confirmable = true } = request
    signal.throwIfAborted()
    if (this.#isClosed) throw closedError()
    const state = this.#stateOf(request)
    const token = this.#newToken(state)
    const datagram = encodeDatagram(confirmable ? TYPE.con : TYPE.non, 0, token, request)
    this.#assertLength(datagram)
    this.#count++
    const exchange = new ClientExchange(this.#port, { state, token, request })
    exchange.start(datagram)
    return exchange.response
  }

  #stateOf({ code, peer }: Request): PeerState {
    if (!isRequestCode(code)) throw new RangeError(`code must be of a request, got ${code}`)
    if (!Number.isInteger(peer.port) || peer.port < 1 || peer.port > 65_535) {
      throw new RangeError(`peer.port must be from 1 to 65535, got ${peer.port}`)
    }
    const { maxOutgoingRequests } = this.#medium.limits
    if (this.#count >= maxOutgoingRequests) throw limitError('maxOutgoingRequests')
    const state = this.#peers.obtain(this.#reachable(peer))
    if (state === undefined) throw limitError('maxPeers')
    return state
  }

  #reachable(peer: Peer): Peer {
    if (isIP(peer.address) === 0) {
      throw new TypeError(`peer.address must be an IP address, got ${peer.address}`)
    }
    const canonical = canonicalPeer(peer)
    if (this.#medium.speaksIpv6 || isIPv4(canonical.address)) return canonical
    // No caller's fault: a proxy goes where it is sent.
    throw new WaxwingError('ERR_TRANSPORT', 'an IPv4 socket reaches no IPv6 address', {
      field: 'peer.address',
    })
  }

  #assertLength({ length }: Buffer): void {
    const { maxMessageBytes } = this.#medium.limits
    if (length <= maxMessageBytes) return
    throw new RangeError(`request must be at most ${maxMessageBytes} bytes long, got ${length}`)
  }

  #accept(state: PeerState, { isConfirmable, messageId, key }: Arrival): void {
    const { now, send, transmission } = this.#medium
    const reply = isConfirmable ? emptyDatagram(TYPE.ack, messageId) : undefined
    if (reply !== undefined) send(reply, state.peer)
    const { exchangeLifetimeMs, nonLifetimeMs } = transmission
    const expiresAt = now() + (isConfirmable ? exchangeLifetimeMs : nonLifetimeMs)
    this.#peers.remembered.add(state, key, { expiresAt, reply, isCounted: false })
  }

  #newToken(state: PeerState): string {
    for (;;) {
      if (this.#randomness.length < TOKEN_BYTES) {
        this.#randomness = this.#medium.randomBytes(TOKEN_BYTES * TOKENS_AT_ONCE)
      }
      const token = this.#randomness.toString('latin1', 0, TOKEN_BYTES)
      this.#randomness = this.#randomness.subarray(TOKEN_BYTES)
      if (!state.expectations.has(token)) return token
    }
  }
}

function closedError(): WaxwingError {
  return new WaxwingError('ERR_CLOSED', 'the endpoint was closed')
}

function limitError(rule: string): WaxwingError {
  return new WaxwingError('ERR_LIMIT', `too many at once (${rule})`, { rule })
}
