// SPDX-License-Identifier: Apache-2.0
/**
 * What an open endpoint does of itself: it follows the trust that changes, the state of its
 * transport, other processes on its store, and the age of its own key card.
 *
 * @module
 */

import { toBase64Url, WaxwingError, type TransportStatus } from '@waxwing/core'
import type { Listening } from './control/listening.js'
import type { EndpointWork } from './endpoint-work.js'
import { ForgettingWatch } from './forgetting-watch.js'
import type { Parts } from './parts.js'

const CARD_CHECK_MS = 3_600_000

export class Following {
  readonly #parts: Parts
  readonly #listening: Listening
  readonly #work: EndpointWork
  readonly #forgetting: ForgettingWatch
  readonly #undo: (() => void)[] = []
  #cancelCardTimer: (() => void) | undefined
  #isClosed = false

  constructor(parts: Parts, listening: Listening, work: EndpointWork) {
    this.#parts = parts
    this.#listening = listening
    this.#work = work
    this.#forgetting = new ForgettingWatch(parts)
  }

  start(): void {
    const { book, trustBook, sharing, transport } = this.#parts
    const inBackground = (work: () => Promise<void>) => (): void => this.#work.inBackground(work)
    this.#undo.push(
      trustBook.onBundle(inBackground(() => this.#followBundle())),
      trustBook.onCard(inBackground(() => sharing.announceAll())),
      book.onKeys((generation) =>
        this.#work.inBackground(() => this.#listening.forGeneration(generation)),
      ),
    )
    this.#followStore()
    this.#work.inBackground(() => this.#forgetting.start())
    this.#watchCard()
    if (transport === undefined) return
    this.#undo.push(transport.onStatus((status) => this.#followStatus(status)))
  }

  close(): void {
    this.#isClosed = true
    this.#cancelCardTimer?.()
    for (const undo of this.#undo.splice(0)) undo()
    this.#forgetting.close()
  }

  async #followBundle(): Promise<void> {
    const { book, revoking, sharing, runtime, trustBook } = this.#parts
    await book.refreshTrust()
    const { bundle } = trustBook.trust
    if (bundle !== undefined) {
      const { version, domainId } = bundle
      runtime.emit({ type: 'trust', domain: toBase64Url(domainId), version })
    }
    await this.#listening.toDomain()
    await revoking.followBundle()
    await sharing.announceAll()
  }

  /** Another process on the same store may be granted something, rotate, or change a rule. */
  #followStore(): void {
    const { runtime, book, granter, outbox } = this.#parts
    const stop = runtime.store.onForeignChange?.(() =>
      this.#work.inBackground(async () => {
        try {
          await granter.load()
          await book.catchUp()
          await outbox.load()
        } catch (error) {
          if (!this.#isClosed) throw error
        }
      }),
    )
    if (stop !== undefined) this.#undo.push(stop)
  }

  #followStatus(status: TransportStatus): void {
    const { outbox, runtime } = this.#parts
    if (status.state === 'connected') this.#work.inBackground(() => outbox.flush())
    if (status.state === 'error') runtime.report(asTransportError(status.error))
  }

  #watchCard(): void {
    const { runtime, identity } = this.#parts
    this.#cancelCardTimer = runtime.timers.after(CARD_CHECK_MS, () => {
      this.#work.inBackground(async () => {
        this.#watchCard()
        if (await identity.renewCardIfDue()) await this.#listening.announceSelf()
      })
    })
  }
}

/** A transport that the application wrote may fail with errors of its own. */
function asTransportError(cause: unknown): WaxwingError {
  if (cause instanceof WaxwingError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  return new WaxwingError('ERR_TRANSPORT', message, {}, { cause })
}
