// SPDX-License-Identifier: Apache-2.0
/**
 * The options of whatever reads a mailbox: their defaults and their checks.
 *
 * @module
 */

import type { Store } from '@waxwing/core'
import {
  assertRanges,
  CONNECTION_DEFAULTS,
  CONNECTION_RANGES,
  type ConnectionOptions,
  type OptionRanges,
} from '@waxwing/transport-kit'
import type { MailLimits } from '../letter.js'
import { MAIL_LIMIT_RANGES, MAIL_LIMITS } from '../read-mail.js'
import { resolveServer, type MailServerOptions } from '../server-options.js'
import type { LinkTerms } from './imap-link.js'
import type { Afterwards, SettlingTerms } from './settling.js'

export interface MailboxOptions extends MailLimits {
  readonly imap: MailServerOptions
  /** Levels with `/` between them, whatever the server puts there. Default `INBOX`. */
  readonly folder?: string
  /**
   * What becomes of a mail of which everything was handled: it gets a keyword (default), goes to
   * `doneFolder`, or is deleted for good. A mailbox that cannot do that is refused.
   */
  readonly afterwards?: Afterwards
  /** Default `$WaxwingDone`. Readers of one mailbox that each want every mail have one each. */
  readonly keyword?: string
  /** Default `Waxwing/Done`; made when it is needed. */
  readonly doneFolder?: string
  /** Where copies of rejected mails go. Default `Waxwing/Rejected`; made when it is needed. */
  readonly rejectedFolder?: string
  /** What `replay` reads: a list's archive, for example. Default: `folder`. */
  readonly historyFolder?: string
  /** How often a server is asked that does not tell by itself (IDLE). Default 60. */
  readonly pollSeconds?: number
  /** After so long it is asked in any case to go on telling. 10 to 1,740. Default 240. */
  readonly idleSeconds?: number
  /** Remembers how far the mailbox was looked through. Left out: it is done again by each process. */
  readonly store?: Store
}

type Connection = Required<
  Pick<ConnectionOptions, 'connectTimeoutMs' | 'reconnectMinMs' | 'reconnectMaxMs'>
>

export interface ResolvedMailbox {
  readonly link: LinkTerms
  readonly settling: SettlingTerms
  readonly limits: Required<MailLimits>
  readonly historyFolder: string
  readonly store: Store | undefined
}

export const MAILBOX_RANGES: OptionRanges = {
  ...CONNECTION_RANGES,
  ...MAIL_LIMIT_RANGES,
  pollSeconds: [1, 86_400],
  idleSeconds: [10, 1_740], // 29 minutes, RFC 9051 Section 6.3.13
}

/** An atom that is no system flag (RFC 9051 Section 9). */
const KEYWORD = /^[\w$.!#&'+,\-/:;<=>?@^`|~]{1,64}$/
const MAX_FOLDER_LENGTH = 512

/** @throws {TypeError | RangeError} Naming the option that is wrong. */
export function resolveMailbox(options: MailboxOptions & ConnectionOptions): ResolvedMailbox {
  assertRanges(options, MAILBOX_RANGES)
  const { afterwards = 'flag', keyword = '$WaxwingDone', folder = 'INBOX' } = options
  if (!['flag', 'move', 'delete'].includes(afterwards)) {
    throw new TypeError('afterwards must be flag, move or delete')
  }
  if (!KEYWORD.test(keyword)) throw new TypeError('keyword must be an atom of IMAP, as $Done is')
  const { doneFolder = 'Waxwing/Done', rejectedFolder = 'Waxwing/Rejected' } = options
  const { historyFolder = folder } = options
  const folders = { folder, doneFolder, rejectedFolder, historyFolder }
  for (const [name, path] of Object.entries(folders)) assertFolder(path, name)
  if (doneFolder === folder || rejectedFolder === folder) {
    throw new TypeError('doneFolder and rejectedFolder must be other folders than folder')
  }
  const limits = limitsOf(options)
  return {
    link: { ...linkOf(options, limits.maxMailBytes), folder },
    settling: { afterwards, keyword, doneFolder, rejectedFolder },
    limits,
    historyFolder,
    store: options.store,
  }
}

function linkOf(
  options: MailboxOptions & ConnectionOptions,
  maxMailBytes: number,
): Omit<LinkTerms, 'folder'> {
  const connection: Connection = { ...CONNECTION_DEFAULTS, ...defined(options) }
  return {
    server: resolveServer(options.imap, 'imap'),
    connectTimeoutMs: connection.connectTimeoutMs,
    reconnectMinMs: connection.reconnectMinMs,
    reconnectMaxMs: connection.reconnectMaxMs,
    maxMailBytes,
    idleMs: 1_000 * (options.idleSeconds ?? 240),
    pollMs: 1_000 * (options.pollSeconds ?? 60),
  }
}

/** What was given: an option that is `undefined` is one that was left out. */
function defined<T extends object>(options: T): Partial<T> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Partial<T>
}

function limitsOf(options: MailLimits): Required<MailLimits> {
  const names = Object.keys(MAIL_LIMITS) as (keyof MailLimits)[]
  const chosen = names.map((name) => [name, options[name] ?? MAIL_LIMITS[name]] as const)
  return Object.fromEntries(chosen) as Required<MailLimits>
}

function assertFolder(path: string, name: string): void {
  const isPath = typeof path === 'string' && path.split('/').every((level) => level !== '')
  if (!isPath || path.length > MAX_FOLDER_LENGTH || /\p{Cc}/u.test(path)) {
    throw new TypeError(`${name} must be levels with / between them, is ${path}`)
  }
}
