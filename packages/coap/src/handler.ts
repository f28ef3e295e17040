// SPDX-License-Identifier: Apache-2.0
/**
 * What answers a request: a resource, a whole server, a proxy, and at a client the network itself.
 *
 * All parts of this package are of this one type or turn one into another, so that a proxy is a handler
 * that calls a client's, and protection stands between any two. Messages are those of RFC 7252 without
 * what belongs to one hop; retransmission, duplicates and tokens stay in `messaging/`.
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'

/** A CoAP endpoint, as UDP names it. */
export interface Peer {
  /** A numeric IPv4 or IPv6 address; an IPv6 one may have a zone. */
  readonly address: string
  /** 1 to 65,535. */
  readonly port: number
}

/** Who sent a request, where it was protected. Set only by what verified it. */
export interface RequestSecurity {
  /** Who the peer proved to be: the name under which its credential or its context is known here. */
  readonly name: string
}

/** A request on its way, in either direction. Code, options and payload are untrusted at a server. */
export interface Request extends CoapMessage {
  /** At a server, where it came from; at a client, where it goes. */
  readonly peer: Peer
  /** Aborted when nobody waits any more for the response, or for further notifications. */
  readonly signal: AbortSignal
  /** Whether messages have to be acknowledged. Default `true`. */
  readonly confirmable?: boolean
  /** Who asks; absent where the request was not protected. */
  readonly security?: RequestSecurity
}

/** The response to a request, and with Observe what follows it. */
export interface Response extends CoapMessage {
  /**
   * Present where the handler observes for the requester (RFC 7641): then this response has an Observe
   * option. Whoever does not start it sends nothing more.
   */
  readonly notifications?: Notifications
}

/**
 * Begins to send notifications to a listener; called at most once, when the first response is on its
 * way. They end when the request's signal is aborted, or by `end`.
 */
export type Notifications = (listener: NotificationListener) => void

/** Takes the notifications of one observation, in their order. */
export interface NotificationListener {
  /**
   * Takes a notification. At a client the message is acknowledged to the sender once this resolved.
   * Several may be under way; a listener that is slow may pass over all but the newest (RFC 7641
   * Section 4.5.2). Never rejects.
   */
  next(notification: CoapMessage): Promise<void>
  /**
   * No further notification comes: one without Observe was the last, the peer is gone, or the signal was
   * aborted. Called once.
   *
   * @param error - Why, where it was not the peer's will.
   */
  end(error?: Error): void
}

/**
 * Answers a request. What a resource or a server has to say is a response, an error code among them; a
 * handler rejects where there is no response at all.
 *
 * @throws {WaxwingError} At a client: `ERR_TIMEOUT`, `ERR_TRANSPORT`, `ERR_CLOSED`, and what a layer
 *   says. The reason of the signal, if it was aborted.
 */
export type Handler = (request: Request) => Promise<Response>

/** Stands before a handler: changes requests on their way to it, and responses on their way back. */
export type Layer = (next: Handler) => Handler
