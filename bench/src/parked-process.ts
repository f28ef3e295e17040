// SPDX-License-Identifier: Apache-2.0
/**
 * Parks objects that no key opens, many of them, then takes the keys and hands all over, and says how
 * much memory that took. Producer and reader meet over a transport that keeps nothing.
 *
 * @module
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Domain, memoryStore, openEndpoint, type Endpoint, type Reader } from '@waxwing/client'
import {
  matchesName,
  systemClock,
  type Clock,
  type MessageHandler,
  type Subscription,
  type Transport,
} from '@waxwing/core'
import { sqliteStore } from '@waxwing/store-sqlite'
import { serve } from './worker.ts'

export interface ParkedMemory {
  readonly parked: number
  /** After everything was collected that can be. */
  readonly heapMiB: number
  readonly rssMiB: number
}

export interface ParkedReading {
  /** With nothing, a tenth, and all of it parked, and when all is handed over. */
  readonly memory: readonly ParkedMemory[]
  readonly handedOver: number
  readonly parkSeconds: number
  readonly drainSeconds: number
}

const STREAM = 'plant/1/level'
const HOUR_MS = 3_600_000
/** Acknowledged side by side, so that the store writes them together. */
const IN_FLIGHT = 32
/** So long that it shows where it is kept in memory. */
const PAYLOAD = new Uint8Array(2048).fill(0x5a)

async function run(
  objects: number,
  storePath: string,
  storeKey: Uint8Array,
): Promise<ParkedReading> {
  const clock = new MovedClock(-2 * HOUR_MS)
  const wire = new Wire()
  const store = sqliteStore(storePath, { key: { keyBytes: storeKey } })
  const domain = await Domain.create({ store: memoryStore(), clock, name: 'd', recovery: false })
  const begin = new Date(clock.now())
  const plant = await openEndpoint({
    store: memoryStore(),
    clock,
    transport: wire,
    decide: (request) => request.grant({ from: begin, until: begin }),
  })
  await join(domain, plant, 'tank', ['plant/#'])
  const desk = await openEndpoint({ store, clock, transport: wire })
  await join(domain, desk, 'desk', [])
  const reader = desk.reader(STREAM, { maxParkedObjects: objects, maxParkedBytes: 2 ** 40 })
  const producer = await plant.producer(STREAM)
  await producer.publish(PAYLOAD)
  const messages = reader[Symbol.asyncIterator]()
  await acknowledgeNext(messages) // the manifest is known now, and the keys of one epoch
  clock.move(HOUR_MS)
  await producer.ready()
  const memory = [await measure(0)]
  const parkStarted = performance.now()
  for (const count of [Math.floor(objects / 10), objects]) {
    const before = memory.at(-1)?.parked ?? 0
    for (let i = before; i < count; i++) await producer.publish(PAYLOAD)
    await untilParked(reader, count)
    memory.push(await measure(count))
  }
  const parkSeconds = (performance.now() - parkStarted) / 1000
  const drainStarted = performance.now()
  await plant.grant(STREAM, desk.id, { from: begin })
  for (let left = objects; left > 0; left -= IN_FLIGHT) {
    const some = Array.from({ length: Math.min(left, IN_FLIGHT) }, () => acknowledgeNext(messages))
    await Promise.all(some)
  }
  const drainSeconds = (performance.now() - drainStarted) / 1000
  await untilParked(reader, 0)
  memory.push(await measure(0))
  await desk.close()
  await plant.close()
  await store.close()
  return { memory, handedOver: objects, parkSeconds, drainSeconds }
}

async function join(
  domain: Domain,
  endpoint: Endpoint,
  name: string,
  produces: readonly string[],
): Promise<void> {
  await endpoint.admit(await domain.admit(await endpoint.enrolment({ name }), { produces }))
}

async function acknowledgeNext(
  messages: AsyncIterator<{ acknowledge(): Promise<void> }, undefined>,
): Promise<void> {
  const { value } = await messages.next()
  if (value === undefined) throw new Error('the reader ended early')
  await value.acknowledge()
}

async function untilParked(reader: Reader, count: number): Promise<void> {
  for (;;) {
    const rows = await reader.parked()
    if (rows.reduce((sum, row) => sum + row.count, 0) === count) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Buffers go only some turns after what held them. */
async function measure(parked: number): Promise<ParkedMemory> {
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    collect()
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  return { parked, heapMiB: (heapUsed + arrayBuffers) / 2 ** 20, rssMiB: rss / 2 ** 20 }
}

/** Hands each message to whoever listens, and keeps none. */
class Wire implements Transport {
  readonly limits: Transport['limits'] = {
    maxPayloadBytes: 262_144,
    binary: true,
    retained: false,
  }
  readonly #listeners = new Set<{ readonly filter: string; readonly handler: MessageHandler }>()

  async send(address: string, payload: Uint8Array): Promise<void> {
    const facts = { address, properties: {}, retained: false, redelivered: false }
    for (const { filter, handler } of this.#listeners) {
      if (!matchesName(filter, address)) continue
      await handler({ ...facts, payload: payload.slice(), acknowledge: () => Promise.resolve() })
    }
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    const listener = { filter, handler }
    this.#listeners.add(listener)
    return { close: async () => void this.#listeners.delete(listener) }
  }

  onStatus(): () => void {
    return () => undefined
  }

  async close(): Promise<void> {
    this.#listeners.clear()
  }
}

/** The platform's clock, set back and moved on. */
class MovedClock implements Clock {
  #offsetMs: number

  constructor(offsetMs: number) {
    this.#offsetMs = offsetMs
  }

  now(): number {
    return Date.now() + this.#offsetMs
  }

  monotonic(): number {
    return systemClock.monotonic()
  }

  move(ms: number): void {
    this.#offsetMs += ms
  }
}

serve({ run })
