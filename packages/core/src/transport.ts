// SPDX-License-Identifier: Apache-2.0
/**
 * What a messaging system must offer so that sealed objects can travel through it
 * (`docs/spec/09-bindings.md` Sections 9.1 and 9.2).
 *
 * A transport carries opaque bytes. It sees neither plaintext nor keys, and it neither orders nor
 * removes duplicates beyond what its protocol promises: those are the endpoint's decisions. Data
 * objects travel on the application's own addresses, control messages on the addresses of
 * {@link requestAddress}, {@link inboxAddress} and {@link trustAddress}; a transport whose own
 * addresses look different maps these, and never lets data block control.
 *
 * @module
 */

import { toBase64Url, toHex } from './bytes.js'

export interface TransportLimits {
  /** Largest payload, in bytes, that one message can carry. */
  readonly maxPayloadBytes: number
  /** `false` where only text survives the trip. */
  readonly binary: boolean
  /** `true` where the intermediary keeps the last message of an address for late subscribers. */
  readonly retained: boolean
  /**
   * What `replay` yields: all that was sent and is not yet too old, or the newest message of each address.
   * Left out where there is no `replay`.
   */
  readonly history?: 'all' | 'newest'
  /**
   * `false` where messages carry no properties: `send` refuses some with `ERR_UNSUPPORTED`. Left out: they
   * carry them.
   */
  readonly properties?: false
  /**
   * How soon an answer to a message may come, in seconds: nothing is sent again sooner for want of one.
   * Left out: at once.
   */
  readonly answerSeconds?: number
  /** `true` where each byte costs: control messages are packed (`docs/spec/07-granting.md` Section 7.2.6). */
  readonly costly?: true
}

export interface SendOptions {
  /** Ask the intermediary to keep this message for late subscribers. Default `false`. */
  readonly retained?: boolean
  /** Let the intermediary drop the message after this many seconds. Not protected. */
  readonly expiresAfterSeconds?: number
  /** Properties outside the object, in the clear and changeable by anyone on the way. */
  readonly properties?: Readonly<Record<string, string>>
}

export interface Received {
  /** Where the message arrived: a topic, a queue, a mailbox. Untrusted. */
  readonly address: string
  /** Owned by the handler. Untrusted until opened. */
  readonly payload: Uint8Array
  /** The transport's own properties. Anyone on the way may have changed them. */
  readonly properties: Readonly<Record<string, string>>
  /** Came from the intermediary's memory, not live. Untrusted. */
  readonly retained: boolean
  /** The transport says that it delivered this before. Untrusted. */
  readonly redelivered: boolean
  /** When the intermediary says that it got the message. Untrusted. There if `replay` yielded it. */
  readonly storedAt?: Date
  /** Tells the intermediary that the message is safe here. Idempotent. */
  acknowledge(): Promise<void>
  /**
   * Tells the intermediary, instead of `acknowledge`, that nobody here can ever use the message, and
   * why: it comes no more, and goes where the intermediary keeps such messages. Absent where it has no
   * such place: then acknowledge it.
   *
   * @param reason - A few words, readable by anyone; cut at 255 bytes.
   */
  reject?(reason: string): Promise<void>
  /**
   * Whether the connection is gone on which it came, so that it can be acknowledged no more: if the
   * intermediary keeps it, it comes again. Absent where that cannot be told.
   */
  isLost?(): boolean
}

export type MessageHandler = (message: Received) => Promise<void>

export interface Subscription {
  /** Resolves once the transport has stopped calling the handler. Safe to call twice. */
  close(): Promise<void>
}

export type TransportStatus =
  | { readonly state: 'connected' }
  | { readonly state: 'disconnected' }
  /** Something failed that no caller waits for: a handler threw, a packet was bad. */
  | { readonly state: 'error'; readonly error: unknown }

export interface Transport {
  readonly limits: TransportLimits
  /**
   * Resolves when the first hop has taken the message; it says nothing about the far end. While
   * disconnected it waits for the reconnection.
   *
   * @throws {RangeError} If the payload is longer than `limits.maxPayloadBytes`.
   * @throws {WaxwingError} `ERR_TRANSPORT` if the first hop refused; `ERR_CLOSED` after `close`.
   */
  send(address: string, payload: Uint8Array, options?: SendOptions): Promise<void>
  /**
   * Calls the handler once for each message whose address matches. Filters use MQTT's wildcards:
   * `+` for one level, `#` for the rest. A message counts as handled when `acknowledge()` was
   * called; a handler that rejects is reported as a status and does not end the subscription.
   */
  subscribe(filter: string, handler: MessageHandler): Promise<Subscription>
  /**
   * Yields what the intermediary still has, oldest first, and ends with what was there when it began; of
   * one address in the order in which it came. `from` and `until` are by the intermediary's clock, both
   * included, and only a hint: more may come, less may not. Nothing is taken away. A consumer that is
   * slow is waited for, and one that ends early leaves nothing behind.
   *
   * @throws {WaxwingError} While iterating: `ERR_TRANSPORT` if the intermediary refuses or is lost for
   *   good; `ERR_CLOSED`.
   */
  replay?(filter: string, span: { from?: Date; until?: Date }): AsyncIterable<Received>
  /** Calls the listener at each change and failure. Returns a function that removes it. */
  onStatus(listener: (status: TransportStatus) => void): () => void
  /** Lets sends in flight finish, stops all handlers, frees everything. Safe to call twice. */
  close(): Promise<void>
}

/** The prefix of every address that carries control messages. */
export const CONTROL_PREFIX = 'waxwing/v1/'

/** Where unsealed requests for objects with this kid go. */
export function requestAddress(kid: Uint8Array): string {
  return `${CONTROL_PREFIX}request/${toHex(kid)}`
}

/** Where a principal receives what is addressed to it. */
export function inboxAddress(principalId: Uint8Array): string {
  return `${CONTROL_PREFIX}inbox/${toBase64Url(principalId)}`
}

/** Where a domain's newest trust bundle is kept, retained. */
export function trustAddress(domainId: Uint8Array): string {
  return `${CONTROL_PREFIX}trust/${toBase64Url(domainId)}`
}

/** Tells whether an address belongs to Waxwing's control messages. */
export function isControlAddress(address: string): boolean {
  return address.startsWith(CONTROL_PREFIX)
}
