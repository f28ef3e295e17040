// SPDX-License-Identifier: Apache-2.0
/**
 * Mails that wait to be taken by the SMTP server (`docs/spec/09-bindings.md` Section 9.9.1): in a queue of
 * bounded count and size, over a few connections that are opened when they are needed and closed when
 * nobody needs them.
 *
 * A mail that is not taken for now, or of which nobody knows whether it was, is sent again, the same to
 * the byte, with its own `Message-ID`; one that is refused fails. What waits for its next attempt is in
 * nobody's way.
 *
 * @module
 */

import type { WaxwingError } from '@waxwing/core'
import {
  closedError,
  Pauses,
  SendQueue,
  transportError,
  type ConnectionOptions,
} from '@waxwing/transport-kit'
import {
  SmtpError,
  SmtpSession,
  type SmtpFailure,
  type SmtpTerms,
  type Undelivered,
} from './smtp-session.js'

export interface OutgoingMail {
  /** Makes its bytes, the same at each call. */
  readonly compose: () => Promise<Uint8Array>
  readonly from: string
  readonly to: readonly string[]
  /** What it counts as while it waits. */
  readonly byteCount: number
}

export interface MailQueueTerms
  extends
    SmtpTerms,
    Required<
      Pick<
        ConnectionOptions,
        | 'maxWaitingSends'
        | 'maxWaitingBytes'
        | 'maxInFlight'
        | 'reconnectMinMs'
        | 'reconnectMaxMs'
        | 'closeTimeoutMs'
      >
    > {
  readonly maxConnections: number
  /** Something failed that is tried again, or did not reach everybody. */
  readonly report: (error: unknown) => void
  /** Whether the server lets itself be reached: told at each attempt that changes something. */
  readonly reached?: (isReached: boolean) => void
}

/** A connection that nobody used for so long is closed. */
const IDLE_MS = 10_000

export class MailQueue {
  readonly #terms: MailQueueTerms
  readonly #sends: SendQueue<OutgoingMail>
  readonly #idle = new Map<SmtpSession, ReturnType<typeof setTimeout>>()
  readonly #busy = new Set<SmtpSession>()
  readonly #waitingForSession: (() => void)[] = []
  readonly #pausing = new Map<ReturnType<typeof setTimeout>, () => void>()
  #pausingBytes = 0
  #openCount = 0
  #hasSent = false
  #isOver = false

