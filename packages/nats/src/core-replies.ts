// SPDX-License-Identifier: Apache-2.0
/**
 * Requests and their answers over core NATS: what is sent to somebody else's control addresses names a
 * subject of this connection, and the own inbox, so that answers reach also those to whose inbox nobody
 * may publish, or who may not subscribe to it (`docs/spec/09-bindings.md` Section 9.7.8).
 *
 * A hint adds a way and takes none away: answers go to the inbox as well, so that a forged hint leads
 * nothing astray. It leads to no other subjects than those that clients make for answers.
 *
 * @module
 */

import {
  createInbox,
  type Msg,
  type MsgHdrsImpl,
  type NatsConnection,
} from '@nats-io/transport-node'
import { CONTROL_PREFIX } from '@waxwing/core'
import { inboxOf, ReplyAddresses, transportError } from '@waxwing/transport-kit'
import { addressOfSubject, subjectOf } from './names.js'

/** The header that names the inbox of whoever asks. */
export const INBOX_HEADER = 'Waxwing-Inbox'
/** The header of a copy that names the address it is for. */
const FOR_HEADER = 'Waxwing-For'

const REQUESTS = `${CONTROL_PREFIX}request/`
const INBOXES = `${CONTROL_PREFIX}inbox/`
const MAX_ASKED = 1_000

/** What a request says of where its answers go. */
export interface Return {
  readonly reply: string
  readonly inbox: string | undefined
}

export interface RepliesOwner {
  /** The inbox that is subscribed to here. */
  ownInbox(): string | undefined
  /** A message for an address of the own inbox. */
  take(message: Msg, address: string): void
  report(error: unknown): void
}

export class CoreReplies {
  readonly #owner: RepliesOwner
  readonly #hints: ReplyAddresses = new ReplyAddresses({ isNode: isReplySubject })
  /** What was asked, by the last token of its reply subject, the oldest first. */
  readonly #asked = new Map<string, string>()
  #inbox = ''
  #number = 0

  constructor(owner: RepliesOwner) {
    this.#owner = owner
  }

  /** Answers come over this connection. */
  attach(connection: NatsConnection): void {
    const inbox = createInbox()
    this.#inbox = inbox
    this.#asked.clear()
    connection.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#came(message, message.subject.slice(inbox.length + 1))
        else this.#owner.report(transportError(`no answers come: ${error.message}`, error))
      },
    })
  }

  /** Where answers go to what is sent to this address; `undefined` where there will be none. */
  returnOf(address: string): Return | undefined {
    const isRequest = address.startsWith(REQUESTS)
    if (!isRequest && !address.startsWith(INBOXES)) return undefined
    const number = (this.#number++).toString(36)
    if (isRequest) this.#remember(number, address)
    return { reply: `${this.#inbox}.${number}`, inbox: this.#owner.ownInbox() }
  }

  /** Notes where somebody says that answers reach it. */
  learn(address: string, { reply, headers }: Msg): void {
    if (!address.startsWith(REQUESTS) && !address.startsWith(INBOXES)) return
    const inbox = headers?.get(INBOX_HEADER)
    if (inbox && reply) this.#hints.learn(addressOfSubject(inbox), reply)
  }

  /** Sends a copy to where the owner of an inbox said. @returns The subject, if there is one. */
  copy(
    connection: NatsConnection,
    address: string,
    payload: Uint8Array,
    headers: MsgHdrsImpl,
  ): string | undefined {
    const subject = this.#hints.nodeFor(address)
    if (subject === undefined) return undefined
    headers.set(FOR_HEADER, subjectOf(address))
    const most = connection.info?.max_payload ?? Infinity
    if (payload.length + headers.encode().length > most) return undefined
    connection.publish(subject, payload, { headers })
    return subject
  }

  /** Not there any more, or not for us. */
  refused(subject: string, address: string): void {
    this.#hints.forget(address, subject)
  }

  #remember(number: string, address: string): void {
    for (const oldest of this.#asked.keys()) {
      if (this.#asked.size < MAX_ASKED) break
      this.#asked.delete(oldest)
    }
    this.#asked.set(number, address)
  }

  #came(message: Msg, number: string): void {
    if (message.data.length === 0 && message.headers?.code === 503) {
      const address = this.#asked.get(number)
      this.#asked.delete(number)
      // A request says at once that nobody listens who could grant anything.
      if (address !== undefined) {
        this.#owner.report(transportError(`nobody listens at ${address}`))
      }
      return
    }
    const own = this.#owner.ownInbox()
    const address = addressOfSubject(message.headers?.get(FOR_HEADER) ?? '')
    // Whoever answers can reach the inbox, and nothing else.
    if (own !== undefined && address !== undefined && inboxOf(address) === own) {
      this.#owner.take(message, address)
    }
  }
}

/** As clients make them for answers; nobody's data, and nothing of the server. */
function isReplySubject(subject: string): boolean {
  return /^_INBOX(\.[\w-]+)+$/.test(subject)
}
