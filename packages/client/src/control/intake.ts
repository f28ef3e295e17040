// SPDX-License-Identifier: Apache-2.0
/**
 * The door through which control messages come from a transport: bounded, fair, one at a time.
 *
 * A flood may be false (signed by nobody), claim to be somebody known, or be sealed so that nobody can
 * tell before it is opened. So there are three queues, served in turn: one whose room is reserved for
 * authors that we know, and within it a bucket for each, because a claim is not yet a proof; one for
 * what is sealed to us; and one for everybody else. Where one is full, a random message gives way.
 *
 * @module
 */

import { decodeStatement, isSealedMessage, toHex, WaxwingError } from '@waxwing/core'
import type { TrustBook } from '../identity/trust-book.js'
import type { Runtime } from '../runtime.js'
import type { Dispatcher } from './dispatcher.js'
import type { Reply } from './messenger.js'
import { RateLimit } from './rate-limit.js'

const MAX_KNOWN = 1024
/** Grants that were left for us while we were away come all at once. */
const MAX_SEALED = 4096
const MAX_UNKNOWN = 256
/** How much is looked at in one go before other work gets a turn. */
const BATCH = 16
const OVERLOAD_REPORT_MS = 1000

interface Queue {
  readonly items: Item[]
  readonly limit: number
}

interface Item {
  readonly address: string
  readonly payload: Uint8Array
  readonly done: () => void
}

export interface IntakeInputs {
  readonly runtime: Runtime
  readonly trustBook: TrustBook
  readonly dispatcher: Dispatcher
  readonly send: (replies: readonly Reply[]) => Promise<void>
}

export class Intake {
  readonly #inputs: IntakeInputs
  readonly #known: Queue = { items: [], limit: MAX_KNOWN }
  readonly #sealed: Queue = { items: [], limit: MAX_SEALED }
  readonly #unknown: Queue = { items: [], limit: MAX_UNKNOWN }
  readonly #turns: readonly Queue[] = [this.#known, this.#sealed, this.#unknown]
  #turn = 0
  readonly #claims = new RateLimit({ capacity: 64, perSecond: 32 })
  #running = false
  #dropped = 0
  #reportedAt = -Infinity
  #closed = false

  constructor(inputs: IntakeInputs) {
    this.#inputs = inputs
  }

  /** Takes one message. Resolves when it was dealt with, or given up. */
  take(address: string, payload: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const item = { address, payload, done: resolve }
      const queue = this.#queueFor(payload, address)
      if (queue === undefined || this.#closed) {
        resolve()
        return
      }
      queue.items.push(item)
      this.#makeRoom(queue)
      void this.#run()
    })
  }

  close(): void {
    this.#closed = true
    for (const { items } of this.#turns) for (const item of items.splice(0)) item.done()
  }

  /** Junk is refused before it costs a place in a queue. */
  #queueFor(payload: Uint8Array, address: string): Queue | undefined {
    if (isSealedMessage(payload)) return this.#sealed
    try {
      const { author } = decodeStatement(payload)
      const { trustBook, runtime } = this.#inputs
      const isKnown = trustBook.isKnown(author)
      const mayClaim = isKnown && this.#claims.take(toHex(author), runtime.time.monotonic())
      return mayClaim ? this.#known : this.#unknown
    } catch (error) {
      this.#refused(error, address)
      return undefined
    }
  }

  #makeRoom({ items, limit }: Queue): void {
    if (items.length <= limit) return
    const [a = 0, b = 0] = this.#inputs.runtime.crypto.randomBytes(2)
    const [victim] = items.splice((a * 256 + b) % items.length, 1)
    victim?.done()
    this.#dropped++
    this.#reportOverload()
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    for (let count = 1; ; count++) {
      const item = this.#next()
      if (item === undefined) break
      await this.#handle(item)
      if (count % BATCH === 0) await this.#pause()
    }
    this.#running = false
  }

  /** The next message of the queue whose turn it is, or of the next one that has any. */
  #next(): Item | undefined {
    for (let tries = 0; tries < this.#turns.length; tries++) {
      const queue = this.#turns[this.#turn++ % this.#turns.length]
      const item = queue?.items.shift()
      if (item !== undefined) return item
    }
    return undefined
  }

  async #handle({ address, payload, done }: Item): Promise<void> {
    try {
      await this.#inputs.send(await this.#inputs.dispatcher.receive(payload))
    } catch (error) {
      this.#refused(error, address)
    }
    done()
  }

  #refused(error: unknown, address: string): void {
    const { runtime } = this.#inputs
    if (!(error instanceof WaxwingError)) {
      runtime.report(error)
      return
    }
    const { code, details } = error
    runtime.emit({ type: 'control-refused', code, rule: details.rule, address })
  }

  #reportOverload(): void {
    const { runtime } = this.#inputs
    const nowMs = runtime.time.monotonic()
    if (nowMs - this.#reportedAt < OVERLOAD_REPORT_MS) return
    this.#reportedAt = nowMs
    runtime.emit({ type: 'overload', dropped: this.#dropped })
    this.#dropped = 0
  }

  /** Lets sockets and timers have their turn. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const channel = new MessageChannel()
      channel.port1.addEventListener('message', () => {
        channel.port1.close()
        resolve()
      })
      channel.port1.start()
      channel.port2.postMessage(null)
    })
  }
}
