// SPDX-License-Identifier: Apache-2.0
/**
 * The client: asks resources by their URI, protected or not, directly or through a proxy.
 *
 * @module
 */

import { isIP } from 'node:net'
import { WaxwingError } from '@waxwing/core'
import { joinSignals, unlessAborted } from '../abortable.js'
import type { BlockwiseOptions } from '../blockwise/index.js'
import { assertCount } from '../blockwise/settings.js'
import { clientLayers } from './layers.js'
import { ClientNetwork } from './network.js'
import { observation, type ObservationTimes } from './observing.js'
import {
  addressed,
  type AskOptions,
  type CoapRequestInit,
  type Destination,
  proxyDestination,
} from './request.js'
import type { ClientSecurity } from '../client-security.js'
import type { CoapResponse } from './coap-response.js'
import { RESPONSE } from '../codes.js'
import { CONTENT_FORMAT } from '../content-formats.js'
import type { Handler, Response } from '../handler.js'
import { Hosts, type Lookup } from '../hosts.js'
import type { EndpointLimits, TransmissionParameters } from '../messaging/index.js'
import { OPTION, uintOption } from '../options.js'
import type { Payload } from '../payload.js'
import { type Link, parseLinkFormat } from '../resources/index.js'
import { understood } from './understood.js'
import { formatCoapUri, parseCoapUri } from '../uri.js'

/** Settings of {@link coapClient}. */
export interface CoapClientOptions extends Omit<BlockwiseOptions, 'maxMessageBytes'> {
  /** Protects everything that is asked. Left out: nothing is protected. */
  readonly security?: ClientSecurity
  /** The URI of a forward proxy that requests go to: `coap://host[:port]`. */
  readonly proxy?: string
  readonly transmission?: Partial<TransmissionParameters>
  readonly limits?: Partial<EndpointLimits>
  /** When observations are registered again. */
  readonly observation?: Partial<ObservationTimes>
  /** Finds the addresses of names. Default: as the machine does, IPv4 first. */
  readonly lookup?: Lookup
  /** What to send over, instead of UDP sockets. It is not closed with the client. */
  readonly network?: Handler
}

/** Settings of an observation. */
export interface ObserveOptions extends Omit<AskOptions, 'confirmable'> {
  /** `GET`, or `FETCH` with a payload. Default `GET`. */
  readonly method?: 'GET' | 'FETCH'
  readonly payload?: Payload
  /** Told why the observation is being registered again. */
  readonly onInterruption?: (error: unknown) => void
}

/**
 * Asks servers.
 *
 * All of its promises reject with `ERR_MALFORMED` and `ERR_UNSUPPORTED` for a URI, `ERR_TIMEOUT`,
 * `ERR_TRANSPORT` if the host is not found or the peer rejects the message, `ERR_LIMIT` and
 * `ERR_CONFLICT` of block-wise transfer, `ERR_MALFORMED` for a response that makes no sense,
 * `ERR_UNSUPPORTED` for one with a code of class 3 or a critical option that is not understood,
 * `ERR_CLOSED`, what the security says, and the reason of the signal. Error codes of a server are
 * responses.
 */
export interface CoapClient extends AsyncDisposable {
  request(init: CoapRequestInit): Promise<CoapResponse>
  get(uri: string, options?: AskOptions): Promise<CoapResponse>
  put(uri: string, payload: Payload, options?: AskOptions): Promise<CoapResponse>
  post(uri: string, payload?: Payload, options?: AskOptions): Promise<CoapResponse>
  delete(uri: string, options?: AskOptions): Promise<CoapResponse>
  fetch(uri: string, payload: Payload, options?: AskOptions): Promise<CoapResponse>
  patch(uri: string, payload: Payload, options?: AskOptions): Promise<CoapResponse>
  ipatch(uri: string, payload: Payload, options?: AskOptions): Promise<CoapResponse>
  /**
   * The states of a resource, the current one first, then each that the server tells of. A state is
   * acknowledged when the next one is asked for; of those that come meanwhile, the newest is kept. Until
   * then a server may hold back what else this client observes there, and after a minute or two it gives
   * the observation up: long work on a state is better done beside the loop.
   *
   * When the server falls silent or forgets the observation, it is registered again, as often as it takes;
   * a state that is still the same then does not come again. Ends after an error code 4.xx, which is the
   * last response, and after the first response of a resource that cannot be observed.
   *
   * @throws What the first registration rejects with, and the reason of the signal.
   */
  observe(uri: string, options?: ObserveOptions): AsyncGenerator<CoapResponse, void, undefined>
  /**
   * What a server has (RFC 6690).
   *
   * @param uri - Of the server; a path is that of another list than `/.well-known/core`.
   * @param filter - Only links with these attributes, such as `{ rt: 'sensor' }`; a value that ends in
   *   an asterisk matches beginnings, and `href` is the target.
   * @throws {WaxwingError} `ERR_TRANSPORT` if the server answers anything but 2.05.
   */
  discover(
    uri: string,
    filter?: Readonly<Record<string, string>>,
    options?: Pick<AskOptions, 'signal'>,
  ): Promise<readonly Link[]>
  /** Ends what is under way with `ERR_CLOSED`, and closes the sockets. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Makes a client. Sockets are opened by the first request, and keep the process alive until it is closed.
 *
 * @example
 * ```ts
 * await using client = coapClient()
 * const response = await client.get('coap://sensor.example/temperature')
 * console.log(response.codeName, response.text())
 * ```
 * @throws {RangeError} If an option is out of range.
 * @throws {WaxwingError} `ERR_MALFORMED` and `ERR_UNSUPPORTED` if the URI of the proxy is none.
 */
export function coapClient(options: CoapClientOptions = {}): CoapClient {
  return new Client(options)
}

const DEFAULT_TIMES: ObservationTimes = {
  silenceMs: 10_000,
  retryMinMs: 1_000,
  retryMaxMs: 60_000,
}

class Client implements CoapClient {
  readonly #network: ClientNetwork
  readonly #handler: Handler
  readonly #proxy: Destination | undefined
  readonly #hosts: Hosts
  readonly #times: ObservationTimes
  readonly #closing = new AbortController()

