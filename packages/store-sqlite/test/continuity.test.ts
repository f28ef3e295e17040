// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { restoreBackup, sqliteStore, type SqliteStore } from '@waxwing/store-sqlite'
import { bytes, keyOf, newPath, openStore, put, temporaryFolder } from './fixture.js'

const life = (store: SqliteStore): Promise<Uint8Array> => store.continuity.life()

/** A store in which something was written that it must not lose. */
async function madeStore(path: string): Promise<Uint8Array> {
  const store = sqliteStore(path, { key: keyOf(1) })
  const first = await life(store)
  expect(await store.continuity.write(first, [put('a', bytes(1))])).toBe(true)
  await store.close()
  return first
}

async function writeMore(path: string, count = 1): Promise<void> {
  const store = sqliteStore(path, { key: keyOf(1) })
  for (let i = 0; i < count; i++) {
    expect(await store.continuity.write(await life(store), [put('a', bytes(2 + i))])).toBe(true)
  }
  await store.close()
}

/** All files of a store, as they are now. What is written from them has a later time. */
function filesOf(path: string): ReadonlyMap<string, Buffer> {
  const folder = join(path, '..')
  untilFilesHaveAnotherTime()
  return new Map(fs.readdirSync(folder).map((name) => [name, fs.readFileSync(join(folder, name))]))
}

/** The clock of a file system ticks every few milliseconds: nobody copies a store as fast as a test. */
function untilFilesHaveAnotherTime(): void {
  const probe = join(temporaryFolder(), 'probe')
  const timeOfFile = (): bigint => {
    fs.writeFileSync(probe, 'x')
    return fs.statSync(probe, { bigint: true }).ctimeNs
  }
  const before = timeOfFile()
  while (timeOfFile() === before);
}

