// SPDX-License-Identifier: Apache-2.0
/**
 * How a mail server is reached (RFC 8314): with TLS from the first byte (`smtps:`, `imaps:`), or after
 * STARTTLS (`smtp:`, `imap:`), which has to succeed. Without TLS only on loopback, or where the caller
 * says so: nothing is tried in the clear because TLS did not work.
 *
 * @module
 */

import { transportError } from '@waxwing/transport-kit'

/** A word, or what is called for it before each connection, which keeps it out of the options. */
export type Secret = string | (() => string | Promise<string>)

export interface MailTlsOptions {
  /** PEM: whom to trust instead of the system's authorities. */
  readonly ca?: string | readonly string[]
  /** PEM: the client's own certificate and key. */
  readonly cert?: string
  readonly key?: string
  /** Default `true`. `false` lets anyone play the server. */
  readonly rejectUnauthorized?: boolean
  /** The name in the server's certificate, where it is not the host's. */
  readonly servername?: string
}

export interface MailServerOptions {
  /**
   * `smtps://host` or `smtp://host`, `imaps://host` or `imap://host`, with a port where it is not the
   * usual one (465, 587, 993, 143). It must not contain credentials.
   */
  readonly url: string
  readonly username?: string
  readonly password?: Secret
  /** An access token of OAuth 2.0, instead of the password (XOAUTH2, OAUTHBEARER). */
  readonly accessToken?: Secret
  /** Makes TLS a must on loopback as well. */
  readonly tls?: MailTlsOptions
  /** Lets password and mails cross the network in the clear: with `smtp:` and `imap:`. Default `false`. */
  readonly allowPlaintext?: boolean
}

export interface ResolvedServer {
  readonly host: string
  readonly port: number
  /** From the first byte, after a STARTTLS that must succeed, or never. */
  readonly security: 'implicit' | 'starttls' | 'none'
  readonly tls: MailTlsOptions
  readonly username: string | undefined
  readonly password: Secret | undefined
  readonly accessToken: Secret | undefined
}

const PORTS: Readonly<Record<string, number>> = { smtps: 465, smtp: 587, imaps: 993, imap: 143 }
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * Checks how a server is reached.
 *
 * @param protocol - Which one the URL has to name.
 * @throws {TypeError} Naming the option that is wrong.
 */
export function resolveServer(
  options: MailServerOptions,
  protocol: 'smtp' | 'imap',
): ResolvedServer {
  const endpoint = URL.parse(options.url)
  const scheme = endpoint?.protocol.slice(0, -1) ?? ''
  if (endpoint === null || (scheme !== protocol && scheme !== `${protocol}s`)) {
    throw new TypeError(`${protocol}.url must begin with ${protocol}s:// or ${protocol}://`)
  }
  if (endpoint.hostname === '') throw new TypeError(`${protocol}.url must name a host`)
  if (endpoint.username !== '' || endpoint.password !== '') {
    throw new TypeError(`${protocol}.url must not contain credentials; pass username and password`)
  }
  if (!/^\/?$/.test(endpoint.pathname) || endpoint.search !== '') {
    throw new TypeError(`${protocol}.url must have no path`)
  }
  assertLogin(options, protocol)
  return {
    host: endpoint.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: endpoint.port === '' ? (PORTS[scheme] ?? 0) : Number(endpoint.port),
    security: securityOf(options, endpoint, protocol),
    tls: options.tls ?? {},
    username: options.username,
    password: options.password,
    accessToken: options.accessToken,
  }
}

function assertLogin(options: MailServerOptions, protocol: 'smtp' | 'imap'): void {
  const { username, password, accessToken } = options
  const ways = [password, accessToken].filter((way) => way !== undefined)
  if (username === undefined ? ways.length > 0 : ways.length !== 1) {
    throw new TypeError(`${protocol} needs a username with a password or an accessToken`)
  }
  if (protocol === 'imap' && username === undefined) {
    throw new TypeError('imap.username must be given')
  }
}

function securityOf(
  { tls, allowPlaintext = false }: MailServerOptions,
  endpoint: URL,
  protocol: string,
): ResolvedServer['security'] {
  const isImplicit = endpoint.protocol === `${protocol}s:`
  if (allowPlaintext && (isImplicit || tls !== undefined)) {
    throw new TypeError(`${protocol}.allowPlaintext contradicts ${isImplicit ? 'the url' : 'tls'}`)
  }
  if (isImplicit) return 'implicit'
  const isLoopback = LOOPBACK.test(endpoint.hostname)
  return allowPlaintext || (isLoopback && tls === undefined) ? 'none' : 'starttls'
}

/** What the TLS of Node takes. */
export function tlsConnectOptions({ ca, ...rest }: MailTlsOptions): Record<string, unknown> {
  return {
    minVersion: 'TLSv1.2',
    ...rest,
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
  }
}

export interface Login {
  readonly user: string
  readonly pass?: string
  readonly accessToken?: string
}

/**
 * What to log in with, asked for anew; `undefined`: nothing.
 *
 * @throws {WaxwingError} `ERR_TRANSPORT` if the application's function failed.
 */
export async function loginOf(server: ResolvedServer): Promise<Login | undefined> {
  const { username, password, accessToken } = server
  if (username === undefined) return undefined
  try {
    if (accessToken !== undefined) {
      return { user: username, accessToken: await spoken(accessToken) }
    }
    return { user: username, pass: await spoken(password ?? '') }
  } catch (error) {
    throw transportError('no password could be had', error)
  }
}

async function spoken(secret: Secret): Promise<string> {
  return typeof secret === 'function' ? await secret() : secret
}
