// SPDX-License-Identifier: Apache-2.0
/**
 * What a mail carries for Waxwing, before it is composed and after it was read
 * (`docs/spec/09-bindings.md` Section 9.9).
 *
 * @module
 */

import type { WaxwingError } from '@waxwing/core'
import type { DeliveryReport } from './delivery-report.js'

/** One object or control message, to be sent. */
export interface LetterItem {
  /**
   * Where it goes, as a transport's address: a stream's, an inbox. Left out: the recipient gives it to
   * whoever reads anything (data), or to its own inbox (control).
   */
  readonly address?: string
  /** The bytes of one object or control message. Not changed, not kept. */
  readonly payload: Uint8Array
}

/** A mail to be sent: several objects, and the grants that they need, in one. */
export interface Letter {
  /** Mailboxes: `name@example.org`. 1 to 100. */
  readonly to: string | readonly string[]
  /** Not protected: anyone on the way reads it. Default: `Sealed data`. */
  readonly subject?: string
  /** Stands before the words that explain the attachments. Not protected either. */
  readonly text?: string
  /** In this order. At most 1,000. */
  readonly items?: readonly LetterItem[]
  /** An archive (`.wax`) that is attached as it is. */
  readonly archive?: Uint8Array
  /** Puts the items into one archive, without their addresses, instead of one attachment each. Default `false`. */
  readonly asArchive?: boolean
}

/** What else a composed mail says. */
export interface Envelope {
  /** The sender's mailbox. */
  readonly from: string
  /** `<…@…>`, the same each time when a mail is sent again. Default: a new one. */
  readonly messageId?: string
  /** Default: now. */
  readonly date?: Date
  /** The sender's inbox address: answers for that principal come to its mailbox. */
  readonly inbox?: string
}

/** One object or control message that was found in a mail. Untrusted. */
export interface MailItem {
  /** As the sender wrote it; absent where nobody did, or where it was lost on the way. */
  readonly address?: string
  /** Owned by the receiver. */
  readonly payload: Uint8Array
  /** The attachment's file name. */
  readonly name?: string
}

/** An attachment that looked like one of Waxwing's and cannot be used. */
export interface DamagedPart {
  readonly name?: string
  /** `ERR_MALFORMED` or `ERR_LIMIT`. */
  readonly error: WaxwingError
}

/** What a mail says. All of it is untrusted: anybody can write anything into a mail. */
export interface MailContent {
  /** The mailbox to answer to: that of `Reply-To`, else of `From`. */
  readonly replyTo?: string
  readonly from?: string
  readonly subject?: string
  readonly messageId?: string
  /** The address in `Waxwing-Inbox`: what the sender says is its own inbox. */
  readonly inbox?: string
  /** A report on the delivery of a mail of ours (RFC 3464): what it carries came back, and is for nobody. */
  readonly report?: DeliveryReport
  readonly items: readonly MailItem[]
  readonly damaged: readonly DamagedPart[]
}

/** How much of a mail is read. What is over a limit is `ERR_LIMIT`, with the limit's name. */
export interface MailLimits {
  /** Of the whole mail. Default 25 MiB. */
  readonly maxMailBytes?: number
  /** Of one object or control message. Default 10 MiB. */
  readonly maxPayloadBytes?: number
  /** Objects and control messages, those of archives included. Default 10,000. */
  readonly maxItems?: number
  /** Parts of a mail, those of forwarded mails included. Default 1,000. */
  readonly maxParts?: number
  /** Parts within parts, and mails within mails. Default 16. */
  readonly maxDepth?: number
  /** Of all header fields together. Default 256 KiB. */
  readonly maxHeaderBytes?: number
}
