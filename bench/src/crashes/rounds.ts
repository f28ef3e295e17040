// SPDX-License-Identifier: Apache-2.0
/**
 * Crash rounds: a producer and a reader over MQTT (QoS 1) and SQLite, of which one or both are killed at
 * random instants under load and begun again on the same store and session, again and again. Meanwhile
 * their clocks jump by hours and days and their disks are full for a while; some kills are power cuts,
 * which tear what was being written. In the first rounds nothing is granted, so that parking and
 * draining are interrupted as well.
 *
 * @module
 */

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Domain, memoryStore, openEndpoint, type Endpoint } from '@waxwing/client'
import { seededRandom } from '@waxwing/client/testing'
import type { CounterMode } from '@waxwing/core'
import { sqliteStore } from '@waxwing/store-sqlite'
import { startMosquitto, type Mosquitto } from '@waxwing/testkit'
import { Actor } from './actor.ts'
import { describeRound, drawRound, type Incident, type RoundPlan, type Side } from './plan.ts'
import type { ProducerSetup } from './producer-process.ts'
import type { ReaderSetup } from './reader-process.ts'
import { ReadingVerdict } from './reading-verdict.ts'
import { judge, type Verdict } from './verdict.ts'
import { witness, type Wire } from './wire.ts'

export interface CrashOptions {
  readonly rounds: number
  readonly seed: number
  /** The longest time from the beginning of a round to its kill. */
  readonly maxRoundMs: number
  /** Of the stream. Default `session`. */
  readonly counterMode?: CounterMode
  /** Where the logs of all sides are kept if something did not hold. */
  readonly keepIn?: string
  readonly progress?: (line: string) => void
}

export interface CrashReport extends Verdict {
  readonly seed: number
  readonly rounds: number
  readonly seconds: number
  /** Objects on the wire, of so many generations, and how many of them were sent again. */
  readonly carried: number
  readonly generations: number
  readonly repeated: number
  readonly tears: number
  /** Whether disks were filled; else the stores were limited. */
  readonly hasDisks: boolean
}

const STREAM = 'plant/1/level'
const EPOCH_SECONDS = 10
/** Of the rounds, those before the first grant. */
const UNGRANTED_PART = 0.1
/** So far the load runs ahead of the reader: what nobody vouches for is kept a thousand times. */
const MAX_AHEAD = 500
/** One in so many lives is killed wherever it is while it begins. */
const EARLY_PART = 0.25
/** What a process takes to begin, at the most, before a round goes on without it. */
const BEGIN_MS = 2000
const BEGIN_FULL_MS = 300
/** The same for the first life of the reader, without which there is nothing to play. */
const FIRST_BEGIN_MS = 60_000
/** How long nothing may happen before what is left counts as lost. */
const IDLE_MS = 45_000
const LOOK_MS = 100

export async function runCrashRounds(options: CrashOptions): Promise<CrashReport> {
  const started = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-crashes-'))
  const broker = await startMosquitto({ config: ['max_queued_messages 0'] })
  const { wire, close } = await witness(broker.url, STREAM)
  const play = new Play(options, { folder, url: broker.url, wire })
  try {
    await play.found()
    await play.playRounds()
    await play.finish()
    const seconds = (performance.now() - started) / 1000
    const report = { ...play.report(true), seconds }
    if (report.problems.length > 0) keepLogs(options, { folder, report, wire, broker })
    return report
  } finally {
    await play.close()
    await close()
    await broker.close()
    rmSync(folder, { recursive: true })
  }
}

/**
 * Keeps what explains a failure: what both sides wrote down, what the broker carried in its order, and
 * its log, with packet identifiers, marks of repetition, and whether a session was there.
 */
