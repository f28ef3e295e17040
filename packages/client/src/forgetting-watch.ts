// SPDX-License-Identifier: Apache-2.0
/**
 * Whoever holds keys of a forgetful stream forgets them too, two epochs late: its producer, its
 * readers, and those who hold `share` (`docs/spec/05-keys.md` Section 5.8). Only while the time is
 * confirmed: a clock that jumps ahead deletes nothing.
 *
 * @module
 */

import { epochAt } from '@waxwing/core'
import { writeConfirmedTime } from './confirmed-time.js'
import type { Generation } from './generation.js'
import type { GenerationBook } from './generation-book.js'
import type { Runtime } from './runtime.js'

/** How often to look, where no epoch is shorter. */
const CHECK_MS = 60_000
/** The current epoch and the two before it are kept. */
const FORGET_AFTER_EPOCHS = 2

export class ForgettingWatch {
  readonly #runtime: Runtime
  readonly #book: GenerationBook
  #cancel: (() => void) | undefined
  #closed = false

  constructor({ runtime, book }: { readonly runtime: Runtime; readonly book: GenerationBook }) {
    this.#runtime = runtime
    this.#book = book
  }

  /** Looks at once, and then every epoch, or every minute if that is shorter. */
  async start(): Promise<void> {
    await this.#forget()
    this.#schedule()
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
  }

  #schedule(): void {
    if (this.#closed) return
    const epochsMs = this.#forgetful().map(({ manifest }) => manifest.epochSeconds * 1000)
    this.#cancel = this.#runtime.timers.after(Math.min(CHECK_MS, ...epochsMs), () => {
      this.#forget()
        .catch((error: unknown) => this.#runtime.report(error))
        .finally(() => this.#schedule())
    })
  }

  async #forget(): Promise<void> {
    const { time, store } = this.#runtime
    if (!time.known || !time.isConfirmed) return
    const forgetful = this.#forgetful()
    for (const generation of forgetful) await this.#forgetIn(generation)
    if (this.#book.hasUnrecorded && !this.#closed) await this.#book.record([])
    // After a short absence the clock is still believed.
    if (forgetful.length > 0 && !this.#closed) await writeConfirmedTime(store, time.now())
  }

  #forgetful(): readonly Generation[] {
    return this.#book.all().filter(({ manifest }) => manifest.historyMode === 'forget')
  }

  async #forgetIn(generation: Generation): Promise<void> {
    const { ring, manifest } = generation
    const before = epochAt(this.#runtime.time.now(), manifest.epochSeconds) - FORGET_AFTER_EPOCHS
    const isPastHeld = ring.spans().some(({ first }) => first < before)
    if (!isPastHeld || before <= 0 || this.#closed) return
    generation.forgetBefore(before)
    await this.#book.record([generation])
  }
}
