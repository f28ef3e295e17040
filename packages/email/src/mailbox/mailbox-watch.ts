// SPDX-License-Identifier: Apache-2.0
/**
 * A folder, watched (`docs/spec/09-bindings.md` Section 9.9.3): over one connection, one thing after the
 * other, what was handled is settled, what is new is looked at, and what is wanted is fetched; then the
 * server is asked to tell of news (IDLE, RFC 2177).
 *
 * - A mail is settled when its owner says so, and no sooner; until then it stays, and comes again.
 * - Mails that nobody wants now are in nobody's way: the next one that is wanted is fetched.
 * - A mail that cannot be read, or over which the connection breaks again and again, is set aside and
 *   reported.
 *
 * @module
 */

import type { ImapFlow, MailboxObject } from 'imapflow'
import { WaxwingError } from '@waxwing/core'
import { closedError, limitError, lostError, transportError } from '@waxwing/transport-kit'
import { formatReport } from '../delivery-report.js'
import type { MailContent } from '../letter.js'
import { readMail } from '../read-mail.js'
import { candidatesOf, type Candidate } from './candidate.js'
import { told } from './imap-client.js'
import { ImapLink } from './imap-link.js'
import type { ResolvedMailbox } from './mailbox-options.js'
import { ScanMark } from './scan-mark.js'
import { assertSettling } from './settling.js'
import { SettlingQueue, type Fate } from './settling-queue.js'
import { MAX_BREAKS, TrackedMails, type TrackedMail } from './tracked-mails.js'

export interface FetchedMail {
  readonly candidate: Candidate
  readonly content: MailContent
  /** Somebody had it before. */
  readonly redelivered: boolean
}

/** How much a mail is wanted: `no` for now, or `never` while subscriptions are what they are. */
export type Want = 'never' | 'no' | 'yes' | 'first'

export interface WatchOwner {
  /** Whether a mail may be fetched now. */
  wants(candidate: Candidate): Want
  /** A mail, the owner's until it is settled or released. */
  take(mail: FetchedMail): void
  /** The folder can be read. */
  up(): void
  /** Nothing is there, for now, that is wanted. @param isAll - `false`: but for what there is no room to know of. */
  rests(isAll: boolean): void
  /** The connection is gone, and what is out comes again. */
  down(): void
  /** The server numbers its mails anew: all UIDs there were are void. */
  renumbered(): void
  /** For good. */
  refused(error: WaxwingError): void
  report(error: unknown): void
}

/** What becomes of a mail; the items that were rejected, if some were. */
export type Verdict = Pick<Fate, 'rejected'>

const MAX_TRACKED = 20_000
/** Mails that are looked at in one turn. */
const CHUNK = 50
const [MIN_RETRY_MS, MAX_RETRY_MS] = [1_000, 300_000]
/** IDLE that ends by itself is not begun again sooner. */
const IDLE_PAUSE_MS = 1_000

export class MailboxWatch {
  readonly #options: ResolvedMailbox
  readonly #owner: WatchOwner
  readonly #link: ImapLink
  readonly #mark: ScanMark
  readonly #settlings: SettlingQueue
  readonly #mails = new TrackedMails(MAX_TRACKED)
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  /** UIDs that were not looked at. */
  #unknown: number[] = []
  #client: ImapFlow | undefined
  #uidValidity: bigint | undefined
  /** Everything up to this UID was looked at, or is in `#unknown`. */
  #scannedTo = 0
  /** So many mails are looked at one by one, since the connection broke over one of them. */
  #careful = 0
  /** How often it broke over the first that was not looked at. */
  #lookBreaks = 0
  #hasNews = true
  #isIdling = false
  #wakeUp: (() => void) | undefined
  #isClosed = false

