// SPDX-License-Identifier: Apache-2.0
/**
 * What a folder still has (`docs/spec/09-bindings.md` Section 9.9.4): read over a connection of its own,
 * by EXAMINE, so that nothing changes and nobody is disturbed; in the order of INTERNALDATE, in which the
 * mails came, also where somebody has filed them later. Where the connection breaks, it goes on over another.
 *
 * @module
 */

import type { ImapFlow, MailboxObject } from 'imapflow'
import { closedError, inTime, limitError, Pauses, transportError } from '@waxwing/transport-kit'
import type { MailContent } from '../letter.js'
import { readMail } from '../read-mail.js'
import { candidatesOf, type Candidate } from './candidate.js'
import { connectImap, MailboxRefused, told } from './imap-client.js'
import type { ResolvedMailbox } from './mailbox-options.js'

/** By the server's clock, both ends included, in whole seconds. */
export interface HistorySpan {
  readonly from?: Date
  readonly until?: Date
}

export interface StoredMail extends MailContent {
  /** When the server got it. */
  readonly storedAt: Date
}

export interface HistoryTerms {
  readonly span: HistorySpan
  /** Which of them are downloaded. Left out: all that hold something of ours. */
  readonly wants?: (candidate: Candidate) => boolean
  readonly report: (error: unknown) => void
  readonly signal: AbortSignal
}

const CHUNK = 100
const LOGOUT_MS = 2_000
/** SEARCH knows days, of no certain time zone (RFC 9051 Section 6.4.4). */
const DAY_MS = 86_400_000
/** So many connections may bring nothing, one after the other: about a minute and a half. */
const MAX_ATTEMPTS = 10

/** @throws {WaxwingError} `ERR_TRANSPORT`, `ERR_CLOSED`. */
export async function* readHistory(
  options: ResolvedMailbox,
  terms: HistoryTerms,
): AsyncGenerator<StoredMail, void> {
  const history = new History(options, terms)
  const stop = (): void => history.stop()
  terms.signal.addEventListener('abort', stop)
  try {
    if (terms.signal.aborted) throw closedError()
    for (let mail = await history.next(); mail !== undefined; mail = await history.next()) {
      yield mail
    }
  } finally {
    terms.signal.removeEventListener('abort', stop)
    await history.close()
  }
}

/** What is to be read yet, over one connection after the other. */
class History {
  readonly #options: ResolvedMailbox
  readonly #terms: HistoryTerms
  readonly #pauses: Pauses
  #client: ImapFlow | undefined
  #uidValidity: bigint | undefined
  /** What came later is not read. */
  #uidNext = 1
  /** The oldest last; `undefined` until they were found. */
  #waiting: Candidate[] | undefined
  #attempts = 0
  #wakeUp: (() => void) | undefined

  constructor(options: ResolvedMailbox, terms: HistoryTerms) {
    this.#options = options
    this.#terms = terms
    const { reconnectMinMs, reconnectMaxMs } = options.link
    this.#pauses = new Pauses(reconnectMinMs, reconnectMaxMs)
  }

