// SPDX-License-Identifier: Apache-2.0
/**
 * One connection to an SMTP server (RFC 5321), for one mail after the other, as Nodemailer makes it:
 * silent in logs, and secured as the options say or not at all.
 *
 * @module
 */

import SMTPConnection from 'nodemailer/lib/smtp-connection'
import XOAuth2 from 'nodemailer/lib/xoauth2'
import type { WaxwingError } from '@waxwing/core'
import { limitError, transportError } from '@waxwing/transport-kit'
import { loginOf, tlsConnectOptions, type ResolvedServer } from '../server-options.js'

export interface SmtpTerms {
  readonly server: ResolvedServer
  readonly connectTimeoutMs: number
  /** A server that says nothing for so long is gone. */
  readonly answerTimeoutMs: number
}

/** What a mail's failure means. */
export type SmtpFailure =
  /** This server will not have it: nothing is tried again. */
  | { readonly kind: 'refused'; readonly error: WaxwingError }
  /** Not now: the same again later. */
  | { readonly kind: 'later'; readonly error: WaxwingError }
  /** User and password are wrong. */
  | { readonly kind: 'login'; readonly error: WaxwingError }

/** Mailboxes that the server did not take, of those that it took others of. */
export interface Undelivered {
  readonly mailbox: string
  readonly failure: SmtpFailure
}

/** A failure, thrown. */
export class SmtpError extends Error {
  readonly failure: SmtpFailure

  constructor(failure: SmtpFailure) {
    super(failure.error.message, { cause: failure.error })
    this.failure = failure
  }
}

export class SmtpSession {
  readonly #connection: SMTPConnection
  #isOver = false

  private constructor(connection: SMTPConnection) {
    this.#connection = connection
    // Errors come to what waits for an answer; one that comes to nobody ends the session.
    connection.on('error', () => void (this.#isOver = true))
    connection.on('end', () => void (this.#isOver = true))
  }

  /** Connects and logs in. @throws {SmtpError} */
  static async open(terms: SmtpTerms): Promise<SmtpSession> {
    const { server, connectTimeoutMs, answerTimeoutMs } = terms
    const connection = new SMTPConnection({
      host: server.host,
      port: server.port,
      secure: server.security === 'implicit',
      requireTLS: server.security === 'starttls',
      ignoreTLS: server.security === 'none',
      ...(server.tls.servername === undefined ? {} : { servername: server.tls.servername }),
      tls: tlsConnectOptions(server.tls),
      connectionTimeout: connectTimeoutMs,
      greetingTimeout: connectTimeoutMs,
      socketTimeout: answerTimeoutMs,
      allowInternalNetworkInterfaces: true,
    })
    const session = new SmtpSession(connection)
    try {
      await session.#answered<unknown>((done) => connection.connect(done))
      await session.#login(server)
      return session
    } catch (error) {
      connection.close()
      const failure = failureOf(error)
      // No mail was offered yet: what the server refuses is the connection.
      throw new SmtpError(failure.kind === 'refused' ? { ...failure, kind: 'later' } : failure)
    }
  }

  /** Whether it can take another mail. */
  get isUsable(): boolean {
    return !this.#isOver
  }

  /**
   * Sends a mail, as it is.
   *
   * @returns Those to whom it does not go, though it goes to others.
   * @throws {SmtpError} If it goes to nobody; then the session is over.
   */
  async send(
    mail: Uint8Array,
    { from, to }: { readonly from: string; readonly to: readonly string[] },
  ): Promise<readonly Undelivered[]> {
    const message = Buffer.from(mail.buffer, mail.byteOffset, mail.length)
    const envelope = { from, to: [...to], size: mail.length }
    try {
      const info = await this.#answered<{ rejectedErrors?: readonly unknown[] | undefined }>(
        (done) => this.#connection.send(envelope, message, done),
      )
      return (info?.rejectedErrors ?? []).map((error) => ({
        mailbox: recipientIn(error),
        failure: failureOf(error),
      }))
    } catch (error) {
      this.close()
      throw new SmtpError(failureOf(error))
    }
  }

  /** Says goodbye, and waits for nobody. */
  close(): void {
    if (!this.#isOver) this.#connection.quit()
    this.#isOver = true
    this.#connection.close()
  }

  async #login(server: ResolvedServer): Promise<void> {
    const login = await loginOf(server)
    if (login === undefined) return
    const { user, pass, accessToken } = login
    const auth =
      accessToken === undefined
        ? { user, pass, credentials: { user, pass } }
        : { user, oauth2: new XOAuth2({ user, accessToken }) }
    await this.#answered<unknown>((done) => this.#connection.login(auth, done))
  }

  /** What a call is answered by; also where the connection ends instead. */
  #answered<T>(
    call: (done: (error?: Error | null, answer?: T) => void) => void,
  ): Promise<T | undefined> {
    const connection = this.#connection
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => finish(() => reject(error))
      const ended = (): void => finish(() => reject(new Error('the connection ended')))
      const finish = (settle: () => void): void => {
        connection.off('error', failed)
        connection.off('end', ended)
        settle()
      }
      connection.on('error', failed)
      connection.on('end', ended)
      call((error, answer) => {
        finish(() => (error ? reject(error) : resolve(answer)))
      })
    })
  }
}

/** What a failure means, by the reply's first digit (RFC 5321 Section 4.2.1). */
function failureOf(error: unknown): SmtpFailure {
  const text = error instanceof Error ? error.message : String(error)
  const code = Reflect.get(Object(error), 'code') as unknown
  const reply = Number(Reflect.get(Object(error), 'responseCode') ?? 0)
  const failed = transportError(`SMTP failed: ${text}`, error)
  if (code === 'EAUTH' && (reply === 0 || reply >= 500)) return { kind: 'login', error: failed }
  if (reply >= 500) return { kind: 'refused', error: failed }
  if (reply >= 400) return { kind: 'later', error: failed }
  if (code === 'EMESSAGE') {
    return { kind: 'refused', error: limitError('the SMTP server takes no mail so long', 'SIZE') }
  }
  return { kind: code === 'EENVELOPE' ? 'refused' : 'later', error: failed }
}

function recipientIn(error: unknown): string {
  return String(Reflect.get(Object(error), 'recipient') ?? '')
}
