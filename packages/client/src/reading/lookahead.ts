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
  /** Says that an item will have its turn soon. */
  readonly expect: (item: T) => void
  /** An item has its turn. Resolves when the next may be brought. */
  readonly take: (item: T) => Promise<void> | undefined
}

/** So many have their turn before the application has its own, while others are verified. */
const STEP_ITEMS = 32

const DONE: Promise<void> = Promise.resolve()

export class Lookahead<T> {
  readonly #inputs: LookaheadInputs<T>
  #waiting: T[] = []
  #isRunning = false
  /** Resolves when there is room again. */
  #room: Promise<void> | undefined
  #tellRoom: () => void = () => undefined

  constructor(inputs: LookaheadInputs<T>) {
    this.#inputs = inputs
  }

  /** Takes an item. Resolves when the next may be brought. */
  add(item: T): Promise<void> {
    this.#waiting.push(item)
    if (this.#isRunning) this.#inputs.expect(item)
    else void this.#run() // the first is not worth a thread's waking up
    if (this.#waiting.length >= FAR.items) {
      this.#room ??= new Promise((resolve) => (this.#tellRoom = resolve))
    }
    return this.#room ?? DONE
  }

  /** Gives up what waits. */
  clear(): void {
    this.#waiting = []
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.length > 0) {
      await pause()
      const items = this.#waiting.splice(0, STEP_ITEMS)
      const underWay = items.flatMap((item) => this.#inputs.take(item) ?? [])
      if (underWay.length > 0) await Promise.allSettled(underWay)
      this.#room = undefined
      this.#tellRoom()
    }
    this.#isRunning = false
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
