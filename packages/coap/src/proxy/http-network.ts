// SPDX-License-Identifier: Apache-2.0
/**
 * The network behind a CoAP client that reaches its servers through a proxy over HTTP (RFC 8075), above
 * all for what OSCORE protects (RFC 8613 Section 11).
 *
 * HTTP says less than CoAP. A message that it cannot carry is answered here, as a proxy would, with 4.02 or
 * 5.01, and nothing is sent. There are no notifications: an observation is answered once.
 *
 * @module
 */

import { once } from 'node:events'
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import { WaxwingError } from '@waxwing/core'
import { unlessAborted } from '../abortable.js'
import type { Handler } from '../handler.js'
import { type HttpAsked, httpAskedOf, type HttpReply, responseOfReply } from './client-over-http.js'
import { readBody } from './http-body.js'
import { limitsOf } from './limits.js'
import { Refusal } from './refusal.js'

export interface HttpNetworkOptions {
  /** The HC Proxy URI, `https://proxy.example/hc/`: targets follow it. */
  readonly proxyUrl: string
  /** Header fields for the proxy alone, as `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>
  /** Whom to trust, and the client's own certificate. */
  readonly tls?: SecureContextOptions
  /** How long to wait for a whole response. Default 60,000. */
  readonly timeoutMs?: number
  /** Largest body of a response. Default 16 MiB. */
  readonly maxBodyBytes?: number
}

export interface HttpNetwork extends Disposable {
  /** To be given to a client, in the place of sockets. */
  readonly network: Handler
  /** Ends requests under way, and closes the connections. */
  close(): void
}

const DEFAULTS = { timeoutMs: 60_000, maxBodyBytes: 16 * 1024 * 1024 } as const
const MAX_SOCKETS = 16

/**
 * Makes a network through a proxy.
 *
 * @example
 * ```ts
 * const { network } = httpNetwork({ proxyUrl: 'https://proxy.example/hc/' })
 * const client = coapClient({ network, security })
 * ```
 *
 * @throws {RangeError} If the URL is no `http` or `https` one that ends with a slash; naming a wrong limit.
 */
export function httpNetwork(options: HttpNetworkOptions): HttpNetwork {
  return new ProxiedNetwork(options)
}

class ProxiedNetwork implements HttpNetwork {
  readonly #url: URL
  readonly #agent: HttpAgent
  readonly #send: typeof httpRequest
  readonly #headers: Readonly<Record<string, string>>
  readonly #limits: Readonly<Record<keyof typeof DEFAULTS, number>>
  readonly #closing = new AbortController()

  constructor(options: HttpNetworkOptions) {
    this.#url = proxyUrlOf(options.proxyUrl)
    const isSecure = this.#url.protocol === 'https:'
    const settings = { keepAlive: true, maxSockets: MAX_SOCKETS }
    this.#agent = isSecure
      ? new HttpsAgent({ ...settings, ...options.tls })
      : new HttpAgent(settings)
    this.#send = isSecure ? httpsRequest : httpRequest
    this.#headers = options.headers ?? {}
    this.#limits = limitsOf(options, DEFAULTS)
  }

  readonly network: Handler = async (request) => {
    request.signal.throwIfAborted()
    const asked = httpAskedOf(request, this.#url.pathname)
    if (asked instanceof Refusal) return asked.response
    return responseOfReply(request, await this.#ask(asked, request.signal))
  }

  close(): void {
    this.#closing.abort(new WaxwingError('ERR_CLOSED', 'the network was closed'))
    this.#agent.destroy()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async #ask(asked: HttpAsked, signal: AbortSignal): Promise<HttpReply> {
    const attempt = new AbortController()
    const timer = setTimeout(() => attempt.abort(timedOut()), this.#limits.timeoutMs)
    const ended = AbortSignal.any([signal, this.#closing.signal, attempt.signal])
    try {
      return await unlessAborted(this.#exchange(asked, ended), ended)
    } catch (cause) {
      ended.throwIfAborted()
      if (cause instanceof WaxwingError) throw cause
      throw new WaxwingError('ERR_TRANSPORT', 'the proxy did not answer', {}, { cause })
    } finally {
      clearTimeout(timer)
    }
  }

  async #exchange({ body, ...asked }: HttpAsked, signal: AbortSignal): Promise<HttpReply> {
    const { protocol, hostname, port } = this.#url
    const sent = this.#send({
      protocol,
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: asked.path,
      method: asked.method,
      headers: { ...this.#headers, ...asked.headers, 'Content-Length': String(body.length) },
      agent: this.#agent,
      signal,
    })
    sent.on('error', () => undefined) // after the response, nobody waits for it
    sent.end(body)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const { maxBodyBytes } = this.#limits
    const read = await readBody(response, maxBodyBytes)
    if (read !== undefined) {
      return { status: response.statusCode ?? 0, headers: response.headers, body: read }
    }
    response.destroy()
    const message = `a response of more than ${maxBodyBytes} bytes`
    throw new WaxwingError('ERR_LIMIT', message, { rule: 'maxBodyBytes' })
  }
}

function proxyUrlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:'
  const isPlain = url !== undefined && url.search + url.hash + url.username + url.password === ''
  if (isHttp && isPlain && url.pathname.endsWith('/')) return url
  throw new RangeError('proxyUrl must be an http or https URL that ends with a slash')
}

function timedOut(): WaxwingError {
  return new WaxwingError('ERR_TIMEOUT', 'the proxy did not answer in time')
}
