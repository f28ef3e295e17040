// SPDX-License-Identifier: Apache-2.0
/**
 * A broker in memory that behaves as MQTT brokers do: wildcard filters, retained messages, shared
 * subscriptions, sessions that outlive a connection, delivery at least once
 * (MQTT 5.0 Sections 3.3, 4.1, 4.7, 4.8).
 *
 * Deliveries run as microtasks, in order, without timers: with the same seed and the same calls,
 * a test sees the same thing each time. It keeps every message it ever carried.
 *
 * @module
 */

import { systemClock } from '@waxwing/core'
import type { Clock } from '@waxwing/core'
import { FaultInjector } from './faults.js'
import type { Carried, Faults } from './faults.js'
import { MemorySession } from './memory-session.js'
import type { Delivery, MemorySubscription, SessionHost } from './memory-session.js'
import { assertAddress, matchesFilter } from './topic-filter.js'

export interface MemoryBrokerOptions {
  /** Seed of all that is drawn at random. Default 1. */
  readonly seed?: number
  /** Default 262,144. */
  readonly maxPayloadBytes?: number
  /** `false`: the broker keeps no last message of an address. Default `true`. */
  readonly retained?: boolean
  /** Transports offer `replay`: over all that was carried, or what is retained. Default: they do not. */
  readonly history?: 'all' | 'newest'
  /** `true`: messages can be rejected, and {@link MemoryBroker.rejected} has them. Default `false`. */
  readonly deadLetters?: boolean
  /** For expiry and `replay`. Default: the platform's clock. */
  readonly clock?: Clock
}

export interface InjectOptions {
  readonly retained?: boolean
  readonly properties?: Readonly<Record<string, string>>
}

/** What a client hands over. */
export interface Publication extends InjectOptions {
  readonly address: string
  readonly payload: Uint8Array
  readonly expiresAfterSeconds?: number
}

/** A message that a reader rejected. */
export interface Rejected {
  readonly message: Carried
  readonly reason: string
}

export interface MemoryBroker {
  /** Everything that clients sent or tests injected, in order, as it came in. */
  readonly carried: readonly Carried[]
  /** What readers rejected, in that order; empty without `deadLetters`. */
  readonly rejected: readonly Rejected[]
  /** What happens to messages between their senders and their readers. */
  readonly faults: Faults
  /** The retained message of an address, if there is one. */
  retained(address: string): Carried | undefined
  /** Delivers a message that nobody sent. No fault applies to it. */
  inject(address: string, payload: Uint8Array, options?: InjectOptions): void
  /**
   * Resolves when nothing can happen any more of itself: no send in flight, nothing deliverable
   * queued, no handler running. What is held by a fault, waits for an acknowledgement or for a
   * disconnected client does not count.
   */
  idle(): Promise<void>
}

/** The broker as its transports see it. */
export class BrokerCore implements MemoryBroker, SessionHost {
  readonly carried: Carried[] = []
  readonly rejected: Rejected[] = []
  readonly faults: FaultInjector
  readonly maxPayloadBytes: number
  readonly keepsRetained: boolean
  readonly history: 'all' | 'newest' | undefined
  readonly deadLetters: boolean
  readonly clock: Clock
  readonly #sessions: Map<string, MemorySession> = new Map()
  readonly #retained: Map<string, Carried> = new Map()
  readonly #turns: Map<string, number> = new Map()
  #idleListeners: (() => void)[] = []
  #activeCount = 0
  #anonymousCount = 0