  constructor(options: ResolvedMailbox, owner: WatchOwner) {
    this.#options = options
    this.#owner = owner
    const { server, folder } = options.link
    this.#mark = new ScanMark({
      store: options.store,
      name: [server.host, server.username ?? '', folder, options.settling.keyword],
      report: (error) => owner.report(error),
    })
    this.#settlings = new SettlingQueue(options.settling, {
      source: (client, mail) => this.#source(client, mail),
      settled: ({ candidate }) => this.#mails.remove(candidate.uid),
      unsettled: (mail) => this.#unsettled(mail),
    })
    this.#link = new ImapLink(options.link, {
      check: (client, box) => this.#check(client, box),
      up: (client) => this.#up(client),
      down: () => this.#down(),
      refused: (error) => owner.refused(error),
      report: (error) => owner.report(error),
    })
  }

  /** What is wanted may have changed. */
  wake(): void {
    this.#wakeUp?.()
  }

  /** Looks through the folder again, for what nobody wanted so far and was forgotten. */
  rescan(): void {
    if (this.#mails.isIncomplete) this.#scanAnew()
    this.wake()
  }

  /**
   * Settles a mail that is out. Over a connection that breaks it goes on with the next one.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` if it comes again, `ERR_CLOSED`.
   */
  settle(uid: number, { rejected }: Verdict): Promise<void> {
    return this.#settle(this.#mails.get(uid), { rejected, isRefused: false })
  }

  /** Nobody has it any more, and nobody settled it. */
  release(uid: number): void {
    const mail = this.#mails.get(uid)
    if (mail?.state !== 'out') return
    mail.state = 'waiting'
    mail.wasOut = true
    this.wake()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.wake()
    await this.#saveMark()
    await this.#link.end()
    this.#settlings.rejectAll(closedError())
  }

  async #check(client: ImapFlow, box: MailboxObject): Promise<void> {
    assertSettling(client, box, this.#options.settling)
    if (this.#uidValidity === box.uidValidity) return
    const isFirst = this.#uidValidity === undefined
    this.#uidValidity = box.uidValidity
    this.#scannedTo = isFirst ? await this.#mark.load(box.uidValidity) : 0
    if (this.#scannedTo >= box.uidNext) this.#scannedTo = 0 // a mark of numbers that are not there
    this.#unknown = []
    this.#mails.clear()
    this.#settlings.rejectAll(lostError())
    if (isFirst) return
    this.#owner.renumbered()
    this.#owner.report(
      transportError('the mailbox numbers its mails anew (UIDVALIDITY); some may come again'),
    )
  }

  #up(client: ImapFlow): void {
    this.#client = client
    this.#hasNews = true
    client.on('exists', () => {
      this.#hasNews = true
      this.wake()
    })
    // Opened again with other numbers: begun anew, with a connection that knows only these.
    client.on('mailboxOpen', () => this.#link.renew(client))
    this.#owner.up()
    void this.#serve(client)
  }

  #down(): void {
    this.#client = undefined
    this.wake()
    for (const mail of this.#mails.in('out')) {
      mail.state = 'waiting'
      mail.wasOut = true
    }
    this.#owner.down()
  }

  async #serve(client: ImapFlow): Promise<void> {
    try {
      while (this.#client === client && !this.#isClosed) {
        if (!(await this.#step(client))) await this.#rest(client)
      }
    } catch (error) {
      if (this.#client !== client || this.#isClosed) return
      const isOurs = error instanceof WaxwingError
      this.#owner.report(isOurs ? error : transportError(`IMAP failed: ${told(error)}`, error))
      this.#link.renew(client)
    }
  }

  /** @returns Whether there was something to do. */
  async #step(client: ImapFlow): Promise<boolean> {
    if (this.#settlings.isDue) await this.#settlings.tellSome(client)
    else if (this.#hasNews) await this.#findNews(client)
    else if (this.#unknown.length > 0) await this.#look(client)
    else {
      const mail = this.#next()
      if (mail !== undefined) await this.#fetch(client, mail)
      else if (this.#settlings.size > 0) await this.#settlings.tellSome(client)
      else return false
    }
    return true
  }

  /** Until something happens; meanwhile the server may say what. */
  async #rest(client: ImapFlow): Promise<void> {
    this.#link.works()
    await this.#saveMark()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wakeUp = resolve
    if (this.#mails.mayFill) this.#scanAnew()
    const isDue = this.#hasNews || this.#settlings.size > 0 || this.#next() !== undefined
    if (isDue || this.#client !== client || this.#isClosed) resolve()
    else {
      if (!this.#isIdling) void this.#idle(client)
      this.#owner.rests(!this.#mails.hasGaps)
    }
    await promise
    this.#wakeUp = undefined
  }

  async #idle(client: ImapFlow): Promise<void> {
    this.#isIdling = true
    try {
      await client.idle()
    } catch {
      // The connection is gone, and `down` says so.
    }
    this.#isIdling = false
    // It may have ended though nobody ended it.
    if (this.#client === client) this.#wakeIn(IDLE_PAUSE_MS)
  }

  #wakeIn(ms: number): void {
    if (this.#isClosed) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.wake()
    }, ms)
    this.#timers.add(timer)
  }

  #scanAnew(): void {
    this.#mails.begunAnew()
    this.#scannedTo = 0
    this.#hasNews = true
  }

  async #saveMark(): Promise<void> {
    if (this.#uidValidity === undefined || this.#mails.hasGaps || this.#unknown.length > 0) return
    const lowest = this.#mails.lowest()
    const uid = lowest === undefined ? this.#scannedTo : Math.min(lowest - 1, this.#scannedTo)
    await this.#mark.save(this.#uidValidity, uid)
  }

  async #findNews(client: ImapFlow): Promise<void> {
    this.#hasNews = false
    this.#mails.maySweep = true
    const { afterwards, keyword } = this.#options.settling
    const begin = this.#scannedTo + 1
    const query = { uid: `${begin}:*`, deleted: false }
    const found = await client.search(
      afterwards === 'flag' ? { ...query, unKeyword: keyword } : query,
      { uid: true },
    )
    if (!Array.isArray(found)) throw transportError('the IMAP server refused to search')
    // `n:*` means the last one even where that is before n.
    const uids = found.filter((uid) => uid >= begin).toSorted((a, b) => a - b)
    for (const uid of uids) this.#unknown.push(uid)
    this.#scannedTo = Math.max(this.#scannedTo, uids.at(-1) ?? 0)
  }

  async #look(client: ImapFlow): Promise<void> {
    const uids = this.#unknown.slice(0, this.#careful > 0 ? 1 : CHUNK)
    const candidates = await this.#candidates(client, uids)
    for (const candidate of candidates) {
      if (this.#isSettled(candidate.flags)) continue
      this.#mails.add(candidate, ({ candidate: other }) => this.#owner.wants(other) !== 'never')
    }
    this.#unknown.splice(0, uids.length)
  }

  /** Where that breaks the connection, mails are looked at one by one, and the one that does is left out. */
  async #candidates(client: ImapFlow, uids: number[]): Promise<readonly Candidate[]> {
    try {
      const candidates = await candidatesOf(client, uids)
      this.#careful = Math.max(0, this.#careful - 1)
      this.#lookBreaks = 0
      return candidates
    } catch (error) {
      this.#careful = CHUNK
      if (uids.length === 1 && ++this.#lookBreaks >= MAX_BREAKS) {
        this.#lookBreaks = 0
        this.#unknown.shift()
        this.#owner.report(
          transportError(`the mail with UID ${uids[0]} cannot be looked at`, error),
        )
      }
      throw error
    }
  }

  #isSettled(flags: ReadonlySet<string>): boolean {
    const { afterwards, keyword } = this.#options.settling
    return flags.has('\\Deleted') || (afterwards === 'flag' && flags.has(keyword))
  }

  /** The first one that is wanted: those that are wanted first before all others. */
  #next(): TrackedMail | undefined {
    const now = performance.now()
    let next: TrackedMail | undefined
    for (const mail of this.#mails.in('waiting')) {
      if (mail.notBeforeMs > now || (next !== undefined && !mail.mayBeControl)) continue
      const want = this.#owner.wants(mail.candidate)
      if (want === 'first') return mail
      if (want === 'yes') next ??= mail
    }
    return next
  }

  async #fetch(client: ImapFlow, mail: TrackedMail): Promise<void> {
    const { uid, sizeBytes } = mail.candidate
    const { maxMailBytes } = this.#options.limits
    if (sizeBytes > maxMailBytes) {
      this.#refuse(mail, limitError(`a mail has ${sizeBytes} bytes`, 'maxMailBytes'))
      return
    }
    const raw = await this.#source(client, mail)
    if (raw === undefined) {
      this.#mails.remove(uid)
      return
    }
    try {
      this.#hand(mail, readMail(raw, this.#options.limits))
    } catch (error) {
      this.#refuse(mail, error)
    }
  }

  #hand(mail: TrackedMail, content: MailContent): void {
    const { uid } = mail.candidate
    const { items, damaged, report } = content
    if (report !== undefined) {
      mail.state = 'out'
      if (report.action !== 'delivered') this.#owner.report(transportError(formatReport(report)))
      this.#settleQuietly(mail, false)
      return
    }
    for (const { error } of damaged) this.#owner.report(error)
    if (items.length > 0) {
      mail.state = 'out'
      this.#owner.take({ candidate: mail.candidate, content, redelivered: mail.wasOut })
    } else if (damaged.length > 0) {
      mail.state = 'out'
      this.#settleQuietly(mail, true)
    } else this.#mails.remove(uid)
  }

  /** The bytes of a mail; `undefined` where it is gone, or somebody else has settled it. */
  async #source(client: ImapFlow, mail: TrackedMail): Promise<Uint8Array | undefined> {
    const { maxMailBytes } = this.#options.limits
    const source = { start: 0, maxLength: maxMailBytes + 1 }
    try {
      const query = { uid: true, flags: true, source }
      const message = await client.fetchOne(mail.candidate.uid, query, { uid: true })
      if (message === false || this.#isSettled(message.flags ?? new Set())) return undefined
      if (message.source === undefined) throw transportError('the IMAP server sent no mail')
      return message.source
    } catch (error) {
      // Who rejected it waits already for what becomes of it.
      if (++mail.breaks < MAX_BREAKS || mail.state === 'settling') throw error
      // Nothing is read of it any more.
      const why = transportError('the connection broke at each attempt to fetch a mail', error)
      this.#refuse(mail, why)
      throw error
    }
  }

  #refuse(mail: TrackedMail, error: unknown): void {
    mail.state = 'out'
    this.#owner.report(error)
    this.#settleQuietly(mail, true)
  }

  #settleQuietly(mail: TrackedMail, isRefused: boolean): void {
    this.#settle(mail, { rejected: [], isRefused }).catch((error: unknown) =>
      this.#owner.report(error),
    )
  }

  #settle(mail: TrackedMail | undefined, fate: Fate): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedError())
    const settling = this.#settlings.push(mail, fate)
    this.wake()
    return settling
  }

  /** It comes again, after a pause that grows. */
  #unsettled(mail: TrackedMail): void {
    const pauseMs = Math.min(MIN_RETRY_MS * 2 ** mail.failures++, MAX_RETRY_MS)
    mail.state = 'waiting'
    mail.wasOut = true
    mail.notBeforeMs = performance.now() + pauseMs
    this.#wakeIn(pauseMs + 1)
  }
}
