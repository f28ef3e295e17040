// SPDX-License-Identifier: Apache-2.0
/**
 * A server on UDP: block-wise transfer before a handler, and messaging before that.
 *
 * @module
 */

import { blockwiseServer, type BlockwiseServerOptions } from './blockwise/index.js'
import type { Handler, Peer } from './handler.js'
import {
  type EndpointLimits,
  type EndpointStats,
  openUdpEndpoint,
  type TransmissionParameters,
  type UdpEndpoint,
} from './messaging/index.js'
import { DEFAULT_PORT, formatCoapUri } from './uri.js'

/** Settings of {@link coapServer}. */
export interface CoapServerOptions extends Omit<BlockwiseServerOptions, 'maxMessageBytes'> {
  /** Answers the requests: resources, a proxy, or anything that stands before them. */
  readonly handler: Handler
  /** The numeric address to listen on. Default: all IPv4 ones of the machine; `::` is all. */
  readonly host?: string
  /** Default 5683; 0 for a free one. */
  readonly port?: number
  readonly transmission?: Partial<TransmissionParameters>
  readonly limits?: Partial<EndpointLimits>
}

/** A server that listens. */
export interface CoapServer extends AsyncDisposable {
  /** Where it listens. */
  readonly address: Peer
  /** The URI of its root; on the loopback where it listens on all addresses. */
  readonly uri: string
  /** How much messaging keeps at the moment. */
  readonly stats: EndpointStats
  /**
   * Calls the listener with errors that nobody waits for. Without a listener what the handler throws, or
   * answers that cannot be sent, is a warning of the process. Returns a function that removes it.
   */
  onError(listener: (error: unknown) => void): () => void
  /** Lets handlers finish, ends everything else. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Starts a server.
 *
 * @example
 * ```ts
 * await using server = await coapServer({
 *   handler: resources({ temperature: { get: () => ({ payload: '20.5' }) } }),
 * })
 * ```
 * @throws {TypeError | RangeError} Naming the option that is wrong.
 * @throws {WaxwingError} `ERR_TRANSPORT` if the address cannot be had.
 */
export async function coapServer(options: CoapServerOptions): Promise<CoapServer> {
  const { handler, host, port = DEFAULT_PORT, transmission = {}, limits = {} } = options
  if (typeof handler !== 'function') throw new TypeError('handler must be a function')
  const { maxMessageBytes } = limits
  const blocks = { ...options, ...(maxMessageBytes !== undefined && { maxMessageBytes }) }
  const endpoint = await openUdpEndpoint({
    ...(host !== undefined && { host }),
    port,
    transmission,
    limits,
    handler: blockwiseServer(blocks)(handler),
  })
  return new OpenServer(endpoint)
}

/** How to reach what listens on all addresses: no answer would come from those. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

class OpenServer implements CoapServer {
  readonly #endpoint: UdpEndpoint
  readonly address: Peer
  readonly uri: string

  constructor(endpoint: UdpEndpoint) {
    this.#endpoint = endpoint
    this.address = endpoint.address
    const { address: host, port } = this.address
    this.uri = formatCoapUri({ host: LOOPBACK[host] ?? host, port, path: [], query: [] })
  }

  get stats(): EndpointStats {
    return this.#endpoint.stats
  }

  onError(listener: (error: unknown) => void): () => void {
    return this.#endpoint.onError(listener)
  }

  close(): Promise<void> {
    return this.#endpoint.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
