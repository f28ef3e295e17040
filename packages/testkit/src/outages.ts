// SPDX-License-Identifier: Apache-2.0
/**
 * The promise of delivery, tried over any transport (`docs/spec/08-receiving.md`): a producer publishes
 * while its server is stopped and started, and connections break at random; then everything that was
 * published has been handed over and acknowledged, and nothing came again after that.
 *
 * Both sides are whole endpoints over stores on disk. They live through all of it: that processes die
 * as well is what the crash rounds of the benchmarks try.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Transport } from '@waxwing/core'
import { Domain, memoryStore, openEndpoint, type Endpoint, type Producer } from '@waxwing/client'
import { seededRandom } from '@waxwing/client/testing'
import { sqliteStore } from '@waxwing/store-sqlite'
import { FixtureFolder } from './fixture-process.js'
import { OutageLedger, type OutageReport } from './outage-ledger.js'

export type { OutageReport } from './outage-ledger.js'

/** A server, and how to reach it. */
export interface OutageNet {
  /** Opens a transport whose session the server keeps, as a client that comes back. */
  open(session: string): Transport | Promise<Transport>
  /** Breaks every connection; the transports restore theirs by themselves. */
  cut(): void | Promise<void>
  /** Stops the server. */
  stop(): Promise<void>
  /** Starts it again, with what it had taken. */
  start(): Promise<void>
}

export interface OutagePlan {
  readonly messages: number
  /** How often the server is stopped and started. */
  readonly stops: number
  /** How often all connections break. */
  readonly cuts: number
  /** Draws when that is. Default 1. */
  readonly seed?: number
  /** How long nothing may happen before it is given up. Default 60,000. */
  readonly patienceMs?: number
  readonly progress?: (line: string) => void
}

/** In a test: what is always part of it, within a minute where the server starts in a second. */
export const SHORT_OUTAGES: OutagePlan = { messages: 1_000, stops: 5, cuts: 20 }
/** In a soak. */
export const LONG_OUTAGES: OutagePlan = { messages: 20_000, stops: 25, cuts: 200 }

const STREAM = 'outages/1'
/** So many messages are published at once, and while the server is away. */
const AT_ONCE = 16
const PATIENCE_MS = 60_000

/**
 * Runs the plan. The report's `problems` are empty where the promise was kept.
 *
 * @throws {RangeError} If there are too few messages for so many stops and cuts.
 */
export async function runOutages(net: OutageNet, plan: OutagePlan): Promise<OutageReport> {
  const incidents = draw(plan)
  const folder = new FixtureFolder('outages')
  const ledger = new OutageLedger(plan.patienceMs ?? PATIENCE_MS)
  const parties = await meet(net, folder, ledger)
  try {
    const reading = readAll(parties.reader, ledger)
    await publish(parties.producer, ledger, 'the first, with which keys are asked for')
    await ledger.untilAllIsAcknowledged()
    await publishThrough(net, { ...plan, incidents }, parties.producer, ledger)
    await ledger.untilAllIsAcknowledged()
    // What the server still had would come now, before the last one.
    await net.stop()
    await net.start()
    await publish(parties.producer, ledger, 'the last')
    await ledger.untilAllIsAcknowledged()
    await parties.close()
    await reading
  } finally {
    await parties.close()
    folder.remove()
  }
  return ledger.report()
}

interface Parties {
  readonly producer: Producer
  readonly reader: ReturnType<Endpoint['reader']>
  /** Safe to call twice. */
  close(): Promise<void>
}

