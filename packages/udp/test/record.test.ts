// SPDX-License-Identifier: Apache-2.0
/** What was heard, kept for a while: damaged files, full disks, bounds. */
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { mountSmallDisk, requireOrSkip } from '@waxwing/testkit'
import type { Inquiry, Item } from '../src/inquiry.ts'
import type { RecordOptions } from '../src/options.ts'
import { MessageRecord } from '../src/record/record.ts'

const ALL: Inquiry = {
  filter: '#',
  from: undefined,
  until: undefined,
  now: Date.now(),
  cursor: undefined,
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-record-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function opened(
  options: RecordOptions,
  errors: unknown[] = [],
  now: () => number = Date.now,
): Promise<MessageRecord> {
  const record = await MessageRecord.open({ options, report: (error) => errors.push(error), now })
  onTestFinished(() => record.close())
  return record
}

async function all(record: MessageRecord, inquiry: Inquiry = ALL): Promise<Item[]> {
  const items: Item[] = []
  for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined;) {
    isFirst = false
    const page = await record.page({ ...inquiry, now: Date.now(), cursor })
    items.push(...page.items)
    cursor = page.cursor
  }
  return items
}

const first = ({ payload }: Item): number => (payload[0] ?? 0) * 256 + (payload[1] ?? 0)
const numbered = (index: number, bytes = 2): Uint8Array => {
  const payload = new Uint8Array(bytes)
  payload.set([index >> 8, index & 0xff])
  return payload
}
const numbers = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, index) => from + index)

describe.each(['in memory', 'in a folder'])('a record %s', (where) => {
  const place = (): RecordOptions => (where === 'in memory' ? {} : { folder: newFolder() })

  it('gives back what it was given, page by page, in order', async () => {
    const record = await opened(place())
    for (const index of numbers(3_000)) record.add(`a/${index % 2}`, numbered(index, 100))
    expect((await all(record)).map(first)).toEqual(numbers(3_000))
    const odd = await all(record, { ...ALL, filter: 'a/1' })
    expect(odd.map(first)).toEqual(numbers(3_000).filter((index) => index % 2 === 1))
  })

  it('ends a reading with what was there when it began', async () => {
    const record = await opened(place())
    for (const index of numbers(3_000)) record.add('a', numbered(index, 100))
    const page = await record.page(ALL)
    expect(page.cursor).toBeDefined()
    for (const index of numbers(100, 5_000)) record.add('a', numbered(index))
    const items = [...page.items]
    for (let { cursor } = page; cursor !== undefined;) {
      const next = await record.page({ ...ALL, cursor })
      items.push(...next.items)
      cursor = next.cursor
    }
    expect(items.map(first)).toEqual(numbers(3_000))
  })

  it('lets the oldest go when there is too much', async () => {
    const record = await opened({ ...place(), maxBytes: 300_000 })
    for (const index of numbers(10_000)) record.add('a', numbered(index, 100))
    expect(record.bytes).toBeLessThanOrEqual(300_000)
    const kept = (await all(record)).map(first)
    expect(kept.length).toBeGreaterThan(1_000)
    expect(kept).toEqual(numbers(kept.length, 10_000 - kept.length))
  })

  it('does not give what is too old', async () => {
    let now = Date.now() - 100_000
    const record = await opened({ ...place(), maxAgeSeconds: 60 }, [], () => now)
    record.add('a', numbered(1))
    now = Date.now()
    record.add('a', numbered(2))
    expect((await all(record)).map(first)).toEqual([2])
  })

  it('takes spans by the clock of the asker', async () => {
    const record = await opened(place())
    record.add('a', numbered(1))
    const itsNow = Date.now() - 3_600_000 // an hour behind
    const span = { ...ALL, from: itsNow - 5_000, until: itsNow + 5_000 }
    expect((await record.page({ ...span, now: itsNow })).items).toHaveLength(1)
    const elsewhen = { ...ALL, from: itsNow - 50_000, until: itsNow - 40_000 }
    expect((await record.page({ ...elsewhen, now: itsNow })).items).toHaveLength(0)
  })

  it('begins anew for a cursor that it never gave', async () => {
    const record = await opened(place())
    record.add('a', numbered(1))
    for (const cursor of ['', 'x', '1.2', '999999999999.0.999999999999.0', '0.0.0.0', '-1.0.0.0']) {
      await expect(record.page({ ...ALL, cursor })).resolves.toBeDefined()
    }
  })
})

