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
const FOLLOW_AGAIN_MS = 60_000

export class Following {
  readonly #parts: Parts
  readonly #listening: Listening
  readonly #work: EndpointWork
  readonly #forgetting: ForgettingWatch
  readonly #undo: (() => void)[] = []
  #cancelCardTimer: (() => void) | undefined
  #cancelFollowing: (() => void) | undefined
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
    this.#cancelFollowing?.()
    for (const undo of this.#undo.splice(0)) undo()
    this.#forgetting.close()
  }

  /**
   * A bundle comes only once: what could not be done because of it is tried again, and holds up
   * nothing else. To listen may take until the intermediary is there.
   */
  async #followBundle(isAgain = false): Promise<void> {
    this.#cancelFollowing?.()
    const { book, revoking, sharing } = this.#parts
    const listening = settled(this.#listening.toDomain())
    const refreshed = await settled(book.refreshTrust())
    if (!isAgain) this.#tellOfTrust()
    const revoked = await settled(revoking.followBundle())
    const shared = await settled(sharing.announceAll())
    for (const { failure } of [refreshed, revoked, shared, await listening]) {
      if (failure === undefined) continue
      this.#followAgain()
      throw failure.error
    }
  }

  #followAgain(): void {
    if (this.#isClosed) return
    this.#cancelFollowing = this.#parts.runtime.timers.after(FOLLOW_AGAIN_MS, () =>
      this.#work.inBackground(() => this.#followBundle(true)),
    )
  }

  #tellOfTrust(): void {
    const { bundle } = this.#parts.trustBook.trust
    if (bundle === undefined) return
    const { version, domainId } = bundle
    this.#parts.runtime.emit({ type: 'trust', domain: toBase64Url(domainId), version })
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

/** How work ended. Never rejects. */
async function settled(
  work: Promise<void>,
): Promise<{ readonly failure: { readonly error: unknown } | undefined }> {
  try {
    await work
    return { failure: undefined }
  } catch (error) {
    return { failure: { error } }
  }
}

/** A transport that the application wrote may fail with errors of its own. */
function asTransportError(cause: unknown): WaxwingError {
  if (cause instanceof WaxwingError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  return new WaxwingError('ERR_TRANSPORT', message, {}, { cause })
}
