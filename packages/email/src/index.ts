// SPDX-License-Identifier: Apache-2.0
/**
 * E-mail for Waxwing (`docs/spec/09-bindings.md` Section 9.9): a transport over SMTP and IMAP, and what it
 * is made of, for who sends and fetches single mails.
 *
 * @module
 */

export { composeMail } from './compose-mail.js'
export { formatReport } from './delivery-report.js'
export type { DeliveryAction, DeliveryReport, ReportedRecipient } from './delivery-report.js'
export type {
  DamagedPart,
  Envelope,
  Letter,
  LetterItem,
  MailContent,
  MailItem,
  MailLimits,
} from './letter.js'
export { readMail } from './read-mail.js'
export { emailTransport } from './email-transport.js'
export type { EmailTransportOptions, Mailboxes, RouteFunction } from './email-options.js'
export { openMailbox, type FetchOptions, type Mailbox } from './mailbox.js'
export type { ReceivedMail } from './mailbox/mailbox-reader.js'
export type { MailboxOptions } from './mailbox/mailbox-options.js'
export type { HistorySpan, StoredMail } from './mailbox/mail-history.js'
export type { Afterwards } from './mailbox/settling.js'
export { PEERS_TABLE } from './transport/directory.js'
export { openMailer, type Mailer, type SentMail } from './mailer.js'
export type { MailerOptions } from './sending/mailer-options.js'
export type { MailServerOptions, MailTlsOptions, Secret } from './server-options.js'
