// SPDX-License-Identifier: Apache-2.0
/**
 * What `waxwing mail send` does.
 *
 * @module
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toBase64Url, utf8, type TrustedPrincipal } from '@waxwing/core'
import type { Endpoint, GrantTerms } from '@waxwing/client'
import { readMail, type Letter } from '@waxwing/email'
import type { Context } from '../context.js'
import { findGrantee } from '../directory.js'
import { IncompleteError, UsageError } from '../exit-codes.js'
import { readInput } from '../files.js'
import { epochLengths, termsText, wholeEpochs } from '../granting-terms.js'
import { assertNotRevoked } from '../identity-text.js'
import { accountOf, assertPassword, ownMailbox } from './account-of-home.js'
import { assertFits, SealedLetter } from './letter-making.js'
import { mailBytes, serverOffice, type Sender } from './post-office.js'
import { counted, messageOf } from '../output.js'
import { parseDuration, parseTime } from '../times.js'
import { byteSize } from '../transfers/pace.js'
import { named, streamName, wholeNumber } from '../wishes.js'
import { warnUnsigned } from '../unsigned-warning.js'

export interface MailSendOptions {
  readonly to?: readonly string[]
  readonly stream?: string
  readonly message?: string
  readonly contentType?: string
  readonly grant?: readonly string[]
  readonly grantFrom?: string
  readonly grantUntil?: string
  readonly lease?: string
  readonly archive?: string
  readonly again?: string
  readonly subject?: string
  readonly text?: string
  readonly sender?: string
  readonly out?: string
  readonly maxSize?: string
  readonly timeout: string
}

const MIB = 1_048_576

/** Seals, grants and sends; or writes the mail to a file. */
export async function sendByMail(
  context: Context,
  files: readonly string[],
  options: MailSendOptions,
): Promise<void> {
  const { output } = context
  assertWish(files, options)
  const maxBytes = wholeNumber(options.maxSize ?? '25', '--max-size') * MIB
  const archive = options.archive === undefined ? undefined : readArchive(options.archive)
  assertFits([...files, ...(options.archive === undefined ? [] : [options.archive])], maxBytes)
  const account = options.out === undefined ? accountOf(context) : undefined
  if (account !== undefined) await assertPassword(account.smtp)
  const from = options.sender ?? account?.from ?? ownMailbox(context)
  const to = options.to ?? account?.to ?? []
  if (to.length === 0) throw new UsageError('say who gets it: --to anna@example.org')
  const sealed = await sealedFor(context, files, options)
  const letter: Letter = {
    to,
    ...(options.subject === undefined ? {} : { subject: options.subject }),
    ...(options.text === undefined ? {} : { text: options.text }),
    items: [...(sealed?.letter.items ?? []), ...itemsOf(options.again)],
    ...(archive === undefined ? {} : { archive }),
  }
  const sender = { from, principal: sealed?.endpoint.parts.identity.id }
  const mail = await composed(letter, sender)
  if (options.out === undefined) await sendMail(context, letter, sender, { mail, options })
  else writeFileSync(options.out, mail, { flag: 'wx', mode: 0o600, flush: true })
  for (const line of sealed?.lines ?? []) output.note(line)
  tell(context, { letter, to, mail, options, sealed })
}

function assertWish(files: readonly string[], options: MailSendOptions): void {
  const { message, stream, grant, archive, again, grantFrom, grantUntil, lease } = options
  const seals = files.length > 0 || message !== undefined
  if (!seals && archive === undefined && again === undefined) {
    throw new UsageError('say what to send: a file, --message, --archive FILE.wax or --again FILE')
  }
  if ((seals || grant !== undefined) && stream === undefined) {
    throw new UsageError('say the stream as which it is sealed: --stream plant/reports')
  }
  const terms = grantFrom ?? grantUntil ?? lease
  if (grant === undefined && terms !== undefined) throw new UsageError('say to whom: --grant WHO')
}

function readArchive(file: string): Uint8Array {
  return new Uint8Array(readFileSync(file))
}

/** What a mail held that could not be sent. */
function itemsOf(file: string | undefined): NonNullable<Letter['items']> {
  if (file === undefined) return []
  const { items } = readMail(new Uint8Array(readFileSync(file)))
  if (items.length === 0) throw new UsageError(`${file} is no mail with anything sealed in it`)
  return items
}

interface Sealed {
  readonly endpoint: Endpoint
  readonly letter: SealedLetter
  readonly grantees: readonly TrustedPrincipal[]
  readonly lines: readonly string[]
}

