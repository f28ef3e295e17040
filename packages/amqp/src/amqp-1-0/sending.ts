// SPDX-License-Identifier: Apache-2.0
/**
 * Sends: they wait for the connection and for room in the window, go out over the link of their node, and
 * are done when the broker has accepted them. What was not answered when a connection broke is sent again.
 *
 * @module
 */

import { isControlAddress, type WaxwingError } from '@waxwing/core'
import { INTERRUPTED, SendQueue, transportError, type ReplyAddresses } from '@waxwing/transport-kit'
import type { AmqpSendOptions } from '../options.js'
import { encodeMessage } from './message.js'
import type { Naming } from './nodes.js'
import type { ResolvedOptions } from './options.js'
import type { Network } from './peer.js'
import type { SenderLink } from './sender-link.js'
import { Senders } from './senders.js'

interface Item {
  readonly address: string
  readonly node: string
  readonly bytes: Buffer
}

/** The application property that names the inbox, beside the standard one that names the node. */
export const INBOX_PROPERTY = 'waxwing-inbox'

/** So long may a node that somebody named take to answer, before the usual one is taken. */
const HINT_MS = 5_000

type Done = (error?: unknown) => void

export class Sending {
  readonly #naming: Naming
  readonly #replies: ReplyAddresses
  readonly #isPresettled: boolean
  readonly #queue: SendQueue<Item>
  #senders: Senders | undefined
  /** The inbox here and the node that the broker made for it, while there is one. */
  #own: { readonly inbox: string; readonly node: string } | undefined

  constructor(options: ResolvedOptions, naming: Naming, replies: ReplyAddresses) {
    this.#naming = naming
    this.#replies = replies
    this.#isPresettled = options.settlement === 'at-most-once'
    this.#queue = new SendQueue(options, (item, done) => this.#begin(item, done))
  }

  /** The payload is copied at once. */
  async send(address: string, payload: Uint8Array, options: AmqpSendOptions): Promise<void> {
    const { node, ...where } = this.#naming.destination(address)
    const { priority, expiresAfterSeconds, properties = {} } = options
    const bytes = encodeMessage({
      ...where,
      ...this.#replyTo(address, properties),
      payload,
      ...(priority === undefined ? {} : { priority }),
      ...(expiresAfterSeconds === undefined ? {} : { expiresAfterSeconds }),
    })
    await this.#queue.push({ address, node, bytes }, payload.length)
  }

  connected(network: Network): void {
    this.#senders = new Senders(network)
    this.#queue.resume()
  }

  disconnected(): void {
    this.#senders = undefined
    this.#own = undefined
    this.#queue.suspend()
  }

  /** The broker made a node for the own inbox: messages of control say so from now on. */
  ownNode(inbox: string, node: string): void {
    this.#own = { inbox, node }
  }

  /** Resolves once all was answered, or after the time given. */
  emptied(timeoutMs: number): Promise<void> {
    return this.#queue.emptied(timeoutMs)
  }

  ended(error: WaxwingError): void {
    this.#queue.ended(error)
  }

  #replyTo(
    address: string,
    properties: Readonly<Record<string, string>>,
  ): { readonly properties: Readonly<Record<string, string>>; readonly replyTo?: string } {
    const own = this.#own
    if (own === undefined || !isControlAddress(address)) return { properties }
    return { properties: { ...properties, [INBOX_PROPERTY]: own.inbox }, replyTo: own.node }
  }

  #begin(item: Item, done: Done): void {
    const prepared = this.#naming.prepare(item.address)
    if (prepared === undefined) this.#send(item, done)
    else prepared.then(() => this.#send(item, done), done)
  }

  #send({ address, node, bytes }: Item, done: Done): void {
    const senders = this.#senders
    if (senders === undefined) {
      done(INTERRUPTED)
      return
    }
    const hinted = this.#replies.nodeFor(address)
    try {
      if (hinted === undefined) {
        const isPresettled = this.#isPresettled && !isControlAddress(address)
        senders.to(node, isPresettled).send(bytes, done)
      } else {
        this.#sendToHint(senders.to(hinted, false), bytes, (error) => {
          if (error === undefined || error === INTERRUPTED) {
            done(error)
            return
          }
          this.#replies.forget(address, hinted)
          this.#send({ address, node, bytes }, done)
        })
      }
    } catch (error) {
      done(error)
    }
  }

  /** A node that is gone may refuse, or never give credit. */
  #sendToHint(link: SenderLink, bytes: Buffer, done: Done): void {
    const timer = setTimeout(() => {
      link.withdraw(answered)
      done(transportError('the node of a hint takes nothing'))
    }, HINT_MS)
    const answered = (error?: unknown): void => {
      clearTimeout(timer)
      done(error)
    }
    link.send(bytes, answered)
  }
}
