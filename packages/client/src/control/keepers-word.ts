// SPDX-License-Identifier: Apache-2.0
/**
 * A keeper's signed word on the time bears ours out, and does so after a restart
 * (`docs/spec/05-keys.md` Section 5.7). It reaches no further than what vouches for the keeper: no
 * later than the end of its credential and of the bundle that names it, or a device without a clock
 * could be sent decades ahead, for good.
 *
 * @module
 */

import { equalBytes, type VerifiedMessage } from '@waxwing/core'
import { writeConfirmedTime } from '../confirmed-time.js'
import type { TrustBook } from '../identity/trust-book.js'
import type { Runtime } from '../runtime.js'

/** How much further the confirmed time has to be before it is written down again. */
const WRITE_EVERY_MS = 60_000

export class KeepersWord {
  readonly #runtime: Runtime
  readonly #trustBook: TrustBook
  #writtenMs = -Infinity

  constructor(runtime: Runtime, trustBook: TrustBook) {
    this.#runtime = runtime
    this.#trustBook = trustBook
  }

  /** Takes the time at which a message was issued, if a keeper says so. */
  take({ principal, envelope: { issued } }: VerifiedMessage): void {
    const { trust } = this.#trustBook
    const keeper = trust.keepers().find(({ id }) => equalBytes(id, principal.id))
    if (keeper === undefined || trust.bundle === undefined) return
    if (issued >= Math.min(keeper.expires, trust.bundle.expires)) return
    const atMs = issued * 1000
    this.#runtime.time.confirm(atMs)
    if (atMs >= this.#writtenMs + WRITE_EVERY_MS) void this.#write(atMs)
  }

  /** Never rejects: what is not written is written with the next message. */
  async #write(atMs: number): Promise<void> {
    const { time, store } = this.#runtime
    const before = this.#writtenMs
    this.#writtenMs = atMs
    try {
      await writeConfirmedTime(store, time.confirmedMs ?? atMs)
    } catch (error) {
      this.#writtenMs = before
      this.#runtime.report(error)
    }
  }
}
