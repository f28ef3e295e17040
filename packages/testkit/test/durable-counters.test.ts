// SPDX-License-Identifier: Apache-2.0
/** Durable counters over the real store: what is put back is noticed, and nothing repeats. */
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEndpoint } from '@waxwing/client'
import { decodeObject, toHex } from '@waxwing/core'
import { restoreBackup, sqliteStore } from '@waxwing/store-sqlite'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

const STREAM = 'plant/1/level'
const KEY = { keyBytes: new Uint8Array(32).fill(1) }

type Step =
  | { readonly do: 'run'; readonly count: number; readonly stops: boolean }
  | { readonly do: 'keep'; readonly how: 'backup' | 'database' | 'folder' }
  | { readonly do: 'put back' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 90 }), fc.boolean())
    .map(([count, stops]): Step => ({ do: 'run', count, stops })),
  fc
    .constantFrom('backup' as const, 'database' as const, 'folder' as const)
    .map((how): Step => ({ do: 'keep', how })),
  fc.constant<Step>({ do: 'put back' }),
)

/** A device whose disk somebody copies, and puts back. */
class Device {
  readonly used = new Set<string>()
  readonly generations = new Set<string>()
  readonly #path: string
  readonly #kept: string
  readonly #backup: string

  constructor(folder: string) {
    this.#path = join(folder, 'disk', 'plant.db')
    this.#kept = join(folder, 'kept')
    this.#backup = join(folder, 'plant.backup')
    fs.mkdirSync(join(folder, 'disk'))
  }

  async take(one: Step): Promise<void> {
    if (one.do === 'run') return this.#run(one.count, one.stops)
    if (one.do === 'keep') return this.#keep(one.how)
    await this.#putBack()
  }

  /** One that does not stop is killed: its counters are not given back. */
  async #run(count: number, stops: boolean): Promise<void> {
    const store = sqliteStore(this.#path, { key: KEY })
    const endpoint = await openEndpoint({ store, name: 'plant' })
    const producer = await endpoint.producer(STREAM, { counterMode: 'durable' })
    for (let sealed = 0; sealed < count;) {
      await producer.ready()
      for (const object of producer.sealAll(Array.from({ length: 30 }, () => 'x'))) {
        const { kid, counter } = decodeObject(object)
        const name = `${toHex(kid)}/${counter}`
        if (this.used.has(name)) throw new Error(`${name} was used twice`)
        this.used.add(name)
        this.generations.add(toHex(kid))
        sealed++
      }
    }
    if (stops) await endpoint.close()
    await store.close()
    if (!stops) await endpoint.close().catch(() => undefined)
  }

  async #keep(how: 'backup' | 'database' | 'folder'): Promise<void> {
    this.#drop()
    if (!fs.existsSync(this.#path)) return
    if (how === 'folder') fs.cpSync(join(this.#path, '..'), this.#kept, { recursive: true })
    if (how === 'database') {
      fs.mkdirSync(this.#kept)
      fs.copyFileSync(this.#path, join(this.#kept, 'plant.db'))
    }
    if (how !== 'backup') return
    const store = sqliteStore(this.#path, { key: KEY })
    await store.backup(this.#backup)
    await store.close()
  }

  async #putBack(): Promise<void> {
    if (fs.existsSync(this.#backup)) {
      fs.rmSync(this.#path)
      await restoreBackup(this.#backup, this.#path, { key: KEY })
    }
    if (!fs.existsSync(this.#kept)) return
    for (const name of fs.readdirSync(this.#kept)) {
      // Into the files that are there, as `cp` does it.
      fs.writeFileSync(join(this.#path, '..', name), fs.readFileSync(join(this.#kept, name)))
    }
  }

  #drop(): void {
    fs.rmSync(this.#backup, { force: true })
    fs.rmSync(this.#kept, { recursive: true, force: true })
  }
}

it('never uses a durable counter twice, however its store is copied and put back', async () => {
  let [restarts, generations] = [0, 0]
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 9 }), async (steps) => {
      const folder = fs.mkdtempSync(join(tmpdir(), 'waxwing-counters-'))
      try {
        const device = new Device(folder)
        const run: Step = { do: 'run', count: 3, stops: true }
        for (const one of [run, ...steps, run]) await device.take(one)
        restarts += steps.filter((one) => one.do === 'run').length + 1
        generations += device.generations.size
      } finally {
        fs.rmSync(folder, { recursive: true })
      }
    }),
    { numRuns: 12 },
  )
  expect(generations).toBeLessThan(restarts + 12) // it goes on where it may
}, 120_000)
