// SPDX-License-Identifier: Apache-2.0
/**
 * An SMTP server within the test: it keeps what it takes, answers as it is told to, and can deliver by
 * LMTP before it answers, changed on the way if that is wanted.
 *
 * @module
 */

import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'
import { createAuthority, type CertificateAuthority } from './certificates.js'

/** Where in a mail's way an answer is given. */
export type SmtpStage = 'connect' | 'from' | 'to' | 'data'

export interface SinkMail {
  readonly from: string
  readonly to: readonly string[]
  /** As it came, without what SMTP adds to dots. */
  readonly bytes: Uint8Array
}

/** A refusal, as SMTP says it: 450, 552 and so on. */
export interface SmtpRefusal {
  readonly stage: SmtpStage
  readonly code: number
  readonly text: string
  /** The recipients it is for, at stage `to`. Default: all. */
  readonly to?: string
}

export interface SmtpSinkOptions {
  /** Default: a free one. */
  readonly port?: number
  /** TLS from the first byte, or by STARTTLS. Default: none, and none is offered. */
  readonly tls?: 'implicit' | 'starttls'
  /** User names and passwords. Left out: nobody logs in. */
  readonly users?: Readonly<Record<string, string>>
  /** Each mail is delivered to this loopback port before it is answered. */
  readonly lmtpPort?: number
  /** What becomes of a mail before it is kept and delivered: the mails that go on. */
  readonly relay?: (mail: SinkMail) => readonly SinkMail[]
  /** The longest mail, in bytes. Default 100 MiB. */
  readonly maxBytes?: number
}

export interface SmtpSink {
  readonly url: string
  readonly port: number
  readonly authority: CertificateAuthority | undefined
  /** What was taken, in order. */
  readonly mails: readonly SinkMail[]
  /** How many connections were taken. */
  readonly connectionCount: number
  /** The next mails that come to their stages are refused, one by each of these. */
  refuse(...refusals: readonly SmtpRefusal[]): void
  /** The next mail is taken, and then the connection is cut instead of an answer. */
  cutNext(): void
  /** Closes all connections without a word. */
  cut(): void
  close(): Promise<void>
}

const CLOSE_MS = 500

/** Starts a sink. */
export async function startSmtpSink(options: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const sink = new Sink(options)
  await sink.listen()
  return sink
}

class Sink implements SmtpSink {
  readonly authority: CertificateAuthority | undefined
  readonly mails: SinkMail[] = []
  connectionCount = 0
  readonly #options: SmtpSinkOptions
  readonly #server: SMTPServer
  readonly #sockets = new Set<Socket>()
  #refusals: SmtpRefusal[] = []
  #cutsNext = false
  #delivering: Promise<void> = Promise.resolve()
  #lmtp: LmtpClient | undefined

  constructor(options: SmtpSinkOptions) {
    this.#options = options
    this.authority = options.tls ? createAuthority('waxwing test root') : undefined
    this.#server = this.#created()
    this.#server.on('error', () => undefined) // a client that goes without a word is no news
    this.#server.server.on('connection', (socket: Socket) => {
      this.connectionCount++
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port
  }

  get url(): string {
    return `${this.#options.tls === 'implicit' ? 'smtps' : 'smtp'}://127.0.0.1:${this.port}`
  }

