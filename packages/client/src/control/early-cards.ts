// SPDX-License-Identifier: Apache-2.0
/**
 * Key cards that came before the credential of their principal: an intermediary hands over what it
 * retains in any order. Few and small are kept, and one drawn at random gives way, because anybody
 * can make up a card.
 *
 * @module
 */

import { toHex } from '@waxwing/core'

const MAX_CARDS = 256
const MAX_CARD_BYTES = 8192

export class EarlyCards {
  readonly #cards = new Map<string, Uint8Array>()
  readonly #randomBytes: (count: number) => Uint8Array

  constructor(randomBytes: (count: number) => Uint8Array) {
    this.#randomBytes = randomBytes
  }

  /** Keeps a card until its principal is known; the latest of each. Returns whether it was kept. */
  keep(principalId: Uint8Array, card: Uint8Array): boolean {
    if (card.length > MAX_CARD_BYTES) return false
    const key = toHex(principalId)
    if (!this.#cards.has(key) && this.#cards.size >= MAX_CARDS) this.#giveWay()
    this.#cards.set(key, card)
    return true
  }

  /** Takes the card of a principal that is known now. */
  take(principalId: Uint8Array): Uint8Array | undefined {
    const key = toHex(principalId)
    const card = this.#cards.get(key)
    this.#cards.delete(key)
    return card
  }

  #giveWay(): void {
    const [random = 0] = this.#randomBytes(1)
    const victim = [...this.#cards.keys()][random % this.#cards.size]
    if (victim !== undefined) this.#cards.delete(victim)
  }
}
