// SPDX-License-Identifier: Apache-2.0
/**
 * The world in which the stories play: a broker nobody trusts, domains with their devices, and a
 * clock that moves by days.
 *
 * @module
 */

import { trustAddress, type Clock, type Transport } from '@waxwing/core'
import {
  Domain,
  memoryStore,
  openEndpoint,
  type Decide,
  type Endpoint,
  type EndpointOptions,
  type MemoryStore,
  type Message,
  type Reader,
  type WaxwingEvent,
} from '@waxwing/client'

/** A message as the broker saw it. */
export interface Carried {
  readonly address: string
  readonly payload: Uint8Array
}

/** A broker, and how to reach it. */
export interface Net {
  /** A connection of one client. The same id finds its session again. */
  transport(clientId: string): Promise<Transport>
  /** Everything that the broker carried so far. */
  carried(): readonly Carried[]
  close(): Promise<void>
}

export const DAY_MS = 86_400_000

/** Grants everybody everything from now on. */
export const grantAll: Decide = (request) => request.grant()

/** The platform's clock, moved. */
export class MovableClock implements Clock {
  #offsetMs = 0

  now(): number {
    return Date.now() + this.#offsetMs
  }

  monotonic(): number {
    return performance.now()
  }

  move(ms: number): void {
    this.#offsetMs += ms
  }

  get date(): Date {
    return new Date(this.now())
  }
}

/** One principal's device, and what happened on it. */
export interface Device {
  readonly endpoint: Endpoint
  readonly store: MemoryStore
  readonly events: WaxwingEvent[]
}

export interface DeviceTerms {
  readonly produces?: readonly string[]
  readonly roles?: readonly string[]
  readonly unit?: string
}

export class World {
  readonly net: Net
  readonly clock: MovableClock = new MovableClock()
  readonly #opened: { close(): Promise<unknown> }[] = []

  constructor(net: Net) {
    this.net = net
  }

  /** Makes a domain; its recovery principal's store comes with it. */
  async domain(name: string): Promise<{ domain: Domain; recoveryStore: MemoryStore }> {
    const recoveryStore = memoryStore()
    const options = { store: memoryStore(), clock: this.clock, name, recoveryStore }
    return { domain: await Domain.create(options), recoveryStore }
  }

  /** Makes a device and admits it to a domain. */
  async device(
    domain: Domain,
    name: string,
    terms: DeviceTerms = {},
    options: Partial<EndpointOptions> = {},
  ): Promise<Device> {
    const device = await this.open(name, memoryStore(), options)
    const admission = await domain.admit(await device.endpoint.enrolment({ name }), terms)
    await device.endpoint.admit(admission, { domainId: domain.id })
    return device
  }

  /** Opens an endpoint over a store that may have lived before. */
  async open(
    name: string,
    store: MemoryStore,
    options: Partial<EndpointOptions> = {},
  ): Promise<Device> {
    const transport = await this.net.transport(name)
    const { clock } = this
    const events: WaxwingEvent[] = []
    const onEvent = (event: WaxwingEvent): void => void events.push(event)
    const endpoint = await openEndpoint({ store, transport, clock, name, onEvent, ...options })
    this.#opened.unshift(endpoint)
    return { endpoint, store, events }
  }

  /** Leaves a domain's newest bundle in the broker. */
  async publishBundle(domain: Domain): Promise<void> {
    const transport = await this.net.transport(`owner of ${domain.name}`)
    await transport.send(trustAddress(domain.id), domain.bundle, { retained: true })
    await transport.close()
  }

  async close(): Promise<void> {
    for (const opened of this.#opened) await opened.close()
    await this.net.close()
  }
}

/** Collects what a reader hands over, acknowledging each. */
export class Collector {
  readonly texts: string[] = []
  readonly messages: Message[] = []
  private constructor(reader: Reader) {
    void this.#run(reader)
  }

  /** Begins to collect; resolves when the reader is subscribed. */
  static async start(reader: Reader): Promise<Collector> {
    await reader.start()
    return new Collector(reader)
  }

  /** Waits until so many messages came. */
  async until(count: number): Promise<readonly string[]> {
    await waitFor(() => this.texts.length >= count, `${count} messages, got ${this.texts.join()}`)
    return this.texts
  }

  async #run(reader: Reader): Promise<void> {
    for await (const message of reader) {
      if (message.kind !== 'message') continue
      this.messages.push(message)
      this.texts.push(message.text())
      await message.acknowledge()
    }
  }
}

/** Waits until something holds; fails after half a minute. */
export async function waitFor(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`timed out waiting for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Waits for an event of a type, and gives the first. */
export async function waitForEvent<T extends WaxwingEvent['type']>(
  events: readonly WaxwingEvent[],
  type: T,
): Promise<Extract<WaxwingEvent, { type: T }>> {
  const find = (): Extract<WaxwingEvent, { type: T }> | undefined =>
    events.find((event): event is Extract<WaxwingEvent, { type: T }> => event.type === type)
  await waitFor(() => find() !== undefined, `event ${type}; got ${kinds(events)}`)
  const event = find()
  if (event === undefined) throw new Error('unreachable')
  return event
}

/** Gives everything in flight time to arrive: for what must *not* happen. */
export function settle(ms = 400): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export function kinds(events: readonly WaxwingEvent[]): string {
  return events.map(({ type }) => type).join(' ')
}
