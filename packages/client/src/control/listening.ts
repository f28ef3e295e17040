// SPDX-License-Identifier: Apache-2.0
/**
 * Where an endpoint listens, and what it says of itself (`docs/spec/09-bindings.md` Section 9.2): its
 * inbox, its domain's trust, the requests for what it may grant.
 *
 * @module
 */

import {
  requestAddress,
  trustAddress,
  type Received,
  type Subscription,
  type Transport,
} from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { TrustBook } from '../identity/trust-book.js'
import type { Runtime } from '../runtime.js'
import { cardAddress, credentialAddress, inboxFilter, trustFilter } from './addresses.js'
import type { Intake } from './intake.js'
import type { Outbox } from './outbox.js'
import type { Packing } from './packing.js'

const REFETCH_MS = 60_000

export interface ListeningInputs {
  readonly runtime: Runtime
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
  readonly intake: Intake
  readonly outbox: Outbox
  readonly packing: Packing
  readonly transport: Transport | undefined
  /** Leave answering to another process: subscribe to nothing. */
  readonly passive: boolean
  /** Publish the own credential and key card. */
  readonly announce: boolean
}

export class Listening {
  readonly #inputs: ListeningInputs
  readonly #subscriptions = new Map<string, Promise<Subscription>>()
  #fetchedAt = -Infinity
  #cancelFetch: (() => void) | undefined

  constructor(inputs: ListeningInputs) {
    this.#inputs = inputs
  }

  /** Listens wherever an endpoint with these generations has to, and then shows itself. */
  async start(generations: readonly Generation[]): Promise<void> {
    await this.#subscribe(inboxFilter(this.#inputs.identity.id))
    await this.toDomain()
    await Promise.all(generations.map((generation) => this.forGeneration(generation)))
    await this.announceSelf()
  }

  /** Listens to the trust of the own domain, once there is one, and to its partners' bundles. */
  async toDomain(): Promise<void> {
    const { identity, trustBook } = this.#inputs
    if (identity.domainId === null) return
    const partners = trustBook.trust.bundle?.partners ?? []
    const filters = partners.map(({ domainId }) => trustAddress(domainId))
    for (const filter of [trustFilter(identity.domainId), ...filters]) {
      await this.#subscribe(filter)
    }
  }

  /** Whoever may grant a generation hears who asks for it. */
  async forGeneration({ own, grants, manifest }: Generation): Promise<void> {
    const hasSay = own || [...grants.values()].some(({ rights }) => rights === 'share')
    if (!hasSay) return
    const kid = manifest.generationId.subarray(0, manifest.kidBytes)
    await this.#subscribe(requestAddress(kid))
  }

  /**
   * Publishes credential and card, so that others can grant unasked and seal what they ask. Without a
   * transport they wait in the outbox.
   */
  async announceSelf(): Promise<void> {
    const { identity, transport, announce, outbox, packing } = this.#inputs
    const { domainId, credential, card, id } = identity
    if (!announce || domainId === null || credential === null) return
    const retained = true
    const announced = [
      { address: credentialAddress(domainId, id), payload: packing.packed(credential), retained },
      { address: cardAddress(domainId, id), payload: packing.packed(card.bytes), retained },
    ]
    if (transport === undefined) return outbox.post(announced)
    for (const { address, payload } of announced)
      await transport.send(address, payload, { retained })
  }

  /** Asks the intermediary for its newest trust bundle again; at most once a minute. */
  async refetchTrust(): Promise<void> {
    const { runtime, identity, transport } = this.#inputs
    const nowMs = runtime.time.monotonic()
    if (transport === undefined || identity.domainId === null) return
    if (nowMs - this.#fetchedAt < REFETCH_MS) return
    this.#fetchedAt = nowMs
    const address = trustAddress(identity.domainId)
    const once = await transport.subscribe(address, (received) => this.#take(received))
    this.#cancelFetch?.()
    this.#cancelFetch = runtime.timers.after(REFETCH_MS / 2, () => {
      once.close().catch((error: unknown) => runtime.report(error))
    })
  }

  /** The transport closes the subscriptions. */
  close(): void {
    this.#cancelFetch?.()
  }

  async #subscribe(filter: string): Promise<void> {
    const { transport, passive } = this.#inputs
    if (transport === undefined || passive) return
    const known = this.#subscriptions.get(filter)
    if (known !== undefined) {
      await known
      return
    }
    const subscription = transport.subscribe(filter, (received) => this.#take(received))
    this.#subscriptions.set(filter, subscription)
    subscription.catch(() => this.#subscriptions.delete(filter))
    await subscription
  }

  /**
   * What could not be dealt with before closing is not acknowledged: it comes again. What is refused for
   * good is set aside, where the transport has a place for that.
   */
  async #take(received: Received): Promise<void> {
    const outcome = await this.#inputs.intake.take(received.address, received.payload)
    if (outcome === 'later') return
    if (outcome === 'handled' || received.reject === undefined) await received.acknowledge()
    else await received.reject(outcome)
  }
}
