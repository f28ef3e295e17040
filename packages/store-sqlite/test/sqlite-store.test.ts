// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { describeStore } from '@waxwing/testkit'
import { sqliteStore } from '@waxwing/store-sqlite'
import { BusyRetry } from '../src/busy-retry.js'
import { bytes, fillStore, keyOf, newPath, openStore, put } from './fixture.js'

describeStore(
  'sqliteStore',
  async () => {
    const path = newPath()
    return { store: openStore(path), open: async () => openStore(path) }
  },
  { reopens: true, shares: true, continues: true, noticeMs: 100 },
)

describe('sqliteStore: the file', () => {
  it('is for its owner only, with all that lies beside it', async () => {
    const path = newPath()
    const store = openStore(path)
    await store.write([put('a', bytes(1))])
    for (const suffix of ['', '-wal', '-shm']) {
      expect([suffix, fs.statSync(path + suffix).mode & 0o777]).toEqual([suffix, 0o600])
    }
  })

  it('is alone in its folder after closing, and whole without its journal', async () => {
    const path = newPath()
    await fillStore(path)
    expect(fs.readdirSync(path.slice(0, -'/a.db'.length))).toEqual(['a.db'])
  })

  it('is not made where the caller wants one to be there', () => {
    const path = newPath()
    expect(() => openStore(path, { create: false })).toThrow(/ENOENT/)
    expect(fs.existsSync(path)).toBe(false)
  })

  it('holds nothing of the values in plain, neither live nor closed', async () => {
    const path = newPath()
    const store = openStore(path)
    const secret = 'the quick brown fox jumps over the lazy dog'
    const value = new TextEncoder().encode(secret)
    await store.write([put('public-id', value), put('big', new Uint8Array(2 ** 16).fill(0x5a))])
    await store.write([put('public-id', new TextEncoder().encode(`${secret}!`))])
    const read = (suffix: string): string => fs.readFileSync(path + suffix, 'latin1')
    const live = read('') + read('-wal')
    await store.close()
    for (const content of [live, read('')]) {
      expect(content).toContain('public-id')
      expect(content).not.toContain('quick brown')
      expect(content).not.toContain('Z'.repeat(16))
    }
  })

  describe('loses what was deleted or replaced', () => {
    const MINUTE = 60_000
    const secret = new Uint8Array(200).fill(7)

    /** Where the ciphertext of an entry stands, of all the files of a store. */
    function placesOf(path: string, sealed: Buffer): readonly string[] {
      const suffixes = ['', '-wal'].filter((suffix) => fs.existsSync(path + suffix))
      return suffixes.filter((suffix) => fs.readFileSync(path + suffix).includes(sealed))
    }

    /** As it lies in the file, without what stands before the ciphertext. */
    function sealedValue(path: string, key: string): Buffer {
      const db = new DatabaseSync(path, { readOnly: true })
      const row = db.prepare('SELECT value FROM entry WHERE key = ?').get(key)
      db.close()
      return Buffer.from(row?.['value'] as Uint8Array).subarray(24)
    }

    it.each([
      ['deleted', null],
      ['replaced', bytes(1)],
    ])('within a minute, from the journal as well: %s', async (_, value) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      onTestFinished(() => void vi.useRealTimers())
      const path = newPath()
      const store = openStore(path)
      const listener = vi.fn<() => void>()
      store.onForeignChange(listener)
      await store.write([put('a', secret)])
      const sealed = sealedValue(path, 'a')
      expect(placesOf(path, sealed)).toContain('-wal')
      vi.advanceTimersByTime(MINUTE / 2)
      await store.write([{ table: 't', key: 'a', value }])
      vi.advanceTimersByTime(MINUTE)
      expect(placesOf(path, sealed)).toEqual([])
      await store.write([put('b', secret)])
      expect(listener).not.toHaveBeenCalled()
    })

    it('as soon as nobody else reads any more', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      onTestFinished(() => void vi.useRealTimers())
      const path = newPath()
      const store = openStore(path)
      await store.write([put('a', secret)])
      const sealed = sealedValue(path, 'a')
      const other = new DatabaseSync(path)
      other.exec('BEGIN; SELECT * FROM entry')
      await store.write([put('a', bytes(1))])
      vi.advanceTimersByTime(MINUTE)
      expect(placesOf(path, sealed)).not.toEqual([])
      other.exec('COMMIT')
      vi.advanceTimersByTime(MINUTE)
      expect(placesOf(path, sealed)).toEqual([])
      other.close()
    })

    it('at once when it is closed, although another process goes on', async () => {
      const path = newPath()
      const [store, other] = [openStore(path), openStore(path)]
      await store.write([put('a', secret)])
      const sealed = sealedValue(path, 'a')
      await store.write([put('a', bytes(1))])
      await store.close()
      expect(placesOf(path, sealed)).toEqual([])
      expect(await other.get('t', 'a')).toEqual(bytes(1))
    })
  })

  it('encrypts the same value to different bytes each time', async () => {
    const path = newPath()
    await (async () => {
      const store = openStore(path)
      await store.write([put('a', new Uint8Array(32)), put('b', new Uint8Array(32))])
      await store.close()
    })()
    const db = new DatabaseSync(path)
    const values = db.prepare('SELECT value FROM entry').all()
    db.close()
    expect(values).toHaveLength(2)
    expect(values[0]!['value']).not.toEqual(values[1]!['value'])
  })

  it('overwrites what is deleted', async () => {
    const path = newPath()
    await fillStore(path)
    const db = new DatabaseSync(path)
    const row = db.prepare('SELECT value FROM entry WHERE key = ?').get('key39')
    db.close()
    const sealed = Buffer.from(row!['value'] as Uint8Array).toString('latin1')
    expect(fs.readFileSync(path, 'latin1')).toContain(sealed)
    const store = openStore(path)
    await store.write([{ table: 't', key: 'key39', value: null }])
    await store.close()
    expect(fs.readFileSync(path, 'latin1')).not.toContain(sealed)
  })
})

