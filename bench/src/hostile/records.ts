// SPDX-License-Identifier: Apache-2.0
/**
 * Damaged records: what an endpoint or a domain wrote down, cut short or changed in one place, and
 * read back by one that opens the store and goes about its work. A store is believed, so a changed
 * record may do harm; but it must not end in anything but a documented error, and nothing may fail
 * without a word.
 *
 * @module
 */

import { setImmediate as turn } from 'node:timers/promises'
import { Domain, openEndpoint, type Endpoint, type WaxwingEvent } from '@waxwing/client'
import {
  fixedClock,
  manualTimers,
  memoryStore,
  seededRandom,
  type MemorySnapshot,
} from '@waxwing/client/testing'
import { toHex, WaxwingError, type Store } from '@waxwing/core'
import { ByteChanges } from '../mutator.ts'
import { TreeMutator } from './tree-mutator.ts'

export interface RecordsReport {
  readonly rounds: number
  /** How many rounds changed a record of each table. */
  readonly tables: Readonly<Record<string, number>>
  /** How the rounds ended: by which code, or `fine`. */
  readonly ends: Readonly<Record<string, number>>
  readonly problems: readonly string[]
}

const START = Date.UTC(2026, 5, 1)
/** When it comes back: in another epoch, early enough for every credential. */
const LATER = START + 7_200_000
const STREAM = 'plant/1/level'
const DAY_MS = 86_400_000

/** A store as it was left, and what its owner does when it comes back. */
interface Scene {
  readonly snapshot: MemorySnapshot
  readonly work: (store: Store, note: (event: WaxwingEvent) => void) => Promise<void>
}

export async function runRecords(rounds: number, seed: number): Promise<RecordsReport> {
  const scenes = await makeScenes()
  const random = seededRandom(seed)
  const changes = new ByteChanges(random)
  const trees = new TreeMutator(random)
  const tables: Record<string, number> = {}
  const ends: Record<string, number> = {}
  const problems: string[] = []
  const unhandled = (reason: unknown): void => void problems.push(`unhandled: ${textOf(reason)}`)
  process.on('unhandledRejection', unhandled)
  for (let round = 0; round < rounds; round++) {
    const scene = changes.pick(scenes)
    const damaged = damagedIn(scene.snapshot, changes, trees)
    tables[damaged.table] = (tables[damaged.table] ?? 0) + 1
    const found = await endOf(scene, damaged.snapshot)
    ends[found.end] = (ends[found.end] ?? 0) + 1
    await turn()
    const what = `seed ${seed}, ${round}, table ${damaged.table}: ${toHex(damaged.value)}`
    problems.push(...found.problems.map((problem) => `${what}\n${problem}`))
  }
  process.off('unhandledRejection', unhandled)
  return { rounds, tables, ends, problems }
}

interface Damaged {
  readonly table: string
  readonly value: Uint8Array
  readonly snapshot: MemorySnapshot
}

/** Changes one record of any table, each table as often as the others. */
function damagedIn({ tables }: MemorySnapshot, changes: ByteChanges, trees: TreeMutator): Damaged {
  const table = changes.pick([...tables.keys()].filter((name) => tables.get(name)!.size > 0))
  const records = tables.get(table)!
  const key = changes.pick([...records.keys()])
  const before = records.get(key)!
  const other = changes.pick([...records.values()])
  const kind = changes.below(4)
  const value =
    kind === 0
      ? before.slice(0, changes.below(before.length + 1))
      : ((kind === 1 ? undefined : trees.mutate(before, other)) ??
        changes.changed(before, () => other))
  const changed = new Map(records).set(key, value)
  return { table, value, snapshot: { tables: new Map(tables).set(table, changed) } }
}

async function endOf(
  { work }: Scene,
  from: MemorySnapshot,
): Promise<{ end: string; problems: readonly string[] }> {
  const problems: string[] = []
  const note = (event: WaxwingEvent): void => {
    if (event.type === 'error' && isUnforeseen(event.error)) problems.push(textOf(event.error))
  }
  try {
    await work(memoryStore({ from }), note)
    return { end: 'fine', problems }
  } catch (error) {
    if (isUnforeseen(error)) problems.push(textOf(error))
    return { end: error instanceof WaxwingError ? error.code : String(error), problems }
  }
}

