// SPDX-License-Identifier: Apache-2.0
/** What a power cut leaves: everything that was acknowledged, whatever of the next write there is. */
import * as fs from 'node:fs'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '@waxwing/client/testing'
import { committedBytes, tearJournal, TEARS } from '@waxwing/testkit'
import { digests, newPath, openStore, put } from './fixture.js'

const COUNT = 12

/** A copy of a store in use, as if its machine had stopped at this moment. Every write is in its journal. */
async function stoppedMachine(): Promise<string> {
  const path = newPath()
  const store = openStore(path)
  for (let i = 0; i < COUNT; i++) {
    await store.write([put('count', Uint8Array.of(i)), put(`n${i}`, new Uint8Array(3000).fill(i))])
  }
  return copied(path)
}

function copied(path: string): string {
  const copy = newPath()
  for (const suffix of ['', '-wal']) fs.copyFileSync(path + suffix, copy + suffix)
  return copy
}

/** How many of the writes a store has. Each is there with all before it, or not at all. */
async function writesIn(path: string): Promise<number> {
  const store = openStore(path)
  await store.verify()
  const last = (await store.get('t', 'count'))?.[0] ?? -1
  for (let i = 0; i < COUNT; i++) {
    const expected = i <= last ? new Uint8Array(3000).fill(i) : undefined
    expect([i, await store.get('t', `n${i}`)]).toEqual([i, expected])
  }
  await store.close()
  return last + 1
}

describe('sqliteStore: after a power cut', () => {
  it.each(TEARS)('has all that was acknowledged, whatever was being written: %s', async (tear) => {
    const stopped = await stoppedMachine()
    const random = seededRandom(5)
    for (let i = 0; i < 8; i++) {
      const path = copied(stopped)
      expect(tearJournal(path, tear, random)).toBe(fs.statSync(`${stopped}-wal`).size)
      expect(await writesIn(path)).toBe(COUNT)
    }
  })

  it('writes on behind what was torn', async () => {
    const path = await stoppedMachine()
    tearJournal(path, 'uncommitted', seededRandom(6))
    const store = openStore(path)
    await store.write([put('after', Uint8Array.of(1))])
    await store.close()
    expect(await openStore(path).get('t', 'after')).toEqual(Uint8Array.of(1))
    expect(await writesIn(path)).toBe(COUNT)
  })

  it('has a state that was once, where a disk loses the end of what it said was written', async () => {
    const stopped = await stoppedMachine()
    const journal = new Uint8Array(fs.readFileSync(`${stopped}-wal`))
    const random = seededRandom(7)
    const counts = new Set<number>()
    for (let i = 0; i < 25; i++) {
      const path = copied(stopped)
      const kept = journal.subarray(0, Math.floor(random() * journal.length))
      fs.writeFileSync(`${path}-wal`, kept)
      const count = await writesIn(path)
      counts.add(count)
      expect(count === 0).toBe(committedBytes(kept) === 0)
    }
    expect(counts.size).toBeGreaterThan(4)
  })

  it('refuses a database file that is cut or gone beside its journal, and changes nothing', async () => {
    const stopped = await stoppedMachine()
    const whole = fs.readFileSync(stopped)
    for (const length of [0, 1, 99, 100, 1000, 4096, whole.length - 4096, whole.length - 1]) {
      const path = copied(stopped)
      fs.writeFileSync(path, whole.subarray(0, length))
      await expectRefusedOrWhole(path)
    }
    const path = copied(stopped)
    fs.rmSync(path)
    await expectRefusedOrWhole(path)
  })

  it('refuses a database file with garbage in it beside its journal, and changes nothing', async () => {
    const stopped = await stoppedMachine()
    const whole = new Uint8Array(fs.readFileSync(stopped))
    const random = seededRandom(8)
    for (let i = 0; i < 25; i++) {
      const path = copied(stopped)
      const garbage = Uint8Array.from({ length: 64 }, () => Math.floor(random() * 256))
      const damaged = whole.slice()
      damaged.set(garbage, Math.floor(random() * (whole.length - garbage.length)))
      fs.writeFileSync(path, damaged)
      await expectRefusedOrWhole(path)
    }
  })
})

/** The journal may hold the pages that were damaged; then nothing is wrong. */
async function expectRefusedOrWhole(path: string): Promise<void> {
  const before = digests(path)
  let store
  try {
    store = openStore(path)
  } catch (error) {
    expect(['ERR_STORE_CORRUPT', 'ERR_STORE_FOREIGN']).toContain((error as { code: unknown }).code)
    expect(digests(path)).toEqual(before)
    return
  }
  await store.close()
  expect(await writesIn(path)).toBe(COUNT)
}