describe('a record in a folder', () => {
  it('is there again after a restart, and goes on', async () => {
    const folder = newFolder()
    const before = await opened({ folder })
    for (const index of numbers(50)) before.add('a', numbered(index))
    await before.close()
    const after = await opened({ folder })
    for (const index of numbers(50, 50)) after.add('a', numbered(index))
    expect((await all(after)).map(first)).toEqual(numbers(100))
  })

  it('passes over what a crash cut short or a disk made up, and keeps what is before', async () => {
    const folder = newFolder()
    for (const round of numbers(3)) {
      const record = await opened({ folder })
      for (const index of numbers(10, 10 * round)) record.add('a', numbered(index, 50))
      await record.close()
    }
    const [cut = '', spoilt = ''] = readdirSync(folder)
      .toSorted()
      .map((name) => join(folder, name))
    truncateSync(cut, statSync(cut).size - 7)
    appendFileSync(spoilt, Uint8Array.of(0xff, 0x83, 0x00, 0x9f))
    const record = await opened({ folder })
    record.add('a', numbered(30, 50))
    expect((await all(record)).map(first)).toEqual([...numbers(9), ...numbers(21, 10)])
  })

  it('lets go what is too old, also of a process before, but not by a clock that was just set', async () => {
    const folder = newFolder()
    const before = await opened({ folder })
    before.add('a', numbered(1))
    await before.close()
    const [name = ''] = readdirSync(folder)
    const hourAgo = Date.now() / 1_000 - 3_600
    utimesSync(join(folder, name), hourAgo, hourAgo)
    let [ahead, elapsed] = [0, 0]
    const record = await MessageRecord.open({
      options: { folder, maxAgeSeconds: 7_200 },
      report: fail,
      now: () => Date.now() + ahead,
      elapsed: () => elapsed,
    })
    onTestFinished(() => record.close())
    record.add('a', numbered(2))
    ahead = 3e9
    record.expire() // a month in no time
    ahead = 0
    record.expire()
    await expect.poll(() => readdirSync(folder)).toHaveLength(2)
    ahead = elapsed = 4_000_000
    record.expire()
    expect((await all(record)).map(first)).toEqual([2])
    await expect.poll(() => readdirSync(folder)).toHaveLength(1)
    ahead = elapsed = 9_000_000
    record.expire()
    expect(record.bytes).toBe(0)
    await expect.poll(() => readdirSync(folder)).toEqual([])
    record.add('a', numbered(3))
    expect((await all(record, { ...ALL, now: Date.now() + ahead })).map(first)).toEqual([3])
  })

  it('leaves alone what another transport wrote in its folder by mistake', async () => {
    const folder = newFolder()
    const errors: unknown[] = []
    const record = await opened({ folder }, errors)
    const other = await opened({ folder })
    other.add('a', numbered(1))
    await all(other)
    record.add('a', numbered(2))
    await all(record)
    expect(errors).toMatchObject([{ code: 'ERR_TRANSPORT', cause: { code: 'EEXIST' } }])
    expect((await all(other)).map(first)).toEqual([1])
    await setTimeout(1_010)
    record.add('a', numbered(3))
    expect((await all(record)).map(first)).toEqual([3])
  })

  it('leaves other files of the folder alone', async () => {
    const folder = newFolder()
    appendFileSync(join(folder, 'notes.txt'), 'mine')
    const record = await opened({ folder, maxBytes: 65_536 })
    for (const index of numbers(3_000)) record.add('a', numbered(index, 100))
    await all(record)
    expect(readdirSync(folder)).toContain('notes.txt')
  })

  it('says that a folder cannot be used', async () => {
    const file = join(newFolder(), 'file')
    appendFileSync(file, '')
    await expect(opened({ folder: join(file, 'below') })).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
    })
  })
})

const folder = mkdtempSync(join(tmpdir(), 'waxwing-disk-'))
const disk = mountSmallDisk(join(folder, 'disk'), 1)
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

requireOrSkip('a disk that can be filled (root)', disk !== undefined)('a full disk', () => {
  it('is said once, and what comes when there is room again is kept', async () => {
    onTestFinished(() => disk?.close())
    const errors: unknown[] = []
    const record = await opened({ folder: join(folder, 'disk', 'record') }, errors)
    record.add('a', numbered(1))
    await all(record)
    disk?.fill()
    for (const index of numbers(50)) record.add('a', numbered(index, 200))
    await expect.poll(() => errors.length).toBeGreaterThan(0)
    expect(errors[0]).toMatchObject({ code: 'ERR_STORE_FULL' })
    expect(errors).toHaveLength(1)
    // However long the disk is full: what could not be written leaves nothing behind.
    for (let round = 0; round < 4; round++) {
      record.add('a', numbered(100 + round, 5_000))
      await all(record)
      await setTimeout(1_010)
    }
    expect(readdirSync(join(folder, 'disk', 'record')).length).toBeLessThanOrEqual(2)
    expect(record.bytes).toBeLessThan(5_000)
    disk?.free()
    await expect
      .poll(async () => {
        record.add('a', numbered(777))
        return (await all(record)).map(first)
      })
      .toContain(777)
    expect((await all(record)).map(first)[0]).toBe(1)
  })
})

function fail(error: unknown): never {
  throw error
}
