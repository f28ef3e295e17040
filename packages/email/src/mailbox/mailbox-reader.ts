// SPDX-License-Identifier: Apache-2.0
/**
 * Mails of a watched folder as an iteration: one is fetched when it is asked for.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import { closedError, limitError } from '@waxwing/transport-kit'
import type { MailContent } from '../letter.js'
import { MailboxWatch, type FetchedMail, type WatchOwner } from './mailbox-watch.js'
import type { ResolvedMailbox } from './mailbox-options.js'

/** A mail with something of ours in it. Untrusted, all of it. */
export interface ReceivedMail extends MailContent {
  /** When the server got it. */
  readonly storedAt: Date
  /** It was handed out before. */
  readonly redelivered: boolean
  /**
   * Tells the mailbox that all of it is safe here: it comes no more. Idempotent.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` if it comes again, `ERR_CLOSED`.
   */
  acknowledge(): Promise<void>
  /**
   * Puts a copy with the reason into the folder of rejected mails; it comes no more.
   *
   * @param reason - A few words, readable by anyone; cut at 255 bytes.
   * @throws {WaxwingError} As `acknowledge`.
   */
  reject(reason: string): Promise<void>
}

export class MailboxReader {
  readonly #options: ResolvedMailbox
  readonly #report: (error: unknown) => void
  #current: Iteration | undefined
  #isClosed = false

  constructor(options: ResolvedMailbox, report: (error: unknown) => void) {
    this.#options = options
    this.#report = report
  }

  async *fetch(follow: boolean): AsyncGenerator<ReceivedMail, void> {
    if (this.#isClosed) throw closedError()
    if (this.#current !== undefined) throw new TypeError('another fetch is under way')
    const iteration = new Iteration(this.#options, this.#report)
    this.#current = iteration
    try {
      for (;;) {
        const mail = await iteration.next(follow)
        if (mail === undefined) return
        yield mail
      }
    } finally {
      this.#current = undefined
      await iteration.close()
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#current?.close()
  }
}

/** One watch, and who waits for its next mail. */
class Iteration implements WatchOwner {
  readonly #watch: MailboxWatch
  readonly #handedOut = new Set<number>()
  #asked: PromiseWithResolvers<ReceivedMail | undefined> | undefined
  #mayEnd = false
  #end: WaxwingError | undefined
  readonly #report: (error: unknown) => void
  #wasUp = false

  constructor(options: ResolvedMailbox, report: (error: unknown) => void) {
    this.#report = report
    this.#watch = new MailboxWatch(options, this)
  }

  next(follow: boolean): Promise<ReceivedMail | undefined> {
    if (this.#end !== undefined) return Promise.reject(this.#end)
    this.#asked = Promise.withResolvers()
    this.#mayEnd = !follow
    this.#watch.wake()
    return this.#asked.promise
  }

  wants({ uid }: { readonly uid: number }): 'yes' | 'no' {
    return this.#asked !== undefined && !this.#handedOut.has(uid) ? 'yes' : 'no'
  }

  take({ candidate, content, redelivered }: FetchedMail): void {
    const { uid, storedAt } = candidate
    const asked = this.#asked
    this.#asked = undefined
    this.#handedOut.add(uid)
    let settling: Promise<void> | undefined
    const settle = (reason?: string): Promise<void> => {
      const rejected = reason === undefined ? [] : [{ place: 0, reason }]
      settling ??= this.#watch.settle(uid, { rejected })
      return settling
    }
    const acknowledge = (): Promise<void> => settle()
    asked?.resolve({ ...content, storedAt, redelivered, acknowledge, reject: settle })
  }

  /** Nothing more is to be had for now. */
  rests(isAll: boolean): void {
    if (!isAll && this.#mayEnd) {
      const what = 'too many mails were fetched and neither acknowledged nor rejected'
      this.refused(limitError(what, 'unsettled'))
    }
    if (!this.#mayEnd) return
    this.#asked?.resolve(undefined)
    this.#asked = undefined
  }

  up(): void {
    this.#wasUp = true
  }

  report(error: unknown): void {
    this.#report(error)
    // Who does not follow does not wait for a server that is away.
    if (!this.#wasUp && this.#mayEnd && error instanceof WaxwingError) this.refused(error)
  }

  down(): void {
    this.#handedOut.clear() // they come again, and can be settled only then
  }

  renumbered(): void {
    this.#handedOut.clear()
  }

  refused(error: WaxwingError): void {
    this.#end ??= error
    this.#asked?.reject(error)
    this.#asked = undefined
  }

  async close(): Promise<void> {
    if (this.#end === undefined) this.refused(closedError())
    await this.#watch.close()
  }
}
