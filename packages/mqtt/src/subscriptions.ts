// SPDX-License-Identifier: Apache-2.0
/**
 * Which handlers want which topics. Several may want the same one.
 *
 * @module
 */

import type { IPublishPacket } from 'mqtt'
import type { MessageHandler } from '@waxwing/core'
import { filterMatcher, unshared } from '@waxwing/transport-kit'
import { identifiersOf } from './packets.js'
import { subscriptionIdentifier } from './subscription-identifier.js'

/** One call of `subscribe`. */
export interface Registration {
  readonly filter: string
  readonly handler: MessageHandler
  readonly identifier: number
  /**
   * Resolved when the first message for it came, for which the broker has the subscription; or when the
   * broker's answer will not be read before messages are acknowledged.
   */
  readonly met: PromiseWithResolvers<void>
}

/** All registrations of one filter. */
interface Taking {
  readonly matches: (topic: string) => boolean
  readonly registrations: Set<Registration>
}

export class Subscriptions {
  readonly #byFilter = new Map<string, Taking>()

  /** The filters that somebody wants. */
  get filters(): readonly string[] {
    return [...this.#byFilter.keys()]
  }

  has(filter: string): boolean {
    return this.#byFilter.has(filter)
  }

  add(filter: string, handler: MessageHandler): Registration {
    const identifier = subscriptionIdentifier(filter)
    const registration = { filter, handler, identifier, met: Promise.withResolvers<void>() }
    const others = this.#byFilter.get(filter)
    if (others !== undefined) others.registrations.add(registration)
    else {
      const matches = filterMatcher(unshared(filter))
      this.#byFilter.set(filter, { matches, registrations: new Set([registration]) })
    }
    return registration
  }

  /** @returns Whether nobody wants the filter any more. */
  remove(registration: Registration): boolean {
    const others = this.#byFilter.get(registration.filter)?.registrations
    if (others === undefined || !others.delete(registration) || others.size > 0) return false
    this.#byFilter.delete(registration.filter)
    return true
  }

  /** Has nobody wait for answers any more: nothing is read until messages are acknowledged. */
  meetAll(): void {
    for (const { registrations } of this.#byFilter.values()) {
      for (const { met } of registrations) met.resolve()
    }
  }

  clear(): void {
    this.#byFilter.clear()
  }

  /**
   * Who gets a message. Where the broker names the subscriptions that it sends a message for, they
   * alone do; so overlapping filters get it once, although the broker sends it once for each.
   */
  takersOf(packet: IPublishPacket): readonly Registration[] {
    const identifiers = identifiersOf(packet)
    const takers: Registration[] = []
    for (const { matches, registrations } of this.#byFilter.values()) {
      if (!matches(packet.topic)) continue
      for (const registration of registrations) {
        if (identifiers?.includes(registration.identifier) ?? true) takers.push(registration)
      }
    }
    return takers
  }
}
