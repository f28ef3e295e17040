// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoints that each reach a server through a proxy of its own: what interrupts them all, and what
 * makes one vanish, for the fixtures of the transport suite over TCP.
 *
 * @module
 */

import type { Transport } from '@waxwing/core'
import { startProxy, type CuttingProxy } from './proxy.js'

export class ProxiedEndpoints {
  readonly #targetPort: number
  readonly #connect: (port: number, session: string | undefined) => Transport
  readonly #proxies = new Map<Transport, CuttingProxy>()

  /** @param connect - Makes a transport that finds the server at a port of 127.0.0.1. */
  constructor(
    targetPort: number,
    connect: (port: number, session: string | undefined) => Transport,
  ) {
    this.#targetPort = targetPort
    this.#connect = connect
  }

  readonly open = async (session?: string): Promise<Transport> => {
    const proxy = await startProxy(this.#targetPort)
    const transport = this.#connect(proxy.port, session)
    this.#proxies.set(transport, proxy)
    return transport
  }

  /** Cuts every connection; the transports may make new ones. */
  readonly interrupt = (): void => {
    for (const proxy of this.#proxies.values()) proxy.cut()
  }

  /** Cuts the connections of one, which makes no more. */
  readonly vanish = (transport: Transport): void => {
    this.#proxies.get(transport)?.sever()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()))
    this.#proxies.clear()
  }
}
