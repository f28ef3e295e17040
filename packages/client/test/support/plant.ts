import {
  decodeObject,
  deriveContentKey,
  toHex,
  type DecodedObject,
  type Store,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { afterEach } from 'vitest'
import { Endpoint } from '../../src/endpoint.js'
import type { WaxwingEvent } from '../../src/events.js'
import { memoryStore, type MemoryStore } from '../../src/memory-store.js'
import { assemble } from '../../src/parts.js'
import { fixedClock, manualTimers, type FixedClock } from '../../src/testing.js'

export const START = Date.UTC(2026, 5, 1)
export const HOUR = 3_600_000
export const DAY = 24 * HOUR

export interface Plant {
  readonly endpoint: Endpoint
  readonly clock: FixedClock
  readonly store: MemoryStore
  readonly events: WaxwingEvent[]
}

export interface PlantOptions {
  readonly store?: MemoryStore
  readonly clock?: FixedClock
  /** Puts something between the endpoint and its store. */
  readonly around?: (store: Store) => Store
}

/** An endpoint that belongs to no domain, with its time in the test's hand. */
export async function openPlant(options: PlantOptions = {}): Promise<Plant> {
  const { store = memoryStore(), clock = fixedClock(START), around = (same) => same } = options
  const timers = manualTimers(clock)
  const inputs = { store: around(store), clock, timers, name: 'plant' }
  const endpoint = new Endpoint(await assemble(inputs))
  const events: WaxwingEvent[] = []
  endpoint.on('event', (event) => events.push(event))
  await endpoint.start()
  return { endpoint, clock, store, events }
}

/** Opens plants that are closed after each test. */
export function plantsOfTests(): typeof openPlant {
  const opened: Plant[] = []
  afterEach(async () => {
    for (const { endpoint } of opened.splice(0)) await endpoint.close()
  })
  return async (options) => {
    const made = await openPlant(options)
    opened.push(made)
    return made
  }
}

/** Where on the wire an object stands: what must never repeat, and never go back. */
export interface Position {
  readonly kid: string
  readonly epoch: number
  readonly session: string
  readonly counter: number
}

export function positionOf(object: Uint8Array): Position {
  const { kid, epoch, session, counter }: DecodedObject = decodeObject(object)
  return { kid: toHex(kid), epoch, session: toHex(session), counter }
}

/** Key and nonce of an object, in hex: derived from what its producer holds. */
export function keyAndNonce({ endpoint }: Plant, object: Uint8Array): string {
  const { kid, epoch, session, partialIv, alg } = decodeObject(object)
  const [generation] = endpoint.parts.book.byKid(toHex(kid))
  const [candidate] = generation?.ring.candidates(epoch) ?? []
  if (generation === undefined || candidate === undefined) throw new Error('not a key of ours')
  const { generationId } = generation.manifest
  const facts = { generationId, epoch, session, alg }
  const { key, baseIv } = deriveContentKey(nodeProvider, candidate.leaf(), facts)
  const nonce = baseIv.slice()
  const from = nonce.length - partialIv.length
  for (const [i, byte] of partialIv.entries()) nonce[from + i]! ^= byte
  return `${toHex(key)}/${toHex(nonce)}`
}

/** Lets time pass, in steps short enough for what is done meanwhile to keep up. */
export async function pass(clock: FixedClock, ms: number, stepMs = 60_000): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(stepMs, left))
    await quiet()
  }
}

/** Lets everything that is under way come to rest. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