function isUnforeseen(error: unknown): boolean {
  return !(error instanceof WaxwingError) || error.code === 'ERR_INTERNAL'
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by ${textOf(error.cause)}`
  return `${error.stack}${cause}`
}

function opened(
  store: Store,
  name: string,
  note: (event: WaxwingEvent) => void,
  now = LATER,
): Promise<Endpoint> {
  const clock = fixedClock(now)
  return openEndpoint({ store, name, clock, timers: manualTimers(clock), onEvent: note })
}

/** A domain, a producer with whom some may read and others wait, a reader, and a delegate. */
async function makeScenes(): Promise<readonly Scene[]> {
  const stores = {
    domain: memoryStore(),
    recovery: memoryStore(),
    plant: memoryStore(),
    desk: memoryStore(),
    keeper: memoryStore(),
  }
  const domain = await Domain.create({
    store: stores.domain,
    recoveryStore: stores.recovery,
    clock: fixedClock(START),
    name: 'town',
  })
  const join = async (store: Store, name: string, produces: string[]): Promise<Endpoint> => {
    const endpoint = await opened(store, name, () => undefined, START)
    await endpoint.admit(await domain.admit(await endpoint.enrolment({ name }), { produces }))
    return endpoint
  }
  const plant = await join(stores.plant, 'plant', ['plant/#'])
  const desk = await join(stores.desk, 'desk', [])
  const keeper = await join(stores.keeper, 'keeper', [])
  const guest = await join(memoryStore(), 'guest', [])
  const objects = await traffic({ plant, desk, keeper, guest })
  await domain.addKeeper(keeper.parts.identity.id)
  await domain.revoke(guest.parts.identity.id)
  await desk.receive(domain.bundle)
  await plant.receive(domain.bundle)
  for (const endpoint of [plant, desk, keeper, guest]) await endpoint.close()
  const enrolment = await guestEnrolment()
  return [
    {
      snapshot: stores.plant.snapshot(),
      work: (store, note) => produceAgain(store, note, objects),
    },
    { snapshot: stores.desk.snapshot(), work: (store, note) => readAgain(store, note, objects) },
    { snapshot: stores.keeper.snapshot(), work: (store, note) => readAgain(store, note, objects) },
    {
      snapshot: stores.recovery.snapshot(),
      work: (store, note) => readAgain(store, note, objects),
    },
    { snapshot: stores.domain.snapshot(), work: (store) => rule(store, enrolment) },
  ]
}

interface People {
  readonly plant: Endpoint
  readonly desk: Endpoint
  readonly keeper: Endpoint
  readonly guest: Endpoint
}

/** Leaves one of everything in the stores. Returns objects that can be read, and one that cannot. */
async function traffic({ plant, desk, keeper, guest }: People): Promise<readonly Uint8Array[]> {
  for (const known of [desk, keeper, guest]) {
    const { credential, card } = known.parts.identity
    if (credential !== null) await plant.receive(credential)
    await plant.receive(card.bytes)
  }
  const producer = await plant.producer(STREAM)
  await producer.ready()
  const objects = ['one', 'two', 'three', 'four'].map((text) => producer.seal(text))
  const other = await plant.producer('plant/2/secret')
  await other.ready()
  const secret = other.seal('not for the desk')
  const from = new Date(START - DAY_MS)
  await plant.rules.set({
    id: 'readers',
    streams: 'plant/1/#',
    to: { role: 'reader' },
    leaseSeconds: 3600,
  })
  await carry(await plant.grant(STREAM, 'desk', { from }), desk, plant)
  await carry(await plant.grant(STREAM, 'keeper', { from, rights: 'share' }), keeper, plant)
  const reader = desk.reader('plant/#')
  for (const object of objects.slice(0, 2)) {
    const message = await reader.open(object)
    if (message.kind === 'message') await message.acknowledge()
  }
  await reader.open(objects[3]!)
  const parked = await reader.open(secret)
  if (parked.kind === 'parked') await plant.receive(parked.request)
  const wish = await guest.reader('plant/#').open(objects[0]!)
  if (wish.kind === 'parked') await plant.receive(wish.request)
  await plant.revoke(STREAM, 'guest', { rotate: false })
  return [...objects, secret, producer.seal('five')]
}

async function carry(messages: readonly Uint8Array[], to: Endpoint, back: Endpoint): Promise<void> {
  for (const message of messages) {
    for (const answer of await to.receive(message)) await back.receive(answer)
  }
}

async function produceAgain(
  store: Store,
  note: (event: WaxwingEvent) => void,
  objects: readonly Uint8Array[],
): Promise<void> {
  const plant = await opened(store, 'plant', note)
  try {
    const producer = await plant.producer(STREAM)
    await producer.ready()
    producer.seal('once more')
    for (const request of await plant.requests()) {
      await plant.decide(request.requestId, request.grant())
    }
    await plant.takeOutbox()
    await readAll(plant, objects)
  } finally {
    await plant.close()
  }
}

async function readAgain(
  store: Store,
  note: (event: WaxwingEvent) => void,
  objects: readonly Uint8Array[],
): Promise<void> {
  const desk = await opened(store, 'desk', note)
  try {
    await readAll(desk, objects)
    await desk.takeOutbox()
  } finally {
    await desk.close()
  }
}

/** Opens and acknowledges what can be opened; the first error that is not of the objects is thrown. */
async function readAll(endpoint: Endpoint, objects: readonly Uint8Array[]): Promise<void> {
  const reader = endpoint.reader('plant/#')
  await reader.parked()
  for (const object of objects) {
    try {
      const message = await reader.open(object)
      if (message.kind === 'message') await message.acknowledge()
    } catch (error) {
      if (isUnforeseen(error)) throw error
    }
  }
  await reader.close()
}

async function guestEnrolment(): Promise<Uint8Array> {
  const endpoint = await opened(memoryStore(), 'newcomer', () => undefined)
  const enrolment = await endpoint.enrolment({ name: 'newcomer' })
  await endpoint.close()
  return enrolment
}

async function rule(store: Store, enrolment: Uint8Array): Promise<void> {
  const domain = await Domain.open({ store, clock: fixedClock(LATER) })
  await domain.members()
  await domain.admit(enrolment)
  await domain.renewBundle()
  await domain.rotateAnchor()
}
