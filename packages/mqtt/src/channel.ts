// SPDX-License-Identifier: Apache-2.0
/**
 * One connection with its subscriptions and with the messages that come over it. A transport has
 * one for data, opened by the first subscription to data, and one for everything else.
 *
 * @module
 */

import type { IClientOptions, IConnackPacket } from 'mqtt'
import { WaxwingError, type MessageHandler, type Subscription } from '@waxwing/core'
import { Connection } from './connection.js'
import { FilterRequests } from './filter-requests.js'
import { Inbound } from './inbound.js'
import type { ResolvedOptions } from './options.js'
import { Subscriptions, type Registration } from './subscriptions.js'

/** What a channel tells the transport. */
export interface ChannelEvents {
  connecting(options: IClientOptions): void
  connected(server: IConnackPacket): void
  disconnected(): void
  denied(error: WaxwingError): void
  refused(error: WaxwingError): void
  stuck(): void
  report(error: unknown): void
}

export class Channel {
  readonly connection: Connection
  readonly #subscriptions = new Subscriptions()
  readonly #requests: FilterRequests
  readonly #inbound: Inbound
  readonly #report: (error: unknown) => void

  constructor(options: ResolvedOptions, role: 'data' | 'control', events: ChannelEvents) {
    this.#report = (error) => events.report(error)
    this.connection = new Connection(options, role, {
      connecting: (next) => events.connecting(next),
      connected: (server) => {
        this.#requests.connected(server, this.#subscriptions.filters)
        events.connected(server)
      },
      disconnected: (wasReady) => {
        this.#inbound.disconnected()
        if (wasReady) events.disconnected()
      },
      denied: (error) => events.denied(error),
      refused: (error) => events.refused(error),
      stuck: () => events.stuck(),
      report: (error) => events.report(error),
      published: (packet, next) => this.#inbound.arrived(packet, next),
      released: (messageId) => this.#inbound.released(messageId),
      answered: (sessionPresent) => this.#inbound.answered(sessionPresent),
    })
    this.#requests = new FilterRequests(this.connection, options, (error) => events.report(error))
    this.#inbound = new Inbound({
      connection: this.connection,
      subscriptions: this.#subscriptions,
      options,
      mayStall: role === 'data',
      report: (error) => events.report(error),
    })
  }

  /**
   * Resolves when the broker has granted the filter, or had granted it in the session, or when its answer
   * stands behind messages that nobody takes: brokers send all that a session has before they
   * answer, and whoever waits with taking it would never hear the answer. A refusal that comes after
   * that is reported. The handler may be called before.
   */
  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    const registration = this.#subscriptions.add(filter, handler)
    this.#inbound.claim(registration)
    if (this.#inbound.isStalled) registration.met.resolve()
    try {
      const granted = this.#requests.subscribe(filter)
      await Promise.race([granted, registration.met.promise])
      granted.catch((error: unknown) => this.#refusedLater(error))
    } catch (error) {
      this.#remove(registration)
      throw error
    }
    return {
      close: async () => {
        if (this.#remove(registration)) this.#requests.unsubscribe(filter)
      },
    }
  }

  /** Calls no handler any more, and grants no filter. */
  stop(error: WaxwingError): void {
    this.#subscriptions.clear()
    this.#inbound.close()
    this.#requests.ended(error)
  }

  /** Nobody waits any more who could be told. */
  #refusedLater(error: unknown): void {
    const isClosed = error instanceof WaxwingError && error.code === 'ERR_CLOSED'
    if (!isClosed) this.#report(error)
  }

  /** @returns Whether nobody wants the filter any more. */
  #remove(registration: Registration): boolean {
    const isLast = this.#subscriptions.remove(registration)
    this.#inbound.release(registration)
    return isLast
  }
}
