// SPDX-License-Identifier: Apache-2.0
/**
 * Mails whose fate the server is to be told: many by one command, and those that were rejected one by
 * one, each with a copy. What breaks with the connection is told again over the next one.
 *
 * @module
 */

import type { ImapFlow } from 'imapflow'
import { lostError } from '@waxwing/transport-kit'
import { appendRejected, settleHandled, settleRefused, type SettlingTerms } from './settling.js'
import { withTrace, type RejectedItem } from './trace.js'
import { MAX_BREAKS, type TrackedMail } from './tracked-mails.js'

export interface Fate {
  /** The items that nobody can use. */
  readonly rejected: readonly RejectedItem[]
  /** Nothing of it can be read. */
  readonly isRefused: boolean
}

export interface SettlingQueueOwner {
  /** The bytes of a mail; `undefined` where it is gone, or settled by somebody else. */
  source(client: ImapFlow, mail: TrackedMail): Promise<Uint8Array | undefined>
  /** The server has been told. */
  settled(mail: TrackedMail): void
  /** The server said no. */
  unsettled(mail: TrackedMail): void
}

interface Settling extends Fate {
  readonly mail: TrackedMail
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const MAX_TOGETHER = 100
/** A command costs a server of large folders more than a mail: dozens of settlements share one. */
const [DUE_COUNT, DUE_MS] = [32, 200]

export class SettlingQueue {
  readonly #terms: SettlingTerms
  readonly #owner: SettlingQueueOwner
  #waiting: Settling[] = []
  /** When the first of them came, by a clock that never goes back. */
  #sinceMs = 0

  constructor(terms: SettlingTerms, owner: SettlingQueueOwner) {
    this.#terms = terms
    this.#owner = owner
  }

  get size(): number {
    return this.#waiting.length
  }

  /** They are told now, though mails might be fetched: enough for one command, or for long enough. */
  get isDue(): boolean {
    const count = this.#waiting.length
    return count >= DUE_COUNT || (count > 0 && performance.now() - this.#sinceMs >= DUE_MS)
  }

  /** Resolves when the server has been told. @throws {WaxwingError} `ERR_TRANSPORT` if it said no. */
  push(mail: TrackedMail | undefined, fate: Fate): Promise<void> {
    if (mail?.state !== 'out') return Promise.reject(lostError())
    mail.state = 'settling'
    if (this.#waiting.length === 0) this.#sinceMs = performance.now()
    return new Promise((resolve, reject) => this.#waiting.push({ ...fate, mail, resolve, reject }))
  }

  /** Nothing of it will be told. */
  rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }

  /**
   * Tells the server of the first, and of all that the same command can tell of.
   *
   * @throws {unknown} What broke the connection.
   */
  async tellSome(client: ImapFlow): Promise<void> {
    const [first] = this.#waiting
    if (first === undefined) return
    const together = first.rejected.length > 0 ? [first] : this.#like(first)
    const uids = together.map(({ mail }) => mail.candidate.uid)
    // Over which the connection breaks each time, of that there is no copy to be had.
    const isRefused = first.isRefused || first.mail.breaks >= MAX_BREAKS
    try {
      if (first.rejected.length > 0 && !isRefused) await this.#copy(client, first)
      const settle = isRefused ? settleRefused : settleHandled
      await settle(client, uids, this.#terms)
    } catch (error) {
      // What became of them is not known: told again over the next connection.
      if (!client.usable) throw error
      this.#takeOut(together)
      for (const { mail, reject } of together) {
        this.#owner.unsettled(mail)
        reject(error)
      }
      return
    }
    this.#takeOut(together)
    for (const { mail, resolve } of together) {
      this.#owner.settled(mail)
      resolve()
    }
  }

  #like({ isRefused }: Settling): readonly Settling[] {
    const same = this.#waiting.filter(
      (other) => other.rejected.length === 0 && other.isRefused === isRefused,
    )
    return same.slice(0, MAX_TOGETHER)
  }

  #takeOut(settlings: readonly Settling[]): void {
    const out = new Set(settlings)
    this.#waiting = this.#waiting.filter((settling) => !out.has(settling))
  }

  async #copy(client: ImapFlow, { mail, rejected }: Settling): Promise<void> {
    const raw = await this.#owner.source(client, mail)
    if (raw !== undefined) await appendRejected(client, withTrace(raw, rejected), this.#terms)
  }
}
