// SPDX-License-Identifier: Apache-2.0
/**
 * Bells: resources whose value says nothing, and whose change says "look". An observer may pass over all
 * but the last ring, which is all it needs (RFC 7641 Section 1.3); so one that is asked for while another
 * is under way stands for all that are asked for meanwhile.
 *
 * @module
 */

import type { Broker } from './broker.js'
import { COMMON_BELL, type Path } from './topics.js'

const VALUE_BYTES = 4
const MAX_REMEMBERED = 4_096

/** Another value each time: a broker may tell nobody of a change that is none. */
export function bellValue(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(VALUE_BYTES))
}

/** One bell that is being rung. */
interface Ringing {
  again: boolean
  readonly done: Promise<void>
}

export class Bells {
  readonly #broker: Broker
  readonly #signal: AbortSignal
  readonly #report: (error: unknown) => void
  readonly #ringing = new Map<string, Ringing>()
  readonly #written = new Set<string>()

  /** @param report - Takes what fails: nobody waits for a bell. */
  constructor(broker: Broker, signal: AbortSignal, report: (error: unknown) => void) {
    this.#broker = broker
    this.#signal = signal
    this.#report = report
  }

  /** Rings soon after; what was changed before this call is seen by whoever then looks. */
  ring(path: Path): void {
    const key = path.join('/')
    const ringing = this.#ringing.get(key)
    if (ringing !== undefined) {
      ringing.again = true
      return
    }
    const entry: Ringing = {
      again: true,
      done: Promise.resolve().then(() => this.#run(path, entry)),
    }
    this.#ringing.set(key, entry)
  }

  /**
   * Says that there is a resource that was not there before: where the broker says so, and where this
   * transport never wrote it, since a broker that is asked twice may say it only once.
   */
  wrote(path: Path, isNew: boolean): void {
    const key = path.join('/')
    if (!isNew && this.#written.has(key)) return
    if (this.#written.size >= MAX_REMEMBERED) this.#written.clear()
    this.#written.add(key)
    this.ring(COMMON_BELL)
  }

  /** Resolves when none is being rung. */
  async silent(): Promise<void> {
    while (this.#ringing.size > 0) {
      await Promise.all(Array.from(this.#ringing.values(), ({ done }) => done))
    }
  }

  async #run(path: Path, entry: Ringing): Promise<void> {
    try {
      while (entry.again) {
        entry.again = false
        const isNew = await this.#broker.put(path, bellValue(), this.#signal)
        if (path !== COMMON_BELL) this.wrote(path, isNew)
      }
    } catch (error) {
      if (!this.#signal.aborted) this.#report(error)
    } finally {
      this.#ringing.delete(path.join('/'))
    }
  }
}
