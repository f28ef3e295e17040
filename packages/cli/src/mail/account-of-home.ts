// SPDX-License-Identifier: Apache-2.0
/**
 * The mail account of a command: the broker of its settings, where that is a mailbox.
 *
 * @module
 */

import type { MailServerOptions } from '@waxwing/email'
import { kindOfBroker } from '../broker/broker.js'
import { parseBroker } from '../broker/url.js'
import type { Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { mailAccount, type MailAccount } from '../broker/mail-account.js'

/** @throws {UsageError} If the broker is no mail account. */
export function accountOf(context: Context): MailAccount {
  const { broker } = context.config
  if (broker === undefined || kindOfBroker(broker) !== 'mail') {
    throw new UsageError(
      'the broker is no mail account: --broker "mails://imap.example.org?from=you@example.org", ' +
        'or for good: waxwing config set broker "mails://…"',
    )
  }
  return mailAccount(parseBroker(broker), context.brokerAccess())
}

/** Fails now for want of a password, and not at each attempt to connect. @throws {WaxwingError} */
export async function assertPassword({ password }: MailServerOptions): Promise<void> {
  if (typeof password === 'function') await password()
}

/** Whether there is an account. */
export function hasAccount({ config: { broker } }: Context): boolean {
  return broker !== undefined && kindOfBroker(broker) === 'mail'
}

/** The own mailbox, for mails that somebody sends by hand. @throws {UsageError} If nobody said it. */
export function ownMailbox(context: Context): string {
  if (hasAccount(context)) return accountOf(context).from
  throw new UsageError('say our own mailbox: --sender you@example.org')
}
