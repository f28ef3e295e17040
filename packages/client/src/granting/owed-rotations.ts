// SPDX-License-Identifier: Apache-2.0
/**
 * The rotations that revocations demand (`docs/spec/07-granting.md` Section 7.8.2): owed durably, until
 * a rotation is done that began afterwards. One serves all debts that were there when it began.
 *
 * @module
 */

import { toHex } from '@waxwing/core'
import type { Debt, RevocationBook } from './revocation-book.js'

export interface OwedInputs {
  readonly book: RevocationBook
  /** Rotates a stream; resolves when a generation is in use that was begun since. */
  readonly rotate: (stream: string) => Promise<void>
  /** Called whenever a rotation fails. It stays owed. */
  readonly failed: () => void
}

export class OwedRotations {
  readonly #inputs: OwedInputs
  /** By the token of the debt. */
  readonly #underWay = new Map<string, Promise<void>>()

  constructor(inputs: OwedInputs) {
    this.#inputs = inputs
  }

  /** Rotates a stream if that is owed, and again if it is owed anew by then. */
  async settle(stream: string): Promise<void> {
    for (;;) {
      const debt = await this.#inputs.book.debt(stream)
      if (debt === undefined) return
      await this.#pay(stream, debt)
    }
  }

  /** Rotates all streams that owe it, whatever becomes of some; then fails if one did. */
  async settleAll(): Promise<void> {
    const owed = await this.#inputs.book.owed()
    const results = await Promise.allSettled(owed.map(({ stream }) => this.settle(stream)))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /**
   * Rotates the streams that owe it by what this process wrote. What another one wrote it pays itself,
   * unless it died.
   *
   * @returns Whether any are left that another process owes.
   */
  async settleOwn(): Promise<boolean> {
    const { book } = this.#inputs
    const owed = await book.owed()
    const own = owed.filter((debt) => book.isOwn(debt))
    const results = await Promise.allSettled(own.map((debt) => this.#pay(debt.stream, debt)))
    for (const result of results) if (result.status === 'rejected') throw result.reason
    return own.length < owed.length
  }

  #pay(stream: string, debt: Debt): Promise<void> {
    const { book, rotate, failed } = this.#inputs
    const token = toHex(debt.token)
    const underWay = this.#underWay.get(token)
    if (underWay !== undefined) return underWay
    const payment = rotate(stream)
      .then(() => book.paid(debt))
      .finally(() => this.#underWay.delete(token))
    this.#underWay.set(token, payment)
    payment.catch(failed)
    return payment
  }
}