  async listen(): Promise<void> {
    const listening = once(this.#server.server, 'listening')
    this.#server.listen(this.#options.port ?? 0, '127.0.0.1')
    await listening
  }

  refuse(...refusals: readonly SmtpRefusal[]): void {
    this.#refusals.push(...refusals)
  }

  cutNext(): void {
    this.#cutsNext = true
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.cut()
    this.#lmtp?.close()
    await new Promise<void>((resolve) => this.#server.close(resolve))
  }

  #created(): SMTPServer {
    const { tls, users, maxBytes = 100 * 1024 * 1024 } = this.#options
    const server = this.authority?.issue('localhost')
    const disabled = [...(tls === 'starttls' ? [] : ['STARTTLS']), ...(users ? [] : ['AUTH'])]
    return new SMTPServer({
      secure: tls === 'implicit',
      ...(server === undefined ? {} : { key: server.key, cert: server.cert }),
      disabledCommands: disabled,
      authOptional: users === undefined,
      allowInsecureAuth: tls === undefined,
      disableReverseLookup: true,
      closeTimeout: CLOSE_MS,
      size: maxBytes,
      logger: false,
      onAuth: ({ username = '', password }, _session, done) => {
        const isKnown = users?.[username] !== undefined && users[username] === password
        done(isKnown ? null : new Error('no such user'), { user: username })
      },
      onConnect: (_session, done) => done(this.#refusal('connect')),
      onMailFrom: (_address, _session, done) => done(this.#refusal('from')),
      onRcptTo: ({ address }, _session, done) => done(this.#refusal('to', address)),
      onData: (stream, session, done) => {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          if (stream.sizeExceeded) done(smtpError(552, 'too long'))
          else void this.#taken(Buffer.concat(chunks), session, done)
        })
      },
    })
  }

  async #taken(
    bytes: Uint8Array,
    { envelope }: SMTPServerSession,
    done: (error?: Error | null) => void,
  ): Promise<void> {
    const refusal = this.#refusal('data')
    if (refusal !== undefined) {
      done(refusal)
      return
    }
    const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
    const mail = { from, to: envelope.rcptTo.map(({ address }) => address), bytes }
    const relayed = this.#options.relay?.(mail) ?? [mail]
    this.mails.push(...relayed)
    const { lmtpPort } = this.#options
    try {
      for (const each of relayed) if (lmtpPort !== undefined) await this.#deliver(lmtpPort, each)
      if (this.#cutsNext) this.cut()
      this.#cutsNext = false
      done()
    } catch (error) {
      done(smtpError(451, String(error)))
    }
  }

  #refusal(stage: SmtpStage, to?: string): Error | undefined {
    const place = this.#refusals.findIndex(
      (refusal) => refusal.stage === stage && (refusal.to ?? to) === to,
    )
    const [refusal] = place === -1 ? [] : this.#refusals.splice(place, 1)
    return refusal && smtpError(refusal.code, refusal.text)
  }

  /** One after the other, so that mails keep their order. */
  #deliver(port: number, mail: SinkMail): Promise<void> {
    this.#lmtp ??= new LmtpClient(port)
    const lmtp = this.#lmtp
    // Once more over a new connection, where the server has closed the one there was.
    const delivered = this.#delivering.then(() =>
      lmtp.deliver(mail).catch(() => lmtp.deliver(mail)),
    )
    this.#delivering = delivered.catch(() => undefined)
    return delivered
  }
}

function smtpError(code: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode: code })
}

/** Delivers mails by LMTP (RFC 2033) to a loopback port, over one connection. */
export class LmtpClient {
  readonly #port: number
  #connection: SMTPConnection | undefined

  constructor(port: number) {
    this.#port = port
  }

  /** @throws {Error} If somebody does not get it. */
  async deliver({ from, to, bytes }: SinkMail): Promise<void> {
    const connection = this.#connection ?? (await this.#connected())
    try {
      await answered(connection, (end) =>
        connection.send({ from, to: [...to] }, Buffer.from(bytes), end),
      )
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  async #connected(): Promise<SMTPConnection> {
    const connection = new SMTPConnection({
      host: '127.0.0.1',
      port: this.#port,
      lmtp: true,
      ignoreTLS: true,
      allowInternalNetworkInterfaces: true,
    })
    connection.on('error', () => undefined)
    connection.on('end', () => {
      if (this.#connection === connection) this.#connection = undefined
    })
    await answered(connection, (end) => connection.connect(end))
    this.#connection = connection
    return connection
  }
}

async function answered(
  connection: SMTPConnection,
  call: (end: (error?: Error | null) => void) => void,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const finish = (error?: Error | null): void => {
      connection.off('error', finish)
      connection.off('end', ended)
      if (error) reject(error)
      else resolve()
    }
    const ended = (): void => finish(new Error('the connection ended'))
    connection.on('error', finish)
    connection.on('end', ended)
    call(finish)
  })
}
