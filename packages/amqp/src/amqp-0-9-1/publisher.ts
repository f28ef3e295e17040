// SPDX-License-Identifier: Apache-2.0
/**
 * Sending: one channel with confirms on the connection of control, in the order of the calls.
 *
 * - A send is done when the broker has confirmed it. What was not confirmed when the channel ended is
 *   sent again; where the broker ended the channel for something that was sent, one by one.
 * - An inbox has its queue before anything goes there, so that it waits for readers that were never seen.
 * - A mandatory message that reached no queue comes back before it is confirmed.
 *
 * @module
 */

import {
  IllegalOperationError,
  type ChannelModel,
  type ConfirmChannel,
  type Message,
  type Options,
} from 'amqplib'
import {
  closedError,
  Pauses,
  SendQueue,
  transportError,
  type SendQueueLimits,
} from '@waxwing/transport-kit'
import type { WaxwingError } from '@waxwing/core'
import { openConfirmChannel } from './channels.js'
import type { Inboxes } from './inboxes.js'
import { ADDRESS_HEADER } from './properties.js'
import { sendFailed } from './refusals.js'

/** One message on its way out. Not changed by anyone once it is pushed. */
export interface Outgoing {
  /** For errors. */
  readonly address: string
  readonly exchange: string
  readonly routingKey: string
  readonly content: Buffer
  readonly options: Options.Publish
  /** In whose inbox it is. */
  readonly principal?: string
  /** The stream that keeps a copy, with the address in a header. */
  readonly keptIn?: string
}

/** So often a message is sent again that the broker did not take, with a pause. */
const MAX_NACKS = 2
const NACK_PAUSE_MS = 50

type Done = (error?: unknown) => void

export interface PublisherPort {
  readonly limits: SendQueueLimits & {
    readonly reconnectMinMs: number
    readonly reconnectMaxMs: number
  }
  readonly inboxes: Pick<Inboxes, 'isKnown' | 'forget' | 'declare'>
  readonly report: (error: unknown) => void
}

export class Publisher {
  readonly #port: PublisherPort
  readonly #sends: SendQueue<Outgoing>
  readonly #pauses: Pauses
  #model: ChannelModel | undefined
  /** The channel that is there, and the same while it can be sent over. */
  #opened: ConfirmChannel | undefined
  #channel: ConfirmChannel | undefined
  /** What the broker said when it ended the channel. */
  #blame: unknown
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Mandatory messages under way, by their ids: whether they came back. */
  readonly #mandatory = new Map<string, { hasReturned: boolean }>()
  #nextId = 0
  /** How often the broker did not take what is still under way. */
  readonly #nacks = new WeakMap<Outgoing, number>()
  /** What is under way to an inbox whose queue was made once more for it. */
  readonly #remade = new WeakSet<Outgoing>()

  constructor(port: PublisherPort) {
    this.#port = port
    this.#sends = new SendQueue(port.limits, (item, done) => this.#begin(item, done))
    this.#pauses = new Pauses(port.limits.reconnectMinMs, port.limits.reconnectMaxMs)
  }

  /** Resolves when the broker has confirmed the message. */
  push(item: Outgoing): Promise<void> {
    return this.#sends.push(item, item.content.length)
  }

  connected(model: ChannelModel): void {
    this.#model = model
    void this.#open(model, false)
  }