function keepLogs(
  { keepIn, seed }: CrashOptions,
  found: { folder: string; report: CrashReport; wire: Wire; broker: Mosquitto },
): void {
  if (keepIn === undefined) return
  const { folder, report, wire, broker } = found
  const kept = join(keepIn, `crashes-${seed}`)
  mkdirSync(kept, { recursive: true })
  for (const side of ['producer', 'reader']) {
    cpSync(join(folder, `${side}.log`), join(kept, `${side}.log`))
  }
  writeFileSync(join(kept, 'wire.log'), `${[...wire.carried].join('\n')}\n`)
  writeFileSync(join(kept, 'broker.log'), broker.log())
  writeFileSync(join(kept, 'report.json'), `${JSON.stringify(report, undefined, 2)}\n`)
}

class Play {
  readonly #options: CrashOptions
  readonly #url: string
  readonly #wire: Wire
  readonly #producer: Actor
  readonly #reader: Actor
  /** How far the reader got, as far as its log was read. */
  readonly #reading = new ReadingVerdict(new Set())
  #takenCount = 0
  #order: ReaderSetup['order'] = 'arrival'
  #lives = 0
  #grants = false
  #plan = ''

  constructor(options: CrashOptions, inputs: { folder: string; url: string; wire: Wire }) {
    const { folder, url, wire } = inputs
    this.#options = options
    this.#url = url
    this.#wire = wire
    const script = (name: string): URL => new URL(`./${name}-process.ts`, import.meta.url)
    this.#producer = new Actor('producer', script('producer'), folder)
    this.#reader = new Actor('reader', script('reader'), folder)
  }

