// SPDX-License-Identifier: Apache-2.0
/**
 * Messages of one kind in one direction: from the handler's call to the acknowledgement.
 *
 * A message is acknowledged to its source when the target has taken it, and never sooner (what a source
 * has in its memory it keeps anyway). A crash in between brings it twice. What comes again while it is
 * still under way, over a new connection, joins itself, and is acknowledged with it. No handler returns
 * before: so a source that has a bound on what it hands over keeps to it here, and stops there.
 *
 * @module
 */

import type { Received, SendOptions, Transport } from '@waxwing/core'
import { Asides } from './asides.js'
import type { FlowCounters, Resort } from './events.js'
import { clearPropertiesOf, foreignness, type Kind } from './frame.js'
import type { Fate, KeptMessages } from './kept-messages.js'
import { Lane, type Cargo, type LanePort } from './lane.js'
import { isFinal } from './refusals.js'
import { digestOf, placeOf, type Passed, type Side } from './passed.js'

/** Which data are retained on the other side: none, those that came from a memory, or all. */
export type Retaining = 'none' | 'as-received' | 'all'

export interface FlowPort {
  readonly kind: Kind
  /** Where the messages come from. */
  readonly side: Side
  readonly target: Pick<Transport, 'send' | 'limits'>
  readonly passed: Passed
  /** Where messages go the other way too. */
  readonly kept: KeptMessages | undefined
  readonly window: number
  readonly windowBytes: number
  readonly retryMinMs: number
  readonly retryMaxMs: number
  /** Whether payloads of any form cross. */
  readonly any: boolean
  /** Whether a message is to be retained at its target, live or from a memory. */
  isRetained(address: string, isFromMemory: boolean): boolean
  /** Puts aside what cannot cross. Rejects if that failed: then it is tried again. */
  putAside(received: Received, error: unknown, isForeign: boolean): Promise<Resort>
  refused(received: Received, error: unknown, resort: Resort): void
  foreign(received: Received, error: unknown, resort: Resort): void
  retry(received: Received, error: unknown, afterMs: number): void
  failed(error: unknown): void
  /** A message came that belongs to what is held; there are so many bytes of that. */
  held(byteCount: number): void
}

/** One delivery of a message, with what ends its handler. */
interface Taker {
  readonly received: Received
  readonly done: () => void
}

interface Passenger extends Cargo {
  readonly received: Received
  readonly target: string
  readonly source: string
  readonly place: string
  readonly isRetained: boolean
  readonly properties: Readonly<Record<string, string>> | undefined
  readonly takers: Taker[]
}

interface Taken {
  readonly received: Received
  readonly target: string
  readonly digest: string
  /** The name of the payload at the target. */
  readonly place: string
}

export class Flow implements LanePort<Passenger> {
  readonly window: number
  readonly #port: FlowPort
  readonly #lanes = new Map<string, Lane<Passenger>>()
  /** Lanes that wait for room. */
  readonly #hungry = new Set<Lane<Passenger>>()
  readonly #pending = new Map<string, Passenger>()
  readonly #asides: Asides
  #held: Taken[] = []
  #heldBytes = 0
  #inFlight = 0
  #inFlightBytes = 0
  #isClosing = false
  #isStopped = false
  #whenIdle: (() => void) | undefined
  readonly #count = { messages: 0, bytes: 0, duplicates: 0, foreign: 0, refused: 0, retries: 0 }

