// SPDX-License-Identifier: Apache-2.0
/**
 * A large archive, opened by a process of its own after one grant: its memory must not grow with
 * the archive. The objects lie in hundreds of epochs, so that keys are derived all the way.
 *
 * @module
 */

import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Domain, memoryStore, openEndpoint, type Endpoint, type Producer } from '@waxwing/client'
import { systemClock, type Clock } from '@waxwing/core'
import { sqliteStore } from '@waxwing/store-sqlite'
import type { ArchiveReading } from './archive-process.ts'
import { Worker } from './worker.ts'

export interface ArchiveOptions {
  readonly objects: number
  progress?(line: string): void
}

export interface ArchiveReport extends ArchiveReading {
  readonly objects: number
  readonly archiveMiB: number
  /** What taking the one grant took, from the sealed message to keys in the store. */
  readonly grantSeconds: number
}

const EPOCHS = 200
const HOUR_MS = 3_600_000
const PAYLOAD = new Uint8Array(256).fill(0x5a)

export async function runArchiveMemory(options: ArchiveOptions): Promise<ArchiveReport> {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-archive-'))
  const worker = new Worker(new URL('./archive-process.ts', import.meta.url))
  try {
    const archivePath = join(folder, 'archive.wax')
    const storePath = join(folder, 'desk.db')
    const storeKey = crypto.getRandomValues(new Uint8Array(32))
    const prepared = await prepare(options, { archivePath, storePath, storeKey })
    options.progress?.(`archive: ${options.objects} objects are sealed, now they are opened`)
    const reading = await worker.call<ArchiveReading>('readWhole', archivePath, storePath, storeKey)
    return { ...reading, ...prepared, objects: options.objects }
  } finally {
    await worker.kill()
    rmSync(folder, { recursive: true })
  }
}

interface Paths {
  readonly archivePath: string
  readonly storePath: string
  readonly storeKey: Uint8Array
}

/** Seals the archive over the hours that went by, and leaves a grant of them all in a store. */
async function prepare(
  { objects }: ArchiveOptions,
  paths: Paths,
): Promise<Pick<ArchiveReport, 'archiveMiB' | 'grantSeconds'>> {
  const clock = new MovedClock(-EPOCHS * HOUR_MS)
  const domain = await Domain.create({
    store: memoryStore(),
    clock,
    name: 'plant',
    recovery: false,
  })
  const begin = new Date(clock.now())
  const plant = await openEndpoint({
    store: memoryStore(),
    clock,
    decide: (request) => request.grant({ from: begin }),
  })
  const produces = ['plant/#']
  await plant.admit(await domain.admit(await plant.enrolment({ name: 'tank' }), { produces }))
  const producer = await plant.producer('plant/1/level')
  const first = producer.seal(PAYLOAD)
  const bytes = await sealAll(producer, clock, { path: paths.archivePath, objects })
  const grantSeconds = await grantTo(paths, { domain, plant, object: first })
  await plant.close()
  return { archiveMiB: bytes / 2 ** 20, grantSeconds }
}

async function sealAll(
  producer: Producer,
  clock: MovedClock,
  { path, objects }: { path: string; objects: number },
): Promise<number> {
  const file = createWriteStream(path)
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const end = Math.floor((objects * (epoch + 1)) / EPOCHS)
    const begin = Math.floor((objects * epoch) / EPOCHS)
    await producer.ready()
    for (let i = begin; i < end; i++) {
      if (!file.write(producer.seal(PAYLOAD))) await once(file, 'drain')
    }
    clock.move(HOUR_MS)
  }
  file.end()
  await once(file, 'finish')
  return file.bytesWritten
}

/** The way without a transport: one object is met, asked about, and granted. Says how long taking it took. */
async function grantTo(
  { storePath, storeKey }: Paths,
  { domain, plant, object }: { domain: Domain; plant: Endpoint; object: Uint8Array },
): Promise<number> {
  const store = sqliteStore(storePath, { key: { keyBytes: storeKey } })
  const desk = await openEndpoint({ store, name: 'desk' })
  await desk.admit(await domain.admit(await desk.enrolment({ name: 'desk' })))
  const reader = desk.reader('plant/#')
  const parked = await reader.open(object)
  if (parked.kind !== 'parked') throw new Error('what nobody granted must be parked')
  const replies = await plant.receive(parked.request)
  const started = performance.now()
  for (const reply of replies) await desk.receive(reply)
  const seconds = (performance.now() - started) / 1000
  await desk.close()
  await store.close()
  return seconds
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
