// SPDX-License-Identifier: Apache-2.0
/**
 * The door through which control messages come from a transport: bounded, fair, one at a time
 * (`docs/spec/07-granting.md` Section 7.2.5).
 *
 * A flood may be false (signed by nobody), claim to be somebody known, or be sealed so that nobody can
 * tell before it is opened. So there are three queues, served in turn: one whose room is reserved for
 * authors that we know, and within it a bucket for each, because a claim is not yet a proof; one for
 * what is sealed to us; and one for everybody else. Where one is full, a random message gives way.
 *
 * What is wrong with a message is final. What is wrong with us is not: until the message was dealt
 * with, the transport is not told, and it is tried again (Section 7.2.4).
 *
 * @module
 */

import {
  decodePackedMessage,
  decodeStatement,
  isPackedMessage,
  isSealedMessage,
  sealedKid,
  toHex,
  WaxwingError,
} from '@waxwing/core'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { TrustBook } from '../identity/trust-book.js'
import { pause } from '../pause.js'
import { randomBelow } from '../random.js'
import type { Runtime } from '../runtime.js'
import type { Dispatcher } from './dispatcher.js'
import { IntakeQueue, type Item, type Outcome } from './intake-queue.js'
import { IntakeRetries } from './intake-retries.js'
import type { Reply } from './messenger.js'
import { isOwnTrouble } from './own-trouble.js'
import { RateLimit } from './rate-limit.js'

const MAX_QUEUE_BYTES = 16_777_216
/** How much is looked at in one go before other work gets a turn. */
const BATCH = 16
/** Answers that may be on their way to the transport before no more is looked at. */
const MAX_SENDING = 64
const OVERLOAD_REPORT_MS = 1000

export interface IntakeInputs {
  readonly runtime: Runtime
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
  readonly dispatcher: Dispatcher
  readonly send: (replies: readonly Reply[]) => Promise<void>
}

export class Intake {
  readonly #inputs: IntakeInputs
  readonly #known = new IntakeQueue({ messages: 1024, bytes: MAX_QUEUE_BYTES })
  /** Grants that were left for us while we were away come all at once. */
  readonly #sealed = new IntakeQueue({ messages: 4096, bytes: MAX_QUEUE_BYTES })
  /** So do the credentials and cards of a whole domain. */
  readonly #unknown = new IntakeQueue({ messages: 4096, bytes: MAX_QUEUE_BYTES })
  readonly #turns: readonly IntakeQueue[] = [this.#known, this.#sealed, this.#unknown]
  readonly #retries: IntakeRetries
  readonly #claims = new RateLimit({ capacity: 64, perSecond: 32 })
  readonly #sending = new Set<Promise<void>>()
  #turn = 0
  #running: Promise<void> | undefined
  #dropped = 0
  #reportedAt = -Infinity
  #closed = false

  constructor(inputs: IntakeInputs) {
    this.#inputs = inputs
    this.#retries = new IntakeRetries(inputs.runtime, (item) => this.#enqueue(item))
  }

