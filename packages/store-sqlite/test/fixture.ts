// SPDX-License-Identifier: Apache-2.0
/** What the tests of the store share. */

import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { sqliteStore } from '@waxwing/store-sqlite'
import type { SqliteStore, SqliteStoreOptions, StoreKeySource } from '@waxwing/store-sqlite'
import type { Change } from '@waxwing/core'

/** A key of 32 equal bytes. */
export const keyOf = (value: number): StoreKeySource => ({
  keyBytes: new Uint8Array(32).fill(value),
})

/** Too cheap for anything but tests. */
export const CHEAP = { passCount: 1, memoryBytes: 8192 }

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

export const put = (key: string, value: Uint8Array): Change => ({ table: 't', key, value })

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(join(tmpdir(), 'waxwing-store-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A path at which there is no store yet. */
export const newPath = (): string => join(temporaryFolder(), 'a.db')

/** Opens a store that is closed after the test. */
export function openStore(path: string, options: Partial<SqliteStoreOptions> = {}): SqliteStore {
  const store = sqliteStore(path, { key: keyOf(1), pollMs: 10, ...options })
  onTestFinished(() => store.close())
  return store
}

/** Makes a store with some entries and closes it. Returns the entries. */
export async function fillStore(path: string, count = 40): Promise<Map<string, Uint8Array>> {
  const store = openStore(path)
  const entries = new Map<string, Uint8Array>()
  for (let i = 0; i < count; i++) entries.set(`key${i}`, new Uint8Array(i * 20).fill(i))
  await store.write([...entries].map(([key, value]) => put(key, value)))
  await store.close()
  return entries
}

/** The digests of a database's files, so that a test can say that nothing changed. */
export function digests(path: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const suffix of ['', '-wal', '-journal']) {
    if (!fs.existsSync(path + suffix) || fs.statSync(path + suffix).size === 0) continue
    found[suffix] = createHash('sha256')
      .update(fs.readFileSync(path + suffix))
      .digest('hex')
  }
  return found
}