describe('the life of a store', () => {
  it('goes on over restarts and ordinary writes', async () => {
    const path = newPath()
    const first = await madeStore(path)
    const store = openStore(path)
    await store.write([put('b', bytes(1))])
    expect(await life(store)).toEqual(first)
    await store.close()
    await writeMore(path, 3)
    expect(await life(openStore(path))).toEqual(first)
  })

  it('leaves no file beside a store that nobody asks for it', async () => {
    const path = newPath()
    const store = openStore(path)
    await store.write([put('a', bytes(1))])
    expect(fs.existsSync(`${path}-mark`)).toBe(false)
    await life(store)
    expect(fs.statSync(`${path}-mark`).mode & 0o777).toBe(0o600)
  })

  it('is another one where a backup was restored, although the mark is still there', async () => {
    const path = newPath()
    const first = await madeStore(path)
    const store = openStore(path)
    const backup = join(temporaryFolder(), 'backup.db')
    await store.backup(backup)
    await store.close()
    await writeMore(path)
    fs.rmSync(path)
    await restoreBackup(backup, path, { key: keyOf(1) })
    const restored = openStore(path)
    const second = await life(restored)
    expect(second).not.toEqual(first)
    expect(await restored.continuity.write(first, [put('a', bytes(9))])).toBe(false)
    expect(await restored.get('t', 'a')).toEqual(bytes(1))
    expect(await life(restored)).toEqual(second)
  })

  it('goes on where a backup was restored after which nothing was written', async () => {
    const path = newPath()
    const first = await madeStore(path)
    const store = openStore(path)
    const backup = join(temporaryFolder(), 'backup.db')
    await store.backup(backup)
    await store.close()
    fs.rmSync(path)
    await restoreBackup(backup, path, { key: keyOf(1) })
    expect(await life(openStore(path))).toEqual(first)
  })

  it('is another one in a backup that is used somewhere else, and for the original the same', async () => {
    const path = newPath()
    const first = await madeStore(path)
    const store = openStore(path)
    const copy = newPath()
    await store.backup(copy)
    expect(await life(openStore(copy))).not.toEqual(first)
    expect(await life(store)).toEqual(first)
  })

  it('is another one in a copy of all files, mark included', async () => {
    const path = newPath()
    const first = await madeStore(path)
    const folder = temporaryFolder()
    for (const [name, content] of filesOf(path)) fs.writeFileSync(join(folder, name), content)
    expect(await life(openStore(join(folder, 'a.db')))).not.toEqual(first)
  })

  it('is another one where all files were put back by copies', async () => {
    const path = newPath()
    const first = await madeStore(path)
    const before = filesOf(path)
    await writeMore(path)
    for (const [name, content] of before) {
      fs.rmSync(join(path, '..', name))
      fs.writeFileSync(join(path, '..', name), content)
    }
    expect(await life(openStore(path))).not.toEqual(first)
  })

  it('is another one where the content of all files was put back into them', async () => {
    const path = newPath()
    const first = await madeStore(path)
    const before = filesOf(path)
    await writeMore(path)
    for (const [name, content] of before) fs.writeFileSync(join(path, '..', name), content)
    expect(await life(openStore(path))).not.toEqual(first)
  })

  it('is another one where copies were put back with all the times that can be set', async () => {
    const path = newPath()
    const first = await madeStore(path)
    const folder = join(path, '..')
    const kept = temporaryFolder()
    fs.cpSync(folder, kept, { recursive: true, preserveTimestamps: true })
    untilFilesHaveAnotherTime()
    await writeMore(path)
    for (const name of fs.readdirSync(kept)) {
      const { atime, mtime } = fs.statSync(join(kept, name))
      fs.copyFileSync(join(kept, name), join(folder, name))
      fs.utimesSync(join(folder, name), atime, mtime)
    }
    expect(await life(openStore(path))).not.toEqual(first)
  })

  it('is another one where the database alone was put back, in place', async () => {
    const path = newPath()
    const first = await madeStore(path)
    const before = fs.readFileSync(path)
    untilFilesHaveAnotherTime()
    await writeMore(path)
    fs.writeFileSync(path, before)
    expect(await life(openStore(path))).not.toEqual(first)
  })

  it('is another one where the mark is missing, cut, damaged or of another store', async () => {
    const strange = newPath()
    await madeStore(strange)
    const foreign = fs.readFileSync(`${strange}-mark`)
    const damage: readonly ((mark: Buffer) => Buffer | undefined)[] = [
      () => undefined,
      () => Buffer.alloc(0),
      (mark) => mark.subarray(0, -1),
      (mark) => Buffer.concat([mark, mark]),
      (mark) => Buffer.from(mark.map((byte, i) => (i === 20 ? byte ^ 1 : byte))),
      (mark) => Buffer.alloc(mark.length, 0x30),
      () => foreign,
      () => Buffer.alloc(100_000, 0x41),
    ]
    for (const [i, damaged] of damage.entries()) {
      const path = newPath()
      const first = await madeStore(path)
      const content = damaged(fs.readFileSync(`${path}-mark`))
      if (content === undefined) fs.rmSync(`${path}-mark`)
      else fs.writeFileSync(`${path}-mark`, content)
      const store = openStore(path)
      const second = await life(store)
      expect(second, `damage ${i}`).not.toEqual(first)
      expect(await store.continuity.write(second, [put('a', bytes(3))])).toBe(true)
      expect(await life(store)).toEqual(second)
    }
  })

  it('is another one after a crash between the mark and the commit, and nothing is lost', async () => {
    const path = newPath()
    const first = await madeStore(path)
    const mark = fs.readFileSync(`${path}-mark`, 'latin1')
    const ahead = mark.replace('0000000000000001', '0000000000000002')
    expect(ahead).not.toBe(mark)
    fs.writeFileSync(`${path}-mark`, ahead)
    const store = openStore(path)
    expect(await life(store)).not.toEqual(first)
    expect(await store.get('t', 'a')).toEqual(bytes(1))
  })

  it('is not known to who asks while the mark cannot be written', async () => {
    const path = newPath()
    await madeStore(path)
    fs.rmSync(`${path}-mark`)
    fs.mkdirSync(`${path}-mark`)
    const store = openStore(path)
    await expect(life(store)).rejects.toThrow(/EISDIR/)
    fs.rmdirSync(`${path}-mark`)
    expect(await life(store)).toHaveLength(16)
  })
})
