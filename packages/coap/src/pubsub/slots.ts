// SPDX-License-Identifier: Apache-2.0
/**
 * The slots of an address: messages that wait one by one, so that none replaces another.
 *
 * Each reader is handed each slot once. A slot of an inbox is removed when its principal's readers have
 * acknowledged it: what they did not acknowledge is there at the next start. Any other slot may have
 * readers elsewhere too, so it stays for its lifetime, and is removed by whoever has seen it for so long,
 * by a clock of its own: what names say of time, anybody could have made up.
 *
 * @module
 */

import { isControlAddress } from '@waxwing/core'
import type { Broker } from './broker.js'
import type { Delivery } from './delivery.js'
import { readListing } from './listing.js'
import { tooLong } from './refusals.js'
import type { Registration } from './registration.js'
import { bellPath, isInbox, ownsInbox, slotBytes, slotPath, slotsPrefix } from './topics.js'
import { digestOf, type Twins } from './twins.js'
import { Watch, type WatchTerms } from './watch.js'

/** What slots need. */
export interface SlotInputs {
  readonly broker: Broker
  readonly terms: WatchTerms
  readonly maxPayloadBytes: number
  readonly lifetimeMs: number
  readonly twins: Twins
  /** Aborted when nothing is read any more. */
  readonly signal: AbortSignal
  readonly report: (error: unknown) => void
}

/** What is known of a slot. */
interface Slot {
  readonly name: string
  /** By `performance.now()`. */
  readonly seenAtMs: number
  readonly deliveries: Map<Registration, Delivery>
  /** Who had it by the topic-data resource. */
  readonly passedOver: Set<Registration>
  /** Who had it when the broker was away, and did not acknowledge it. */
  readonly again: Set<Registration>
  /** It holds more or fewer bytes than its name says. */
  isPartial: boolean
  /** Nobody gets it: it is too long, or was partial for too long. */
  isRefused: boolean
}

function newSlot(name: string): Slot {
  return {
    name,
    seenAtMs: performance.now(),
    deliveries: new Map(),
    passedOver: new Set(),
    again: new Set(),
    isPartial: false,
    isRefused: false,
  }
}

export class Slots {
  readonly #address: string
  readonly #inputs: SlotInputs
  readonly #slots = new Map<string, Slot>()
  /** With what ends their calls about room. */
  readonly #readers = new Map<Registration, () => void>()
  #watch: Watch | undefined
  #looking: Promise<void> | undefined
  #mustLook = false

  constructor(address: string, inputs: SlotInputs) {
    this.#address = address
    this.#inputs = inputs
  }

  get isWatched(): boolean {
    return this.#watch !== undefined
  }

  /** Whether no slot is known. */
  get isEmpty(): boolean {
    return this.#slots.size === 0
  }

  join(registration: Registration): void {
    this.#readers.set(
      registration,
      registration.onRoom(() => this.#look()),
    )
    this.handOver()
  }

