// SPDX-License-Identifier: Apache-2.0
/**
 * The options of the e-mail transport: their defaults and their checks.
 *
 * @module
 */

import { CONTROL_PREFIX } from '@waxwing/core'
import {
  assertFilter,
  assertRanges,
  CONNECTION_DEFAULTS,
  filterMatcher,
  groupOf,
  type ConnectionOptions,
} from '@waxwing/transport-kit'
import {
  MAILBOX_RANGES,
  resolveMailbox,
  type MailboxOptions,
  type ResolvedMailbox,
} from './mailbox/mailbox-options.js'
import { assertMailbox } from './mailboxes.js'
import { resolveMailer, MAX_PAYLOAD_BYTES, type ResolvedMailer } from './sending/mailer-options.js'
import type { MailServerOptions } from './server-options.js'

/** One mailbox or several: a mail goes to all of them. */
export type Mailboxes = string | readonly string[]

export interface EmailTransportOptions extends ConnectionOptions, Omit<MailboxOptions, 'imap'> {
  /** What mails are sent by. Left out: nothing can be sent. */
  readonly smtp?: MailServerOptions
  /** What mails are read by. Left out: nothing can be received. */
  readonly imap?: MailServerOptions
  /** The own mailbox, `name@example.org`: what mails come from, and where answers go. With `smtp`. */
  readonly from?: string
  /**
   * Which mailboxes a stream's objects go to, by filters of its addresses; the first that matches counts.
   * Or a function of the address, such as a look into a directory; `undefined`: nobody is known. Also for
   * requests and control messages of which nobody knows where to send them.
   */
  readonly routes?: Readonly<Record<string, Mailboxes>> | RouteFunction
  /**
   * The mailboxes of principals, by their id in base64url (as in their inbox address). Of others, those
   * count that they wrote from.
   */
  readonly mailboxes?: Readonly<Record<string, Mailboxes>>
  /** The mails' subject. Not protected: it must say nothing secret. Default `Sealed data`. */
  readonly subject?: string
  /** How soon an answer to a request is expected, in seconds. Default 3,600. */
  readonly answerSeconds?: number
  /** Correspondents that are remembered for one address, 1 to 16. Default 4. */
  readonly maxPeers?: number
  /** Data in the hands of handlers: no further mail is fetched. Default 64 MiB. */
  readonly maxUnacknowledgedBytes?: number
  /** Connections to the SMTP server at once, 1 to 16. Default 2. */
  readonly maxConnections?: number
  /** How long the SMTP server may take to answer. Default 300,000. */
  readonly answerTimeoutMs?: number
}

/** Must not throw. What it gives is checked each time. */
export type RouteFunction = (address: string) => Mailboxes | undefined

export interface ResolvedEmail {
  readonly mailer: ResolvedMailer | undefined
  readonly mailbox: ResolvedMailbox | undefined
  readonly from: string | undefined
  /** The mailboxes for an address. @throws {TypeError} If the application's function gave others. */
  readonly routeOf: (address: string) => readonly string[] | undefined
  readonly mailboxes: ReadonlyMap<string, readonly string[]>
  readonly subject: string | undefined
  readonly store: EmailTransportOptions['store']
  readonly maxPayloadBytes: number
  readonly answerSeconds: number
  readonly maxPeers: number
  readonly maxUnacknowledged: number
  readonly maxUnacknowledgedBytes: number
  readonly retryHandlerMs: number
}

const PRINCIPAL = /^[\w-]{43}$/

/** @throws {TypeError | RangeError} Naming the option that is wrong. */
export function resolveEmail(options: EmailTransportOptions): ResolvedEmail {
  assertRanges(options, {
    ...MAILBOX_RANGES,
    answerSeconds: [0, 30 * 86_400],
    maxPeers: [1, 16],
    maxUnacknowledgedBytes: [1, Number.MAX_SAFE_INTEGER],
  })
  const { smtp, imap, from } = options
  if (smtp === undefined && imap === undefined) throw new TypeError('pass smtp, imap or both')
  if (smtp !== undefined && from === undefined) throw new TypeError('smtp needs from')
  if (from !== undefined) assertMailbox(from, 'from')
  const mailer =
    smtp === undefined ? undefined : resolveMailer({ ...options, smtp, from: from ?? '' })
  return {
    mailer,
    mailbox: imap === undefined ? undefined : resolveMailbox({ ...options, imap }),
    from,
    routeOf: routeOf(options),
    mailboxes: mailboxesOf(options),
    subject: options.subject,
    store: options.store,
    maxPayloadBytes: options.maxPayloadBytes ?? MAX_PAYLOAD_BYTES,
    answerSeconds: options.answerSeconds ?? 3_600,
    maxPeers: options.maxPeers ?? 4,
    maxUnacknowledged: options.maxUnacknowledged ?? CONNECTION_DEFAULTS.maxUnacknowledged,
    maxUnacknowledgedBytes: options.maxUnacknowledgedBytes ?? 64 * 1024 * 1024,
    retryHandlerMs: options.retryHandlerMs ?? CONNECTION_DEFAULTS.retryHandlerMs,
  }
}

function routeOf({ routes = {} }: EmailTransportOptions): ResolvedEmail['routeOf'] {
  if (typeof routes === 'function') {
    return (address) => {
      const mailboxes = routes(address)
      return mailboxes === undefined ? undefined : listOf(mailboxes, 'what routes gives')
    }
  }
  const table = Object.entries(routes).map(([filter, mailboxes]) => {
    assertFilter(filter)
    if (groupOf(filter) !== undefined) throw new TypeError(`routes must not be shared: ${filter}`)
    const list = listOf(mailboxes, `routes['${filter}']`)
    return { matches: filterMatcher(filter), list }
  })
  return (address) => table.find(({ matches }) => matches(address))?.list
}

function mailboxesOf({
  mailboxes = {},
}: EmailTransportOptions): ReadonlyMap<string, readonly string[]> {
  const entries = Object.entries(mailboxes).map(([principal, list]) => {
    if (!PRINCIPAL.test(principal)) {
      throw new TypeError(`mailboxes must be by principal id in base64url: ${principal}`)
    }
    const inbox = `${CONTROL_PREFIX}inbox/${principal}`
    return [inbox, listOf(list, `mailboxes['${principal}']`)] as const
  })
  return new Map(entries)
}

function listOf(mailboxes: Mailboxes, option: string): readonly string[] {
  const list = typeof mailboxes === 'string' ? [mailboxes] : [...mailboxes]
  if (list.length === 0) throw new TypeError(`${option} must not be empty`)
  for (const mailbox of list) assertMailbox(mailbox, option)
  return list
}