  /**
   * Takes one message. Never rejects.
   *
   * @returns What became of it. It must come again if we are closing, or too much waits for our own
   *   trouble to pass.
   */
  take(address: string, payload: Uint8Array): Promise<Outcome> {
    if (this.#closed) return Promise.resolve('later')
    const queue = this.#queueFor(payload, address)
    if (!(queue instanceof IntakeQueue)) return Promise.resolve(queue)
    return new Promise((done) => this.#enqueue({ address, payload, tries: 0, queue, done }))
  }

  /** Stops. Resolves when what was begun is done; what waits is to come again. */
  async close(): Promise<void> {
    this.#closed = true
    for (const queue of this.#turns) for (const item of queue.clear()) item.done('later')
    for (const item of this.#retries.clear()) item.done('later')
    await this.#running
    await Promise.all(this.#sending)
  }

  /** Junk, and what is sealed to others, is refused before it costs a place in a queue. */
  #queueFor(payload: Uint8Array, address: string): IntakeQueue | Outcome {
    const { trustBook, identity, runtime } = this.#inputs
    try {
      if (isSealedMessage(payload)) {
        if (identity.kemKey(sealedKid(payload)) !== undefined) return this.#sealed
        throw new WaxwingError('ERR_RECIPIENT', 'the message is sealed to a key that is not ours')
      }
      if (isPackedMessage(payload)) {
        decodePackedMessage(payload)
        return this.#unknown // whose it is shows when it is unpacked, which costs more
      }
      const { author } = decodeStatement(payload)
      const isKnown = trustBook.isKnown(author)
      const mayClaim = isKnown && this.#claims.take(toHex(author), runtime.time.monotonic())
      return mayClaim ? this.#known : this.#unknown
    } catch (error) {
      return this.#refused(error, address)
    }
  }

  #enqueue(item: Item): void {
    const victims = item.queue.push(item, (below) => this.#random(below))
    for (const victim of victims) victim.done(victim.tries === 0 ? 'ERR_LIMIT' : 'later')
    if (victims.length > 0) this.#reportOverload(victims.length)
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    for (let count = 1; ; count++) {
      const item = this.#next()
      if (item === undefined) break
      await this.#handle(item)
      if (count % BATCH === 0) await pause()
    }
    this.#running = undefined
  }

  /** The next message of the queue whose turn it is, or of the next one that has any. */
  #next(): Item | undefined {
    for (let tries = 0; tries < this.#turns.length; tries++) {
      const queue = this.#turns[this.#turn++ % this.#turns.length]
      const item = queue?.shift()
      if (item !== undefined) return item
    }
    return undefined
  }

  /** One after the other is looked at; the answers are sent side by side. */
  async #handle(item: Item): Promise<void> {
    let replies: readonly Reply[]
    try {
      replies = await this.#inputs.dispatcher.receive(item.payload, item.tries > 0)
    } catch (error) {
      this.#failed(item, error)
      return
    }
    const sending = this.#answer(replies, item.done)
    this.#sending.add(sending)
    void sending.then(() => this.#sending.delete(sending))
    if (this.#sending.size >= MAX_SENDING) await Promise.race(this.#sending)
  }

  /** Never rejects. */
  async #answer(replies: readonly Reply[], done: Item['done']): Promise<void> {
    const isSent = replies.length === 0 || (await this.#send(replies))
    done(isSent || !this.#closed ? 'handled' : 'later')
  }

  /** An answer that is lost is asked for again. Never rejects. */
  async #send(replies: readonly Reply[]): Promise<boolean> {
    try {
      await this.#inputs.send(replies)
      return true
    } catch (error) {
      if (!this.#closed) this.#inputs.runtime.report(error)
      return false
    }
  }

  #failed(item: Item, error: unknown): void {
    if (!isToBeTried(error, item)) {
      item.done(this.#refused(error, item.address))
      return
    }
    if (this.#closed) {
      item.done('later')
      return
    }
    if (item.tries === 0) this.#inputs.runtime.report(error)
    const victims = this.#retries.add(item, (below) => this.#random(below))
    for (const victim of victims) victim.done('later')
    if (victims.length > 0) this.#reportOverload(victims.length)
  }

  /** Says why a message is refused for good. */
  #refused(error: unknown, address: string): Outcome {
    const { runtime } = this.#inputs
    if (!(error instanceof WaxwingError)) {
      runtime.report(error)
      return 'handled'
    }
    const { code, details } = error
    runtime.emit({ type: 'control-refused', code, rule: details.rule, address })
    return code
  }

  #reportOverload(count: number): void {
    const { runtime } = this.#inputs
    const nowMs = runtime.time.monotonic()
    this.#dropped += count
    if (nowMs - this.#reportedAt < OVERLOAD_REPORT_MS) return
    this.#reportedAt = nowMs
    runtime.emit({ type: 'overload', dropped: this.#dropped })
    this.#dropped = 0
  }

  #random(below: number): number {
    return randomBelow(this.#inputs.runtime, below)
  }
}

/** What has to come often because we failed is not to be refused for coming often. */
function isToBeTried(error: unknown, { tries }: Item): boolean {
  if (isOwnTrouble(error)) return true
  return tries > 0 && error instanceof WaxwingError && error.details.rule === 'rate'
}
