// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { openDatabase } from '../src/database.js'
import { MIGRATIONS, readPragma } from '../src/schema.js'
import type { Migration } from '../src/schema.js'
import { readKeySource } from '../src/store-key.js'
import { bytes, digests, fillStore, keyOf, newPath, openStore } from './fixture.js'

/** A store as version 1 of the file left it: written once, kept as it is. */
const VERSION_1 = new URL('fixtures/version-1.db', import.meta.url)

function openWith(path: string, migrations: readonly Migration[]): DatabaseSync {
  const material = readKeySource(keyOf(1))
  const limits = { create: false, checkBytes: 2 ** 26, busyTimeoutMs: 1000 }
  const { db } = openDatabase(path, { material, migrations, ...limits })
  return db
}

describe('schema migrations', () => {
  it('open the file of version 1 that was kept, with everything in it', async () => {
    const path = newPath()
    fs.copyFileSync(VERSION_1, path)
    const store = openStore(path)
    expect(await store.scan('t')).toEqual([
      { key: 'key0', value: bytes() },
      { key: 'key1', value: new Uint8Array(20).fill(1) },
      { key: 'key2', value: new Uint8Array(40).fill(2) },
    ])
  })

  it('bring an older file forward step by step, keeping its entries', async () => {
    const path = newPath()
    fs.copyFileSync(VERSION_1, path)
    const steps: Migration[] = [
      (db) => db.exec('ALTER TABLE entry ADD COLUMN size INTEGER'),
      (db) => db.exec('UPDATE entry SET size = length(value)'),
    ]
    const db = openWith(path, [...MIGRATIONS, ...steps])
    expect(readPragma(db, 'user_version')).toBe(MIGRATIONS.length + 2)
    expect(db.prepare('SELECT size FROM entry ORDER BY key').all()).toMatchObject([
      { size: 40 },
      { size: 60 },
      { size: 80 },
    ])
    db.close()
    expect(() => openStore(path)).toThrow(expect.objectContaining({ code: 'ERR_STORE_NEWER' }))
  })

  it('leave the version before a step that fails, and that version opens', async () => {
    const path = newPath()
    const entries = await fillStore(path)
    const before = digests(path)
    const failing: Migration = (db) => {
      db.exec('DELETE FROM entry')
      throw new Error('step failed')
    }
    expect(() => openWith(path, [...MIGRATIONS, failing])).toThrow('step failed')
    expect(digests(path)).toEqual(before)
    expect(await openStore(path).scan('t')).toHaveLength(entries.size)
  })

  it('run once where two handles open at the same time', () => {
    const path = newPath()
    fs.copyFileSync(VERSION_1, path)
    let runs = 0
    const step: Migration = () => void runs++
    const handles = [openWith(path, [...MIGRATIONS, step]), openWith(path, [...MIGRATIONS, step])]
    for (const db of handles) db.close()
    expect(runs).toBe(1)
  })
})
