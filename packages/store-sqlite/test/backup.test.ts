// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { restoreBackup } from '@waxwing/store-sqlite'
import {
  bytes,
  digests,
  fillStore,
  keyOf,
  newPath,
  openStore,
  put,
  temporaryFolder,
} from './fixture.js'

describe('backup', () => {
  it('is a whole store of its moment, for its owner only', async () => {
    const path = newPath()
    const entries = await fillStore(path)
    const store = openStore(path)
    await store.write([put('recent', bytes(1))]) // still in the journal
    const copy = newPath()
    await store.backup(copy)
    await store.write([put('later', bytes(1))])
    expect(fs.statSync(copy).mode & 0o777).toBe(0o600)
    expect(fs.readdirSync(join(copy, '..'))).toEqual(['a.db'])
    const opened = openStore(copy)
    await opened.verify()
    expect(await opened.scan('t')).toHaveLength(entries.size + 1)
    expect(await opened.get('t', 'recent')).toEqual(bytes(1))
  })

  it('is of the moment at which it was asked for, although writes go on', async () => {
    const store = openStore(newPath())
    const ballast = Array.from({ length: 60 }, (_, i) => put(`z${i}`, new Uint8Array(60_000)))
    await store.write([...ballast, put('a', bytes(0)), put('z', bytes(0))])
    const copy = newPath()
    const copying = { isDone: false }
    const copied = store.backup(copy).finally(() => (copying.isDone = true))
    for (let rounds = 1; !copying.isDone; rounds++) {
      await store.write([put('a', bytes(rounds)), put('z', bytes(rounds))])
    }
    await copied
    const opened = openStore(copy)
    expect(await opened.get('t', 'a')).toEqual(bytes(0))
    expect(await opened.get('t', 'z')).toEqual(bytes(0))
  })

  it('overwrites nothing and leaves nothing half done', async () => {
    const path = newPath()
    await fillStore(path)
    const store = openStore(path)
    const folder = temporaryFolder()
    fs.writeFileSync(join(folder, 'mine'), 'mine')
    await expect(store.backup(join(folder, 'mine'))).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(store.backup(join(folder, 'none', 'a.db'))).rejects.toMatchObject({
      code: 'ENOENT',
    })
    expect(fs.readdirSync(folder)).toEqual(['mine'])
    expect(fs.readFileSync(join(folder, 'mine'), 'utf8')).toBe('mine')
  })

  it('is refused of a damaged store instead of being believed', async () => {
    const path = newPath()
    await fillStore(path)
    const content = fs.readFileSync(path)
    content[content.length - 20]! ^= 1
    fs.writeFileSync(path, content)
    const store = openStore(path, { checkBytes: 0 })
    const copy = newPath()
    await expect(store.backup(copy)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    expect(fs.existsSync(copy)).toBe(false)
  })

  it('keeps the key it was made with when the store gets another meanwhile', async () => {
    const path = newPath()
    await fillStore(path)
    const store = openStore(path)
    const copy = newPath()
    await Promise.all([store.backup(copy), store.rekey(keyOf(2))])
    expect(await openStore(copy).scan('t')).toHaveLength(40)
    expect(await openStore(path, { key: keyOf(2) }).scan('t')).toHaveLength(40)
  })
})

describe('restoreBackup', () => {
  it('puts the backup where nothing is, and leaves the backup as it is', async () => {
    const path = newPath()
    const entries = await fillStore(path)
    const before = digests(path)
    const target = newPath()
    await restoreBackup(path, target, { key: keyOf(1) })
    expect(digests(path)).toEqual(before)
    expect(fs.readdirSync(join(path, '..'))).toEqual(['a.db'])
    expect(fs.statSync(target).mode & 0o777).toBe(0o600)
    const store = openStore(target)
    expect(await store.scan('t')).toHaveLength(entries.size)
  })

  it('takes a copy that has its journal beside it', async () => {
    const path = newPath()
    const store = openStore(path)
    await store.write([put('a', bytes(1))])
    const crashed = newPath()
    for (const suffix of ['', '-wal']) fs.copyFileSync(path + suffix, crashed + suffix)
    const target = newPath()
    await restoreBackup(crashed, target)
    expect(await openStore(target).get('t', 'a')).toEqual(bytes(1))
  })

  it('overwrites no store, and joins no journal of a lost one', async () => {
    const path = newPath()
    await fillStore(path)
    const target = newPath()
    await fillStore(target, 1)
    const before = digests(target)
    await expect(restoreBackup(path, target)).rejects.toMatchObject({ code: 'EEXIST' })
    expect(digests(target)).toEqual(before)
    const lost = newPath()
    fs.writeFileSync(`${lost}-wal`, 'frames')
    await expect(restoreBackup(path, lost)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    expect(fs.existsSync(lost)).toBe(false)
  })

  it('refuses what is not a good backup, each with its code', async () => {
    const path = newPath()
    await fillStore(path)
    const target = newPath()
    const restore = (key?: number): Promise<void> =>
      restoreBackup(path, target, key === undefined ? {} : { key: keyOf(key) })
    await expect(restore(2)).rejects.toMatchObject({ code: 'ERR_STORE_KEY' })
    const content = fs.readFileSync(path)
    const damaged = Buffer.from(content)
    damaged[content.length - 20]! ^= 1
    fs.writeFileSync(path, damaged)
    await expect(restore(1)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    fs.writeFileSync(path, content.subarray(0, 8192))
    await expect(restore()).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    fs.writeFileSync(path, 'something else')
    await expect(restore()).rejects.toMatchObject({ code: 'ERR_STORE_FOREIGN' })
    fs.rmSync(path)
    await expect(restore()).rejects.toMatchObject({ code: 'ENOENT' })
    expect(fs.readdirSync(join(target, '..'))).toEqual([])
  })
})
