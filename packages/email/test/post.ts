// SPDX-License-Identifier: Apache-2.0
/** A post office for tests: Postfix, or a sink that delivers at once, in front of Dovecot. */
import { ImapFlow } from 'imapflow'
import {
  MAIL_DOMAIN,
  startDovecot,
  startPostfix,
  startSmtpSink,
  type Dovecot,
  type DovecotOptions,
  type Postfix,
  type SmtpSink,
  type SmtpSinkOptions,
} from '@waxwing/testkit'
import type { EmailTransportOptions } from '@waxwing/email'

export const mailboxOf = (user: string): string => `${user}@${MAIL_DOMAIN}`

/** How a user's mailbox is reached; the port is another one where a proxy stands in between. */
export function imapOf(
  dovecot: Pick<Dovecot, 'port' | 'password'>,
  user: string,
  port: number = dovecot.port,
): NonNullable<EmailTransportOptions['imap']> {
  return {
    url: `imap://127.0.0.1:${port}`,
    username: mailboxOf(user),
    password: dovecot.password,
  }
}

export interface SinkPost {
  readonly dovecot: Dovecot
  readonly sink: SmtpSink
  close(): Promise<void>
}

/** A mail that was sent has been delivered. */
export async function openSinkPost(
  options: { readonly dovecot?: DovecotOptions; readonly sink?: SmtpSinkOptions } = {},
): Promise<SinkPost> {
  const dovecot = await startDovecot(options.dovecot)
  const sink = await startSmtpSink({ ...options.sink, lmtpPort: dovecot.lmtpPort })
  return {
    dovecot,
    sink,
    async close() {
      await sink.close()
      await dovecot.close()
    },
  }
}

export interface PostfixPost {
  readonly dovecot: Dovecot
  readonly postfix: Postfix
  close(): Promise<void>
}

/** A mail that was sent is delivered a moment later. */
export async function openPostfixPost(options: DovecotOptions = {}): Promise<PostfixPost> {
  const dovecot = await startDovecot(options)
  const postfix = await startPostfix({ lmtpPort: dovecot.lmtpPort })
  return {
    dovecot,
    postfix,
    async close() {
      await postfix.close()
      await dovecot.close()
    },
  }
}

/** A connection to a user's mailbox that is none of ours. The caller logs out. */
export async function imapClient(
  dovecot: Pick<Dovecot, 'port' | 'password'>,
  user: string,
): Promise<ImapFlow> {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: dovecot.port,
    secure: false,
    doSTARTTLS: false,
    auth: { user: mailboxOf(user), pass: dovecot.password },
    logger: false,
    disableAutoIdle: true,
  })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** All mails of a folder, whole; none where there is no such folder. */
export async function mailsIn(
  dovecot: Pick<Dovecot, 'port' | 'password'>,
  user: string,
  folder: string = 'INBOX',
): Promise<readonly Uint8Array[]> {
  const client = await imapClient(dovecot, user)
  try {
    const { exists } = await client.mailboxOpen(folder.split('/'), { readOnly: true })
    if (exists === 0) return []
    const messages = await client.fetchAll('1:*', { source: true })
    return messages.map(({ source }) => new Uint8Array(source ?? []))
  } catch (error) {
    if (Reflect.get(Object(error), 'mailboxMissing') === true) return []
    throw error
  } finally {
    await client.logout()
  }
}

/** The reasons in a rejected mail. */
export function rejectionsOf(mail: Uint8Array): readonly string[] {
  const fields = Buffer.from(mail).toString('latin1').split('\r\n\r\n')[0] ?? ''
  return [...fields.matchAll(/^Waxwing-Rejected: \d+; (.*)$/gm)].map(([, reason = '']) =>
    decodeURIComponent(reason.trimEnd()),
  )
}