  /** The identities of both, in the stores where their processes find them; and the reader's session. */
  async found(): Promise<void> {
    const domain = await Domain.create({ store: memoryStore(), name: 'plant', recovery: false })
    await inStore(this.#producer, async (tank) => {
      const enrolment = await tank.enrolment({ name: 'tank' })
      await tank.admit(await domain.admit(enrolment, { produces: ['plant/#'] }))
    })
    await inStore(this.#reader, async (desk) => {
      const enrolment = await desk.enrolment({ name: 'desk' })
      await desk.admit(await domain.admit(enrolment, { roles: ['reader'] }))
    })
    // It has to be there before the load: a broker keeps nothing for whom it never saw.
    this.#begin('reader')
    await Promise.race([
      this.#reader.tell('begun'),
      sleep(FIRST_BEGIN_MS, undefined, { ref: false }),
    ])
  }

  async playRounds(): Promise<void> {
    const { rounds, seed, maxRoundMs, progress } = this.#options
    for (let round = 0; round < rounds; round++) {
      this.#grants = round >= Math.floor(rounds * UNGRANTED_PART)
      const plan = drawRound(seed, round, maxRoundMs)
      this.#plan = `round ${round}: ${describeRound(plan)}`
      await this.#play(plan, seededRandom(seed ^ round))
      if (round % 10 === 9) {
        const { problems } = this.report(false)
        progress?.(`${this.#plan}; ${this.#wire.carried.size} carried; ${problems.length} problems`)
      }
    }
  }

  /** With right clocks and room on the disks, lets both do what is left. */
  async finish(): Promise<void> {
    for (const actor of this.#actors) {
      await actor.kill()
      await actor.setFull(false)
      await actor.jump(0)
    }
    this.#grants = true
    this.#begin('producer', 0)
    this.#begin('reader')
    await this.#untilAllIsRead()
    await this.#reader.kill()
    // And sees that nothing comes again.
    this.#begin('reader')
    await this.#untilBegun(this.#reader)
    await sleep(LOOK_MS * 5)
    for (const actor of this.#actors) await actor.kill()
  }

  /** @param isOver - Nothing more is to come. */
  report(isOver: boolean): Omit<CrashReport, 'seconds'> {
    for (const actor of this.#actors) actor.readLog()
    const { carried, sentAgain, problems, repeated, generations } = this.#wire
    const verdict = judge({
      producer: this.#producer.entries,
      reader: this.#reader.entries,
      wire: carried,
      sentAgain,
      isOver,
    })
    const ofActors = this.#actors.flatMap((actor) => actor.problems)
    const { seed, rounds } = this.#options
    return {
      ...verdict,
      problems: [...problems, ...ofActors, ...verdict.problems],
      seed,
      rounds,
      repeated,
      generations,
      carried: carried.size,
      tears: this.#producer.tearCount + this.#reader.tearCount,
      hasDisks: this.#actors.every(({ hasDisk }) => hasDisk),
    }
  }

  async close(): Promise<void> {
    for (const actor of this.#actors) await actor.close()
  }

  get #actors(): readonly Actor[] {
    return [this.#producer, this.#reader]
  }

  async #play(plan: RoundPlan, random: () => number): Promise<void> {
    const begun = this.#actors.filter(({ isAlive }) => !isAlive)
    this.#order = plan.order
    for (const { side } of begun) this.#begin(side)
    if (random() > EARLY_PART) await Promise.all(begun.map((one) => this.#untilBegun(one)))
    await this.#producer.tell('allow', this.#room())
    await this.#until(plan)
    const killed = this.#actors.filter(({ side }) => plan.killed.includes(side))
    await Promise.all(killed.map((actor) => actor.kill()))
    for (const actor of killed) if (plan.tear !== undefined) actor.tear(plan.tear, random)
    for (const actor of this.#actors) {
      if (actor.isFull && !plan.startsFull) await actor.setFull(false)
      if (plan.setsClocks) await actor.jump(0)
    }
  }

  /** Waits for the kill, and has happen what happens before. */
  async #until({ incidents, killAtMs }: RoundPlan): Promise<void> {
    const startedMs = performance.now()
    const waitFor = (atMs: number): Promise<void> =>
      sleep(Math.max(0, startedMs + atMs - performance.now()))
    for (const incident of incidents.filter(({ atMs }) => atMs < killAtMs)) {
      await waitFor(incident.atMs)
      await this.#happen(incident)
    }
    await waitFor(killAtMs)
  }

  async #happen(incident: Incident): Promise<void> {
    const actor = incident.side === 'producer' ? this.#producer : this.#reader
    if (incident.kind === 'jump') await actor.jump(incident.offsetMs)
    else await actor.setFull(incident.kind === 'full')
  }

  /** Until it reads or may publish, or cannot for now. */
  async #untilBegun(actor: Actor): Promise<void> {
    await Promise.race([actor.tell('begun'), sleep(actor.isFull ? BEGIN_FULL_MS : BEGIN_MS)])
  }

  async #untilAllIsRead(): Promise<void> {
    let [left, changedMs] = [Infinity, performance.now()]
    while (left > 0 && performance.now() - changedMs < IDLE_MS) {
      await sleep(LOOK_MS)
      const now = this.#unread()
      if (now !== left) [left, changedMs] = [now, performance.now()]
    }
  }

  /** How many messages are on their way to the reader, or waiting at it. */
  #unread(): number {
    this.#reader.readLog()
    for (const entry of this.#reader.entries.slice(this.#takenCount)) this.#reading.take(entry)
    this.#takenCount = this.#reader.entries.length
    return this.#wire.carried.size - this.#reading.settledCount
  }

  #room(): number {
    return Math.max(0, MAX_AHEAD - this.#unread())
  }

  #begin(side: Side, limit = this.#room()): void {
    const filter = 'plant/#'
    const common = { url: this.#url }
    if (side === 'reader') {
      const setup = { ...common, clientId: 'desk', filter, order: this.#order }
      return this.#reader.begin(setup satisfies Partial<ReaderSetup>)
    }
    const setup = {
      ...common,
      clientId: 'tank',
      stream: STREAM,
      epochSeconds: EPOCH_SECONDS,
      counterMode: this.#options.counterMode ?? 'session',
      number: this.#lives++,
      limit,
      grants: this.#grants,
    }
    this.#producer.begin(setup satisfies Partial<ProducerSetup>)
  }
}

async function inStore(actor: Actor, work: (endpoint: Endpoint) => Promise<void>): Promise<void> {
  const store = sqliteStore(actor.storePath, { key: { keyBytes: actor.storeKey } })
  const endpoint = await openEndpoint({ store, name: actor.side })
  await work(endpoint)
  await endpoint.close()
  await store.close()
}
