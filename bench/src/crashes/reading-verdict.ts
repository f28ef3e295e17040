// SPDX-License-Identifier: Apache-2.0
/**
 * What must hold of the messages that a reader wrote down over all its lives
 * (`docs/spec/08-receiving.md` Section 8.4).
 *
 * - Each generation is handed over in its order.
 * - What was handed over comes again if its acknowledgement had not begun, marked; it never comes again
 *   once that resolved. In between it may or may not.
 *
 * A store that refuses to keep what comes lets later messages overtake: what it refused is tried again
 * after a pause. Those are counted.
 *
 * @module
 */

import { nameOf, type HandedOver, type LogEntry } from './life-log.ts'

/** Where an object stands among all that the broker carried, and when that was. */
export interface Carried {
  readonly position: number
  /** Milliseconds since 1970. */
  readonly atMs: number
}

/** How far a message got. */
type Progress = 'handed-over' | 'acknowledging' | 'acknowledged'

/** Follows what a reader wrote down, line by line. */
export class ReadingVerdict {
  readonly problems: string[] = []
  /** Messages that came again, because they were interrupted. */
  againCount = 0
  /** Messages that later ones overtook, because the store had refused them. */
  overtakenCount = 0
  readonly #wire: ReadonlyMap<string, Carried>
  readonly #progress = new Map<string, Progress>()
  readonly #texts = new Map<string, string>()
  readonly #settled = new Set<string>()
  /** The last position that was handed over, by kid. */
  readonly #latest = new Map<string, number>()
  /** When the store refused something last. */
  #refusedMs = 0

  /** @param wire - What the broker carried, by name. */
  constructor(wire: ReadonlyMap<string, Carried>) {
    this.#wire = wire
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
    if (entry.kind === 'failed') this.#refusedMs = entry.atMs
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
    const carried = this.#wire.get(name)
    if (carried === undefined) {
      this.problems.push(`${name} was read and never carried`)
      return
    }
    const latest = this.#latest.get(kid) ?? -1
    this.#latest.set(kid, Math.max(latest, carried.position))
    if (carried.position > latest) return
    if (this.#refusedMs >= carried.atMs) this.overtakenCount++
    else this.problems.push(`${name} came after later ones of its generation`)
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
