// SPDX-License-Identifier: Apache-2.0
/**
 * A mail account, from the URL that names it: where mails are read, where they are handed in, and whose
 * they are (`mails://imap.example.org/INBOX?smtp=smtp.example.org:587&from=plant@example.org`).
 *
 * Nothing crosses a network in the clear: `mails` is TLS from the first byte and `mail` STARTTLS, which
 * has to succeed; servers on loopback alone are spoken to without.
 *
 * @module
 */

import type { MailServerOptions } from '@waxwing/email'
import { tlsOf, type BrokerAccess } from './access.js'
import { listIn, peersIn } from './setting-values.js'
import type { BrokerUrl } from './url.js'
import { UsageError } from '../exit-codes.js'

export interface MailAccount {
  /** The own mailbox. */
  readonly from: string
  /** Where data go. */
  readonly to: readonly string[]
  readonly imap: MailServerOptions
  readonly smtp: MailServerOptions
  readonly folder: string
  /** Mailboxes by principal id in base64url. */
  readonly peers: Readonly<Record<string, string>>
}

const SUBMISSION_PORTS: ReadonlySet<string> = new Set(['25', '587', '2525'])
const TLS_PORT = '465'

/** @throws {UsageError} If the URL says too little. */
export function mailAccount(url: BrokerUrl, access: Omit<BrokerAccess, 'url'>): MailAccount {
  const { hostname, port, protocol, pathname } = new URL(url.address)
  const { settings } = url
  if (hostname === '') throw new UsageError('name the server: mails://imap.example.org?from=…')
  const username = access.username ?? listIn(settings.get('from'))[0]
  const from = listIn(settings.get('from'))[0] ?? username
  if (from === undefined || username === undefined) {
    throw new UsageError(`say the own mailbox: ${url.address}?from=you@example.org`)
  }
  const isTls = protocol === 'mails:'
  const { password } = access
  const login = { username, ...(password === undefined ? {} : { password }) }
  const host = port === '' ? hostname : `${hostname}:${port}`
  return {
    from,
    to: listIn(settings.get('to')),
    folder: folderIn(pathname),
    peers: peersIn(settings.get('peers')),
    imap: { url: `${isTls ? 'imaps' : 'imap'}://${host}`, ...login, ...tlsOf(access) },
    smtp: {
      url: smtpUrl(settings.get('smtp') ?? hostname, isTls),
      ...smtpLogin(settings.get('smtp-user'), login, access),
      ...tlsOf(access),
    },
  }
}

/** `/Lists/Plant` is the folder `Lists/Plant`. */
function folderIn(pathname: string): string {
  const folder = pathname.replace(/^\//, '')
  try {
    return folder === '' ? 'INBOX' : decodeURIComponent(folder)
  } catch {
    throw new UsageError(`'${folder}' is no folder: write % as %25`)
  }
}

/** Where the port says how TLS begins, it does; else the scheme of the account. */
function smtpUrl(text: string, isTls: boolean): string {
  if (/^smtps?:\/\//.test(text)) return text
  const port = /:(\d+)$/.exec(text)?.[1] ?? ''
  const isImplicit = port === TLS_PORT || (isTls && !SUBMISSION_PORTS.has(port))
  return `${isImplicit ? 'smtps' : 'smtp'}://${text}`
}

type Login = Pick<MailServerOptions, 'username' | 'password'>

/** The same as at the other server; an empty user name: none, as servers on loopback like it. */
function smtpLogin(
  user: string | undefined,
  login: Login,
  access: Omit<BrokerAccess, 'url'>,
): Login {
  if (user === '') return {}
  const password = access.smtpPassword ?? login.password
  return {
    username: user === undefined ? (login.username ?? '') : user.replaceAll(' ', '+'),
    ...(password === undefined ? {} : { password }),
  }
}
