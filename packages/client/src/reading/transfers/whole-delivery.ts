// SPDX-License-Identifier: Apache-2.0
/**
 * Handing over payloads that are complete (`docs/spec/08-receiving.md` Section 8.7). The pieces go when
 * the message is acknowledged, and no sooner: until then a restart hands it over again.
 *
 * Each waits for a permit like any other message, and is joined only then, so that no more are in
 * memory than may be handed over.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import type { Message } from '../../message.js'
import type { Runtime } from '../../runtime.js'
import type { Tell } from '../arrival.js'
import type { Delivery } from '../delivery.js'
import type { MessageQueue } from '../message-queue.js'
import type { OrderBuffer } from '../order-buffer.js'
import { PendingWork } from '../pending-work.js'
import type { Permits } from '../permits.js'
import type { ReadingOptions } from '../reading-options.js'
import { InFlight, type SeenSession } from '../seen-session.js'
import { isDamage } from '../store-line.js'
import { joinedMessage } from './joining.js'
import type { ReadTransfer, TransferBook } from './transfer-book.js'
import type { EndedTransfer, OpenTransfer } from './transfer-record.js'

export interface WholeDeliveryInputs {
  readonly runtime: Runtime
  readonly options: Pick<ReadingOptions, 'isShared'>
  readonly book: TransferBook
  readonly delivery: Delivery
  readonly permits: Permits
  readonly queue: MessageQueue
  readonly order: OrderBuffer | undefined
}

/** A payload that is complete. */
export interface Complete {
  readonly key: string
  readonly redelivered: boolean
  /** Whether a permit was acquired for it. */
  readonly holdsPermit: boolean
  /** The place of the piece that completed it, where order is wanted. */
  readonly place?: Place | undefined
}

interface Place {
  readonly session: SeenSession
  readonly counter: number
  readonly expected: number
}

const RETRY_MS = 5000
const NO_DIGEST = new Uint8Array(0)

export class WholeDelivery {
  readonly #inputs: WholeDeliveryInputs
  readonly #pending = new PendingWork()
  /** What is handed over, or about to be, and not acknowledged. */
  readonly #inHand = new Set<string>()
  #closed = false

  constructor(inputs: WholeDeliveryInputs) {
    this.#inputs = inputs
  }

  /** Whether a payload is handed over, or about to be, and not acknowledged. */
  has(key: string): boolean {
    return this.#inHand.has(key)
  }

  /** Hands a payload over when there is a permit for it, unless that was done already. */
  handOver(complete: Complete): void {
    if (this.#inHand.has(complete.key)) {
      if (complete.holdsPermit) this.releasePermit()
      return
    }
    this.#inHand.add(complete.key)
    void this.#pending.track(this.#handOver(complete))
  }

  /**
   * Hands a payload to a caller; to whoever reads the messages if the store fails now.
   *
   * @throws {WaxwingError} `ERR_REPLAYED` if another process handed it over; what the store refuses.
   */
  async handBack(key: string): Promise<Message> {
    this.#inHand.add(key)
    const made = await this.#make(key, false).catch((error: unknown) => {
      this.#failed({ key, redelivered: false, holdsPermit: false }, error)
      throw error
    })
    if (made === undefined) {
      throw new WaxwingError('ERR_REPLAYED', 'the payload was handed over before')
    }
    made.entry.state = 'handed-over'
    return made.message
  }

  /** Gives a permit back that nothing needed. */
  releasePermit(): void {
    this.#inputs.permits.release()
  }

  /** Hands over no more. */
  close(): void {
    this.#closed = true
  }

  idle(): Promise<void> {
    return this.#pending.idle()
  }

  async #handOver(complete: Complete): Promise<void> {
    const { key, redelivered, holdsPermit, place } = complete
    const { permits, queue, order } = this.#inputs
    if (!holdsPermit && !(await permits.acquire())) return
    try {
      const made = await this.#make(key, redelivered)
      if (made === undefined) {
        this.#inHand.delete(key)
        permits.release()
        return
      }
      made.entry.holdsPermit = true
      if (place === undefined || order === undefined) queue.push(made.entry)
      else order.offer(place.session, place.counter, made.entry, place.expected)
    } catch (error) {
      this.#failed({ ...complete, holdsPermit: true }, error)
    }
  }

  /** The store did not give it: it is tried again, unless it is damaged. */
  #failed(complete: Complete, error: unknown): void {
    const { runtime } = this.#inputs
    if (this.#closed) return
    runtime.report(error)
    if (isDamage(error)) {
      if (complete.holdsPermit) this.releasePermit()
      return
    }
    // It keeps its permit: what waits for the room that it takes may have all others.
    runtime.timers.after(RETRY_MS, () => {
      if (!this.#closed) void this.#pending.track(this.#handOver(complete))
    })
  }

  /** @returns `undefined` if another process has ended it. */
  async #make(
    key: string,
    redelivered: boolean,
  ): Promise<{ readonly entry: InFlight; readonly message: Message } | undefined> {
    const { book } = this.#inputs
    const read = await book.read(key)
    const record = read?.record
    if (read === undefined || record?.state !== 'open' || record.first === undefined) {
      return undefined
    }
    const plaintext = await book.join(key, record)
    const entry = this.#entryOf(key, read, record)
    const { first, protection, stream } = record
    const acknowledge: Tell = (rejectedFor) => this.#inputs.delivery.settle(entry, rejectedFor)
    const message = joinedMessage({
      first,
      protection,
      stream,
      plaintext,
      redelivered,
      acknowledge,
    })
    entry.message = message
    return { entry, message }
  }

  #entryOf(key: string, read: ReadTransfer, { first }: OpenTransfer): InFlight {
    const { book, runtime, options } = this.#inputs
    const entry = new InFlight({
      session: undefined,
      generation: undefined,
      counter: first?.receipt.counter ?? 0,
      digest: NO_DIGEST,
      isRecorded: false,
    })
    const ended: EndedTransfer = { state: 'acknowledged', atMs: runtime.time.now() }
    entry.whole = {
      endingChanges: () => book.endingChanges(key, read, ended),
      ended: () => {
        book.noteEnded(key, ended)
        this.#inHand.delete(key)
      },
      ...(options.isShared && { isStillWanted: () => this.#isStillWanted(key, entry) }),
    }
    return entry
  }

  /** Another process that started meanwhile found it complete as well, and may have been faster. */
  async #isStillWanted(key: string, entry: InFlight): Promise<boolean> {
    try {
      const read = await this.#inputs.book.read(key)
      if (read?.record.state === 'open') return true
    } catch (error) {
      this.#inputs.runtime.report(error)
      return true // better twice than never
    }
    this.#inHand.delete(key)
    if (entry.holdsPermit) this.releasePermit()
    return false
  }
}
