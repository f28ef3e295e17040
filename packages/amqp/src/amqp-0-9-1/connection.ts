// SPDX-License-Identifier: Apache-2.0
/**
 * One connection to the broker, for as long as the transport lives: it is made, prepared by its owner,
 * watched and made again with growing pauses. amqplib frames and beats the heart; its own recovery is
 * left off, because it knows nothing of acknowledgements and of sends in flight.
 *
 * @module
 */

import { connect, credentials, type ChannelModel, type Options, type SocketOptions } from 'amqplib'
import { WaxwingError } from '@waxwing/core'
import { closedError, Pauses, transportError, inTime } from '@waxwing/transport-kit'
import type { Resolved091 } from './options.js'
import {
  CONNECTION_FORCED,
  connectionFailed,
  connectionRefused,
  isRefusal,
  refusalCode,
} from './refusals.js'

/** What is read of one frame at the most: larger ones are an error. */
const FRAME_BYTES = 131_072

/** A connection that breaks earlier counts as a failed attempt. */
const STABLE_MS = 5_000

export interface ConnectionOwner {
  /** Makes what everything else needs; a refusal ends this connection. */
  prepare(model: ChannelModel): Promise<void>
  /** Ready for channels. */
  connected(model: ChannelModel): void
  /** The connection is gone, over which `connected` was called. */
  disconnected(): void
  /** The broker has refused this connection, after it took others: the next attempt follows. */
  denied(error: WaxwingError): void
  /** The broker has refused for good: no further attempt is made. */
  refused(error: WaxwingError): void
  report(error: unknown): void
}

export class Connection {
  readonly #options: Resolved091
  readonly #role: 'data' | 'control'
  readonly #owner: ConnectionOwner
  readonly #pauses: Pauses
  #model: ChannelModel | undefined
  #readySince = 0
  #wasReady = false
  #isEnded = false
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Destroys the socket of the present attempt or connection. */
  #abort = new AbortController()
  readonly #waiting = new Set<PromiseWithResolvers<ChannelModel>>()

  constructor(options: Resolved091, role: 'data' | 'control', owner: ConnectionOwner) {
    this.#options = options
    this.#role = role
    this.#owner = owner
    this.#pauses = new Pauses(options.reconnectMinMs, options.reconnectMaxMs)
    void this.#connect()
  }

  /** The connection, while there is one that is ready. */
  get model(): ChannelModel | undefined {
    return this.#model
  }

  /** Resolves with the connection, now or when there is one. @throws {WaxwingError} Once it ended. */
  async ready(): Promise<ChannelModel> {
    if (this.#isEnded) throw closedError()
    if (this.#model !== undefined) return this.#model
    const waiter = Promise.withResolvers<ChannelModel>()
    this.#waiting.add(waiter)
    return waiter.promise
  }

  /** Says goodbye and frees everything; no further attempt is made. */
  async end(error: WaxwingError = closedError()): Promise<void> {
    this.#isEnded = true
    clearTimeout(this.#timer)
    for (const { reject } of this.#waiting) reject(error)
    this.#waiting.clear()
    const model = this.#model
    this.#model = undefined
    if (model !== undefined) await inTime(model.close(), this.#options.closeTimeoutMs)
    this.#abort.abort()
  }

  async #connect(): Promise<void> {
    try {
      await Promise.resolve() // so that whoever made this can listen first
      const { password } = this.#options
      const word = typeof password === 'function' ? await password() : password
      if (this.#isEnded) return
      const model = await this.#open(word)
      // It may have broken since it was ready: then nobody will say so again.
      if (this.#abort.signal.aborted) throw transportError('the connection broke')
      if (this.#isEnded) this.#abort.abort()
      else this.#opened(model)
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Opens and prepares, both within the time that there is. */
  async #open(word: string | undefined): Promise<ChannelModel> {
    const abort = new AbortController()
    this.#abort = abort
    let whyOver: unknown
    const timer = setTimeout(() => {
      whyOver = transportError('the broker did not answer in time (connectTimeoutMs)')
      abort.abort()
    }, this.#options.connectTimeoutMs)
    try {
      const socket = socketOptions(this.#options, word, this.#role, abort.signal)
      const model = await connect(connectionOptions(this.#options), socket)
      this.#watch(model, abort)
      await this.#owner.prepare(model)
      return model
    } catch (error) {
      abort.abort()
      throw whyOver ?? error
    } finally {
      clearTimeout(timer)
    }
  }

  #opened(model: ChannelModel): void {
    this.#model = model
    this.#wasReady = true
    this.#readySince = performance.now()
    this.#owner.connected(model)
    for (const { resolve } of this.#waiting) resolve(model)
    this.#waiting.clear()
  }

  #watch(model: ChannelModel, abort: AbortController): void {
    model.on('error', (error: Error) => {
      if (model === this.#model) this.#owner.report(connectionFailed(error))
    })
    model.on('close', (error?: Error) => {
      abort.abort() // amqplib ends the socket and waits for the other side
      if (model !== this.#model) return
      this.#model = undefined
      if (refusalCode(error) === CONNECTION_FORCED) this.#owner.report(connectionFailed(error))
      if (performance.now() - this.#readySince > STABLE_MS) this.#pauses.reset()
      this.#owner.disconnected()
      this.#connectLater()
    })
    model.on('blocked', (reason: string) => {
      this.#owner.report(transportError(`the broker takes nothing for now: ${reason}`))
    })
  }

  #failed(error: unknown): void {
    if (this.#isEnded) return
    const isOurs = error instanceof WaxwingError
    if (!isRefusal(isOurs ? error.cause : error)) {
      this.#owner.report(isOurs ? error : connectionFailed(error))
      this.#connectLater()
      return
    }
    const refusal = isOurs ? error : connectionRefused(error)
    if (this.#wasReady) {
      this.#owner.denied(refusal)
      this.#connectLater()
      return
    }
    this.#isEnded = true
    this.#owner.refused(refusal)
  }

  #connectLater(): void {
    if (this.#isEnded) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#connect(), this.#pauses.next())
  }
}

/** amqplib is never given the url, whose query it would obey. */
function connectionOptions(options: Resolved091): Options.Connect {
  const { endpoint, heartbeatSeconds, virtualHost } = options
  return {
    protocol: endpoint.protocol.slice(0, -1),
    hostname: endpoint.hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(endpoint.port === '' ? {} : { port: Number(endpoint.port) }),
    vhost: encodeURIComponent(virtualHost), // which amqplib decodes
    heartbeat: heartbeatSeconds,
    frameMax: FRAME_BYTES,
    maxFrameSize: FRAME_BYTES,
  }
}

function socketOptions(
  options: Resolved091,
  word: string | undefined,
  role: string,
  signal: AbortSignal,
): SocketOptions {
  const { tls = {}, name, username } = options
  const { ca, ...rest } = tls
  const connectionName = `${name ?? 'waxwing'} ${role}`
  const socket: SocketOptions & { readonly signal: AbortSignal } = {
    ...rest,
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
    noDelay: true,
    keepAlive: true,
    signal,
    clientProperties: { connection_name: connectionName },
    credentials:
      username === undefined && tls.cert !== undefined
        ? credentials.external()
        : credentials.plain(username ?? 'guest', username === undefined ? 'guest' : (word ?? '')),
  }
  return socket
}
