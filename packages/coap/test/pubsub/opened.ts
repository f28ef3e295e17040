// SPDX-License-Identifier: Apache-2.0
/** The transports that a fixture opened, and whether they believe that the broker is there. */

import { coapTransport, type CoapTransport, type CoapTransportOptions } from '@waxwing/coap'

/**
 * Finds out soon that the broker is away, and that it is back; but on a busy machine a server has to wait
 * for its turn.
 */
export const IMPATIENT: Partial<CoapTransportOptions> = {
  renewMs: 200,
  retryMinMs: 20,
  retryMaxMs: 100,
  transmission: { ackTimeoutMs: 100, maxRetransmit: 3 },
}

export class Opened {
  readonly #connected = new Set<CoapTransport>()
  readonly #waiting = new Set<() => void>()

  open(options: CoapTransportOptions): CoapTransport {
    const transport = coapTransport(options)
    transport.onStatus(({ state }) => {
      if (state === 'connected') this.#connected.add(transport)
      if (state === 'disconnected') this.#connected.delete(transport)
      for (const look of this.#waiting) look()
    })
    const close = transport.close.bind(transport)
    transport.close = () => {
      this.#connected.delete(transport)
      return close()
    }
    return transport
  }

  /** Resolves when each has noticed that the broker is away. */
  async noticed(): Promise<void> {
    if (this.#connected.size === 0) return
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#connected.size > 0) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
    })
  }
}