/** Seals and grants; `undefined` where an archive or another mail is all that goes. */
async function sealedFor(
  context: Context,
  files: readonly string[],
  options: MailSendOptions,
): Promise<Sealed | undefined> {
  if (options.stream === undefined) return undefined
  const stream = streamName(options.stream)
  const wished = grantTerms(options)
  const endpoint = await context.openEndpoint({ part: 'offline' })
  assertNotRevoked(endpoint)
  const grantees: TrustedPrincipal[] = []
  for (const who of options.grant ?? []) grantees.push(await findGrantee(endpoint, named(who)))
  const producer = await endpoint.producer(stream)
  warnUnsigned(context, producer)
  const letter = new SealedLetter(producer, context.output, context.stop.signal)
  const { message, contentType } = options
  const bytes = message === '-' ? await readInput('-') : message && utf8(message)
  try {
    await letter.seal({ files, message: bytes || undefined, contentType })
  } catch (error) {
    if (!context.stop.isAsked) throw error
    throw new IncompleteError('stopped: nothing was sent')
  }
  if (grantees.length === 0) return { endpoint, letter, grantees, lines: [] }
  const given = await letter.grant(endpoint, grantees, wished)
  const terms = termsText(wholeEpochs(given, epochLengths(endpoint, stream)))
  const lines = grantees.map(({ name }) => `Granted: ${name} may read ${stream} ${terms}`)
  return { endpoint, letter, grantees, lines }
}

/** @throws {UsageError} If they are none. */
function grantTerms({ grantFrom, grantUntil, lease }: MailSendOptions): GrantTerms {
  const now = Date.now()
  return {
    ...(grantFrom === undefined ? {} : { from: parseTime(grantFrom, now) }),
    ...(grantUntil === undefined ? {} : { until: parseTime(grantUntil, now) }),
    ...(lease === undefined ? {} : { leaseSeconds: parseDuration(lease) }),
  }
}

async function composed(letter: Letter, sender: Sender): Promise<Uint8Array> {
  try {
    return await mailBytes(letter, sender)
  } catch (error) {
    const isWrong = error instanceof TypeError || error instanceof RangeError
    throw isWrong ? new UsageError(error.message) : error
  }
}

/** What cannot be sent is kept: its counters are used, and nobody could seal it again as it is. */
async function sendMail(
  context: Context,
  letter: Letter,
  sender: Sender,
  { mail, options }: { readonly mail: Uint8Array; readonly options: MailSendOptions },
): Promise<void> {
  const { output, stop } = context
  let lastTrouble = ''
  const office = serverOffice(accountOf(context), sender, {
    signal: stop.signal,
    patienceMs: parseDuration(options.timeout) * 1000,
    onTrouble: (error) => {
      if (messageOf(error) !== lastTrouble) output.warn(`${messageOf(error)}; trying again.`)
      lastTrouble = messageOf(error)
    },
  })
  context.defer(() => office.close())
  output.status(`Sending ${byteSize(mail.length)}…`)
  try {
    await office.post(letter)
  } catch (error) {
    if (letter.items?.length === 0) throw error
    const kept = keep(context, mail)
    const recipients = typeof letter.to === 'string' ? [letter.to] : letter.to
    output.warn(`Not sent; kept in ${kept}`)
    output.next(
      `waxwing mail send --again ${kept}${recipients.map((to) => ` --to ${to}`).join('')}`,
    )
    throw error
  } finally {
    output.progressDone()
  }
}

function keep({ home }: Context, mail: Uint8Array): string {
  const folder = home.path('unsent')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${new Date().toISOString().replaceAll(/[:.]/g, '-')}.eml`)
  writeFileSync(path, mail, { flag: 'wx', mode: 0o600, flush: true })
  return path
}

function tell(
  { output }: Context,
  sent: {
    readonly letter: Letter
    readonly to: readonly string[]
    readonly mail: Uint8Array
    readonly options: MailSendOptions
    readonly sealed: Sealed | undefined
  },
): void {
  const { letter, to, mail, options, sealed } = sent
  const { out, stream, archive } = options
  const count = letter.items?.length ?? 0
  const files = sealed?.letter.files ?? []
  const what = [
    ...(count === 0 ? [] : [counted(count, 'sealed part')]),
    ...(archive === undefined ? [] : [archive]),
  ].join(' and ')
  output.result(
    {
      mailed: out === undefined ? [...to] : [],
      file: out,
      stream,
      items: count,
      files: files.map(({ file, byteCount, pieces, sha256 }) => ({
        file,
        byteCount,
        pieces,
        sha256,
      })),
      granted: (sealed?.grantees ?? []).map(({ id }) => toBase64Url(id)),
      archive,
      byteCount: mail.length,
    },
    [
      ...files.map(({ file, sha256 }) => `SHA-256 ${sha256}  ${file}`),
      out === undefined
        ? `Mailed ${what} to ${to.join(', ')}: ${byteSize(mail.length)}`
        : `Wrote ${out} with ${what}: ${byteSize(mail.length)}`,
    ],
  )
}
