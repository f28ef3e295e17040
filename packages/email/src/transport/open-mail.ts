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

export class OpenMail {
  /** The subscriptions for which nobody wanted the rest of it. */
  nobodyWantedAt: number | undefined
  /** Of the mail, while it is in hand and holds only data. */
  heldBytes = 0
  /** Counts how often it was in hand. */
  round = 0
  readonly #itemCount: number
  readonly #outcomes = new Map<number, Outcome>()
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
