// SPDX-License-Identifier: Apache-2.0
/**
 * One connection to the broker, for as long as the transport lives: it is made, watched and made again
 * with growing pauses.
 *
 * Each attempt has a connection of rhea and a container of its own, which rhea never reconnects: what rhea
 * tells through one that is over is not heard, and its `error` events have a listener to the end, because
 * an `error` event without one ends the process.
 *
 * @module
 */

import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import rhea, { type Connection, type EventContext } from 'rhea'
import type { WaxwingError } from '@waxwing/core'
import { Pauses, transportError } from '@waxwing/transport-kit'
import { connectionFailed, connectionRefused, isFinal } from './failures.js'
import { Guard } from './guarded-connection.js'
import type { ResolvedOptions } from './options.js'
import { mechanismsOf } from './sasl.js'

/** A connection that breaks earlier counts as a failed attempt. */
const STABLE_MS = 5_000
const MAX_FRAME_BYTES = 65_536
/** Room for the addresses and properties around the largest payload. */
const AROUND_PAYLOAD_BYTES = 131_072
/** An open connection. */
export interface Network {
  readonly connection: Connection
  readonly guard: Guard
}

export interface PeerEvents {
  /** Open: links can be made. @throws {WaxwingError} If this broker is none to work with. */
  ready(network: Network): void
  /** What was open is gone. */
  lost(): void
  /** The broker refused for good: no further attempt is made. */
  refused(error: WaxwingError): void
  report(error: unknown): void
}

export class Peer {
  readonly #options: ResolvedOptions
  readonly #role: 'data' | 'control'
  readonly #events: PeerEvents
  readonly #pauses: Pauses
  #attempt: Attempt | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #wasReady = false
  #isEnded = false

  constructor(options: ResolvedOptions, role: 'data' | 'control', events: PeerEvents) {
    this.#options = options
    this.#role = role
    this.#events = events
    this.#pauses = new Pauses(options.reconnectMinMs, options.reconnectMaxMs)
    void this.#connect()
  }

  /** The open connection; another object after each reconnection. */
  get network(): Network | undefined {
    return this.#attempt?.network
  }

  /** Says goodbye and frees everything. */
  async end(): Promise<void> {
    this.#isEnded = true
    clearTimeout(this.#timer)
    await this.#attempt?.end(this.#options.closeTimeoutMs)
    this.#attempt = undefined
  }

  async #connect(): Promise<void> {
    const { password } = this.#options
    try {
      await Promise.resolve() // so that whoever made this can listen first
      const word = typeof password === 'function' ? await password() : password
      if (this.#isEnded) return
      this.#attempt = new Attempt(this.#options, this.#role, word, {
        open: (network) => this.#opened(network),
        gone: (error, lastedMs) => this.#gone(error, lastedMs),
      })
    } catch (error) {
      this.#events.report(error)
      this.#connectLater()
    }
  }

  #opened(network: Network): void {
    this.#events.ready(network)
    this.#wasReady = true
  }

  #gone(error: unknown, lastedMs: number | undefined): void {
    this.#attempt = undefined
    if (this.#isEnded) return
    if (lastedMs !== undefined) this.#events.lost()
    if (lastedMs === undefined && !this.#wasReady && isFinal(error)) {
      this.#isEnded = true
      this.#events.refused(connectionRefused(error))
      return
    }
    const isStable = lastedMs !== undefined && lastedMs > STABLE_MS
    if (error !== undefined || !isStable) {
      const failure = isFinal(error) ? connectionRefused(error) : connectionFailed(error)
      this.#events.report(failure)
    }
    if (isStable) this.#pauses.reset()
    this.#connectLater()
  }

  #connectLater(): void {
    if (this.#isEnded) return
    this.#timer = setTimeout(() => void this.#connect(), this.#pauses.next())
  }
}

interface AttemptEvents {
  open(network: Network): void
  /** Once. `lastedMs` is left out where it never was open. */
  gone(error: unknown, lastedMs: number | undefined): void
}

/** One connection, from its first byte to its last. */
class Attempt {
  readonly #connection: Connection
  readonly #guard: Guard
  readonly #events: AttemptEvents
  readonly #deadline: ReturnType<typeof setTimeout>
  readonly #over = Promise.withResolvers<void>()
  #socket: Socket | undefined
  #openSince: number | undefined
  #isOver = false

