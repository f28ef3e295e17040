// SPDX-License-Identifier: Apache-2.0
/**
 * Hands retained messages to the handlers of a new subscription, no more at once than they may hold.
 * Acknowledging them changes nothing: they stay where they are.
 *
 * @module
 */

import type { Handlers, Parcel, Settlement } from '@waxwing/transport-kit'

export class RetainedHandOver {
  readonly #handlers: Handlers
  readonly #maxUnsettled: number
  readonly #settlement: Settlement
  #wake: (() => void) | undefined
  #isOver = false

  constructor(handlers: Handlers, maxUnsettled: number) {
    this.#handlers = handlers
    this.#maxUnsettled = maxUnsettled
    const wake = (): undefined => this.#wake?.() as undefined
    this.#settlement = { acknowledge: wake, giveBack: wake }
  }

  /** Resolves when all are handed over, or once it is over. @throws What reading them failed with. */
  async run(parcels: AsyncIterable<Parcel>): Promise<void> {
    for await (const parcel of parcels) {
      while (!this.#isOver && this.#handlers.unsettled >= this.#maxUnsettled) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
      if (this.#isOver) return
      this.#handlers.offer(parcel, this.#settlement)
    }
  }

  /** Nobody wants them any more. */
  end(): void {
    this.#isOver = true
    this.#wake?.()
  }
}