  constructor(options: MemoryBrokerOptions) {
    this.maxPayloadBytes = options.maxPayloadBytes ?? 262_144
    this.keepsRetained = options.retained ?? true
    this.history = options.history
    this.deadLetters = options.deadLetters ?? false
    this.clock = options.clock ?? systemClock
    this.faults = new FaultInjector(options.seed ?? 1, this.carried, (one) => this.#route(one))
  }

  retained(address: string): Carried | undefined {
    const message = this.#retained.get(address)
    return message && !this.isExpired(message) ? message : undefined
  }

  inject(address: string, payload: Uint8Array, options: InjectOptions = {}): void {
    assertAddress(address)
    const message = this.#record({ address, payload, ...options })
    this.#route(message)
  }

  /** Takes a client's message: `false` if it is refused. */
  publish(publication: Publication): boolean {
    return this.faults.pass(this.#record(publication))
  }

  /** Finds or makes the session of a client. Without an id nobody can come back to it. */
  session(clientId: string | undefined): MemorySession {
    const id = clientId ?? `\0${++this.#anonymousCount}`
    const session = this.#sessions.get(id) ?? new MemorySession(this, clientId !== undefined)
    this.#sessions.set(id, session)
    return session
  }

  /** Forgets a session that nobody can come back to. */
  endSession(session: MemorySession): void {
    for (const [id, one] of this.#sessions) {
      if (one === session && !session.isPersistent) this.#sessions.delete(id)
    }
  }

  /** The retained messages that a new subscription gets. */
  *retainedFor(filter: string): Iterable<Carried> {
    for (const message of this.#retained.values()) {
      if (matchesFilter(filter, message.address) && !this.isExpired(message)) yield message
    }
  }

  /** What `replay` can yield now. */
  stored(): readonly Carried[] {
    const all = this.history === 'all' ? this.carried : [...this.#retained.values()]
    return all.filter((message) => !this.isExpired(message))
  }

  setAside(message: Carried, reason: string): void {
    this.rejected.push({ message, reason })
  }

  /** Gives what a member of a group leaves behind for good to another one (MQTT 5.0 Section 4.8.2). */
  passOn(group: string, left: readonly Delivery[]): void {
    const members = [...this.#sessions.values()].flatMap((session) => [...session.inGroup(group)])
    if (members.length === 0) return
    for (const delivery of left) this.#nextOf(group, members).take(delivery)
  }

  isExpired(message: Carried): boolean {
    return this.clock.monotonic() >= message.expiresMs
  }

  /** Marks the begin of something that {@link idle} waits for. */
  begin(): void {
    this.#activeCount++
  }

  end(): void {
    if (--this.#activeCount > 0) return
    const listeners = this.#idleListeners
    this.#idleListeners = []
    for (const listener of listeners) listener()
  }

  async idle(): Promise<void> {
    for (let quietTurns = 0; quietTurns < 2; quietTurns++) {
      while (this.#activeCount > 0) {
        quietTurns = 0
        await new Promise<void>((resolve) => {
          this.#idleListeners.push(resolve)
        })
      }
      await macrotask() // what a handler left running may still send something
    }
    if (this.#activeCount > 0) await this.idle()
  }

  #record({ address, payload, retained, properties, expiresAfterSeconds }: Publication): Carried {
    const message: Carried = {
      address,
      payload: payload.slice(),
      retained: retained ?? false,
      properties: { ...properties },
      receivedMs: this.clock.now(),
      expiresMs: this.clock.monotonic() + (expiresAfterSeconds ?? Infinity) * 1000,
    }
    this.carried.push(message)
    return message
  }

  #route(message: Carried): void {
    if (message.retained && this.keepsRetained) this.#retain(message)
    const groups = new Map<string, MemorySubscription[]>()
    for (const session of this.#sessions.values()) {
      for (const subscription of session.matching(message.address)) {
        const { group } = subscription
        if (group === undefined) subscription.enqueue(message, false)
        else groups.set(group, [...(groups.get(group) ?? []), subscription])
      }
    }
    for (const [group, members] of groups) this.#nextOf(group, members).enqueue(message, false)
  }

  /** An empty payload removes what was retained (MQTT 5.0 Section 3.3.1.3). */
  #retain(message: Carried): void {
    this.#retained.delete(message.address)
    if (message.payload.length > 0) this.#retained.set(message.address, message)
  }

  /** Takes turns among the members that are there, or else among all (Section 4.8.2). */
  #nextOf(group: string, members: readonly MemorySubscription[]): MemorySubscription {
    const present = members.filter((member) => member.isAttached)
    const candidates = present.length > 0 ? present : members
    const turn = this.#turns.get(group) ?? 0
    this.#turns.set(group, turn + 1)
    return candidates[turn % candidates.length]!
  }
}

/** Starts a broker in memory. Nothing needs to be stopped. */
export function memoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  return new BrokerCore(options)
}

/** Waits for one turn of the event loop, whatever a test did to the timers. */
async function macrotask(): Promise<void> {
  const { port1, port2 } = new MessageChannel()
  const { promise, resolve } = Promise.withResolvers<void>()
  port1.addEventListener('message', () => resolve(), { once: true })
  port1.start()
  port2.postMessage(undefined)
  await promise
  port1.close()
}