  /** The next mail; `undefined` at the end. @throws {WaxwingError} */
  async next(): Promise<StoredMail | undefined> {
    for (;;) {
      if (this.#terms.signal.aborted) throw closedError()
      try {
        return await this.#read()
      } catch (error) {
        if (this.#terms.signal.aborted) throw closedError()
        if (!this.#mayGoOn()) throw asTransportError(error)
        await this.#pause()
      }
    }
  }

  stop(): void {
    this.#client?.close()
    this.#wakeUp?.()
  }

  async close(): Promise<void> {
    const client = this.#client
    if (client?.usable) await inTime(client.logout(), LOGOUT_MS)
    client?.close()
  }

  async #read(): Promise<StoredMail | undefined> {
    const client = await this.#connected()
    this.#waiting ??= (await found(client, this.#uidNext, this.#terms)).toReversed()
    for (let next = this.#waiting.at(-1); next !== undefined; next = this.#waiting.at(-1)) {
      const content = await read(client, next, { options: this.#options, terms: this.#terms })
      if (this.#terms.signal.aborted) throw closedError()
      this.#waiting.pop()
      this.#attempts = 0
      this.#pauses.reset()
      if (content !== undefined) return { ...content, storedAt: next.storedAt }
    }
    return undefined
  }

  async #connected(): Promise<ImapFlow> {
    if (this.#client?.usable) return this.#client
    const client = await connectImap(this.#options.link)
    this.#client = client
    if (this.#terms.signal.aborted) client.close()
    const { uidValidity, uidNext } = await examined(client, this.#options.historyFolder)
    if (this.#uidValidity !== undefined && this.#uidValidity !== uidValidity) {
      this.#attempts = MAX_ATTEMPTS // what was found is not there any more
      throw transportError('the mailbox numbers its mails anew (UIDVALIDITY): read it again')
    }
    if (this.#uidValidity === undefined) this.#uidNext = uidNext
    this.#uidValidity = uidValidity
    return client
  }

  /** Whether the connection broke, or was not there; who never had one does not wait for it. */
  #mayGoOn(): boolean {
    if (this.#uidValidity === undefined || this.#client?.usable) return false
    return ++this.#attempts < MAX_ATTEMPTS
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#pauses.next())
      this.#wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

async function examined(client: ImapFlow, folder: string): Promise<MailboxObject> {
  try {
    return await client.mailboxOpen(folder.split('/'), { readOnly: true })
  } catch (error) {
    throw transportError(`could not open the folder ${folder}: ${told(error)}`, error)
  }
}

/** The mails of the span that were there when the folder was opened, the oldest first. */
async function found(
  client: ImapFlow,
  uidNext: number,
  { span, wants = () => true }: HistoryTerms,
): Promise<readonly Candidate[]> {
  const { from = new Date(0), until = new Date(8.64e15) } = span
  const uids = await client.search(
    {
      uid: `1:${Math.max(uidNext - 1, 1)}`,
      ...(span.from === undefined ? {} : { since: new Date(from.getTime() - DAY_MS) }),
      ...(span.until === undefined ? {} : { before: new Date(until.getTime() + 2 * DAY_MS) }),
    },
    { uid: true },
  )
  if (!Array.isArray(uids)) throw transportError('the IMAP server refused to search')
  const candidates: Candidate[] = []
  for (let at = 0; at < uids.length; at += CHUNK) {
    for (const candidate of await candidatesOf(client, uids.slice(at, at + CHUNK))) {
      if (isWithin(candidate, from, until) && wants(candidate)) candidates.push(candidate)
    }
  }
  return candidates.toSorted((a, b) => Number(a.storedAt) - Number(b.storedAt) || a.uid - b.uid)
}

/** The server's times have no milliseconds. */
function isWithin({ storedAt }: Candidate, from: Date, until: Date): boolean {
  return storedAt.getTime() + 999 >= from.getTime() && storedAt.getTime() <= until.getTime()
}

async function read(
  client: ImapFlow,
  { uid, sizeBytes }: Candidate,
  {
    options,
    terms,
  }: { readonly options: ResolvedMailbox; readonly terms: Pick<HistoryTerms, 'report'> },
): Promise<MailContent | undefined> {
  const { maxMailBytes } = options.limits
  if (sizeBytes > maxMailBytes) {
    terms.report(limitError(`a mail has ${sizeBytes} bytes`, 'maxMailBytes'))
    return undefined
  }
  const source = { start: 0, maxLength: maxMailBytes + 1 }
  const message = await client.fetchOne(uid, { uid: true, source }, { uid: true })
  if (message === false) return undefined // deleted meanwhile
  try {
    const content = readMail(message.source ?? new Uint8Array(), options.limits)
    for (const { error } of content.damaged) terms.report(error)
    return content.report !== undefined || content.items.length === 0 ? undefined : content
  } catch (error) {
    terms.report(error)
    return undefined
  }
}

function asTransportError(error: unknown): unknown {
  if (error instanceof MailboxRefused) return error.reason
  const isOurs = error instanceof Error && error.name === 'WaxwingError'
  return isOurs ? error : transportError(`IMAP failed: ${told(error)}`, error)
}