  disconnected(): void {
    this.#model = undefined
    clearTimeout(this.#timer)
    this.#suspend()
  }

  /** Resolves once all sends are done, or after the time given. */
  emptied(timeoutMs: number): Promise<void> {
    return this.#sends.emptied(timeoutMs)
  }

  ended(error: WaxwingError = closedError()): void {
    clearTimeout(this.#timer)
    this.#model = undefined
    this.#sends.ended(error)
  }

  async #open(model: ChannelModel, isSuspect: boolean): Promise<void> {
    try {
      const lost = (why: unknown): void => this.#lost(model, channel, why)
      const channel = await openConfirmChannel(model, lost)
      if (model !== this.#model) return
      channel.on('return', (message: Message) => this.#returned(message))
      channel.on('error', (why: Error) => {
        this.#blame = why // said before the sends under way are given up
        this.#channel = undefined
      })
      this.#blame = undefined
      this.#opened = channel
      this.#channel = channel
      this.#pauses.reset()
      if (isSuspect) this.#sends.resumeOneByOne()
      else this.#sends.resume()
    } catch (error) {
      if (model !== this.#model) return
      this.#port.report(transportError('no channel to send over', error))
      this.#openLater(model, isSuspect)
    }
  }

  /** @param why - What the broker ended the channel for, where it did. */
  #lost(model: ChannelModel, channel: ConfirmChannel, why: unknown): void {
    if (channel !== this.#opened) return
    this.#suspend()
    if (model !== this.#model || why === undefined) return
    this.#port.report(transportError('the broker ended the channel of sends', why))
    this.#openLater(model, true)
  }

  #openLater(model: ChannelModel, isSuspect: boolean): void {
    this.#timer = setTimeout(() => void this.#open(model, isSuspect), this.#pauses.next())
  }

  #suspend(): void {
    this.#opened = undefined
    this.#channel = undefined
    this.#mandatory.clear()
    this.#sends.suspend()
  }

  #begin(item: Outgoing, done: Done): void {
    const channel = this.#channel
    if (channel === undefined) return // suspended: it is sent again
    if (item.principal === undefined || this.#port.inboxes.isKnown(item.principal)) {
      this.#publish(channel, item, done)
      return
    }
    void this.#makeInbox(channel, item, item.principal, done)
  }

  async #makeInbox(
    channel: ConfirmChannel,
    item: Outgoing,
    principal: string,
    done: Done,
  ): Promise<void> {
    try {
      const model = this.#model
      if (model !== undefined) await this.#port.inboxes.declare(model, principal)
      if (channel === this.#channel) this.#publish(channel, item, done)
    } catch (error) {
      // Else it is sent again over the next channel.
      if (channel === this.#channel) done(sendFailed(item.address, error))
    }
  }

  #publish(channel: ConfirmChannel, item: Outgoing, done: Done): void {
    let waitingFor = item.keptIn === undefined ? 1 : 2
    let failure: unknown
    const answered = (error: unknown): void => {
      failure ??= error ?? undefined
      if (--waitingFor === 0) done(failure)
    }
    try {
      // First: who subscribes in between must find the message in one of the two places.
      if (item.keptIn !== undefined) this.#keep(channel, item, item.keptIn, answered)
      this.#hand(channel, item, answered)
    } catch (error) {
      if (error instanceof IllegalOperationError) return // the channel is gone: it is sent again
      done(sendFailed(item.address, error))
    }
  }

  #hand(channel: ConfirmChannel, item: Outgoing, answered: Done): void {
    const { exchange, routingKey, content, options } = item
    if (options.mandatory !== true) {
      channel.publish(exchange, routingKey, content, options, (error: unknown) => {
        if (error === null) answered()
        else this.#refused(item, error, answered, () => this.#hand(channel, item, answered))
      })
      return
    }
    const mark = this.#mark()
    const marked = { ...options, messageId: mark.id }
    channel.publish(exchange, routingKey, content, marked, (error: unknown) => {
      this.#mandatory.delete(mark.id)
      const again = (): void => this.#hand(channel, item, answered)
      if (error !== null) this.#refused(item, error, answered, again)
      else if (mark.hasReturned) this.#unroutable(channel, item, answered)
      else answered()
    })
  }

  #keep(channel: ConfirmChannel, item: Outgoing, stream: string, answered: Done): void {
    const { address, content, options } = item
    const mark = this.#mark()
    const headers = { ...(options.headers as object | undefined), [ADDRESS_HEADER]: address }
    const kept = { ...options, headers, mandatory: true, messageId: mark.id }
    channel.sendToQueue(stream, content, kept, (error: unknown) => {
      this.#mandatory.delete(mark.id)
      const again = (): void => this.#keep(channel, item, stream, answered)
      if (error !== null) this.#refused(item, error, answered, again)
      else if (mark.hasReturned) answered(sendFailed(address, `there is no stream ${stream}`))
      else answered()
    })
  }

  #mark(): { readonly id: string; hasReturned: boolean } {
    const mark = { id: String(this.#nextId++), hasReturned: false }
    this.#mandatory.set(mark.id, mark)
    return mark
  }

  #returned({ properties }: Message): void {
    const id: unknown = properties.messageId
    const mark = typeof id === 'string' ? this.#mandatory.get(id) : undefined
    if (mark !== undefined) mark.hasReturned = true
  }

  /** An inbox whose queue was deleted gets it again, once. */
  #unroutable(channel: ConfirmChannel, item: Outgoing, answered: Done): void {
    const { address, principal } = item
    const error = sendFailed(address, 'no queue takes what is sent there')
    if (principal === undefined || this.#remade.has(item)) {
      answered(error)
      return
    }
    this.#remade.add(item)
    this.#port.inboxes.forget(principal)
    void this.#makeInbox(channel, item, principal, answered)
  }

  #refused(item: Outgoing, error: unknown, answered: Done, again: () => void): void {
    if (error instanceof Error && error.message === 'message nacked') {
      this.#nacked(item, answered, again)
    } else if (this.#blame !== undefined && this.#sends.isOneByOne) {
      answered(sendFailed(item.address, this.#blame))
    }
    // Else the channel is gone, and it is sent again.
  }

  /** A queue is full, or was just being deleted by whoever left it: the one lasts, the other does not. */
  #nacked(item: Outgoing, answered: Done, again: () => void): void {
    const count = (this.#nacks.get(item) ?? 0) + 1
    this.#nacks.set(item, count)
    if (count > MAX_NACKS) {
      answered(sendFailed(item.address, 'the broker did not take it: a queue is full, or failed'))
      return
    }
    const channel = this.#channel
    setTimeout(() => {
      if (channel !== undefined && channel === this.#channel) again()
    }, NACK_PAUSE_MS)
  }
}
