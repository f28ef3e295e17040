// SPDX-License-Identifier: Apache-2.0
/**
 * What `waxwing mail fetch` is wished to do: which mails, and what becomes of them.
 *
 * @module
 */

import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { WaxwingError } from '@waxwing/core'
import { parseBroker } from '../broker/url.js'
import { choice } from '../broker/setting-values.js'
import type { Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { spanFrom } from '../kept-reader.js'
import { accountOf, assertPassword, hasAccount } from './account-of-home.js'
import { MailFetching } from './fetching.js'
import { mailboxOf, mailsInFiles, newMails, pastMails, type IncomingMail } from './mails.js'
import { messageOf } from '../output.js'
import { DEFAULT_MAX_BYTES, IncomingFiles } from '../transfers/incoming-files.js'
import { ReceivedList } from '../transfers/received-list.js'
import { namePattern, wholeNumber } from '../wishes.js'

export interface MailFetchOptions {
  readonly out?: string
  readonly watch?: boolean
  readonly folder?: string
  readonly since?: string
  readonly until?: string
  readonly again?: boolean
  readonly stream?: string
  readonly ask?: boolean
  readonly reason?: string
  readonly answers?: string
  readonly sender?: string
  readonly maxSize?: string
  readonly acceptUnsigned?: boolean
}

const MIB = 1_048_576

/** Takes mails, from an account or from files. */
export async function fetchMails(
  context: Context,
  files: readonly string[],
  options: MailFetchOptions,
): Promise<void> {
  const { output } = context
  assertWish(files, options)
  if (files.length === 0 && hasAccount(context)) await assertPassword(accountOf(context).imap)
  const isPast = isOfThePast(options)
  const folder = resolve(options.out ?? context.home.path('mail'))
  const endpoint = await context.openEndpoint({ part: 'offline', showEvents: true })
  if (!isPast) context.claim('mail-fetch')
  mkdirSync(folder, { recursive: true })
  const incoming = new IncomingFiles({
    path: folder,
    isFolder: true,
    overwrite: false,
    maxBytes: options.maxSize === undefined ? DEFAULT_MAX_BYTES : maxBytesOf(options.maxSize),
    received: isPast ? undefined : new ReceivedList(context.home.path('received.json')),
  })
  context.defer(() => incoming.close())
  const fetching = await MailFetching.open(context, endpoint, {
    incoming,
    isPast,
    pattern: namePattern(options.stream ?? '#'),
    reason: options.reason,
    askAtOnce: options.ask === true,
    stays: options.watch === true,
    answers: options.answers,
    sender: options.sender,
    acceptUnsigned: options.acceptUnsigned === true,
  })
  const mails = mailsFor(context, files, options, isPast)
  if (options.watch === true) output.note('Waiting for mails. Ctrl-C ends it.')
  try {
    if (isPast) await fetching.readPast(mails, mailSpan(options))
    else await fetching.take(mails)
  } finally {
    output.progressDone()
  }
  fetching.conclude()
}

function assertWish(files: readonly string[], options: MailFetchOptions): void {
  const { watch, folder, stream = '#', since, until } = options
  if (files.length > 0 && (watch ?? folder ?? since ?? until) !== undefined) {
    throw new UsageError('files are read as they are: no --watch, --folder, --since or --until')
  }
  if (watch === true && isOfThePast(options)) {
    throw new UsageError('--watch takes what comes: no --since, --until or --again')
  }
  if (stream !== '#' && !isOfThePast(options)) {
    throw new UsageError('--stream goes with --since or --again: a mail is taken as a whole')
  }
}

function isOfThePast({ since, until, again }: MailFetchOptions): boolean {
  return (since ?? until) !== undefined || again === true
}

function mailSpan({ since, until }: MailFetchOptions): { from?: Date; until?: Date } {
  return spanFrom({
    ...(since === undefined ? {} : { from: since }),
    ...(until === undefined ? {} : { until }),
  })
}

function maxBytesOf(text: string): number {
  return wholeNumber(text, '--max-size') * MIB
}

function mailsFor(
  context: Context,
  files: readonly string[],
  options: MailFetchOptions,
  isPast: boolean,
): AsyncIterable<IncomingMail> {
  if (files.length > 0) return mailsInFiles(files)
  if (!hasAccount(context)) throw noMails()
  const { broker = '' } = context.config
  const url = parseBroker(broker)
  const { store } = context.brokerAccess()
  if (store === undefined) throw new TypeError('the store must be open')
  const mailbox = mailboxOf(accountOf(context), {
    store,
    folder: options.folder,
    history: url.settings.get('history'),
    rejected: url.settings.get('rejected'),
    ...choice(url, 'afterwards', ['flag', 'move', 'delete'] as const),
  })
  context.defer(() => mailbox.close())
  context.stop.signal.addEventListener('abort', () => void mailbox.close(), { once: true })
  let last = ''
  mailbox.onError((error) => {
    if (messageOf(error) !== last && !context.stop.isAsked) context.output.warn(messageOf(error))
    last = messageOf(error)
  })
  const mails = isPast
    ? pastMails(mailbox, mailSpan(options))
    : newMails(mailbox, options.watch === true)
  return untilStopped(mails, context)
}

function noMails(): UsageError {
  return new UsageError(
    'say which mails: a file (.eml, mbox), or an account: --broker "mails://imap.example.org?from=you@example.org"',
  )
}

/** Who ends it on purpose is not told that it was closed. */
async function* untilStopped(
  mails: AsyncIterable<IncomingMail>,
  { stop }: Context,
): AsyncGenerator<IncomingMail> {
  try {
    for await (const mail of mails) {
      yield mail
      if (stop.isAsked) return
    }
  } catch (error) {
    const isClosed = error instanceof WaxwingError && error.code === 'ERR_CLOSED'
    if (!isClosed || !stop.isAsked) throw error
  }
}