  constructor(options: CoapClientOptions) {
    const { network, proxy, transmission = {}, limits = {} } = options
    this.#proxy = proxy === undefined ? undefined : proxyDestination(proxy)
    this.#hosts = new Hosts(options.lookup)
    this.#times = { ...DEFAULT_TIMES, ...options.observation }
    for (const [name, value] of Object.entries(this.#times)) assertCount(name, value as number)
    const sockets = new ClientNetwork({ transmission, limits })
    this.#network = sockets // opened only where it is asked
    const { maxMessageBytes } = limits
    const layers = { ...options, ...(maxMessageBytes !== undefined && { maxMessageBytes }) }
    this.#handler = clientLayers(network ?? ((request) => sockets.ask(request)), layers)
  }

  async request(init: CoapRequestInit): Promise<CoapResponse> {
    using joined = joinSignals(init.signal, this.#closing.signal)
    return understood(await this.#ask(init, joined.signal))
  }

  get(uri: string, options?: AskOptions): Promise<CoapResponse> {
    return this.request({ ...options, method: 'GET', uri })
  }

  put(uri: string, payload: Payload, options?: AskOptions): Promise<CoapResponse> {
    return this.request({ ...options, method: 'PUT', uri, payload })
  }

  post(uri: string, payload?: Payload, options?: AskOptions): Promise<CoapResponse> {
    return this.request({
      ...options,
      method: 'POST',
      uri,
      ...(payload !== undefined && { payload }),
    })
  }

  delete(uri: string, options?: AskOptions): Promise<CoapResponse> {
    return this.request({ ...options, method: 'DELETE', uri })
  }

  fetch(uri: string, payload: Payload, options?: AskOptions): Promise<CoapResponse> {
    return this.request({ ...options, method: 'FETCH', uri, payload })
  }

  patch(uri: string, payload: Payload, options?: AskOptions): Promise<CoapResponse> {
    return this.request({ ...options, method: 'PATCH', uri, payload })
  }

  ipatch(uri: string, payload: Payload, options?: AskOptions): Promise<CoapResponse> {
    return this.request({ ...options, method: 'iPATCH', uri, payload })
  }

  async *observe(
    uri: string,
    { onInterruption = () => {}, ...options }: ObserveOptions = {},
  ): AsyncGenerator<CoapResponse, void, undefined> {
    using joined = joinSignals(options.signal, this.#closing.signal)
    const register = [...(options.options ?? []), uintOption(OPTION.observe, 0)]
    yield* observation({
      register: (signal) => this.#ask({ ...options, uri, options: register }, signal),
      signal: joined.signal,
      times: this.#times,
      onInterruption,
    })
  }

  async discover(
    uri: string,
    filter: Readonly<Record<string, string>> = {},
    options: Pick<AskOptions, 'signal'> = {},
  ): Promise<readonly Link[]> {
    const response = await this.request({
      ...options,
      uri: discoveryUri(uri, filter),
      accept: CONTENT_FORMAT.linkFormat,
    })
    if (response.code === RESPONSE.content) return parseLinkFormat(response.text())
    throw new WaxwingError('ERR_TRANSPORT', `the server answered ${response.codeName}`)
  }

  async close(): Promise<void> {
    this.#closing.abort(new WaxwingError('ERR_CLOSED', 'the client was closed'))
    await this.#network.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #ask(init: CoapRequestInit, signal: AbortSignal): Promise<Response> {
    signal.throwIfAborted()
    const { message, destination } = addressed(init, this.#proxy)
    const { host } = destination
    const isNumeric = isIP(host) !== 0
    const address = isNumeric ? host : await unlessAborted(this.#hosts.find(host), signal)
    const peer = { address, port: destination.port }
    const { confirmable = true } = init
    return this.#handler({ ...message, peer, signal, confirmable })
  }
}

function discoveryUri(uri: string, filter: Readonly<Record<string, string>>): string {
  const parsed = parseCoapUri(uri)
  const path = parsed.path.length === 0 ? ['.well-known', 'core'] : parsed.path
  const wanted = Object.entries(filter).map(([name, value]) => `${name}=${value}`)
  return formatCoapUri({ ...parsed, path, query: [...parsed.query, ...wanted] })
}
