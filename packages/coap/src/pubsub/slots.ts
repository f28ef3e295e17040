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

import { isControlAddress, toHex } from '@waxwing/core'
import type { Broker } from './broker.js'
import { readListing } from './listing.js'
import { isTooLong, tooLong } from './refusals.js'
import type { Registration } from './registration.js'
import { Rounds } from './rounds.js'
import { byName, newSlot, type Slot } from './slot.js'
import { bellPath, isInbox, ownsInbox, slotBytes, slotPath, slotsPrefix } from './topics.js'
import { digestOf, type Twins } from './twins.js'
import { Watch, type WatchTerms } from './watch.js'

/** What slots need. */
export interface SlotInputs {
  readonly broker: Broker
  /** Observes the bell. */
  readonly bells: Broker
  readonly terms: WatchTerms
  readonly maxPayloadBytes: number
  readonly lifetimeMs: number
  readonly twins: Twins
  /** Aborted when nothing is read any more. */
  readonly signal: AbortSignal
  readonly report: (error: unknown) => void
}

export class Slots {
  readonly #address: string
  readonly #inputs: SlotInputs
  readonly #slots = new Map<string, Slot>()
  /** With what ends their calls about room. */
  readonly #readers = new Map<Registration, () => void>()
  readonly #rounds: Rounds
  #watch: Watch | undefined

  constructor(address: string, inputs: SlotInputs) {
    this.#address = address
    this.#inputs = inputs
    const goesOn = (): boolean => this.#readers.size > 0 && !inputs.signal.aborted
    this.#rounds = new Rounds(() => this.#pass(), goesOn)
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
      registration.onRoom(() => this.handOver()),
    )
    this.handOver()
  }

  leave(registration: Registration): void {
    this.#readers.get(registration)?.()
    this.#readers.delete(registration)
    if (this.#readers.size === 0) this.close()
    else this.handOver() // others may have waited for it alone
  }

  /** Begins to watch the bell; resolves when the broker knows. */
  async watch(): Promise<void> {
    const { bells, terms, report } = this.#inputs
    let heard: string | undefined
    this.#watch ??= new Watch(bells, bellPath(this.#address), terms, {
      value: (payload, isNotification) => {
        const value = toHex(payload)
        if (isNotification || value !== heard) this.#look()
        heard = value
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
    const isDue = (slot: Slot): boolean =>
      this.#takersOf(slot).length > 0 || this.#isDone(slot) || this.#isOverdue(slot)
    if (this.#slots.values().some(isDue)) this.#look()
  }

  /** Resolves when what was in slots before this call is handed over, as far as there is room. */
  async caughtUp(): Promise<void> {
    if (this.isWatched || !this.isEmpty) await this.#rounds.ask()
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

  /** Looks what there is and hands it over. */
  #look(): void {
    void this.#rounds.ask()
  }

  /** Never rejects. */
  async #pass(): Promise<void> {
    const there = await this.#list().catch((error: unknown) => this.#failed(error))
    if (there === undefined) return
    this.#forget(new Set(there))
    this.note(there)
    const { whole = [], partial = [] } = Object.groupBy(this.#slots.values(), ({ isPartial }) =>
      isPartial ? 'partial' : 'whole',
    )
    for (const slot of whole.toSorted(byName)) await this.#attend(slot)
    for (const slot of partial) {
      await this.#attend(slot)
      if (this.#rounds.isAskedFor) return // they may be many, and come to nothing: what is new goes first
    }
  }

  async #list(): Promise<readonly string[]> {
    const { broker, signal } = this.#inputs
    const listing = readListing(await broker.list(slotsPrefix(this.#address), signal))
    return listing.get(this.#address)?.slots ?? []
  }

  /** Never rejects: what cannot be read stands in the way of nothing else. */
  async #attend(slot: Slot): Promise<void> {
    if (!this.#slots.has(slot.name)) return
    const { maxPayloadBytes, report } = this.#inputs
    if (!slot.isRefused && slotBytes(slot.name) > maxPayloadBytes) {
      slot.isRefused = true
      report(tooLong(this.#address))
    }
    const takers = this.#takersOf(slot)
    if (takers.length === 0) return this.#tidy(slot)
    try {
      await this.#attendFor(takers, slot)
    } catch (error) {
      this.#putBehind(slot)
      this.#failed(error)
    }
  }

  async #attendFor(takers: readonly Registration[], slot: Slot): Promise<void> {
    const payload = await this.#read(slot)
    if (payload === 'gone') {
      this.#slots.delete(slot.name) // another reader was quicker
    } else if (payload === 'partial') {
      this.#putBehind(slot)
      slot.isRefused = this.#isLongThere(slot) // its sender gave up, or never meant it
      await this.#tidy(slot)
    } else {
      slot.isPartial = false
      this.#handTo(takers, slot, payload)
    }
  }

  async #read({ name }: Slot): Promise<Uint8Array | 'gone' | 'partial'> {
    const { broker, signal } = this.#inputs
    try {
      const payload = await broker.get(slotPath(this.#address, name), signal)
      if (payload === undefined) return 'gone'
      return payload.length === slotBytes(name) ? payload : 'partial'
    } catch (error) {
      if (isTooLong(error)) return 'partial'
      throw error
    }
  }

  /** It is read after all others: those that were longest not looked at come first among its like. */
  #putBehind(slot: Slot): void {
    slot.isPartial = true
    if (this.#slots.delete(slot.name)) this.#slots.set(slot.name, slot)
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
    const { broker, signal } = this.#inputs
    if (!this.#isDone(slot) && !this.#isOverdue(slot)) return
    try {
      await broker.remove(slotPath(this.#address, slot.name), signal)
      this.#slots.delete(slot.name)
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): undefined {
    const { signal, report } = this.#inputs
    if (!signal.aborted) report(error)
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
