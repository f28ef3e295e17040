// SPDX-License-Identifier: Apache-2.0
/**
 * The care for stores and their keys, as processes.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { run, type Ended } from './running.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waxwing-stores-'))
  await waxwing('--home', 'a', 'id', 'create', '--name', 'a')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function waxwing(...args: readonly string[]): Promise<Ended> {
  return run(args, { cwd: folder })
}

describe('a backup', () => {
  it('is restored on another machine with its key file, which is taken along', async () => {
    const made = await waxwing('--home', 'a', 'store', 'backup', 'a.backup')
    expect(made.stderr).toContain('--key-file KEY')
    copyFileSync(join(folder, 'a/store.key'), join(folder, 'safe.key'))
    const restore = ['--home', 'b', 'store', 'restore', 'a.backup']
    const without = await waxwing(...restore)
    expect(without.status).toBe(7)
    expect(without.stderr).toContain('--key-file')
    expect(existsSync(join(folder, 'b/store.db'))).toBe(false)
    expect(await waxwing(...restore, '--key-file', 'safe.key')).toMatchObject({ status: 0 })
    expect(statSync(join(folder, 'b/store.key')).mode & 0o777).toBe(0o600)
    expect(await waxwing('--home', 'b', 'id', 'show')).toMatchObject({ status: 0 })
  })

  it('does not take the place of another key', async () => {
    await waxwing('--home', 'c', 'id', 'create', '--name', 'c')
    rmSync(join(folder, 'c/store.db'))
    const restore = ['--home', 'c', 'store', 'restore', 'a.backup', '--key-file', 'safe.key']
    const { status, stderr } = await waxwing(...restore)
    expect(stderr).toContain('there is another key')
    expect(status).toBe(2)
  })
})

describe('a store', () => {
  it('is given a passphrase and a key file again without anybody at a terminal', async () => {
    writeFileSync(join(folder, 'words'), 'correct horse\n', { mode: 0o600 })
    const home = ['--home', 'd']
    await waxwing(...home, 'id', 'create', '--name', 'd')
    const locked = await waxwing(...home, 'store', 'rekey', '--new-passphrase-file', 'words')
    expect(locked.status).toBe(0)
    expect(locked.stdout).toContain('store.key.old opens older backups only')
    rmSync(join(folder, 'd/store.key.old'))
    writeFileSync(join(folder, 'others'), 'wrong horse\n', { mode: 0o600 })
    const wrong = await waxwing(...home, '--passphrase-file', 'others', 'id', 'show')
    expect(wrong.stderr).toContain('does not open with this passphrase')
    expect(wrong.status).toBe(7)
    expect(await waxwing(...home, 'id', 'show')).toMatchObject({ status: 7 })
    const byWords = [...home, '--passphrase-file', 'words']
    expect(await waxwing(...byWords, 'id', 'show')).toMatchObject({ status: 0 })
    const unlocked = await waxwing(...byWords, 'store', 'rekey')
    expect(unlocked.status).toBe(0)
    expect(unlocked.stdout).not.toContain('.old')
    expect(await waxwing(...home, 'id', 'show')).toMatchObject({ status: 0 })
  })
})
