// SPDX-License-Identifier: Apache-2.0
/**
 * Damaged files of a durable store: cut short or changed anywhere, the file itself or its journal, and
 * opened and used. Either it is refused by a documented error, or every value that it gives is one
 * that was written there.
 *
 * @module
 */

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '@waxwing/client/testing'
import { toHex, WaxwingError, type ErrorCode } from '@waxwing/core'
import { sqliteStore, type SqliteStore } from '@waxwing/store-sqlite'
import { ByteChanges } from '../mutator.ts'

export interface StoreFilesReport {
  readonly rounds: number
  /** How the rounds ended: by which code, or `fine`. */
  readonly ends: Readonly<Record<string, number>>
  readonly problems: readonly string[]
}

const KEY_BYTES = new Uint8Array(32).fill(1)
const TABLE = 'table'
const ENTRIES = 120
const DOCUMENTED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_STORE_FOREIGN',
  'ERR_STORE_NEWER',
  'ERR_STORE_KEY',
  'ERR_STORE_CORRUPT',
  'ERR_STORE_FULL',
])
/** The first page, on which the others hang, is changed more often than its size says. */
const PAGE_BYTES = 4_096

export async function runStoreFiles(rounds: number, seed: number): Promise<StoreFilesReport> {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-files-'))
  try {
    const written = await writeStore(join(folder, 'right'))
    const files = [bytesAt(join(folder, 'copy')), bytesAt(join(folder, 'copy-wal'))] as const
    const changes = new ByteChanges(seededRandom(seed))
    const ends: Record<string, number> = {}
    const problems: string[] = []
    for (let round = 0; round < rounds; round++) {
      const path = join(folder, `${round}`)
      writeDamaged(path, files, changes)
      const { end, problem } = await endOf(path, written, changes.below(2) === 0)
      ends[end] = (ends[end] ?? 0) + 1
      if (problem !== undefined) problems.push(`seed ${seed}, ${round}: ${problem}`)
      for (const suffix of SUFFIXES) rmSync(path + suffix, { force: true })
    }
    return { rounds, ends, problems }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const SUFFIXES = ['', '-wal', '-shm'] as const

function open(path: string, checkBytes = 2 ** 26): SqliteStore {
  return sqliteStore(path, { key: { keyBytes: KEY_BYTES }, checkBytes, pollMs: 60_000 })
}

/** Leaves `copy` with its journal beside a store: half of the entries are in each. */
async function writeStore(path: string): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const written = new Map<string, Set<string>>()
  const fill = async (store: SqliteStore, of: number): Promise<void> => {
    for (let i = 0; i < ENTRIES; i++) {
      const value = new Uint8Array(10 + 7 * i).fill(i + of)
      const key = `key${i % (ENTRIES - 10 * of)}`
      written.set(key, (written.get(key) ?? new Set()).add(toHex(value)))
      await store.write([{ table: TABLE, key, value }])
    }
  }
  const first = open(path)
  await fill(first, 0)
  await first.close()
  const second = open(path)
  await fill(second, 1)
  for (const suffix of ['', '-wal']) copyFileSync(path + suffix, join(path, '..', `copy${suffix}`))
  await second.close()
  return written
}

/** Not a `Buffer`, whose slices are views. */
function bytesAt(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path))
}

function writeDamaged(
  path: string,
  [main, journal]: readonly [Uint8Array, Uint8Array],
  changes: ByteChanges,
): void {
  const kind = changes.below(4)
  const isHead = kind === 0
  const head = main.subarray(0, PAGE_BYTES)
  const damaged = isHead
    ? Buffer.concat([replacedIn(head, changes), main.subarray(PAGE_BYTES)])
    : kind < 3
      ? changedFile(main, changes)
      : main
  writeFileSync(path, damaged)
  if (kind === 3) writeFileSync(`${path}-wal`, changedFile(journal, changes))
  else if (changes.below(2) === 0) writeFileSync(`${path}-wal`, journal)
}

function changedFile(bytes: Uint8Array, changes: ByteChanges): Uint8Array {
  return changes.below(3) === 0 ? changes.changed(bytes, () => bytes) : replacedIn(bytes, changes)
}

/** Changes up to four short runs of bytes. */
function replacedIn(bytes: Uint8Array, changes: ByteChanges): Uint8Array {
  const copy = bytes.slice()
  for (let left = 1 + changes.below(4); left > 0; left--) {
    const at = changes.below(copy.length)
    for (let i = at; i < Math.min(copy.length, at + 1 + changes.below(8)); i++) {
      copy[i] = changes.below(256)
    }
  }
  return copy
}

async function endOf(
  path: string,
  written: ReadonlyMap<string, ReadonlySet<string>>,
  isChecked: boolean,
): Promise<{ end: string; problem?: string }> {
  let store: SqliteStore | undefined
  try {
    store = open(path, isChecked ? undefined : 0)
    for (const { key, value } of await store.scan(TABLE)) {
      const isRight = written.get(key)?.has(toHex(value)) === true
      if (!isRight) return { end: 'wrong', problem: `${key} is ${toHex(value)}` }
    }
    await store.write([{ table: TABLE, key: 'new', value: KEY_BYTES }])
    await store.verify()
    return { end: 'fine' }
  } catch (error) {
    const code = error instanceof WaxwingError ? error.code : String(error)
    const isDocumented = error instanceof WaxwingError && DOCUMENTED.has(error.code)
    const text = error instanceof Error ? `${error.stack} ${JSON.stringify(error)}` : String(error)
    return isDocumented ? { end: code } : { end: code, problem: text }
  } finally {
    await store?.close().catch(() => undefined)
  }
}
