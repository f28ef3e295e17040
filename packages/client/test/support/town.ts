import { decodeObject, toHex, trustAddress, type Store } from '@waxwing/core'
import type { AdmissionTerms } from '../../src/domain/admitting.js'
import { Domain } from '../../src/domain/domain.js'
import { openEndpoint, type Endpoint } from '../../src/endpoint.js'
import type { WaxwingEvent } from '../../src/events.js'
import type { Wanted } from '../../src/key-requests.js'
import { memoryStore, type MemoryStore } from '../../src/memory-store.js'
import type { EndpointOptions } from '../../src/options.js'
import {
  fixedClock,
  manualTimers,
  memoryBroker,
  memoryTransport,
  type FixedClock,
  type ManualTimers,
  type MemoryBroker,
  type MemoryTransport,
} from '../../src/testing.js'
import { quiet, START } from './plant.js'

export interface Resident {
  readonly name: string
  readonly endpoint: Endpoint
  readonly store: MemoryStore
  readonly transport: MemoryTransport
  readonly events: WaxwingEvent[]
  readonly options: Partial<EndpointOptions>
}

/** A domain whose members meet over a broker, with time in the test's hand. */
export class Town {
  readonly clock: FixedClock = fixedClock(START)
  readonly timers: ManualTimers = manualTimers(this.clock)
  readonly broker: MemoryBroker = memoryBroker({ clock: this.clock, history: 'all' })
  readonly recoveryStore: MemoryStore = memoryStore()
  readonly #open = new Set<Endpoint>()
  domain!: Domain

  static async found(): Promise<Town> {
    const town = new Town()
    const { clock, recoveryStore } = town
    town.domain = await Domain.create({ store: memoryStore(), clock, name: 'town', recoveryStore })
    return town
  }

  /** Opens an endpoint over what a store holds; `wrap` puts faults between the two. */
  async open(
    name: string,
    store: MemoryStore = memoryStore(),
    options: Partial<EndpointOptions> = {},
    wrap: (store: Store) => Store = (same) => same,
  ): Promise<Resident> {
    const transport = memoryTransport(this.broker, { clientId: name })
    const { clock, timers } = this
    const events: WaxwingEvent[] = []
    const onEvent = (event: WaxwingEvent): void => void events.push(event)
    const own = { store: wrap(store), transport, clock, timers, name, onEvent }
    const endpoint = await openEndpoint({ ...own, ...options })
    this.#open.add(endpoint)
    return { name, endpoint, store, transport, events, options }
  }

  async member(
    name: string,
    terms: AdmissionTerms = {},
    options: Partial<EndpointOptions> = {},
    wrap?: (store: Store) => Store,
  ): Promise<Resident> {
    const resident = await this.open(name, memoryStore(), options, wrap)
    await this.admit(resident, terms)
    return resident
  }

  async admit({ endpoint, name }: Resident, terms: AdmissionTerms = {}): Promise<void> {
    const admission = await this.domain.admit(await endpoint.enrolment({ name }), terms)
    await endpoint.admit(admission, { domainId: this.domain.id })
    await this.settle()
  }

  /** Opens what an endpoint left on its disk, after it was closed or killed. */
  restart({ name, store, options, endpoint }: Resident): Promise<Resident> {
    this.#open.delete(endpoint)
    return this.open(name, memoryStore({ from: store.snapshot() }), options)
  }

  publishBundle(): void {
    this.broker.inject(trustAddress(this.domain.id), this.domain.bundle, { retained: true })
  }

  /** Lets time pass, and everything that it sets off come to rest. */
  async pass(ms: number, stepMs: number = Math.max(1000, ms / 200)): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left))
      await this.settle()
    }
  }

  /** What waits for time to pass is not waited for. */
  async settle(): Promise<void> {
    await quiet()
    await Promise.race([this.broker.idle(), quiet().then(quiet).then(quiet)])
    await quiet()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((endpoint) => endpoint.close()))
  }
}

/** What a reader wants when it meets an object. */
export function wantedFor(resident: Resident, object: Uint8Array, address = 'plant/1'): Wanted {
  const decoded = decodeObject(object)
  const kid = toHex(decoded.kid)
  const [generation] = resident.endpoint.parts.book.byKid(kid)
  return { kid, epoch: decoded.epoch, address, generation, reason: undefined, andLater: true }
}

/** Asks for the keys of an object, as a reader would. */
export function want(resident: Resident, object: Uint8Array, change: Partial<Wanted> = {}): void {
  resident.endpoint.parts.requester.want({ ...wantedFor(resident, object), ...change })
}

export function canOpen({ endpoint }: Resident, object: Uint8Array): boolean {
  const decoded = decodeObject(object)
  const generations = endpoint.parts.book.byKid(toHex(decoded.kid))
  return generations.some(({ opener }) => opener.open(decoded).kind === 'opened')
}

/** Events of one type, in order. */
export function eventsOf<T extends WaxwingEvent['type']>(
  { events }: Pick<Resident, 'events'>,
  type: T,
): readonly Extract<WaxwingEvent, { type: T }>[] {
  return events.filter((event): event is Extract<WaxwingEvent, { type: T }> => event.type === type)
}
