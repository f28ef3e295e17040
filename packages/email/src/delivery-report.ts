// SPDX-License-Identifier: Apache-2.0
/**
 * What a report says of a mail's delivery (RFC 3464): for whom it failed, is delayed or went well. Written
 * by some server, or by anybody: a hint for people, in bounds, and never a reason to send again.
 *
 * @module
 */

import { mailboxIn } from './mailboxes.js'
import { fieldText, parseHeader, type HeaderFields } from './mime/header-fields.js'

/** What became of a mail, as it is said of its recipient: the worst of several counts. */
export type DeliveryAction = 'failed' | 'delayed' | 'delivered'

export interface DeliveryReport {
  readonly action: DeliveryAction
  /** Of those whom that befell, the first few. Untrusted. */
  readonly recipients: readonly ReportedRecipient[]
}

export interface ReportedRecipient {
  readonly mailbox: string
  /** Such as `5.2.2` (RFC 3463). */
  readonly status?: string
  /** The words of the server that refused it. */
  readonly diagnostic?: string
}

const MAX_BYTES = 64 * 1024
const MAX_RECIPIENTS = 10
const MAX_DIAGNOSTIC_LENGTH = 200
const STATUS = /^[245]\.\d{1,3}\.\d{1,3}/
/** RFC 3464 Section 2.3.3; any other word is taken for a failure. */
const ACTIONS: Readonly<Record<string, DeliveryAction>> = {
  delayed: 'delayed',
  delivered: 'delivered',
  relayed: 'delivered',
  expanded: 'delivered',
}

/**
 * Reads the part `message/delivery-status`.
 *
 * @param fields - Its bytes, without transfer encoding; `undefined`: nothing is known. Untrusted.
 */
export function readDeliveryStatus(fields: Uint8Array | undefined): DeliveryReport {
  // The first block is about the mail, each further one about a recipient (RFC 3464 Section 2.1).
  const text = Buffer.from((fields ?? new Uint8Array()).subarray(0, MAX_BYTES)).toString('latin1')
  const blocks = text
    .split(/(?:\r?\n){2,}/)
    .map((block) => parseHeader(Buffer.from(block, 'latin1')))
    .filter((block) => block.get('action') !== undefined)
  const of = (action: DeliveryAction): HeaderFields[] =>
    blocks.filter((block) => actionOf(block) === action)
  const action =
    (['failed', 'delayed', 'delivered'] as const).find((each) => of(each).length > 0) ?? 'failed'
  return { action, recipients: of(action).flatMap(recipientOf).slice(0, MAX_RECIPIENTS) }
}

/** In words, for an error. */
export function formatReport({ action, recipients }: DeliveryReport): string {
  const what =
    action === 'failed' ? 'a mail could not be delivered, and came back' : 'a mail is delayed'
  const whom = recipients.map(({ mailbox, status, diagnostic }) => {
    const why = [status, diagnostic].filter((each) => each !== undefined).join(' ')
    return why === '' ? mailbox : `${mailbox} (${why})`
  })
  return whom.length === 0 ? what : `${what}: for ${whom.join(', ')}`
}

function actionOf(block: HeaderFields): DeliveryAction {
  return ACTIONS[(block.get('action') ?? '').toLowerCase()] ?? 'failed'
}

/** The recipient as the sender wrote it, where that is known (RFC 3464 Section 2.3.1). */
function recipientOf(block: HeaderFields): ReportedRecipient[] {
  const mailbox =
    mailboxIn(afterType(block.get('original-recipient'))) ??
    mailboxIn(afterType(block.get('final-recipient')))
  if (mailbox === undefined) return []
  const status = STATUS.exec(block.get('status') ?? '')?.[0]
  const diagnostic = plain(afterType(block.get('diagnostic-code')))
  return [
    {
      mailbox,
      ...(status === undefined ? {} : { status }),
      ...(diagnostic === '' ? {} : { diagnostic }),
    },
  ]
}

/** Behind `rfc822;`, `smtp;`. */
function afterType(value: string | undefined): string | undefined {
  return value === undefined ? undefined : fieldText(value.slice(value.indexOf(';') + 1)).trim()
}

function plain(text: string | undefined): string {
  return (text ?? '')
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_DIAGNOSTIC_LENGTH)
}
