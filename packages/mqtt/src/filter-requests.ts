// SPDX-License-Identifier: Apache-2.0
/**
 * SUBSCRIBE and UNSUBSCRIBE (MQTT 5.0 Sections 3.8 to 3.11): asked when there is a connection,
 * asked again when it broke before the answer, and repeated when the broker lost the session.
 *
 * @module
 */

import type { IConnackPacket, ISubscriptionGrant } from 'mqtt'
import type { WaxwingError } from '@waxwing/core'
import { transportError } from '@waxwing/transport-kit'
import type { Connection } from './connection.js'
import type { ResolvedOptions } from './options.js'
import { subscribeFailed } from './refusals.js'
import { qualityFor } from './send-options.js'
import { subscriptionIdentifier } from './subscription-identifier.js'

interface Request {
  readonly filter: string
  readonly resolve: () => void
  readonly reject: (error: WaxwingError) => void
}

export class FilterRequests {
  readonly #connection: Connection
  readonly #options: ResolvedOptions
  readonly #report: (error: unknown) => void
  /** Not yet answered. */
  readonly #requests = new Set<Request>()
  /** To be taken from the session as soon as there is a connection. */
  readonly #leaving = new Set<string>()
  /** Unsubscribed and not yet answered: brokers may overtake one packet by the next. */
  readonly #parting = new Set<string>()
  #hasIdentifiers = false

  constructor(connection: Connection, options: ResolvedOptions, report: (error: unknown) => void) {
    this.#connection = connection
    this.#options = options
    this.#report = report
  }

  /** Resolves when the broker has granted the filter. @throws {WaxwingError} If it refused. */
  async subscribe(filter: string): Promise<void> {
    this.#leaving.delete(filter)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const request = { filter, resolve, reject }
    this.#requests.add(request)
    if (this.#connection.isReady) this.#ask(request)
    await promise
  }

  /** Asks the broker to stop, now or when it is there again. */
  unsubscribe(filter: string): void {
    if (!this.#connection.isReady) {
      this.#leaving.add(filter)
      return
    }
    this.#parting.add(filter)
    this.#connection.client.unsubscribe(filter, (error) => {
      this.#parting.delete(filter)
      const wanted = [...this.#requests].filter((request) => request.filter === filter)
      if (!error) for (const request of wanted) this.#ask(request)
      else if (wanted.length === 0) this.#leaving.add(filter)
    })
  }

  /** @param filters What somebody wants. */
  connected(server: IConnackPacket, filters: readonly string[]): void {
    this.#hasIdentifiers =
      this.#options.protocolVersion === 5 &&
      server.properties?.subscriptionIdentifiersAvailable !== false
    const leaving = [...this.#leaving]
    this.#leaving.clear()
    for (const filter of leaving) this.unsubscribe(filter)
    const waiting = new Set([...this.#requests].map(({ filter }) => filter))
    for (const request of this.#requests) this.#ask(request)
    if (server.sessionPresent) return
    for (const filter of filters) if (!waiting.has(filter)) this.#askAgain(filter)
  }

  /** No answer will come. */
  ended(error: WaxwingError): void {
    for (const { reject } of this.#requests) reject(error)
    this.#requests.clear()
  }

  #askAgain(filter: string): void {
    const request = { filter, resolve: () => undefined, reject: this.#report }
    this.#requests.add(request)
    this.#ask(request)
  }

  #ask(request: Request): void {
    const { filter } = request
    if (this.#parting.has(filter)) return // asked when that is answered
    const qos = qualityFor(filter, this.#options.qos)
    const properties = { subscriptionIdentifier: subscriptionIdentifier(filter) }
    const options = { qos, ...(this.#hasIdentifiers ? { properties } : {}) }
    this.#connection.client.subscribe(filter, options, (error, grants, answer) => {
      const isBroken = error !== null && answer === undefined // no SUBACK: asked again
      if (isBroken || !this.#requests.delete(request)) return
      if (error !== null) {
        request.reject(subscribeFailed(filter, error))
        return
      }
      this.#checkGrants(grants ?? [])
      request.resolve()
    })
  }

  #checkGrants(grants: readonly ISubscriptionGrant[]): void {
    for (const { topic, qos } of grants) {
      const wanted = qualityFor(topic, this.#options.qos)
      if (qos >= wanted) continue
      this.#report(transportError(`the broker grants QoS ${qos} to ${topic}, asked for ${wanted}`))
    }
  }
}
