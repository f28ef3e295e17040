// SPDX-License-Identifier: Apache-2.0
/**
 * A proxy that asks CoAP servers for HTTP clients (RFC 8075), and carries what OSCORE protects between
 * them without being able to read it (RFC 8613 Section 11).
 *
 * Invariant: whatever a client sends or leaves undone, it costs a bounded time and a bounded number of
 * bytes. When the proxy is closed, no connection, request or timer of it is left.
 *
 * @module
 */

import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, isIP, type Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { unlessAborted } from '../abortable.js'
import { CrossProxying, type CrossProxyingOptions } from './cross-proxying.js'
import { type HttpAnswer, plainAnswer } from './http-refusal.js'
import { limitsOf, MAX_TIMER_MS } from './limits.js'

export interface HttpCrossProxyOptions extends CrossProxyingOptions {
  /** The address to listen at. Default `127.0.0.1`. */
  readonly host?: string
  /** Default any that is free. */
  readonly port?: number
  /** Certificate and key; with `requestCert` and `ca`, clients need certificates. Left out: no TLS. */
  readonly tls?: TlsOptions
  /** How long a client may take to send a request, and to go on with taking the answer. Default 30,000. */
  readonly requestTimeoutMs?: number
  /** How long a server may take to answer. Default 452,000, which RFC 8075 Section 8.5 comes to. */
  readonly responseTimeoutMs?: number
  /** Connections of clients; more are not accepted. Default 256. */
  readonly maxConnections?: number
  /** Requests whose answers are not with the clients yet; more are answered with 503. Default 64. */
  readonly maxRequests?: number
  /** Told what nobody foresaw; the client gets a 500. */
  readonly onError?: (error: unknown) => void
}

export interface HttpCrossProxy extends AsyncDisposable {
  /** The HC Proxy URI: that of a target follows it, as `http://127.0.0.1:8080/hc/coap://192.0.2.7/light`. */
  readonly url: string
  readonly port: number
  /** Ends requests under way and all connections. */
  close(): Promise<void>
}

const DEFAULTS = {
  requestTimeoutMs: 30_000,
  /** MAX_RTT and MAX_SERVER_RESPONSE_DELAY: 202 and 250 seconds. */
  responseTimeoutMs: 452_000,
  maxConnections: 256,
  maxRequests: 64,
} as const

type Limits = Readonly<Record<keyof typeof DEFAULTS, number>>

/**
 * Starts a proxy.
 *
 * @throws {TypeError} If `allow` is neither a list nor a function.
 * @throws {RangeError} If the path does not begin and end with a slash; naming a wrong limit.
 * @throws {Error} If it cannot listen there.
 */
export async function httpCrossProxy(options: HttpCrossProxyOptions): Promise<HttpCrossProxy> {
  const proxy = new ListeningProxy(options)
  await proxy.listen(options.port ?? 0, options.host ?? '127.0.0.1')
  return proxy
}

class ListeningProxy implements HttpCrossProxy {
  readonly #proxying: CrossProxying
  readonly #server: Server
  readonly #isSecure: boolean
  readonly #limits: Limits
  readonly #onError: (error: unknown) => void
  readonly #underWay = new Map<AbortController, Promise<unknown>>()
  /** TLS begins on them: the server knows only those where it is done. */
  readonly #sockets = new Set<Socket>()
  #address: Pick<AddressInfo, 'address' | 'port'> = { address: '', port: 0 }
  #closed: Promise<void> | undefined

  constructor(options: HttpCrossProxyOptions) {
    const { host, names = [] } = options
    this.#proxying = new CrossProxying({
      ...options,
      names: host === undefined ? names : [...names, host],
    })
    this.#limits = limitsOf(options, DEFAULTS)
    this.#onError = options.onError ?? (() => undefined)
    this.#isSecure = options.tls !== undefined
    this.#server = serverOf(options.tls, this.#limits, (request, response) =>
      this.#take(request, response),
    )
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  get port(): number {
    return this.#address.port
  }

  get url(): string {
    const { address, port } = this.#address
    const host = isIP(address) === 6 ? `[${address}]` : address
    return `${this.#isSecure ? 'https' : 'http'}://${host}:${port}${this.#proxying.path}`
  }

  async listen(port: number, host: string): Promise<void> {
    this.#server.listen(port, host)
    await once(this.#server, 'listening')
    this.#address = this.#server.address() as AddressInfo
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const ended = new Promise<void>((resolve) => void this.#server.close(() => resolve()))
    const requests = [...this.#underWay.values()]
    for (const controller of this.#underWay.keys()) controller.abort()
    this.#server.closeAllConnections()
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all([ended, ...requests])
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    if (this.#underWay.size >= this.#limits.maxRequests) {
      write(request, response, plainAnswer(503, 'too many requests', { 'Retry-After': '1' }))
      return
    }
    const controller = new AbortController()
    // Until a client has taken its answer, that is held.
    const taken = new Promise<void>((resolve) => void response.once('close', resolve))
    const done = Promise.all([taken, this.#serve(request, response, controller)])
    this.#underWay.set(controller, done)
    void done.then(() => this.#underWay.delete(controller))
  }

  /** Never rejects. */
  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    controller: AbortController,
  ): Promise<void> {
    const leave = (): void => controller.abort()
    response.once('close', leave)
    const timer = setTimeout(leave, this.#limits.responseTimeoutMs)
    try {
      const { signal } = controller
      const answer = this.#proxying.answer(request, signal)
      write(request, response, await unlessAborted(answer, signal))
    } catch (error) {
      this.#fail(error, request, response, controller.signal)
    } finally {
      clearTimeout(timer)
      response.off('close', leave)
      response.setTimeout(this.#limits.requestTimeoutMs)
    }
  }

  #fail(
    error: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): void {
    const isGone = request.errored !== null || response.destroyed
    if (signal.aborted || isGone) {
      write(request, response, plainAnswer(504, 'no response in time'))
      return
    }
    this.#onError(error)
    write(request, response, plainAnswer(500, 'the proxy failed'))
  }
}

function serverOf(
  tls: TlsOptions | undefined,
  { requestTimeoutMs: requestTimeout, responseTimeoutMs, maxConnections }: Limits,
  listener: RequestListener,
): Server {
  const timeouts = {
    requestTimeout,
    headersTimeout: requestTimeout,
    connectionsCheckingInterval: Math.ceil(requestTimeout / 4),
  }
  const server =
    tls === undefined
      ? createHttpServer(timeouts, listener)
      : createHttpsServer({ handshakeTimeout: requestTimeout, ...tls, ...timeouts }, listener)
  server.maxConnections = maxConnections
  // For clients that do not read.
  server.timeout = Math.min(requestTimeout + responseTimeoutMs, MAX_TIMER_MS)
  return server
}

/** What a device says is data: no browser is to guess a type for it, nor to run it. */
const AS_DATA = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; sandbox",
}

function write(request: IncomingMessage, response: ServerResponse, answer: HttpAnswer): void {
  if (response.destroyed || response.headersSent) return
  const { status, reason, headers, body } = answer
  // A body that was not read is not waited for.
  const closing = request.complete ? {} : { Connection: 'close' }
  const length = status === 204 || status === 304 ? {} : { 'Content-Length': String(body.length) }
  const all = { ...headers, ...length, ...closing, ...AS_DATA }
  if (reason === undefined) response.writeHead(status, all)
  else response.writeHead(status, reason, all)
  response.end(request.method === 'HEAD' ? undefined : body)
}
