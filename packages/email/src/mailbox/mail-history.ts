// SPDX-License-Identifier: Apache-2.0
/**
 * What a folder still has (`docs/spec/09-bindings.md` Section 9.9.4): read over a connection of its own,
 * by EXAMINE, so that nothing changes and nobody is disturbed; in the order of INTERNALDATE, in which the
 * mails came, also where somebody has filed them later.
 *
 * @module
 */

import type { ImapFlow, MailboxObject } from 'imapflow'
import { closedError, inTime, limitError, transportError } from '@waxwing/transport-kit'
import type { MailContent } from '../letter.js'
import { readMail } from '../read-mail.js'
import { CANDIDATE_QUERY, candidateOf, type Candidate } from './candidate.js'
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

/** @throws {WaxwingError} `ERR_TRANSPORT`, `ERR_CLOSED`. */
export async function* readHistory(
  options: ResolvedMailbox,
  terms: HistoryTerms,
): AsyncGenerator<StoredMail, void> {
  let client: ImapFlow | undefined
  const stop = (): void => client?.close()
  terms.signal.addEventListener('abort', stop)
  try {
    if (terms.signal.aborted) throw closedError()
    client = await connectImap(options.link)
    const folder = await examined(client, options.historyFolder)
    const candidates = await found(client, folder, terms)
    for (const candidate of candidates) {
      const content = await read(client, candidate, { options, terms })
      if (terms.signal.aborted) throw closedError()
      if (content !== undefined) yield { ...content, storedAt: candidate.storedAt }
    }
  } catch (error) {
    throw terms.signal.aborted ? closedError() : asTransportError(error)
  } finally {
    terms.signal.removeEventListener('abort', stop)
    if (client?.usable) await inTime(client.logout(), LOGOUT_MS)
    client?.close()
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
  folder: MailboxObject,
  { span, wants = () => true }: HistoryTerms,
): Promise<readonly Candidate[]> {
  const { from = new Date(0), until = new Date(8.64e15) } = span
  const uids = await client.search(
    {
      uid: `1:${Math.max(folder.uidNext - 1, 1)}`,
      ...(span.from === undefined ? {} : { since: new Date(from.getTime() - DAY_MS) }),
      ...(span.until === undefined ? {} : { before: new Date(until.getTime() + 2 * DAY_MS) }),
    },
    { uid: true },
  )
  if (!Array.isArray(uids)) throw transportError('the IMAP server refused to search')
  const candidates: Candidate[] = []
  for (let at = 0; at < uids.length; at += CHUNK) {
    const messages = await client.fetchAll(uids.slice(at, at + CHUNK), CANDIDATE_QUERY, {
      uid: true,
    })
    for (const message of messages) {
      const candidate = candidateOf(message)
      if (candidate !== undefined && isWithin(candidate, from, until) && wants(candidate)) {
        candidates.push(candidate)
      }
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
    return content.isBounce || content.items.length === 0 ? undefined : content
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
