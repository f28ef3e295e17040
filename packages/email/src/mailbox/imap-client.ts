// SPDX-License-Identifier: Apache-2.0
/**
 * One connection to an IMAP server (RFC 3501, RFC 9051), as ImapFlow makes it: bounded in what it takes
 * from a server, silent in logs, and secured as the options say or not at all.
 *
 * @module
 */

import { ImapFlow } from 'imapflow'
import type { WaxwingError } from '@waxwing/core'
import { transportError } from '@waxwing/transport-kit'
import { loginOf, tlsConnectOptions, type ResolvedServer } from '../server-options.js'

export interface ImapTerms {
  readonly server: ResolvedServer
  readonly connectTimeoutMs: number
  /** Of a mail: no literal is longer. */
  readonly maxMailBytes: number
  /** IDLE begins anew after this time; without IDLE the server is asked every `pollMs`. */
  readonly idleMs: number
  readonly pollMs: number
}

/** A SEARCH in a mailbox of a million mails is 8 MB long. */
const MAX_LINE_BYTES = 16 * 1024 * 1024

/** Wrong credentials, or what the mailbox cannot do: trying again is of no use. */
export class MailboxRefused extends Error {
  readonly reason: WaxwingError

  constructor(reason: WaxwingError) {
    super(reason.message, { cause: reason })
    this.reason = reason
  }
}

/**
 * Connects and logs in.
 *
 * @throws {MailboxRefused} If the server does not know user and password.
 * @throws {WaxwingError} `ERR_TRANSPORT` for everything else.
 */
export async function connectImap(terms: ImapTerms): Promise<ImapFlow> {
  const client = await newClient(terms)
  // Errors come as rejections of what is under way, and as `close`; unheard ones would end the process.
  client.on('error', () => undefined)
  // ImapFlow waits for each answer to the login as long as for any other, which is minutes.
  const timer = setTimeout(() => client.close(), terms.connectTimeoutMs)
  try {
    await client.connect()
  } catch (error) {
    client.close()
    const failure = transportError(`could not connect to the IMAP server: ${told(error)}`, error)
    throw isLoginRefused(error) ? new MailboxRefused(failure) : failure
  } finally {
    clearTimeout(timer)
  }
  client.maxIdleTime = client.capabilities.has('IDLE') ? terms.idleMs : terms.pollMs
  return client
}

async function newClient(terms: ImapTerms): Promise<ImapFlow> {
  const { server, connectTimeoutMs, maxMailBytes } = terms
  const login = await loginOf(server)
  return new ImapFlow({
    host: server.host,
    port: server.port,
    secure: server.security === 'implicit',
    ...(server.security === 'implicit' ? {} : { doSTARTTLS: server.security === 'starttls' }),
    ...(server.tls.servername === undefined ? {} : { servername: server.tls.servername }),
    tls: tlsConnectOptions(server.tls),
    ...(login === undefined ? {} : { auth: login }),
    logger: false,
    disableAutoIdle: true,
    disableCompression: true, // nothing that a server sends grows here
    clientInfo: { name: 'waxwing' },
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    maxLineLength: MAX_LINE_BYTES,
    maxLiteralSize: maxMailBytes + 1,
    maxResponseSize: maxMailBytes + MAX_LINE_BYTES,
  })
}

function isLoginRefused(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, 'authenticationFailed') === true
}

/** What an error of ImapFlow says, with the server's words. */
export function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const text: unknown = Reflect.get(error, 'responseText')
  return typeof text === 'string' && text !== '' ? `${error.message} (${text})` : error.message
}
