// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WaxwingError } from '@waxwing/core'
import { createKeyFile } from '@waxwing/store-sqlite'
import type { StoreKeySource } from '@waxwing/store-sqlite'
import {
  CHEAP,
  bytes,
  fillStore,
  keyOf,
  newPath,
  openStore,
  put,
  temporaryFolder,
} from './fixture.js'

const refused = (message: RegExp): unknown =>
  expect.toSatisfy(
    (error: unknown) =>
      error instanceof WaxwingError &&
      error.code === 'ERR_STORE_KEY' &&
      message.test(error.message),
  )

async function expectOpens(path: string, key: StoreKeySource): Promise<void> {
  const first = openStore(path, { key })
  await first.write([put('a', bytes(1))])
  await first.close()
  expect(await openStore(path, { key }).get('t', 'a')).toEqual(bytes(1))
}

describe('store keys: a key file', () => {
  it('is made for its owner only and opens the store', async () => {
    const keyFile = join(temporaryFolder(), 'store.key')
    createKeyFile(keyFile)
    expect(fs.statSync(keyFile).mode & 0o777).toBe(0o600)
    expect(fs.readFileSync(keyFile, 'utf8')).toMatch(/^[\w-]{43}\n$/)
    await expectOpens(newPath(), { keyFile })
  })

  it('is never overwritten', () => {
    const keyFile = join(temporaryFolder(), 'store.key')
    createKeyFile(keyFile)
    const before = fs.readFileSync(keyFile, 'utf8')
    expect(() => createKeyFile(keyFile)).toThrow(/EEXIST/)
    expect(fs.readFileSync(keyFile, 'utf8')).toBe(before)
  })

  it.each([0o640, 0o604, 0o660, 0o601])('is refused with mode %o', (mode) => {
    const keyFile = join(temporaryFolder(), 'store.key')
    createKeyFile(keyFile)
    fs.chmodSync(keyFile, mode)
    const path = newPath()
    expect(() => openStore(path, { key: { keyFile } })).toThrow(refused(/chmod 600/))
    expect(fs.existsSync(path)).toBe(false)
  })

  it.each(['', 'AAAA', 'A'.repeat(44), 'Ä'.repeat(43), 'A'.repeat(5000)])(
    'is refused with the content %j',
    (content) => {
      const keyFile = join(temporaryFolder(), 'store.key')
      fs.writeFileSync(keyFile, content, { mode: 0o600 })
      expect(() => openStore(newPath(), { key: { keyFile } })).toThrow(refused(/key file/))
    },
  )

  it('is refused where it is missing or a folder', () => {
    const folder = temporaryFolder()
    expect(() => openStore(newPath(), { key: { keyFile: join(folder, 'none') } })).toThrow(
      refused(/cannot be read/),
    )
    expect(() => openStore(newPath(), { key: { keyFile: folder } })).toThrow(refused(/key file/))
  })
})

describe('store keys: the environment', () => {
  it('opens the store with the variable, and says what is wrong with it', async () => {
    onTestFinished(() => void vi.unstubAllEnvs())
    const key = { environmentVariable: 'WAXWING_TEST_STORE_KEY' }
    vi.stubEnv('WAXWING_TEST_STORE_KEY', 'A'.repeat(43))
    await expectOpens(newPath(), key)
    vi.stubEnv('WAXWING_TEST_STORE_KEY', 'short')
    expect(() => openStore(newPath(), { key })).toThrow(refused(/WAXWING_TEST_STORE_KEY/))
    vi.stubEnv('WAXWING_TEST_STORE_KEY', undefined)
    expect(() => openStore(newPath(), { key })).toThrow(refused(/not set/))
  })
})