async function meet(net: OutageNet, folder: FixtureFolder, ledger: OutageLedger): Promise<Parties> {
  const stores = [newStore(folder, 'plant'), newStore(folder, 'desk')] as const
  const domain = await Domain.create({
    store: memoryStore(),
    name: 'outages',
    recoveryStore: memoryStore(),
  })
  const plant = await openEndpoint({
    store: stores[0],
    transport: await net.open('outages-plant'),
    name: 'plant',
    decide: (request) => request.grant(),
  })
  const desk = await openEndpoint({
    store: stores[1],
    transport: await net.open('outages-desk'),
    name: 'desk',
    onEvent: ({ type }) => ledger.event(type),
  })
  await admit(domain, plant, [STREAM])
  await admit(domain, desk, [])
  const reader = desk.reader(STREAM)
  await reader.start()
  return {
    producer: await plant.producer(STREAM),
    reader,
    async close() {
      await Promise.all([plant.close(), desk.close()])
      await Promise.all(stores.map((store) => store.close()))
    },
  }
}

function newStore(folder: FixtureFolder, name: string): ReturnType<typeof sqliteStore> {
  return sqliteStore(folder.file(`${name}.db`), { key: { keyBytes: randomBytes(32) } })
}

async function admit(domain: Domain, endpoint: Endpoint, produces: string[]): Promise<void> {
  const admission = await domain.admit(await endpoint.enrolment({}), { produces })
  await endpoint.admit(admission, { domainId: domain.id })
}

async function readAll(reader: Parties['reader'], ledger: OutageLedger): Promise<void> {
  for await (const message of reader) {
    if (message.kind !== 'message') continue
    ledger.handedOver(message)
    try {
      await message.acknowledge()
      ledger.acknowledged(message)
    } catch {
      ledger.unacknowledged() // it comes again
    }
  }
}

async function publish(producer: Producer, ledger: OutageLedger, text: string): Promise<void> {
  ledger.publishing(text)
  try {
    ledger.published(text, await producer.publish(text))
  } catch {
    ledger.failed(text)
  }
}

/** Publishes everything; what happens to the server happens between two messages drawn at random. */
async function publishThrough(
  net: OutageNet,
  plan: OutagePlan & { readonly incidents: ReadonlyMap<number, 'cut' | 'stop'> },
  producer: Producer,
  ledger: OutageLedger,
): Promise<void> {
  const underWay = new Set<Promise<void>>()
  const begin = (index: number): void => {
    const sent = publish(producer, ledger, `message ${index}`).finally(() => underWay.delete(sent))
    underWay.add(sent)
  }
  let away = 0
  for (let index = 0; index < plan.messages; index++) {
    const incident = plan.incidents.get(index)
    if (incident === 'cut') await net.cut()
    if (incident === 'stop' && away === 0) {
      await net.stop()
      away = AT_ONCE // so many are published meanwhile
    }
    if (incident !== undefined) plan.progress?.(`${incident} before message ${index}`)
    begin(index)
    if (away === 0) await room(underWay)
    else if (--away === 0) await net.start()
    await nextTurn()
  }
  if (away > 0) await net.start()
  await Promise.all(underWay)
  Object.assign(ledger.incidents, { stops: plan.stops + 1, cuts: plan.cuts })
}

async function room(underWay: ReadonlySet<Promise<void>>): Promise<void> {
  while (underWay.size >= AT_ONCE) await Promise.race(underWay)
}

/** Before which message what happens: each at a place of its own, stops apart from each other. */
function draw({ messages, stops, cuts, seed = 1 }: OutagePlan): Map<number, 'cut' | 'stop'> {
  const random = seededRandom(seed)
  const incidents = new Map<number, 'cut' | 'stop'>()
  const slot = Math.floor(messages / (stops + cuts + 1))
  if (slot <= AT_ONCE) throw new RangeError('messages must be more for so many stops and cuts')
  const kinds = Array.from({ length: stops + cuts }, (_, i) => (i < stops ? 'stop' : 'cut'))
  for (let place = 0; kinds.length > 0; place++) {
    const [kind = 'cut'] = kinds.splice(Math.floor(random() * kinds.length), 1)
    incidents.set(place * slot + Math.floor(random() * (slot - AT_ONCE)), kind)
  }
  return incidents
}