  leave(registration: Registration): void {
    this.#readers.get(registration)?.()
    this.#readers.delete(registration)
    if (this.#readers.size === 0) this.close()
  }

  /** Begins to watch the bell; resolves when the broker knows. */
  async watch(): Promise<void> {
    const { broker, terms, report } = this.#inputs
    this.#watch ??= new Watch(broker, bellPath(this.#address), terms, {
      value: () => {
        this.#look()
        return Promise.resolve()
      },
      gone: () => {
        this.#watch = undefined
      },
      report,
    })
    await this.#watch.registered
  }

  /** Takes note of slots that a listing has; `handOver` does the rest. */
  note(names: readonly string[]): void {
    for (const name of names) {
      if (!this.#slots.has(name)) this.#slots.set(name, newSlot(name))
    }
  }

  /** Hands over what is new, and removes what is old enough. */
  handOver(): void {
    const isDue = (slot: Slot): boolean => this.#takersOf(slot).length > 0 || this.#isOverdue(slot)
    if (this.#slots.values().some(isDue)) this.#look()
  }

  /** Resolves when what was in slots before this call is handed over, as far as there is room. */
  async caughtUp(): Promise<void> {
    if (!this.isWatched && this.isEmpty) return
    this.#look()
    await this.#looking
  }

  /** The broker was away: what was not acknowledged comes again, and the broker may have forgotten. */
  returned(): void {
    for (const { deliveries, again } of this.#slots.values()) {
      for (const [registration, delivery] of deliveries) {
        if (delivery.isAcknowledged) continue
        deliveries.delete(registration)
        again.add(registration)
        delivery.cancel()
      }
    }
    this.#watch?.renew()
    if (this.#slots.size > 0) this.#look()
  }

  close(): void {
    this.#watch?.close()
    this.#watch = undefined
  }

  /** Forgets slots that are gone, but what handlers still have. */
  #forget(there: ReadonlySet<string>): void {
    for (const [name, { deliveries }] of this.#slots) {
      const isOpen = deliveries.values().some((delivery) => !delivery.isOver)
      if (!there.has(name) && !isOpen) this.#slots.delete(name)
    }
  }

  /** Looks what there is and hands it over; once more for all who ask while it looks. */
  #look(): void {
    this.#mustLook = true
    this.#looking ??= this.#run()
  }

  async #run(): Promise<void> {
    const { signal, report } = this.#inputs
    await Promise.resolve() // so that it is under way before it is over
    while (this.#mustLook && this.#readers.size > 0 && !signal.aborted) {
      this.#mustLook = false
      await this.#pass().catch((error: unknown) => {
        if (!signal.aborted) report(error)
      })
    }
    this.#looking = undefined
  }

  async #pass(): Promise<void> {
    const { broker, signal } = this.#inputs
    const listing = readListing(await broker.list(slotsPrefix(this.#address), signal))
    const there = listing.get(this.#address)?.slots ?? []
    this.#forget(new Set(there))
    this.note(there)
    for (const slot of this.#inOrder) {
      if (this.#slots.has(slot.name)) await this.#attend(slot)
    }
  }

  /** By their names, but those last that were partial: they may be many, and come to nothing. */
  get #inOrder(): readonly Slot[] {
    const slots = [...this.#slots.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
    const { whole = [], partial = [] } = Object.groupBy(slots, ({ isPartial }) =>
      isPartial ? 'partial' : 'whole',
    )
    return [...whole, ...partial]
  }

  async #attend(slot: Slot): Promise<void> {
    const { broker, signal, maxPayloadBytes, report } = this.#inputs
    if (!slot.isRefused && slotBytes(slot.name) > maxPayloadBytes) {
      slot.isRefused = true
      report(tooLong(this.#address))
    }
    const takers = this.#takersOf(slot)
    if (takers.length === 0) return this.#tidy(slot)
    const payload = await broker.get(slotPath(this.#address, slot.name), signal)
    if (payload === undefined) {
      this.#slots.delete(slot.name) // another reader was quicker
    } else if (payload.length === slotBytes(slot.name)) {
      slot.isPartial = false
      this.#handTo(takers, slot, payload)
    } else {
      slot.isPartial = true
      slot.isRefused = this.#isLongThere(slot) // its sender gave up, or never meant it
      await this.#tidy(slot)
    }
  }

  #handTo(takers: readonly Registration[], slot: Slot, payload: Uint8Array): void {
    const digest = digestOf(payload)
    for (const taker of takers) {
      if (this.#isSecond(slot, taker, digest)) slot.passedOver.add(taker)
      else this.#hand(slot, taker, payload)
    }
  }

  #takersOf({ deliveries, passedOver, isRefused }: Slot): readonly Registration[] {
    if (isRefused) return []
    const hadIt = (reader: Registration): boolean =>
      deliveries.has(reader) || passedOver.has(reader)
    return [...this.#readers.keys()].filter((reader) => !hadIt(reader) && reader.hasRoom)
  }

  /** Control messages are in one place only, and what is there has to be acknowledged. */
  #isSecond({ again }: Slot, taker: Registration, digest: string): boolean {
    if (isControlAddress(this.#address) || again.has(taker)) return false
    return this.#inputs.twins.isSecond(taker, digest, 'slot')
  }

  #hand(slot: Slot, taker: Registration, payload: Uint8Array): void {
    if (!taker.hasRoom) return // it was closed meanwhile
    const retained = slot.seenAtMs < taker.beganAtMs
    const parcel = { address: this.#address, payload, retained, redelivered: slot.again.has(taker) }
    slot.deliveries.set(
      taker,
      taker.hand(parcel, () => this.#tidy(slot)),
    )
  }

  /** Removes a slot that nobody needs any more. Never rejects. */
  async #tidy(slot: Slot): Promise<void> {
    const { broker, signal, report } = this.#inputs
    if (!this.#isDone(slot) && !this.#isOverdue(slot)) return
    try {
      await broker.remove(slotPath(this.#address, slot.name), signal)
      this.#slots.delete(slot.name)
    } catch (error) {
      if (!signal.aborted) report(error)
    }
  }

  /** Whether it is in an inbox of ours, and all have acknowledged it. */
  #isDone({ deliveries, isRefused }: Slot): boolean {
    if (!this.#isOwn) return false
    const readers = [...this.#readers.keys()]
    return isRefused || readers.every((reader) => deliveries.get(reader)?.isAcknowledged === true)
  }

  /** Whether others had the time to see it, and nobody here is still at it. */
  #isOverdue(slot: Slot): boolean {
    const isOpen = slot.deliveries.values().some((delivery) => !delivery.isOver)
    return !isInbox(this.#address) && !isOpen && this.#isLongThere(slot)
  }

  #isLongThere({ seenAtMs }: Slot): boolean {
    return performance.now() - seenAtMs > this.#inputs.lifetimeMs
  }

  get #isOwn(): boolean {
    return this.#readers.keys().some(({ filter }) => ownsInbox(filter, this.#address))
  }
}
