// SPDX-License-Identifier: Apache-2.0
/**
 * The sockets of a client: one for IPv4 and one for IPv6, each opened when it is first needed.
 *
 * @module
 */

import { isIPv6 } from 'node:net'
import { WaxwingError } from '@waxwing/core'
import type { Request, Response } from '../handler.js'
import { openUdpEndpoint, type UdpEndpoint, type UdpEndpointOptions } from '../messaging/index.js'
import { resolveLimits, resolveTransmission } from '../messaging/parameters.js'

type Family = NonNullable<UdpEndpointOptions['type']>

/** The network behind a client. */
export class ClientNetwork {
  readonly #options: UdpEndpointOptions
  readonly #endpoints = new Map<Family, Promise<UdpEndpoint>>()
  #isClosed = false

  /** @throws {RangeError} Naming the parameter or limit that is wrong. */
  constructor(options: UdpEndpointOptions) {
    resolveTransmission(options.transmission) // said before the first request
    resolveLimits(options.limits)
    this.#options = options
  }

  async ask(request: Request): Promise<Response> {
    const endpoint = await this.#endpoint(isIPv6(request.peer.address) ? 'udp6' : 'udp4')
    return endpoint.network(request)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const opened = await Promise.allSettled(this.#endpoints.values())
    this.#endpoints.clear()
    for (const result of opened) if (result.status === 'fulfilled') await result.value.close()
  }

  #endpoint(type: Family): Promise<UdpEndpoint> {
    if (this.#isClosed) {
      return Promise.reject(new WaxwingError('ERR_CLOSED', 'the client was closed'))
    }
    const known = this.#endpoints.get(type)
    if (known !== undefined) return known
    const opening = openUdpEndpoint({ ...this.#options, type })
    this.#endpoints.set(type, opening)
    opening.catch(() => this.#endpoints.delete(type)) // the next request tries again
    return opening
  }
}
