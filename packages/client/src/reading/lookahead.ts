// SPDX-License-Identifier: Apache-2.0
/**
 * Looking at what comes behind, where signatures are verified on other threads
 * (`verifyOnThreads`): each object is announced as it arrives, and has its turn a little later, in the
 * order of arrival.
 *
 * @module
 */

import { pause } from '../pause.js'

/** How much may wait for its turn. */
export interface Reach {
  readonly items: number
  readonly bytes: number
}

export const FAR: Reach = { items: 256, bytes: 1_048_576 }
export const NEAR: Reach = { items: 0, bytes: 0 }

export interface LookaheadInputs<T> {
  /** How much may wait, before whoever brings more is held up. */
  readonly reach: Reach
  readonly bytesOf: (item: T) => number
  /** Says that an item will have its turn soon. */
  readonly expect: (item: T) => void
  /** An item has its turn. Resolves when the next may be brought. Neither throws nor rejects. */
  readonly take: (item: T) => Promise<void> | undefined
}

/** So many have their turn before the application has its own, while others are verified. */
const STEP_ITEMS = 32

const DONE: Promise<void> = Promise.resolve()

export class Lookahead<T> {
  readonly #inputs: LookaheadInputs<T>
  #waiting: T[] = []
  #byteCount = 0
  #isRunning = false
  /** Resolves when there is room again. */
  #room: Promise<void> | undefined
  #tellRoom: () => void = () => undefined

  constructor(inputs: LookaheadInputs<T>) {
    this.#inputs = inputs
  }

  /** Takes an item. Resolves when the next may be brought. */
  add(item: T): Promise<void> {
    const { expect, bytesOf } = this.#inputs
    this.#waiting.push(item)
    this.#byteCount += bytesOf(item)
    if (this.#isRunning) expect(item)
    else void this.#run() // the first is not worth a thread's waking up
    if (this.#isFull()) this.#room ??= new Promise((resolve) => (this.#tellRoom = resolve))
    return this.#room ?? DONE
  }

  /** Gives up what waits. */
  clear(): void {
    this.#waiting = []
    this.#byteCount = 0
  }

  #isFull(): boolean {
    const { items, bytes } = this.#inputs.reach
    return this.#waiting.length >= items || this.#byteCount >= bytes
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.length > 0) {
      await pause()
      await Promise.all(this.#waiting.splice(0, STEP_ITEMS).flatMap((item) => this.#take(item)))
      if (this.#isFull()) continue
      this.#room = undefined
      this.#tellRoom()
    }
    this.#isRunning = false
  }

  #take(item: T): readonly Promise<void>[] {
    this.#byteCount -= this.#inputs.bytesOf(item)
    const busy = this.#inputs.take(item)
    return busy === undefined ? [] : [busy]
  }
}

/**
 * Reads some items ahead of those that it hands on.
 *
 * @throws {unknown} What the source throws, after all that came before.
 */
export async function* lookAhead<T extends { readonly item: Uint8Array }>(
  source: AsyncIterable<T>,
  reach: Reach,
): AsyncGenerator<T, void> {
  const waiting: T[] = []
  let byteCount = 0
  let failure: { readonly error: unknown } | undefined
  try {
    for await (const read of source) {
      waiting.push(read)
      byteCount += read.item.length
      while (waiting.length > reach.items || byteCount > reach.bytes) {
        const next = waiting.shift()
        if (next === undefined) break
        byteCount -= next.item.length
        yield next
      }
    }
  } catch (error) {
    failure = { error }
  }
  yield* waiting
  if (failure !== undefined) throw failure.error
}
