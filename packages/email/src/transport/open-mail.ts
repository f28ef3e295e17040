// SPDX-License-Identifier: Apache-2.0
/**
 * What became of the items of a mail so far. One that several handlers got is settled when all of them
 * have: acknowledged if one acknowledged it, else rejected if one rejected it.
 *
 * @module
 */

import type { RejectedItem } from '../mailbox/trace.js'

export type Outcome =
  { readonly kind: 'handled' } | { readonly kind: 'rejected'; readonly reason: string }

/** What of a mail in hand its bytes are counted as: one with both is one with data. */
export type Held = 'data' | 'control'

export class OpenMail {
  /** The subscriptions for which nobody wanted the rest of it. */
  nobodyWantedAt: number | undefined
  /** The subscriptions for which it was looked into. */
  lookedIntoAt: number | undefined
  /** While it is in hand. */
  held: { readonly kind: Held; readonly bytes: number } | undefined
  /** Counts how often it was in hand. */
  round = 0
  readonly #itemCount: number
  readonly #outcomes = new Map<number, Outcome>()
  /** The items that are for subscriptions of control messages. */
  #control: ReadonlySet<number> = new Set()
  /** By item: how many have it. */
  #inHand = new Map<number, number>()
  /** By item: what those said that have it no more. */
  #said = new Map<number, Outcome>()

  constructor(itemCount: number) {
    this.#itemCount = itemCount
  }

  get isInHand(): boolean {
    return this.#inHand.size > 0
  }

  get isDone(): boolean {
    return this.#outcomes.size >= this.#itemCount
  }

  /** Of the control messages that were found in it, some were not settled. */
  get hasControlLeft(): boolean {
    return [...this.#control].some((index) => !this.isSettled(index))
  }

  isControl(index: number): boolean {
    return this.#control.has(index)
  }

  /** It was found out what is in it. @param control - The items that are control messages. */
  lookedInto(version: number, control: readonly number[]): void {
    this.lookedIntoAt = version
    this.#control = new Set(control)
  }

  isSettled(index: number): boolean {
    return this.#outcomes.has(index)
  }

  /** It is handed out: each item as often as it is named. */
  begin(indices: readonly number[]): void {
    this.#inHand = new Map()
    this.#said = new Map()
    for (const index of indices) this.#inHand.set(index, (this.#inHand.get(index) ?? 0) + 1)
  }

  /** One of those who have an item has it no more. @param outcome - `undefined`: given back. */
  settled(index: number, outcome: Outcome | undefined): void {
    const before = this.#said.get(index)
    if (outcome !== undefined && before?.kind !== 'handled') this.#said.set(index, outcome)
    const others = (this.#inHand.get(index) ?? 1) - 1
    if (others > 0) {
      this.#inHand.set(index, others)
      return
    }
    this.#inHand.delete(index)
    const said = this.#said.get(index)
    if (said !== undefined) this.#outcomes.set(index, said)
  }

  rejected(): readonly RejectedItem[] {
    return [...this.#outcomes].flatMap(([index, outcome]) =>
      outcome.kind === 'rejected' ? [{ place: index + 1, reason: outcome.reason }] : [],
    )
  }
}
