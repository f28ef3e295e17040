// SPDX-License-Identifier: Apache-2.0
/**
 * Kill rounds: a reader over MQTT (QoS 1) and SQLite is killed at random moments under load, and
 * begun again on the same store and session, again and again. The first rounds go by before it was
 * granted anything, so that parking and draining are interrupted as well.
 *
 * @module
 */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Domain, memoryStore, openEndpoint, type Endpoint, type Producer } from '@waxwing/client'
import { mqttTransport } from '@waxwing/mqtt'
import { sqliteStore } from '@waxwing/store-sqlite'
import { startMosquitto } from '@waxwing/testkit'
import type { KillReaderSetup } from './kill-process.ts'
import { judgeLog, parseLog, type LogVerdict } from './receipt-log.ts'
import { Worker } from './worker.ts'

export interface KillOptions {
  readonly rounds: number
  /** The longest time from a reader's start to its end. */
  readonly maxRoundMs: number
  progress?(line: string): void
}

export interface KillReport extends LogVerdict {
  readonly rounds: number
  readonly published: number
  readonly seconds: number
}

const STREAM = 'plant/1/level'
/** How often and how many are published at once. */
const BURST_MS = 10
const BURST = 5
/** Of the rounds, those before the first grant. */
const UNGRANTED_PART = 0.2
/** So far the load runs ahead of the reader: what nobody vouches for is kept a thousand times. */
const MAX_AHEAD = 500
/** How long nothing may happen before what is left counts as lost. */
const IDLE_MS = 20_000
const SCRIPT = new URL('./kill-process.ts', import.meta.url)

export async function runKillRounds(options: KillOptions): Promise<KillReport> {
  const started = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-kill-'))
  const broker = await startMosquitto({ config: ['max_queued_messages 0'] })
  const setup: KillReaderSetup = {
    url: broker.url,
    filter: 'plant/#',
    storePath: join(folder, 'desk.db'),
    storeKey: crypto.getRandomValues(new Uint8Array(32)),
    logPath: join(folder, 'receipts.log'),
  }
  const plant = await openPlant(setup)
  const load = new Load(await plant.producer(STREAM))
  try {
    await playRounds(options, { setup, plant, load })
    await load.stop()
    await finish(setup, load)
    const verdict = judgeLog(readLog(setup), load.published)
    const seconds = (performance.now() - started) / 1000
    return { ...verdict, rounds: options.rounds, published: load.published, seconds }
  } finally {
    await load.stop()
    await plant.close()
    await broker.close()
    rmSync(folder, { recursive: true })
  }
}

interface Stage {
  readonly setup: KillReaderSetup
  readonly plant: Endpoint
  readonly load: Load
}

async function playRounds(options: KillOptions, { setup, plant, load }: Stage): Promise<void> {
  const { rounds, maxRoundMs } = options
  const grantAt = Math.floor(rounds * UNGRANTED_PART)
  // The session has to be there before the load: a broker keeps nothing for whom it never saw.
  const first = new Worker(SCRIPT)
  await first.call('read', setup)
  await sleep(300)
  await first.kill()
  load.start()
  for (let round = 0; round < rounds; round++) {
    if (round === grantAt) await grantAll(plant)
    load.limit = judgeLog(readLog(setup), 0).acknowledged + MAX_AHEAD
    const reader = new Worker(SCRIPT)
    // One in four is killed while it starts, wherever it is.
    const opened = reader.call('read', setup).catch(() => undefined)
    if (Math.random() > 0.25) await opened
    await sleep(Math.random() * maxRoundMs)
    await reader.kill()
    if (round % 10 === 9) options.progress?.(`kill rounds: ${round + 1} of ${rounds}`)
  }
}

/** Lets a reader take what is left, and another one see that nothing comes again. */
async function finish(setup: KillReaderSetup, load: Load): Promise<void> {
  const last = new Worker(SCRIPT)
  await last.call('read', setup)
  // Whatever comes after it says that the one before was acknowledged, if a kill kept the log from it.
  await load.publish(1)
  let [count, changedAt] = [-1, performance.now()]
  while (count < load.published && performance.now() - changedAt < IDLE_MS) {
    await sleep(250)
    const { acknowledged } = judgeLog(readLog(setup), 0)
    if (acknowledged > count) [count, changedAt] = [acknowledged, performance.now()]
  }
  await sleep(100)
  await last.kill()
  const after = new Worker(SCRIPT)
  await after.call('read', setup)
  await sleep(1000)
  await after.kill()
}

/** The producer's endpoint, and the reader's identity in the store where its processes find it. */
async function openPlant({ url, storePath, storeKey }: KillReaderSetup): Promise<Endpoint> {
  const domain = await Domain.create({ store: memoryStore(), name: 'plant', recovery: false })
  const plant = await openEndpoint({
    store: memoryStore(),
    transport: mqttTransport({ url, clientId: 'plant' }),
    name: 'tank',
  })
  const enrolment = await plant.enrolment({ name: 'tank' })
  await plant.admit(await domain.admit(enrolment, { produces: ['plant/#'] }))
  const store = sqliteStore(storePath, { key: { keyBytes: storeKey } })
  const desk = await openEndpoint({ store, name: 'desk' })
  await desk.admit(
    await domain.admit(await desk.enrolment({ name: 'desk' }), { roles: ['reader'] }),
  )
  await desk.close()
  await store.close()
  return plant
}

/** A person decides at last: what was asked, and what will be. */
async function grantAll(plant: Endpoint): Promise<void> {
  const id = 'readers'
  await plant.rules.set({ id, streams: '#', to: { role: 'reader' }, historySeconds: 86_400 })
  const terms = { from: new Date(Date.now() - 86_400_000) }
  for (const { requestId } of await plant.requests()) {
    await plant.decide(requestId, { kind: 'grant', terms })
  }
}

function readLog({ logPath }: KillReaderSetup): ReturnType<typeof parseLog> {
  return existsSync(logPath) ? parseLog(readFileSync(logPath, 'utf8')) : []
}

/** Publishes numbers, in order, until it is stopped. */
class Load {
  readonly #producer: Producer
  #running: Promise<void> | undefined
  #stopped = false
  /** All below this were published, and the broker has taken them. */
  published = 0
  /** Not more than so many are published. */
  limit = MAX_AHEAD

  constructor(producer: Producer) {
    this.#producer = producer
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const due = Math.max(0, Math.min(BURST, this.limit - this.published))
      await this.publish(due)
      await sleep(BURST_MS)
    }
  }

  async publish(count: number): Promise<void> {
    const burst = Array.from({ length: count }, (_, i) =>
      this.#producer.publish(`${this.published + i}`),
    )
    await Promise.all(burst)
    this.published += count
  }
}
