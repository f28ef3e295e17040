// SPDX-License-Identifier: Apache-2.0
/**
 * The two ways to the broker, each with a port of its own: one for the topic-data resources of data that
 * are observed, one for everything else. A broker has one unacknowledged notification at a time under way
 * to an address and port (NSTART, RFC 7252 Section 4.7), so data that nobody acknowledges would hold up
 * control messages over the same one.
 *
 * @module
 */

import { isIP } from 'node:net'
import type { CoapOption } from '@waxwing/oscore'
import { blockwiseClient } from '../blockwise/index.js'
import type { Handler, Peer, Request, Response } from '../handler.js'
import { Hosts } from '../hosts.js'
import { openUdpEndpoint, type UdpEndpoint } from '../messaging/index.js'
import { uriOptions } from '../uri.js'
import type { ResolvedOptions } from './options.js'
import { closedError } from './refusals.js'

/** Where requests go. */
export interface Lanes {
  readonly data: Handler
  readonly control: Handler
  /** Where the broker is. @throws {WaxwingError} `ERR_TRANSPORT` if its name is not known. */
  readonly peer: () => Promise<Peer>
  /** Uri-Host, where the broker has a name. */
  readonly hostOptions: readonly CoapOption[]
  close(): Promise<void>
}

/** A broker's listing of all it has may be this long, whatever payloads may be. */
const LISTING_BYTES: number = 1024 * 1024

/**
 * Makes the lanes. A socket is opened when it is first needed.
 *
 * @param report - Takes what fails on a socket, and concerns no request.
 */
export function openLanes(options: ResolvedOptions, report: (error: unknown) => void): Lanes {
  const { endpoint, network } = options
  const hostOptions = uriOptions({ ...endpoint, path: [], query: [] })
  const hosts = new Hosts()
  const peer = async (): Promise<Peer> => {
    const { host, port } = endpoint
    return { address: isIP(host) === 0 ? await hosts.find(host) : host, port }
  }
  if (network !== undefined) {
    const secured = options.security?.layer(network) ?? network
    return { data: secured, control: secured, peer, hostOptions, close: () => Promise.resolve() }
  }
  const [data, control] = [new UdpLane(options, report), new UdpLane(options, report)]
  return {
    data: layered(data.network, options),
    control: layered(control.network, options),
    peer,
    hostOptions,
    close: async () => void (await Promise.all([data.close(), control.close()])),
  }
}

/** Bodies of any size, protected where that is asked for, and then in blocks once more. */
function layered(network: Handler, { security, maxPayloadBytes }: ResolvedOptions): Handler {
  const maxBodyBytes = Math.max(maxPayloadBytes, LISTING_BYTES)
  const outer = security?.layer(blockwiseClient()(network)) ?? network
  return blockwiseClient({ maxBodyBytes })(outer)
}

/** A socket of its own. */
class UdpLane {
  readonly #options: ResolvedOptions
  readonly #report: (error: unknown) => void
  readonly #byFamily = new Map<number, Promise<UdpEndpoint>>()
  #isClosed = false

  constructor(options: ResolvedOptions, report: (error: unknown) => void) {
    this.#options = options
    this.#report = report
  }

  readonly network: Handler = async (request: Request): Promise<Response> => {
    const endpoint = await this.#endpointFor(request.peer)
    return endpoint.network(request)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const opening = await Promise.allSettled(this.#byFamily.values())
    for (const outcome of opening) if (outcome.status === 'fulfilled') await outcome.value.close()
  }

  /** One for each family: what a name stands for may change. */
  #endpointFor({ address }: Peer): Promise<UdpEndpoint> {
    if (this.#isClosed) return Promise.reject(closedError())
    const family = isIP(address)
    const known = this.#byFamily.get(family)
    if (known !== undefined) return known
    const opening = this.#open(family === 6 ? 'udp6' : 'udp4')
    this.#byFamily.set(family, opening)
    opening.catch(() => this.#byFamily.delete(family))
    return opening
  }

  async #open(type: 'udp4' | 'udp6'): Promise<UdpEndpoint> {
    const { transmission } = this.#options
    const endpoint = await openUdpEndpoint({ type, ...(transmission && { transmission }) })
    endpoint.onError(this.#report)
    return endpoint
  }
}
