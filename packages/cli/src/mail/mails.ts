// SPDX-License-Identifier: Apache-2.0
/**
 * Mails from wherever they are read: the folder of an account, from now on or its past, or files.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import { openMailbox, readMail, type Mailbox, type MailContent } from '@waxwing/email'
import type { Store } from '@waxwing/core'
import type { MailAccount } from '../broker/mail-account.js'
import { mailsInFile, Overlong } from './mbox.js'
import { MAX_MAIL_BYTES } from './post-office.js'

/** A mail, or why there is none. */
export type IncomingMail =
  | {
      readonly content: MailContent
      /** It is safe here. Nothing, where it lies in a file or in the past. */
      acknowledge(): Promise<void>
    }
  | { readonly error: WaxwingError }

const NOTHING = (): Promise<void> => Promise.resolve()

/** Opens the folder of an account. */
export function mailboxOf(
  { imap, folder }: MailAccount,
  options: MailboxWish & { readonly store: Store },
): Mailbox {
  const { afterwards, rejected, store } = options
  const history = options.folder ?? options.history ?? folder
  return openMailbox({
    imap,
    store,
    folder: options.folder ?? folder,
    historyFolder: history,
    ...(afterwards === undefined ? {} : { afterwards }),
    ...(rejected === undefined ? {} : { rejectedFolder: rejected }),
  })
}

export interface MailboxWish {
  /** Instead of that of the URL. */
  readonly folder?: string | undefined
  readonly history?: string | undefined
  readonly afterwards?: 'flag' | 'move' | 'delete' | undefined
  readonly rejected?: string | undefined
}

/** What came and was not taken yet. @param follow - And what comes from now on. */
export async function* newMails(mailbox: Mailbox, follow: boolean): AsyncGenerator<IncomingMail> {
  for await (const mail of mailbox.fetch({ follow })) {
    yield { content: mail, acknowledge: () => mail.acknowledge() }
  }
}

/** What came within a span, taken or not. */
export async function* pastMails(
  mailbox: Mailbox,
  span: { from?: Date; until?: Date },
): AsyncGenerator<IncomingMail> {
  for await (const content of mailbox.history(span)) yield { content, acknowledge: NOTHING }
}

/** What files have. */
export async function* mailsInFiles(paths: readonly string[]): AsyncGenerator<IncomingMail> {
  for (const path of paths) {
    for await (const mail of mailsInFile(path, MAX_MAIL_BYTES)) {
      yield mail instanceof Overlong ? mail : read(mail)
    }
  }
}

function read(mail: Uint8Array): IncomingMail {
  try {
    const limits = { maxMailBytes: MAX_MAIL_BYTES, maxPayloadBytes: MAX_MAIL_BYTES }
    return { content: readMail(mail, limits), acknowledge: NOTHING }
  } catch (error) {
    if (error instanceof WaxwingError) return { error }
    throw error
  }
}