  constructor(terms: MailQueueTerms) {
    this.#terms = terms
    const { maxWaitingSends, maxWaitingBytes } = terms
    const window = (): number => terms.maxInFlight + this.#aside()
    this.#sends = new SendQueue(
      {
        maxWaitingSends,
        maxWaitingBytes,
        get maxInFlight() {
          return window()
        },
      },
      (mail, done) => void this.#send(mail, done),
    )
    this.#sends.resume()
  }

  /**
   * Resolves when the server has taken the mail for all its recipients, or for some and refused the
   * others, which is reported.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` if it was refused; `ERR_LIMIT`, `ERR_CLOSED`.
   */
  push(mail: OutgoingMail): Promise<void> {
    return this.#sends.push(mail, mail.byteCount)
  }

  /** Lets what is under way finish, for a while. */
  async close(): Promise<void> {
    await this.#sends.emptied(this.#terms.closeTimeoutMs)
    this.#end(closedError())
  }

  #end(error: WaxwingError): void {
    this.#isOver = true
    this.#sends.ended(error)
    for (const [timer, goOn] of this.#pausing) {
      clearTimeout(timer)
      goOn()
    }
    this.#pausing.clear()
    for (const [session, timer] of this.#idle) {
      clearTimeout(timer)
      session.close()
    }
    this.#idle.clear()
    for (const session of this.#busy) session.close()
    for (const goOn of this.#waitingForSession.splice(0)) goOn()
  }

  async #send(mail: OutgoingMail, done: (error?: unknown) => void): Promise<void> {
    const pauses = new Pauses(this.#terms.reconnectMinMs, this.#terms.reconnectMaxMs)
    try {
      let to = mail.to
      while (!this.#isOver) {
        to = await this.#attempt(mail, to)
        if (to.length === 0) {
          done()
          return
        }
        await this.#pause(pauses.next(), mail.byteCount)
      }
    } catch (error) {
      done(error instanceof SmtpError ? error.failure.error : error)
    }
  }

  /** @returns For whom to try again. */
  async #attempt(mail: OutgoingMail, to: readonly string[]): Promise<readonly string[]> {
    let session: SmtpSession | undefined
    try {
      session = await this.#session()
      if (session === undefined) return to
      // Not sooner: as many mails are in memory as there are connections, however many wait.
      const bytes = await mail.compose()
      const undelivered = await session.send(bytes, { from: mail.from, to })
      this.#hasSent = true
      return this.#again(undelivered)
    } catch (error) {
      if (!(error instanceof SmtpError)) throw error
      return this.#failed(error.failure, mail, to)
    } finally {
      this.#return(session)
    }
  }

  #failed(failure: SmtpFailure, mail: OutgoingMail, to: readonly string[]): readonly string[] {
    if (this.#isOver) return to
    const { kind, error } = failure
    if (kind === 'refused') {
      if (to.length === mail.to.length) throw new SmtpError(failure)
      // The others have it: it was sent.
      return this.#again(to.map((mailbox) => ({ mailbox, failure })))
    }
    if (kind === 'login' && !this.#hasSent) this.#end(error) // wrong from the beginning: for good
    this.#terms.report(error)
    return to
  }

  #again(undelivered: readonly Undelivered[]): readonly string[] {
    for (const { mailbox, failure } of undelivered) {
      const what = `a mail was not taken for ${mailbox}: ${failure.error.message}`
      this.#terms.report(transportError(what, failure.error))
    }
    return undelivered
      .filter(({ failure }) => failure.kind === 'later')
      .map(({ mailbox }) => mailbox)
  }

  /** A connection that is free, or a new one; `undefined` once it is over. */
  async #session(): Promise<SmtpSession | undefined> {
    while (!this.#isOver) {
      for (const [session, timer] of this.#idle) {
        clearTimeout(timer)
        this.#idle.delete(session)
        if (session.isUsable) return this.#taken(session)
        this.#openCount--
      }
      if (this.#openCount < this.#terms.maxConnections) return this.#open()
      await new Promise<void>((resolve) => this.#waitingForSession.push(resolve))
    }
    return undefined
  }

  async #open(): Promise<SmtpSession | undefined> {
    this.#openCount++
    try {
      const session = await SmtpSession.open(this.#terms)
      this.#terms.reached?.(true)
      if (!this.#isOver) return this.#taken(session)
      session.close()
    } catch (error) {
      const isOnly = this.#openCount === 1 // a server may take one connection, and no second one
      if (isOnly && !this.#isOver) this.#terms.reached?.(false)
      this.#freed()
      throw error
    }
    return undefined
  }

  #taken(session: SmtpSession): SmtpSession {
    this.#busy.add(session)
    return session
  }

  #return(session: SmtpSession | undefined): void {
    if (session === undefined) return
    this.#busy.delete(session)
    if (!session.isUsable || this.#isOver) {
      session.close()
      this.#freed()
      return
    }
    const timer = setTimeout(() => {
      this.#idle.delete(session)
      session.close()
      this.#freed()
    }, IDLE_MS)
    this.#idle.set(session, timer)
    this.#waitingForSession.shift()?.()
  }

  #freed(): void {
    this.#openCount--
    this.#waitingForSession.shift()?.()
  }

  async #pause(ms: number, byteCount: number): Promise<void> {
    if (this.#isOver) return
    const paused = new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#pausing.delete(timer)
        resolve()
      }, ms)
      this.#pausing.set(timer, resolve)
    })
    this.#pausingBytes += byteCount
    this.#sends.resume() // another one, in its place
    await paused
    this.#pausingBytes -= byteCount
  }

  /** How many of those that wait for their next attempt are not counted as under way. */
  #aside(): number {
    const { maxWaitingSends, maxWaitingBytes } = this.#terms
    return this.#pausingBytes > maxWaitingBytes ? 0 : Math.min(this.#pausing.size, maxWaitingSends)
  }
}
