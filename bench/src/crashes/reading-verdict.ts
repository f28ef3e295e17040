// SPDX-License-Identifier: Apache-2.0
/**
 * What must hold of the messages that a reader wrote down over all its lives
 * (`docs/spec/08-receiving.md` Section 8.4).
 *
 * - Each generation is handed over in the order of its arrival. What came again has two places in it:
 *   the first, where it may have been parked, and the last, in which the broker brought it again.
 * - What was handed over comes again if its acknowledgement had not begun, marked; it never comes again
 *   once that resolved. In between it may or may not.
 *
 * Whatever the store refuses meanwhile. Which order the broker brings things in is its own matter: how
 * often it is not the one in which it carried them is counted.
 *
 * @module
 */

import { nameOf, type HandedOver, type LogEntry, type Place } from './life-log.ts'

/** When an object came: the numbers of lines. */
interface Arrival {
  readonly name: string
  readonly first: number
  readonly last: number
}

/** How far a message got. */
type Progress = 'handed-over' | 'acknowledging' | 'acknowledged'

/** Follows what a reader wrote down, line by line. */
export class ReadingVerdict {
  readonly problems: string[] = []
  /** Messages that came again, because they were interrupted. */
  againCount = 0
  /** How often the broker brought to one life of the reader what it had carried before the last. */
  shuffledCount = 0
  readonly #sentAgain: ReadonlySet<string>
  /** When the broker carried an object, by name: the place among the others. */
  readonly #carried: ReadonlyMap<string, number>
  readonly #progress = new Map<string, Progress>()
  readonly #texts = new Map<string, string>()
  readonly #settled = new Set<string>()
  readonly #arrivals = new Map<string, Arrival>()
  /** Of what was handed over, what came last, by kid. */
  readonly #latest = new Map<string, Arrival>()
  /** Of what was brought in this life, what the broker carried last, by kid. */
  readonly #brought = new Map<string, number>()
  /** The number of the line that is looked at. */
  #line = 0

  /**
   * @param wire - The names of what the broker carried, in its order.
   * @param sentAgain - Those of them that it carried more than once.
   */
  constructor(wire: ReadonlySet<string>, sentAgain: ReadonlySet<string> = new Set()) {
    this.#carried = new Map([...wire].map((name, at) => [name, at]))
    this.#sentAgain = sentAgain
  }

  /** How many messages were handed over. */
  get readCount(): number {
    return this.#texts.size
  }

  /** How many of them are acknowledged, as far as can be told. */
  get settledCount(): number {
    return this.#settled.size
  }

  textOf(name: string): string | undefined {
    return this.#texts.get(name)
  }

  /** Whether a message is acknowledged, as far as can be told. */
  isSettled(name: string): boolean {
    return this.#settled.has(name)
  }

  take(entry: LogEntry): void {
    this.#line++
    if (entry.kind === 'start') this.#brought.clear()
    if (entry.kind === 'arrived') this.#arrived(entry)
    if (entry.kind === 'handed-over') this.#handedOver(entry)
    if (entry.kind !== 'acknowledging' && entry.kind !== 'acknowledged') return
    this.#progress.set(nameOf(entry), entry.kind)
    this.#settled.add(nameOf(entry))
  }

  #handedOver(entry: HandedOver): void {
    const name = nameOf(entry)
    const progress = this.#progress.get(name)
    this.#progress.set(name, 'handed-over')
    this.#settled.delete(name)
    if (progress === undefined) this.#first(entry, name)
    else this.#again(entry, name, progress)
  }

  #first({ kid, text }: HandedOver, name: string): void {
    this.#texts.set(name, text)
    if (!this.#carried.has(name)) this.problems.push(`${name} was read and never carried`)
    const arrival = this.#arrivals.get(name)
    if (arrival === undefined) {
      this.problems.push(`${name} was read and never came`)
      return
    }
    const latest = this.#latest.get(kid)
    if (latest === undefined || arrival.first > latest.first) this.#latest.set(kid, arrival)
    else if (arrival.last < latest.last) {
      this.problems.push(`${name} came after ${latest.name}`)
    }
  }

  #arrived(place: Place): void {
    const name = nameOf(place)
    const first = this.#arrivals.get(name)?.first ?? this.#line
    this.#arrivals.set(name, { name, first, last: this.#line })
    const carried = this.#carried.get(name)
    if (carried === undefined || this.#sentAgain.has(name)) return
    const latest = this.#brought.get(place.kid) ?? -1
    if (carried < latest) this.shuffledCount++
    this.#brought.set(place.kid, Math.max(carried, latest))
  }

  #again({ text, redelivered }: HandedOver, name: string, progress: Progress): void {
    this.againCount++
    if (progress === 'acknowledged') {
      this.problems.push(`${name} came again after its acknowledgement`)
    }
    if (!redelivered) this.problems.push(`${name} came again and was not marked`)
    if (this.#texts.get(name) !== text) this.problems.push(`${name} came with another text`)
  }
}
