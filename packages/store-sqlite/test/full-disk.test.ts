// SPDX-License-Identifier: Apache-2.0
/** A disk without room, as far as it can be mounted; `sqlite-store.test.ts` limits the pages instead. */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { mountSmallDisk, type SmallDisk } from '@waxwing/testkit'
import { bytes, keyOf, openStore, put, temporaryFolder } from './fixture.js'

const FULL = { code: 'ERR_STORE_FULL' }

function smallDisk(context: TestContext): { disk: SmallDisk; folder: string } {
  const folder = join(temporaryFolder(), 'disk')
  const disk = mountSmallDisk(folder, 2)
  if (disk === undefined) return context.skip('this user cannot mount a disk')
  onTestFinished(() => disk.close())
  return { disk, folder }
}

describe('sqliteStore: a full disk', () => {
  it('refuses each write as such, reads on, and writes again when there is room', async (context) => {
    const { disk, folder } = smallDisk(context)
    const path = join(folder, 'a.db')
    const store = openStore(path)
    await store.write([put('a', bytes(1))])
    disk.fill()
    for (let i = 0; i < 3; i++) {
      await expect(store.write([put('a', new Uint8Array(9000))])).rejects.toMatchObject(FULL)
    }
    await expect(store.rekey(keyOf(2))).rejects.toMatchObject(FULL)
    await expect(store.backup(join(folder, 'b.db'))).rejects.toMatchObject(FULL)
    expect(fs.existsSync(join(folder, 'b.db'))).toBe(false)
    expect(await store.get('t', 'a')).toEqual(bytes(1))
    disk.free()
    expect(await store.write([put('a', bytes(2))])).toBe(true)
    await store.verify()
    await store.close()
    expect(await openStore(path).get('t', 'a')).toEqual(bytes(2))
  })

  it('refuses to make a store there, and leaves nothing of it', (context) => {
    const { disk, folder } = smallDisk(context)
    disk.fill()
    expect(() => openStore(join(folder, 'a.db'))).toThrow(expect.objectContaining(FULL))
    expect(fs.readdirSync(folder)).toEqual(['ballast'])
  })

  it('refuses to open what its process left there, also what a crash left, and loses nothing', async (context) => {
    const { disk, folder } = smallDisk(context)
    const path = join(folder, 'a.db')
    const crashed = join(folder, 'crashed.db')
    const store = openStore(path)
    await store.write([put('a', bytes(1))])
    for (const suffix of ['', '-wal']) fs.copyFileSync(path + suffix, crashed + suffix)
    await store.close()
    disk.fill()
    for (const left of [path, crashed]) {
      expect(() => openStore(left)).toThrow(expect.objectContaining(FULL))
    }
    disk.free()
    for (const left of [path, crashed])
      expect(await openStore(left).get('t', 'a')).toEqual(bytes(1))
  })
})
