// SPDX-License-Identifier: Apache-2.0
/**
 * A {@link Transport} over a {@link MemoryBroker}, whose connection a test cuts and restores.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import type {
  MessageHandler,
  Received,
  SendOptions,
  Subscription,
  Transport,
  TransportStatus,
} from '@waxwing/core'
import { BrokerCore } from './memory-broker.js'
import type { Carried } from './faults.js'
import type { MemoryBroker, Publication } from './memory-broker.js'
import type { Connection, MemorySession, MemorySubscription } from './memory-session.js'
import { assertAddress, assertFilter, matchesFilter } from './topic-filter.js'

export interface MemoryTransportOptions {
  /**
   * Names the session, so that the broker keeps it, with all that is queued, over disconnections
   * and for the next transport of that name. Left out: what is not delivered when the connection
   * breaks is lost.
   */
  readonly clientId?: string
  /** Data messages that a subscription has unacknowledged at a time. Default 64. */
  readonly receiveMaximum?: number
  /** Default: the broker's. */
  readonly maxPayloadBytes?: number
  /** How soon an answer may come, as it says of itself. Default: it does not. */
  readonly answerSeconds?: number
  /** It says that each byte costs. Default: it does not. */
  readonly costly?: true
}

export interface MemoryTransport extends Transport {
  /** Breaks the connection. Unacknowledged messages come again; sends wait. */
  disconnect(): void
  /** Restores the connection. */
  reconnect(): void
}

/**
 * Connects to a broker made by `memoryBroker`.
 *
 * @throws {TypeError} If `broker` is none.
 */
export function memoryTransport(
  broker: MemoryBroker,
  options: MemoryTransportOptions = {},
): MemoryTransport {
  if (!(broker instanceof BrokerCore)) throw new TypeError('broker must come from memoryBroker()')
  const transport = new BrokerConnection(broker, options)
  if (broker.history !== undefined) {
    transport.replay = (filter, span) => transport.replayed(filter, span)
  }
  return transport
}

interface LiveSubscription {
  readonly filter: string
  readonly handler: MessageHandler
  /** Its end at the broker; made anew with each connection. */
  remote: MemorySubscription
}

class BrokerConnection implements MemoryTransport {
  readonly limits: Transport['limits']
  replay?: NonNullable<Transport['replay']>
  readonly #broker: BrokerCore
  readonly #session: MemorySession
  readonly #receiveMaximum: number
  readonly #listeners: Set<(status: TransportStatus) => void> = new Set()
  readonly #live: Set<LiveSubscription> = new Set()
  readonly #sending: Set<Promise<void>> = new Set()
  #connection: Connection | undefined
  #waiting: (() => void)[] = []
  #closed = false

  constructor(broker: BrokerCore, options: MemoryTransportOptions) {
    this.#broker = broker
    this.#receiveMaximum = options.receiveMaximum ?? 64
    const maxPayloadBytes = Math.min(options.maxPayloadBytes ?? Infinity, broker.maxPayloadBytes)
    this.limits = {
      maxPayloadBytes,
      binary: true,
      retained: broker.keepsRetained,
      ...(broker.history !== undefined && { history: broker.history }),
      ...(options.answerSeconds !== undefined && { answerSeconds: options.answerSeconds }),
      ...(options.costly === true && { costly: true }),
    }
    this.#session = broker.session(options.clientId)
    this.reconnect()
  }

  async send(address: string, payload: Uint8Array, options: SendOptions = {}): Promise<void> {
    assertAddress(address)
    const { maxPayloadBytes } = this.limits
    if (payload.length > maxPayloadBytes) {
      throw new RangeError(`payload has ${payload.length} bytes, the limit is ${maxPayloadBytes}`)
    }
    const sent = this.#publish({ address, payload: payload.slice(), ...options })
    this.#sending.add(sent)
    try {
      await sent
    } finally {
      this.#sending.delete(sent)
    }
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    assertFilter(filter)
    const connection = await this.#connected()
    const remote = this.#session.subscribe(filter, handler, connection)
    this.#session.sendRetained(remote)
    const live = { filter, handler, remote }
    this.#live.add(live)
    return {
      close: async () => {
        if (this.#live.delete(live)) this.#session.unsubscribe(live.remote)
      },
    }
  }

  /** What `replay` is where the broker has a history. */
  async *replayed(
    filter: string,
    { from, until }: { from?: Date; until?: Date },
  ): AsyncGenerator<Received, void> {
    assertFilter(filter)
    await this.#connected()
    const fromMs = from?.getTime() ?? -Infinity
    const untilMs = until?.getTime() ?? Infinity
    for (const message of this.#broker.stored()) {
      const { receivedMs = 0 } = message
      if (!matchesFilter(filter, message.address)) continue
      if (receivedMs < fromMs || receivedMs > untilMs) continue
      await this.#connected()
      yield fromMemory(message, this.#broker.history === 'newest')
    }
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    const own = (status: TransportStatus): void => listener(status)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  disconnect(): void {
    if (this.#connection === undefined) return
    this.#connection = undefined
    this.#session.owner = undefined
    this.#session.suspend()
    this.#report({ state: 'disconnected' })
  }

  reconnect(): void {
    if (this.#closed) throw new WaxwingError('ERR_CLOSED', 'the transport was closed')
    if (this.#connection !== undefined) return
    this.#session.owner?.disconnect()
    this.#session.owner = this
    this.#connection = {
      receiveMaximum: this.#receiveMaximum,
      onError: (error) => this.#report({ state: 'error', error }),
    }
    for (const live of this.#live) this.#resubscribe(live, this.#connection)
    this.#report({ state: 'connected' })
    this.#wake()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#wake()
    await Promise.allSettled(this.#sending)
    this.#live.clear()
    this.disconnect()
    this.#broker.endSession(this.#session)
    this.#listeners.clear()
  }

  async #publish(publication: Publication): Promise<void> {
    await this.#connected()
    if (this.#broker.publish(publication)) return
    const { address } = publication
    throw new WaxwingError('ERR_TRANSPORT', `the broker refused a message to '${address}'`)
  }

  /** Waits for a connection, and for one turn of the microtask queue in any case. */
  async #connected(): Promise<Connection> {
    while (this.#connection === undefined && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
    if (this.#connection === undefined || this.#closed) {
      throw new WaxwingError('ERR_CLOSED', 'the transport was closed')
    }
    return this.#connection
  }

  #resubscribe(live: LiveSubscription, connection: Connection): void {
    live.remote = this.#session.subscribe(live.filter, live.handler, connection)
    if (!this.#session.isPersistent) this.#session.sendRetained(live.remote)
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }

  #report(status: TransportStatus): void {
    for (const listener of this.#listeners) listener(status)
  }
}

function fromMemory(message: Carried, retained: boolean): Received {
  const { address, payload, properties, receivedMs = 0 } = message
  return {
    address,
    payload: payload.slice(),
    properties: { ...properties },
    retained,
    redelivered: false,
    storedAt: new Date(receivedMs),
    acknowledge: keep,
  }
}

/** History is not a queue: to acknowledge changes nothing. */
async function keep(): Promise<void> {}
