// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { checkedBroker } from '../src/broker/url.js'
import { readConfig, withSetting, writeConfig } from '../src/config.js'
import { UsageError } from '../src/exit-codes.js'
import { Home } from '../src/home.js'

const NOBODY_ASKED = { ask: false, file: undefined }

describe('a home', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'waxwing-home-'))
  })

  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true, force: true })
  })

  it('has settings, written whole and readable by its owner', () => {
    const path = join(folder, 'config.json')
    expect(readConfig(path)).toEqual({})
    writeConfig(path, withSetting({}, 'broker', 'mqtts://broker.example'))
    writeConfig(path, withSetting(readConfig(path), 'protocolVersion', '4'))
    expect(readConfig(path)).toEqual({ broker: 'mqtts://broker.example', protocolVersion: 4 })
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('has the kinds of keys that grants are sealed to', () => {
    const short = withSetting({ username: 'anna' }, 'kems', 'x25519')
    expect(short).toEqual({ username: 'anna', kems: 'x25519' })
    expect(withSetting(short, 'kems', 'both')).toEqual({ username: 'anna', kems: 'both' })
  })

  it('refuses settings that make no sense, and a password in a URL', () => {
    expect(() => withSetting({}, 'color', 'blue')).toThrow(UsageError)
    expect(() => withSetting({}, 'protocolVersion', '3')).toThrow(UsageError)
    expect(() => withSetting({}, 'announce', 'maybe')).toThrow(UsageError)
    expect(() => withSetting({}, 'kems', 'rsa')).toThrow(UsageError)
    expect(() => checkedBroker('localhost:1883')).toThrow('write mqtt://HOST:1883')
    expect(() => checkedBroker('mqtt://user:secret@host')).toThrow('WAXWING_BROKER_PASSWORD')
    expect(() => checkedBroker('mqtt://user:secret@host')).not.toThrow(/secret/)
    writeFileSync(join(folder, 'config.json'), '{"broker":')
    expect(() => readConfig(join(folder, 'config.json'))).toThrow('cannot be read')
  })

  it('locks a new store with a key file for its owner alone', async () => {
    const home = new Home(folder, NOBODY_ASKED)
    await (await home.create('store')).close()
    expect(statSync(home.path('store.key')).mode & 0o777).toBe(0o600)
    expect(statSync(home.path('store.db')).mode & 0o777).toBe(0o600)
    await (await home.open('store')).close()
    await expect(home.create('store')).rejects.toThrow(UsageError)
  })

  it('takes a passphrase from a file, and then needs no key file', async () => {
    const file = join(folder, 'passphrase')
    writeFileSync(file, 'correct horse\n')
    const home = new Home(folder, { ask: false, file })
    const store = await home.create('store')
    await store.write([{ table: 't', key: 'k', value: Uint8Array.of(1) }])
    await store.close()
    expect(() => statSync(home.path('store.key'))).toThrow('ENOENT')
    await (await home.open('store')).close()
    writeFileSync(file, 'another horse\n')
    await expect(home.open('store')).rejects.toMatchObject({ code: 'ERR_STORE_KEY' })
  })

  it('takes a key or passphrase from the environment', async () => {
    vi.stubEnv('WAXWING_PASSPHRASE', 'correct horse')
    const home = new Home(folder, NOBODY_ASKED)
    await (await home.create('store')).close()
    vi.stubEnv('WAXWING_PASSPHRASE', undefined)
    await expect(home.open('store')).rejects.toMatchObject({ code: 'ERR_STORE_KEY' })
    vi.stubEnv('WAXWING_STORE_KEY', Buffer.alloc(32, 7).toString('base64url'))
    await (await home.create('domain')).close()
    await (await home.open('domain')).close()
    expect(readFileSync(home.path('domain.db')).includes(Buffer.alloc(32, 7))).toBe(false)
  })

  it('says which store it lacks', async () => {
    const home = new Home(join(folder, 'none'), NOBODY_ASKED)
    await expect(home.open('domain')).rejects.toMatchObject({
      code: 'ERR_KEY_UNKNOWN',
      details: { rule: 'domain' },
    })
  })
})