describe('sqliteStore: group commit', () => {
  /** Commits so far, as another connection counts them. */
  function commitCounter(path: string): () => number {
    const db = new DatabaseSync(path)
    const read = (): number => Number(db.prepare('PRAGMA data_version').get()!['data_version'])
    const first = read()
    return () => read() - first
  }

  it('commits writes of one turn together, and a refused one alone', async () => {
    const path = newPath()
    const store = openStore(path)
    await store.write([put('a', bytes(0))])
    const walBytes = fs.statSync(`${path}-wal`).size
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        store.write([
          { ...put('a', bytes(i)), ...(i === 25 && { expect: null }) },
          put(`k${i}`, bytes(i)),
        ]),
      ),
    )
    const grown = fs.statSync(`${path}-wal`).size - walBytes
    expect(results.filter((isWritten) => !isWritten)).toHaveLength(1)
    expect(results[25]).toBe(false)
    expect(await store.get('t', 'k25')).toBeUndefined()
    expect(await store.get('t', 'k49')).toEqual(bytes(49))
    expect(grown).toBeLessThan(10 * 4120) // 50 commits would be 50 frames at least
  })

  it('is not seen in part by others', async () => {
    const path = newPath()
    const store = openStore(path)
    const commits = commitCounter(path)
    const written = store.write([put('a', bytes(1)), put('b', bytes(1))])
    expect(commits()).toBe(0)
    await written
    expect(commits()).toBe(1)
  })
})

describe('sqliteStore: several handles', () => {
  it('waits for another process, and tells when it waited too long', async () => {
    const path = newPath()
    const store = openStore(path, { busyTimeoutMs: 50 })
    await store.write([put('a', bytes(1))])
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    await expect(store.write([put('a', bytes(2))])).rejects.toMatchObject({
      code: 'ERR_STORE_BUSY',
    })
    expect(await store.get('t', 'a')).toEqual(bytes(1))
    const patient = openStore(path, { busyTimeoutMs: 10_000 })
    const written = patient.write([put('a', bytes(3))])
    await pause(50)
    other.exec('ROLLBACK')
    other.close()
    expect(await written).toBe(true)
  })

  it('serves the event loop while it waits', async () => {
    const path = newPath()
    const store = openStore(path, { busyTimeoutMs: 20_000 })
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const written = store.write([put('a', bytes(2))])
    for (let turns = 0; turns < 5; turns++) await pause(20) // none comes if the thread sleeps
    other.exec('ROLLBACK')
    other.close()
    expect(await written).toBe(true)
  })

  it('cannot be opened while another process keeps it to itself', async () => {
    const path = newPath()
    await fillStore(path)
    const other = new DatabaseSync(path)
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; PRAGMA user_version = 1; COMMIT')
    try {
      expect(() => openStore(path, { busyTimeoutMs: 20 })).toThrow(
        expect.objectContaining({ code: 'ERR_STORE_BUSY' }),
      )
    } finally {
      other.close()
    }
  })
})

describe('sqliteStore: listening', () => {
  it('asks only while somebody listens', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const store = openStore(newPath())
    expect(vi.getTimerCount()).toBe(0)
    const removes = [store.onForeignChange(() => {}), store.onForeignChange(() => {})]
    expect(vi.getTimerCount()).toBe(1)
    for (const remove of removes) remove()
    expect(vi.getTimerCount()).toBe(0)
    store.onForeignChange(() => {})
    await store.close()
    expect(vi.getTimerCount()).toBe(0)
    expect(() => store.onForeignChange(() => {})).toThrow(/closed/)
  })
})

describe('BusyRetry', () => {
  it('tries again only what met another process', async () => {
    const attempt = vi.fn<() => void>(() => {
      throw new TypeError('a bug')
    })
    await expect(new BusyRetry(1000).run(attempt)).rejects.toThrow('a bug')
    expect(attempt).toHaveBeenCalledOnce()
  })
})

describe('sqliteStore: no room', () => {
  it('refuses what does not fit, with nothing changed, and serves on', async () => {
    const path = newPath()
    const store = openStore(path, { maxPages: 20 })
    await store.write([put('a', bytes(1)), put('ballast', new Uint8Array(40_000))])
    const tooMuch = store.write([put('a', bytes(2)), put('b', new Uint8Array(80_000))])
    const small = store.write([put('c', bytes(3))]) // of the same group
    await expect(tooMuch).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    expect(await small).toBe(true)
    expect(await store.get('t', 'a')).toEqual(bytes(1))
    await store.write([{ table: 't', key: 'ballast', value: null }])
    expect(await store.write([put('b', new Uint8Array(30_000))])).toBe(true)
    await store.verify()
  })
})

describe('sqliteStore: options', () => {
  it.each([{ busyTimeoutMs: -1 }, { pollMs: 0 }, { checkBytes: 0.5 }, { maxPages: 0 }])(
    'refuses %o as the bug of a caller',
    (options) => {
      const path = newPath()
      expect(() => sqliteStore(path, { key: keyOf(1), ...options })).toThrow(RangeError)
      expect(fs.existsSync(path)).toBe(false)
    },
  )
})