  constructor(
    options: ResolvedOptions,
    role: 'data' | 'control',
    password: string | undefined,
    events: AttemptEvents,
  ) {
    this.#events = events
    const id = `${options.name ?? `waxwing-${crypto.randomUUID()}`}-${role}`
    // What rhea has and its types have not.
    const untyped = { tcp_no_delay: true, sasl_mechanisms: mechanismsOf(options, password) }
    const container = rhea.create_container({ id })
    this.#connection = container.create_connection({
      transport: 'tcp', // or TLS: `connection_details` decides
      host: options.endpoint.hostname,
      port: 0,
      hostname: options.hostname,
      reconnect: false,
      max_frame_size: MAX_FRAME_BYTES,
      idle_time_out: options.heartbeatSeconds * 1_000,
      sasl_init_hostname: options.endpoint.hostname,
      ...untyped,
      connection_details: () => ({
        host: options.endpoint.hostname,
        port: 0,
        connect: (_port: number, _host: string, _options: object, done: () => void) =>
          this.#dial(options, done),
      }),
    })
    const limits = {
      maxFrameBytes: MAX_FRAME_BYTES,
      maxMessageBytes: options.maxPayloadBytes + AROUND_PAYLOAD_BYTES,
    }
    this.#guard = new Guard(this.#connection, limits, (error) => this.#ended(error))
    this.#listen()
    this.#deadline = setTimeout(() => {
      this.#ended(transportError(`no answer within ${options.connectTimeoutMs} ms`))
    }, options.connectTimeoutMs)
    this.#connection.connect()
  }

  get network(): Network | undefined {
    const isOpen = this.#openSince !== undefined && !this.#isOver
    return isOpen ? { connection: this.#connection, guard: this.#guard } : undefined
  }

  /** Ends it in order, or after the time given. */
  async end(timeoutMs: number): Promise<void> {
    if (this.#openSince === undefined) this.#ended(undefined)
    if (this.#isOver) return
    this.#connection.close()
    const timer = setTimeout(() => this.#ended(undefined), timeoutMs)
    await this.#over.promise
    clearTimeout(timer)
  }

  #dial({ endpoint, tls }: ResolvedOptions, done: () => void): Socket {
    const host = endpoint.hostname.replace(/^\[(.*)\]$/, '$1')
    const isSecure = endpoint.protocol === 'amqps:'
    const port = endpoint.port === '' ? (isSecure ? 5671 : 5672) : Number(endpoint.port)
    const socket = isSecure
      ? connectTls(
          { host, port, ...(isIP(host) === 0 && { servername: host }), ...tlsOptions(tls) },
          done,
        )
      : connectTcp({ host, port }, done)
    this.#socket = socket
    socket.on('error', (error) => this.#ended(error))
    socket.on('close', () => {
      this.#ended(undefined)
      this.#guard.forget() // rhea goes on with its timers after the frame that ended it
    })
    return socket
  }

  #listen(): void {
    const connection = this.#connection
    connection.on('connection_open', () => this.#opened())
    connection.on('connection_close', (context: EventContext) => this.#ended(context.error))
    connection.on('connection_error', (context: EventContext) => this.#ended(context.error))
    connection.on('disconnected', (context: EventContext) => this.#ended(context.error))
    for (const event of ['error', 'protocol_error']) {
      connection.on(event, (error: unknown) => this.#ended(error))
    }
    // What belongs to links and sessions is heard there; here it would be taken for unheard.
    for (const event of ['session_error', 'sender_error', 'receiver_error']) {
      connection.on(event, () => undefined)
    }
  }

  #opened(): void {
    if (this.#isOver) return
    clearTimeout(this.#deadline)
    this.#openSince = performance.now()
    try {
      this.#events.open({ connection: this.#connection, guard: this.#guard })
    } catch (error) {
      this.#openSince = undefined
      this.#ended(error)
    }
  }

  #ended(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#deadline)
    // Not at once: the last frame (a close, a disposition) is being written in this turn.
    setImmediate(() => this.#socket?.destroy())
    this.#guard.forget()
    const since = this.#openSince
    this.#events.gone(error, since === undefined ? undefined : performance.now() - since)
    this.#over.resolve()
  }
}

function tlsOptions(tls: ResolvedOptions['tls'] = {}): object {
  const { ca, ...rest } = tls
  return { ...rest, ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }) }
}
