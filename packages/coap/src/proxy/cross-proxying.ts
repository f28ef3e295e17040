// SPDX-License-Identifier: Apache-2.0
/**
 * One request of HTTP, from its header to the answer (RFC 8075).
 *
 * @module
 */

import type { IncomingMessage } from 'node:http'
import { utf8 } from '@waxwing/core'
import type { CoapMessage } from '@waxwing/oscore'
import type { Handler, Peer } from '../handler.js'
import type { Lookup } from '../hosts.js'
import { plainAddress } from '../messaging/addresses.js'
import { OPTION, uintOption } from '../options.js'
import { type CoapUri, uriOptions } from '../uri.js'
import { httpAnswerOf } from './coap-to-http.js'
import { DEFAULT_HOP_LIMIT } from './forwarding.js'
import { readBody } from './http-body.js'
import { type HttpAnswer, HttpRefusal } from './http-refusal.js'
import { coapRequestOf, targetOf } from './http-to-coap.js'
import { areTooLong, limitsOf } from './limits.js'
import { OwnSite, type OwnSiteOptions } from './own-site.js'
import { Refusal, responseTo } from './refusal.js'
import { type AllowedTargets, Targets } from './target.js'

/** Decides whether a request may be made at all. */
export type AuthorizeHttp = (request: IncomingMessage) => boolean | Promise<boolean>

export interface CrossProxyingOptions extends OwnSiteOptions {
  /** Sends requests to CoAP servers, with block-wise transfer, and with a cache where one is wanted. */
  readonly network: Handler
  /**
   * Which servers may be asked. There is no default: a proxy that asks anybody lets anybody reach what
   * only the proxy can reach.
   */
  readonly allow: AllowedTargets
  /**
   * Who may use the proxy. There is no default: RFC 8075 Section 10 has proxies authenticate all requests
   * unless somebody decided otherwise, which is `() => true`. Not asked about pages of other sites.
   */
  readonly authorize: AuthorizeHttp
  /** Begins and ends with a slash. Default `/hc/`. */
  readonly path?: string
  /** Finds the addresses of names. Default: as the machine does, IPv4 first. */
  readonly lookup?: Lookup
  /** Largest body of a request. Default 1 MiB. */
  readonly maxBodyBytes?: number
  /**
   * Whether to pass on payloads as `application/coap-payload` whose Content-Formats are not known here
   * (RFC 8075 Section 6.2). Responses always are. Default `false`.
   */
  readonly passUnknownFormats?: boolean
}

const DEFAULTS = { maxBodyBytes: 1024 * 1024 } as const
const DISCOVERY_PATH = '/.well-known/core'

export class CrossProxying {
  readonly path: string
  readonly #network: Handler
  readonly #authorize: AuthorizeHttp
  readonly #site: OwnSite
  readonly #targets: Targets
  readonly #maxBodyBytes: number
  readonly #passUnknownFormats: boolean

  /** @throws {RangeError} If the path does not begin and end with a slash; naming a wrong limit. */
  constructor(options: CrossProxyingOptions) {
    const { path = '/hc/' } = options
    if (!/^\/(?:[^\s?#]*\/)?$/.test(path)) {
      throw new RangeError(`path must begin and end with a slash, got ${path}`)
    }
    this.path = path
    this.#network = options.network
    this.#authorize = options.authorize
    this.#site = new OwnSite(options)
    this.#targets = new Targets(options.allow, options.lookup)
    this.#maxBodyBytes = limitsOf(options, DEFAULTS).maxBodyBytes
    this.#passUnknownFormats = options.passUnknownFormats ?? false
  }

  /**
   * Answers a request. What is refused is an answer.
   *
   * @param signal - Aborted when nobody waits for the answer.
   */
  async answer(request: IncomingMessage, signal: AbortSignal): Promise<HttpAnswer> {
    try {
      return await this.#answer(request, signal)
    } catch (error) {
      if (error instanceof HttpRefusal) return error.answer
      throw error
    }
  }

  async #answer(request: IncomingMessage, signal: AbortSignal): Promise<HttpAnswer> {
    this.#site.assertOwn(request)
    const path = originForm(request.url ?? '')
    if (path.split('?', 1)[0] === DISCOVERY_PATH && request.method === 'GET') {
      return this.#discovered(path)
    }
    if (!path.startsWith(this.path)) throw new HttpRefusal(404, 'nothing here')
    if (!(await this.#authorize(request))) throw new HttpRefusal(403, 'not for you')
    const uri = targetOf(path.slice(this.path.length))
    const { method = '', headers } = request
    const body = await readBody(request, this.#maxBodyBytes)
    if (body === undefined) throw new HttpRefusal(413, `more than ${this.#maxBodyBytes} bytes`)
    const message = coapRequestOf({ method, headers, body }, this.#passUnknownFormats)
    const peer = await this.#find(uri, request)
    const response = await this.#ask({ message, uri, peer, signal })
    return httpAnswerOf(response, { message, uri, basePath: this.path })
  }

  async #ask(question: Question): Promise<CoapMessage> {
    const { message, uri, peer, signal } = question
    signal.throwIfAborted()
    const hopLimit = uintOption(OPTION.hopLimit, DEFAULT_HOP_LIMIT) // RFC 8768 Section 5
    const options = [...uriOptions(uri), ...message.options, hopLimit]
    if (areTooLong(options)) throw new HttpRefusal(414, 'no message of CoAP holds this')
    try {
      return await this.#network({ ...message, options, peer, signal })
    } catch (error) {
      signal.throwIfAborted()
      return responseTo(error)
    }
  }

  async #find(uri: CoapUri, { socket }: IncomingMessage): Promise<Peer> {
    const { remoteAddress, remotePort } = socket
    if (remoteAddress === undefined || remotePort === undefined) {
      throw new HttpRefusal(400, 'the connection is gone')
    }
    try {
      const requester = { address: plainAddress(remoteAddress), port: remotePort }
      return await this.#targets.find(uri, requester)
    } catch (error) {
      if (error instanceof Refusal) throw new HttpRefusal(403, error.message)
      throw new HttpRefusal(502, 'the host is unknown')
    }
  }

  /** RFC 8075 Section 5.5. */
  #discovered(path: string): HttpAnswer {
    const query = path.slice(DISCOVERY_PATH.length + 1)
    const isMeant = query === '' || query === 'rt=core.hc' || query === 'rt=core.*'
    const body = utf8(isMeant ? `<${this.path}>;rt="core.hc"` : '')
    return { status: 200, headers: { 'Content-Type': 'application/link-format' }, body }
  }
}

interface Question {
  readonly message: CoapMessage
  readonly uri: CoapUri
  readonly peer: Peer
  readonly signal: AbortSignal
}

/** Servers take targets with their own scheme and authority as well (RFC 9112 Section 3.2.2). */
function originForm(target: string): string {
  return target.replace(/^https?:\/\/[^/?#]*/i, '')
}
