// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '@waxwing/client/testing'
import type { Store } from '@waxwing/core'
import { bytes, digests, fillStore, keyOf, newPath, openStore, put } from './fixture.js'

/** Expects the file to be refused with this code, and to stay as it was. */
function expectRefusal(path: string, code: string, key = keyOf(1)): void {
  const before = digests(path)
  expect(() => openStore(path, { key })).toThrow(expect.objectContaining({ code }))
  expect(digests(path)).toEqual(before)
}

function change(path: string, edit: (content: Uint8Array) => Uint8Array | void): void {
  const content = new Uint8Array(fs.readFileSync(path))
  fs.writeFileSync(path, edit(content) ?? content)
}

function runSql(path: string, sql: string): void {
  const db = new DatabaseSync(path)
  db.exec(sql)
  db.close()
}

async function readAll(store: Store): Promise<Map<string, Uint8Array>> {
  return new Map((await store.scan('t')).map(({ key, value }) => [key, value]))
}

describe('sqliteStore: refusals, each with its own code and the file untouched', () => {
  it('refuses files that are no databases, the empty one included', () => {
    for (const content of ['', 'x', 'not a database at all\n'.repeat(500)]) {
      const path = newPath()
      fs.writeFileSync(path, content)
      expectRefusal(path, 'ERR_STORE_FOREIGN')
    }
  })

  it('refuses databases of other applications', () => {
    const path = newPath()
    runSql(path, 'CREATE TABLE t (a); INSERT INTO t VALUES (1)')
    expectRefusal(path, 'ERR_STORE_FOREIGN')
    runSql(path, 'PRAGMA journal_mode = WAL; PRAGMA application_id = 7')
    expectRefusal(path, 'ERR_STORE_FOREIGN')
  })

  it('refuses stores of newer software', async () => {
    const path = newPath()
    await fillStore(path)
    runSql(path, 'PRAGMA user_version = 99')
    expectRefusal(path, 'ERR_STORE_NEWER')
  })

  it('refuses the wrong key', async () => {
    const path = newPath()
    await fillStore(path)
    expectRefusal(path, 'ERR_STORE_KEY', keyOf(2))
    expectRefusal(path, 'ERR_STORE_KEY', { passphrase: 'wrong kind' })
  })

  it.each([
    ['a table more', 'CREATE TABLE more (a)'],
    ['a trigger', 'CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END'],
    ['a view', 'CREATE VIEW v AS SELECT 1'],
    ['a table less', 'DROP TABLE entry'],
    ['no version', 'PRAGMA user_version = 0'],
    ['no key record', 'DELETE FROM key_record'],
    ['a changed salt', "UPDATE key_record SET salt = x'00'"],
    ['an expensive key record', "UPDATE key_record SET kdf = 'argon2id', pass_count = 1000"],
    ['a value under another key', "UPDATE entry SET key = 'other' WHERE key = 'key7'"],
    ['a value in another table', "UPDATE entry SET tbl = 'u' WHERE key = 'key7'"],
    ['a shortened value', 'UPDATE entry SET value = substr(value, 1, 39)'],
    ['an emptied value', "UPDATE entry SET value = x''"],
  ])('refuses a file with %s as damaged', async (_, sql) => {
    const path = newPath()
    await fillStore(path)
    runSql(path, sql)
    expectRefusal(path, 'ERR_STORE_CORRUPT')
  })

  it('refuses a file whose values are all there and whose structure is damaged', async () => {
    const path = newPath()
    await fillStore(path)
    change(path, (content) => {
      content.set([0, 0, 0, 5], 36)
    }) // pages in the free list
    expectRefusal(path, 'ERR_STORE_CORRUPT')
  })

  it('refuses a file whose table has another column, before its values are read, too', async () => {
    const path = newPath()
    await fillStore(path)
    change(path, (content) => {
      const at = Buffer.from(content.buffer).indexOf('value BLOB')
      content.set(Buffer.from('valve BLOB'), at)
    })
    const unchecked = { checkBytes: 0 }
    expect(() => openStore(path, unchecked)).toThrow(
      expect.objectContaining({ code: 'ERR_STORE_CORRUPT' }),
    )
    expectRefusal(path, 'ERR_STORE_CORRUPT')
  })

  it('refuses truncated files', async () => {
    const path = newPath()
    await fillStore(path)
    const whole = fs.readFileSync(path)
    // Zeros that are missing at the end are read as zeros: such a file is whole.
    const lastByte = whole.findLastIndex((byte) => byte !== 0)
    for (const length of [lastByte, whole.length - 4096, 4096, 5000]) {
      fs.writeFileSync(path, whole.subarray(0, length))
      expectRefusal(path, 'ERR_STORE_CORRUPT')
    }
  })

  it('leaves the journal of what it refuses as it is', async () => {
    const path = newPath()
    const store = openStore(path)
    await store.write([put('a', bytes(1))])
    const crashed = newPath()
    for (const suffix of ['', '-wal']) fs.copyFileSync(path + suffix, crashed + suffix)
    expect(Object.keys(digests(crashed))).toEqual(['', '-wal'])
    expectRefusal(crashed, 'ERR_STORE_KEY', keyOf(2))
    expect(await openStore(crashed).get('t', 'a')).toEqual(bytes(1))
  })

  it('does not begin a new store beside the journal of a lost one', async () => {
    const path = newPath()
    fs.writeFileSync(`${path}-wal`, 'frames')
    expectRefusal(path, 'ERR_STORE_CORRUPT')
    expect(fs.existsSync(path)).toBe(false)
  })

  it('never gives wrong data after a flipped bit: it refuses, or the bit did not matter', async () => {
    const path = newPath()
    const entries = await fillStore(path)
    const whole = new Uint8Array(fs.readFileSync(path))
    const codes = ['ERR_STORE_CORRUPT', 'ERR_STORE_FOREIGN', 'ERR_STORE_NEWER']
    const random = seededRandom(4)
    const counts = { refused: 0, harmless: 0 }
    for (let i = 0; i < 150; i++) {
      // The first page has most of what is not covered by the authentication of values.
      const offset = Math.floor(random() * (i % 2 ? whole.length : 4096))
      change(path, () => flip(whole, offset, Math.floor(random() * 8)))
      const before = digests(path)
      try {
        const store = openStore(path)
        expect([offset, await readAll(store)]).toEqual([offset, entries])
        await store.close()
        counts.harmless++
      } catch (error) {
        expect(codes).toContain((error as { code?: unknown }).code)
        expect(digests(path)).toEqual(before)
        counts.refused++
      }
    }
    expect(counts.refused).toBeGreaterThan(20)
  })

  it('finds a damaged value of a big file when it is read, and when all is verified', async () => {
    const path = newPath()
    await fillStore(path)
    runSql(path, "UPDATE entry SET value = zeroblob(length(value)) WHERE key = 'key30'")
    const store = openStore(path, { checkBytes: 0 })
    const damaged = { code: 'ERR_STORE_CORRUPT' }
    expect(await store.get('t', 'key1')).toHaveLength(20)
    await expect(store.get('t', 'key30')).rejects.toMatchObject(damaged)
    await expect(store.scan('t')).rejects.toMatchObject(damaged)
    await expect(store.verify()).rejects.toMatchObject(damaged)
    const guarded = { ...put('key30', bytes(1)), expect: bytes(2) }
    const [bad, good] = await Promise.allSettled([
      store.write([guarded]),
      store.write([put('new', bytes(1))]),
    ])
    expect(bad).toMatchObject({ status: 'rejected', reason: damaged })
    expect(good).toMatchObject({ status: 'fulfilled', value: true })
  })
})

function flip(whole: Uint8Array, offset: number, bit: number): Uint8Array {
  const changed = whole.slice()
  changed[offset]! ^= 1 << bit
  return changed
}
