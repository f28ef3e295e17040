// SPDX-License-Identifier: Apache-2.0
/**
 * Puts the messages of each session in the order of their counters (`docs/spec/08-receiving.md`
 * Section 8.4): one that came too early is held back for those before it, for a limited time.
 *
 * Bounded by the permits that the messages hold, and by that time.
 *
 * @module
 */

import type { Runtime } from '../runtime.js'
import type { InFlight, SeenSession } from './seen-session.js'

interface Held {
  /** `undefined` for a counter that came and is not for the application. */
  readonly entry: InFlight | undefined
  /** On the monotonic clock. */
  readonly untilMs: number
}

interface Line {
  /** The counter that is waited for. */
  next: number
  readonly held: Map<number, Held>
}

/** Lines that are remembered. One where something is held stays whatever their number. */
const MAX_LINES = 1024

export class OrderBuffer {
  readonly #runtime: Runtime
  readonly #holdMs: number
  readonly #release: (entry: InFlight) => void
  /** The one used least lately comes first. */
  readonly #lines = new Map<string, Line>()
  /** The one used last: most messages are of the session of the one before. */
  #latest: { readonly session: SeenSession; readonly line: Line } | undefined
  #cancelTimer: (() => void) | undefined
  #timerAtMs = Infinity

  constructor(runtime: Runtime, holdMs: number, release: (entry: InFlight) => void) {
    this.#runtime = runtime
    this.#holdMs = holdMs
    this.#release = release
  }

  /**
   * Takes a counter of a session. Releases the message, and those that waited for it, when their turn
   * has come.
   *
   * @param entry - The message; `undefined` if it is not for the application.
   * @param expected - The counter to wait for where this is the first of its session.
   */
  offer(
    session: SeenSession,
    counter: number,
    entry: InFlight | undefined,
    expected: number,
  ): void {
    const line = this.#lineOf(session, expected)
    if (counter > line.next) {
      const untilMs = this.#runtime.time.monotonic() + this.#holdMs
      line.held.set(counter, { entry, untilMs })
      this.#watch(untilMs)
      return
    }
    if (entry !== undefined) this.#release(entry)
    if (counter !== line.next) return
    line.next++
    this.#releaseNext(line)
  }

  /** Takes a message out of its turn, if it is here. */
  withdraw(session: SeenSession, entry: InFlight): void {
    const line = this.#lines.get(nameOf(session))
    const held = line?.held.get(entry.counter)
    if (line === undefined || held?.entry !== entry) return
    line.held.set(entry.counter, { entry: undefined, untilMs: held.untilMs })
  }

  close(): void {
    this.#cancelTimer?.()
    this.#lines.clear()
    this.#latest = undefined
  }

  #lineOf(session: SeenSession, expected: number): Line {
    if (this.#latest?.session === session) return this.#latest.line
    const name = nameOf(session)
    const line = this.#lines.get(name) ?? { next: expected, held: new Map<number, Held>() }
    this.#latest = { session, line }
    this.#lines.delete(name)
    this.#lines.set(name, line)
    if (this.#lines.size > MAX_LINES) this.#forgetOldest(line)
    return line
  }

  /** But not the one that is in use now. */
  #forgetOldest(used: Line): void {
    for (const [name, line] of this.#lines) {
      if (line.held.size > 0 || line === used) continue
      this.#lines.delete(name)
      return
    }
  }

  #releaseNext(line: Line): void {
    for (;;) {
      const held = line.held.get(line.next)
      if (held === undefined) return
      line.held.delete(line.next)
      line.next++
      if (held.entry !== undefined) this.#release(held.entry)
    }
  }

  #watch(atMs: number): void {
    if (atMs >= this.#timerAtMs) return
    this.#cancelTimer?.()
    this.#timerAtMs = atMs
    const { timers, time } = this.#runtime
    this.#cancelTimer = timers.after(atMs - time.monotonic(), () => this.#releaseDue())
  }

  /** Waits no longer for what is missing before messages that were held back long enough. */
  #releaseDue(): void {
    this.#timerAtMs = Infinity
    const nowMs = this.#runtime.time.monotonic()
    let nextMs = Infinity
    for (const line of this.#lines.values()) {
      if (line.held.size === 0) continue
      this.#releaseDueOf(line, nowMs)
      for (const { untilMs } of line.held.values()) nextMs = Math.min(nextMs, untilMs)
    }
    if (nextMs !== Infinity) this.#watch(nextMs)
  }

  #releaseDueOf(line: Line, nowMs: number): void {
    const counters = [...line.held.keys()].toSorted((a, b) => a - b)
    const last = counters.findLast((counter) => (line.held.get(counter)?.untilMs ?? 0) <= nowMs)
    if (last === undefined) return
    for (const counter of counters.filter((one) => one <= last)) {
      const held = line.held.get(counter)
      line.held.delete(counter)
      if (held?.entry !== undefined) this.#release(held.entry)
    }
    line.next = last + 1
    this.#releaseNext(line)
  }
}

function nameOf({ generationId, id }: SeenSession): string {
  return `${generationId}/${id}`
}
