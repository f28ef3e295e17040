// SPDX-License-Identifier: Apache-2.0
/**
 * Mails as they are sent (`docs/spec/09-bindings.md` Section 9.9.1): each object is an attachment of its
 * own, in base64, which every relay leaves as it is; before them, words for a person whose mail program
 * knows nothing of this.
 *
 * Nothing of what the objects hold gets outside of them: subject, text, addresses and file names are the
 * caller's, and readable by anyone.
 *
 * @module
 */

import { randomUUID } from 'node:crypto'
import MailComposer from 'nodemailer/lib/mail-composer'
import { WaxwingError } from '@waxwing/core'
import { assertAddress } from '@waxwing/transport-kit'
import { fileNameOf, locationOf } from './item-address.js'
import { ITEMS_FIELD } from './read-mail.js'
import type { Envelope, Letter, LetterItem } from './letter.js'
import { assertMailbox, domainOf } from './mailboxes.js'

const MAX_ITEMS = 1_000
const MAX_RECIPIENTS = 100
/** A line of a header has 998 characters at most (RFC 5322 Section 2.1.1). */
const MAX_SUBJECT_LENGTH = 400
const DEFAULT_SUBJECT = 'Sealed data'
/** Where it begins with tag 16 or tag 18 (`docs/spec/09-bindings.md` Section 9.4.2). */
const COSE_TYPES: Readonly<Record<number, string>> = { 0xd0: 'cose-encrypt0', 0xd2: 'cose-sign1' }

/** A mailbox list as an array. @throws {TypeError | RangeError} If one is no mailbox, or they are too many. */
export function recipientsOf({ to }: Pick<Letter, 'to'>): readonly string[] {
  const recipients = typeof to === 'string' ? [to] : [...new Set(to)]
  if (recipients.length < 1 || recipients.length > MAX_RECIPIENTS) {
    throw new RangeError(`to must name 1 to ${MAX_RECIPIENTS} mailboxes, has ${recipients.length}`)
  }
  for (const recipient of recipients) assertMailbox(recipient, 'to')
  return recipients
}

/** A `Message-ID` that nobody else has (RFC 5322 Section 3.6.4). */
export function newMessageId(from: string): string {
  return `<${randomUUID()}@${domainOf(from)}>`
}

/**
 * Composes a mail.
 *
 * @returns Its bytes (RFC 5322), lines ended by CRLF, all ASCII.
 * @throws {TypeError | RangeError} Naming what of the letter cannot be sent.
 * @throws {WaxwingError} `ERR_LIMIT` if an address is too long, `ERR_MALFORMED` if an archive would be.
 */
export async function composeMail(letter: Letter, envelope: Envelope): Promise<Uint8Array> {
  assertMailbox(envelope.from, 'from')
  const to = recipientsOf(letter)
  const { subject = DEFAULT_SUBJECT, items = [] } = letter
  if (subject.length > MAX_SUBJECT_LENGTH || /\p{Cc}/u.test(subject)) {
    throw new RangeError(`subject must be at most ${MAX_SUBJECT_LENGTH} characters of one line`)
  }
  if (items.length > MAX_ITEMS) throw new RangeError(`items are more than ${MAX_ITEMS}`)
  const attachments = [...itemParts(letter), ...archiveParts(letter)]
  if (attachments.length === 0) throw new TypeError('a letter must have items or an archive')
  const mail = new MailComposer({
    from: { name: '', address: envelope.from },
    to: to.map((address) => ({ name: '', address })),
    subject,
    date: envelope.date ?? new Date(),
    messageId: envelope.messageId ?? newMessageId(envelope.from),
    headers: {
      // Nobody's holiday shall answer (RFC 3834 Section 5).
      'Auto-Submitted': 'auto-generated',
      // By which a report is known that returns no more than these fields.
      [ITEMS_FIELD]: String(attachments.length),
      ...(envelope.inbox === undefined ? {} : { 'Waxwing-Inbox': envelope.inbox }),
    },
    text: textOf(letter, attachments.length),
    attachments,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return new Uint8Array(await mail.compile().build())
}

interface AttachedPart {
  readonly filename: string
  readonly content: Buffer
  readonly contentType: string
  readonly contentTransferEncoding: 'base64'
  readonly contentDisposition: 'attachment'
  readonly headers: Readonly<Record<string, string>>
}

function itemParts({ items = [], asArchive = false }: Letter): AttachedPart[] {
  if (asArchive) return []
  return items.map(({ address, payload }, index) => {
    if (address !== undefined) assertAddress(address)
    const coseType = COSE_TYPES[payload[0] ?? 0]
    const parameter = coseType === undefined ? '' : `; cose-type="${coseType}"`
    const headers = address === undefined ? {} : { 'Content-Location': locationOf(address) }
    const name = fileNameOf(address, index)
    return attached({ name, payload, contentType: `application/cose${parameter}`, headers })
  })
}

function archiveParts({ items = [], asArchive = false, archive }: Letter): AttachedPart[] {
  const parts = archive === undefined ? [] : [archive]
  if (asArchive && items.length > 0) parts.unshift(joined(items))
  return parts.map((payload, index) => {
    const name = index === 0 ? 'objects.wax' : `objects-${index + 1}.wax`
    return attached({ name, payload, contentType: 'application/cbor-seq', headers: {} })
  })
}

function joined(items: readonly LetterItem[]): Uint8Array {
  for (const { payload } of items) {
    if (payload.length > 0) continue
    throw new WaxwingError('ERR_MALFORMED', 'an archive cannot hold an item of no bytes')
  }
  return Buffer.concat(items.map(({ payload }) => payload))
}

function attached({
  name,
  payload,
  contentType,
  headers,
}: {
  readonly name: string
  readonly payload: Uint8Array
  readonly contentType: string
  readonly headers: Readonly<Record<string, string>>
}): AttachedPart {
  return {
    filename: name,
    content: Buffer.from(payload),
    contentType,
    contentTransferEncoding: 'base64',
    contentDisposition: 'attachment',
    headers,
  }
}

function textOf({ text }: Letter, count: number): string {
  const what = count === 1 ? 'The attachment is' : `The ${count} attachments are`
  const words = [
    `${what} end-to-end protected by Waxwing, an open format (COSE, RFC 9052).`,
    'Mail servers and mail programs cannot read it; who may read it, its owner decides.',
    '',
    'A Waxwing endpoint that watches this mailbox has taken it, or will: then there is',
    'nothing to do, and this mail may be deleted. To read it by hand, save what ends in',
    '.cose or .wax and run "waxwing open FILE"; "waxwing inspect FILE" shows what can be',
    'seen without keys. If you expected nothing of the kind, ask the sender.',
  ].join('\n')
  return text === undefined || text === '' ? `${words}\n` : `${text.trimEnd()}\n\n-- \n${words}\n`
}