describe('store keys: a passphrase', () => {
  it('opens the store, however its letters are composed, and no other does', async () => {
    const path = newPath()
    await expectOpens(path, { passphrase: 'Ä horse', cost: CHEAP })
    expect(await openStore(path, { key: { passphrase: 'A\u0308 horse' } }).get('t', 'a')).toEqual(
      bytes(1),
    )
    expect(() => openStore(path, { key: { passphrase: 'a horse' } })).toThrow(refused(/wrong/))
    expect(() => openStore(path, { key: keyOf(1) })).toThrow(refused(/passphrase/))
    expect(() => openStore(path, { key: { passphrase: '' } })).toThrow(refused(/empty/))
  })

  it('is stretched by Argon2id over 64 MiB where nothing else is said', async () => {
    await expectOpens(newPath(), { passphrase: 'correct horse' })
  })

  it.each([{ passCount: 0 }, { passCount: 17 }, { memoryBytes: 8191 }, { memoryBytes: 2 ** 31 }])(
    'refuses the cost %o as the bug of a caller',
    (cost) => {
      const key = { passphrase: 'correct horse', cost: { ...CHEAP, ...cost } }
      expect(() => openStore(newPath(), { key })).toThrow(RangeError)
    },
  )
})

describe('store keys: bytes', () => {
  it('are left as they were, in a Buffer too', async () => {
    const keyBytes = Buffer.alloc(32, 7)
    await expectOpens(newPath(), { keyBytes })
    expect(keyBytes).toEqual(Buffer.alloc(32, 7))
  })

  it('must be 32', () => {
    const key = { keyBytes: new Uint8Array(31) }
    expect(() => openStore(newPath(), { key })).toThrow(RangeError)
  })
})

describe('rekey', () => {
  it('keeps everything under the new key, and the old one opens nothing', async () => {
    const path = newPath()
    const entries = await fillStore(path)
    const store = openStore(path)
    const pending = store.write([put('pending', bytes(1))])
    await store.rekey({ passphrase: 'new', cost: CHEAP })
    expect(await pending).toBe(true)
    expect(await store.write([put('after', bytes(2))])).toBe(true)
    await store.close()
    expect(() => openStore(path)).toThrow(refused(/passphrase/))
    const again = openStore(path, { key: { passphrase: 'new' } })
    await again.verify()
    expect(await again.scan('t')).toHaveLength(entries.size + 2)
    expect(await again.get('t', 'key39')).toEqual(entries.get('key39'))
  })

  it('leaves no ciphertext of the old key in the file', async () => {
    const path = newPath()
    const store = openStore(path)
    await store.write([put('a', new Uint8Array(50))])
    const sealed = fs.readFileSync(`${path}-wal`).subarray(-60, -30)
    const old = (): boolean =>
      ['', '-wal'].some((suffix) => fs.readFileSync(path + suffix).includes(sealed))
    expect(old()).toBe(true)
    await store.rekey(keyOf(2))
    expect(old()).toBe(false)
  })

  it('tells other handles that they need the new key, before they harm anything', async () => {
    const path = newPath()
    await fillStore(path)
    const [store, other] = [openStore(path), openStore(path)]
    await store.rekey(keyOf(2))
    const denied = { code: 'ERR_STORE_KEY' }
    await expect(other.get('t', 'key1')).rejects.toMatchObject(denied)
    await expect(other.scan('t')).rejects.toMatchObject(denied)
    await expect(other.write([put('a', bytes(1))])).rejects.toMatchObject(denied)
    await expect(other.rekey(keyOf(3))).rejects.toMatchObject(denied)
    await expect(other.verify()).rejects.toMatchObject(denied)
    await store.verify()
  })

  it('changes nothing where the new key cannot be read or there is no room', async () => {
    const path = newPath()
    await fillStore(path)
    const store = openStore(path)
    await expect(store.rekey({ keyFile: '/nonexistent' })).rejects.toMatchObject({
      code: 'ERR_STORE_KEY',
    })
    await expect(store.rekey({ keyBytes: new Uint8Array(3) })).rejects.toThrow(RangeError)
    await store.close()
    await openStore(path).verify()
  })
})
