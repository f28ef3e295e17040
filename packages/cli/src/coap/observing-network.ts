// SPDX-License-Identifier: Apache-2.0
/**
 * The network behind a proxy, with a port of its own for each observation: several clients may observe one
 * resource, and there are servers (libcoap 4.3 is one) that keep but one observation of a resource for each
 * port that asks.
 *
 * @module
 */

import {
  type Handler,
  type NotificationListener,
  openUdpEndpoint,
  OPTION,
  readUint,
  type Request,
  type Response,
  type UdpEndpoint,
} from '@waxwing/coap'
import { type CoapMessage, optionValue } from '@waxwing/oscore'

/** Beyond these, observations share the port of all other requests. */
const MAX_PORTS = 256

/** A network that is open. */
export interface ObservingNetwork {
  readonly network: Handler
  close(): Promise<void>
}

export async function openObservingNetwork(): Promise<ObservingNetwork> {
  const shared = await openUdpEndpoint()
  const ports = new Ports()
  return {
    network: (request) => {
      if (!isRegistration(request) || ports.isFull) return shared.network(request)
      return ports.observe(request)
    },
    close: async () => {
      await ports.close()
      await shared.close()
    },
  }
}

class Ports {
  readonly #open = new Set<UdpEndpoint>()

  get isFull(): boolean {
    return this.#open.size >= MAX_PORTS
  }

  async observe(request: Request): Promise<Response> {
    const endpoint = await openUdpEndpoint()
    this.#open.add(endpoint)
    const done = (): void => {
      if (this.#open.delete(endpoint)) endpoint.close().catch(() => undefined)
    }
    try {
      const response = await endpoint.network(request)
      return watched(response, request.signal, done)
    } catch (error) {
      done()
      throw error
    }
  }

  async close(): Promise<void> {
    const open = [...this.#open]
    this.#open.clear()
    await Promise.all(open.map((endpoint) => endpoint.close()))
  }
}

/** Calls `done` once nothing more can come. */
function watched(response: Response, signal: AbortSignal, done: () => void): Response {
  const { notifications } = response
  if (notifications === undefined || signal.aborted) {
    done()
    return response
  }
  // Behind what ends the observation itself, which still has something to say to the server.
  const aborted = (): void => void setImmediate(done)
  signal.addEventListener('abort', aborted, { once: true })
  const ending = (listener: NotificationListener): NotificationListener => ({
    next: (notification: CoapMessage) => listener.next(notification),
    end: (error) => {
      signal.removeEventListener('abort', aborted)
      setImmediate(done)
      listener.end(error)
    },
  })
  return { ...response, notifications: (listener) => notifications(ending(listener)) }
}

function isRegistration(request: Request): boolean {
  const value = optionValue(request, OPTION.observe)
  return value !== undefined && readUint(value) === 0
}
