// SPDX-License-Identifier: Apache-2.0
/**
 * The door through which control messages come from a transport: bounded, fair, one at a time.
 *
 * A flood may be false (signed by nobody) or claim to be somebody known. So there are two queues: one
 * whose room is reserved for authors that we know, and within it a bucket for each, because a claim
 * is not yet a proof; and one for everybody else, from which a random one gives way when it is full.
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
const MAX_UNKNOWN = 256
/** How much is looked at in one go before other work gets a turn. */
const BATCH = 16
const OVERLOAD_REPORT_MS = 1000

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
  readonly #known: Item[] = []
  readonly #unknown: Item[] = []
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
      queue.push(item)
      this.#makeRoom(queue)
      void this.#run()
    })
  }

  close(): void {
    this.#closed = true
    for (const item of [...this.#known.splice(0), ...this.#unknown.splice(0)]) item.done()
  }

  /** Junk is refused before it costs a place in a queue. */
  #queueFor(payload: Uint8Array, address: string): Item[] | undefined {
    if (isSealedMessage(payload)) return this.#unknown
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

  #makeRoom(queue: Item[]): void {
    const limit = queue === this.#known ? MAX_KNOWN : MAX_UNKNOWN
    if (queue.length <= limit) return
    const [a = 0, b = 0] = this.#inputs.runtime.crypto.randomBytes(2)
    const [victim] = queue.splice((a * 256 + b) % queue.length, 1)
    victim?.done()
    this.#dropped++
    this.#reportOverload()
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    for (let count = 1; ; count++) {
      const item = this.#known.shift() ?? this.#unknown.shift()
      if (item === undefined) break
      await this.#handle(item)
      if (count % BATCH === 0 && this.#unknown.length > BATCH) await this.#pause()
    }
    this.#running = false
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