  constructor(port: FlowPort) {
    this.#port = port
    this.window = port.window
    this.#asides = new Asides({
      pauseMs: (failureCount) => this.pauseMs(failureCount),
      failed: (error) => port.failed(error),
      done: () => this.#checkIdle(),
    })
  }

  get counters(): FlowCounters {
    const waiting = Math.max(0, this.#pending.size - this.#inFlight) + this.#held.length
    return { ...this.#count, inFlight: this.#inFlight, waiting }
  }

  /** Takes a message for an address on the other side. Resolves when nothing remains to be done with it. */
  async take(received: Received, target: string): Promise<void> {
    if (this.#isClosing) return
    const { kind, any, passed, side } = this.#port
    const why = any && kind === 'data' ? undefined : foreignness(kind, received.payload)
    if (why !== undefined) return this.#setAside(received, why, true)
    const digest = digestOf(received.payload)
    const source = placeOf(side, received.address, digest)
    if (this.#port.kept !== undefined) passed.taken(source)
    const place = placeOf(side === 'from' ? 'to' : 'from', target, digest)
    const message = { received, target, digest, place }
    const fate = this.#fateOf(message)
    if (fate === 'hold') return this.#hold(message)
    await this.#forward(message, fate)
  }

  /** Does what is done with messages that cannot cross. Resolves when that is done. */
  async turnAway(received: Received, error: unknown): Promise<void> {
    if (!this.#isClosing) await this.#setAside(received, error, false)
  }

  /** Sends what was held on its way. */
  settle(): void {
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    const { kept } = this.#port
    for (const message of held) {
      const fate = kept?.afterHold(this.#keyOf(message), message.digest) ?? 'pass'
      void this.#forward(message, fate)
    }
    this.#checkIdle()
  }

  /** Takes nothing more. Resolves when everything has arrived that was taken. */
  finish(): Promise<void> {
    this.#isClosing = true
    this.#asides.close()
    return new Promise((resolve) => {
      this.#whenIdle = resolve
      this.#checkIdle()
    })
  }

  /** Sends nothing more. What was not sent stays unacknowledged. */
  stop(): void {
    this.#isClosing = true
    this.#isStopped = true
    for (const lane of this.#lanes.values()) lane.stop()
    for (const { takers } of this.#pending.values()) for (const { done } of takers) done()
    this.#checkIdle()
  }

  admits(lane: Lane<Passenger>, byteCount: number): boolean {
    const isRoom = this.#inFlight === 0 || this.#inFlightBytes + byteCount <= this.#port.windowBytes
    if (!isRoom) this.#hungry.add(lane)
    return isRoom
  }

  send(passenger: Passenger): Promise<void> {
    const { target, payload, isRetained, properties } = passenger
    this.#inFlight++
    this.#inFlightBytes += payload.length
    const plain: SendOptions = isRetained ? { retained: true } : {}
    if (properties === undefined) return this.#port.target.send(target, payload, plain)
    return this.#sendWith(passenger, plain)
  }

  /** With properties, or without where the target does not take them: no message is lost over its copy. */
  async #sendWith(
    { target, payload, properties = {} }: Passenger,
    plain: SendOptions,
  ): Promise<void> {
    try {
      await this.#port.target.send(target, payload, { ...plain, properties })
    } catch (error) {
      if (!isFinal(error)) throw error
      await this.#port.target.send(target, payload, plain)
    }
  }

  sent(passenger: Passenger): void {
    const { place, source, payload, takers } = passenger
    const { passed, kept } = this.#port
    passed.sent(place)
    if (kept !== undefined) passed.sent(source)
    this.#forget(passenger)
    this.#count.messages++
    this.#count.bytes += payload.length
    for (const taker of takers) void this.#acknowledge(taker)
  }

  refused(passenger: Passenger, error: unknown): void {
    this.#forget(passenger)
    for (const { received, done } of passenger.takers) {
      void this.#setAside(received, error, false).finally(done)
    }
  }

  answered({ payload }: Passenger): void {
    this.#inFlight--
    this.#inFlightBytes -= payload.length
    const hungry = [...this.#hungry]
    this.#hungry.clear()
    for (const lane of hungry) lane.pump()
  }

  failed({ received }: Passenger, error: unknown, afterMs: number): void {
    this.#count.retries++
    this.#port.retry(received, error, afterMs)
  }

  /** Doubling, with jitter: many lanes must not try again at the same moment. */
  pauseMs(failureCount: number): number {
    const { retryMinMs, retryMaxMs } = this.#port
    const pause = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(failureCount, 30))
    return pause * (0.5 + Math.random() / 2)
  }

  emptied(lane: Lane<Passenger>): void {
    this.#lanes.delete(lane.address)
    this.#checkIdle()
  }

  closed(error: unknown): void {
    this.#port.failed(error)
    this.stop()
  }

  #fateOf(message: Taken): Fate {
    const { received, target, digest } = message
    const { kept, side } = this.#port
    const wanted = this.#port.isRetained(target, received.retained)
    if (kept === undefined || !wanted) return wanted ? 'retain' : 'pass'
    const key = this.#keyOf(message)
    if (received.retained) return kept.fromMemory(side, key, digest)
    if (this.#isKnown(message)) return 'known' // what comes back says nothing new
    const fate = kept.live(side, key, digest)
    if (fate === 'pass') this.#port.held(this.#heldBytes)
    return fate
  }

  /** Whether it is on its way, or there. */
  #isKnown({ received, place }: Taken): boolean {
    const isAgain = received.redelivered || received.retained
    return this.#pending.has(place) || this.#port.passed.isThere(place, isAgain)
  }

  /** Both directions name an address as the first side does. */
  #keyOf({ received, target }: Pick<Taken, 'received' | 'target'>): string {
    return this.#port.side === 'from' ? received.address : target
  }

  /** It stays in the memory that it came from: so it is acknowledged, lest many block that side. */
  async #hold(message: Taken): Promise<void> {
    this.#held.push(message)
    this.#heldBytes += message.received.payload.length
    this.#port.held(this.#heldBytes)
    await acknowledged(message.received)
  }

  async #forward(message: Taken, fate: Fate): Promise<void> {
    const { received, target, digest, place } = message
    const { passed, side, kind } = this.#port
    const pending = this.#pending.get(place)
    if (pending !== undefined) return this.#join(pending, received)
    if (fate === 'known' || this.#isKnown(message)) {
      this.#count.duplicates++
      return acknowledged(received)
    }
    if (this.#isStopped) return
    const { payload } = received
    const { limits } = this.#port.target
    const source = placeOf(side, received.address, digest)
    const passenger: Passenger = {
      received,
      payload,
      target,
      source,
      place,
      isRetained: fate === 'retain' && limits.retained,
      properties:
        kind === 'data' && limits.properties !== false ? clearPropertiesOf(payload) : undefined,
      takers: [],
    }
    this.#pending.set(place, passenger)
    passed.hold(source)
    const settled = this.#join(passenger, received)
    this.#laneOf(target).push(passenger)
    return settled
  }

  #forget({ place, source }: Passenger): void {
    this.#pending.delete(place)
    this.#port.passed.letGo(source)
  }

  #join({ takers }: Pick<Passenger, 'takers'>, received: Received): Promise<void> {
    if (takers.length > 0) this.#count.duplicates++
    return new Promise((done) => {
      takers.push({ received, done })
    })
  }

  #laneOf(target: string): Lane<Passenger> {
    const lane = this.#lanes.get(target) ?? new Lane<Passenger>(target, this)
    this.#lanes.set(target, lane)
    return lane
  }

  async #acknowledge({ received, done }: Taker): Promise<void> {
    await acknowledged(received)
    done()
  }

  #setAside(received: Received, error: unknown, isForeign: boolean): Promise<void> {
    const kind = isForeign ? 'foreign' : 'refused'
    return this.#asides.add(async () => {
      const resort = await this.#port.putAside(received, error, isForeign)
      this.#count[kind]++
      this.#port[kind](received, error, resort)
    })
  }

  #checkIdle(): void {
    const isIdle = this.#lanes.size === 0 && this.#asides.size === 0 && this.#held.length === 0
    if (isIdle || this.#isStopped) this.#whenIdle?.()
  }
}

/** Of a connection that broke meanwhile the message comes again, and is known then. */
async function acknowledged(received: Received): Promise<void> {
  await received.acknowledge().catch(() => undefined)
}
