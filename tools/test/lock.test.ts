// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withLock } from '../lock.mjs'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'))
  path = join(folder, 'lock')
})
afterEach(() => rmSync(folder, { recursive: true }))

function pidOfTheDead(): number {
  return spawnSync(process.execPath, ['--version']).pid
}

const unexpected = (): never => {
  throw new Error('waited')
}

describe('the lock between processes', () => {
  it('lets one in after the other and leaves nothing behind', async () => {
    const events: string[] = []
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>()
    const { promise: waiting, resolve: wait } = Promise.withResolvers<void>()
    const first = withLock(
      path,
      async () => {
        enter()
        await waiting
        events.push('first ends')
      },
      unexpected,
    )
    await entered
    const second = withLock(path, async () => void events.push('second begins'), wait)
    await Promise.all([first, second])
    expect(events).toEqual(['first ends', 'second begins'])
    expect(existsSync(path)).toBe(false)
  })

  it('is given back when the work fails', async () => {
    const work = async (): Promise<void> => {
      throw new Error('failed')
    }
    await expect(withLock(path, work, unexpected)).rejects.toThrow('failed')
    expect(existsSync(path)).toBe(false)
  })

  it('is broken at once when its holder is gone', async () => {
    writeFileSync(path, `${hostname()} token ${pidOfTheDead()}`)
    expect(await withLock(path, async () => 'in', unexpected)).toBe('in')
  })

  it('stays with the children of a holder that is gone', async () => {
    writeFileSync(path, `${hostname()} token ${pidOfTheDead()} ${process.pid}`)
    const free = (): void => rmSync(path)
    expect(await withLock(path, async () => 'in', free)).toBe('in')
  })

  it('names the children that entered', async () => {
    const read = async (enter: (pid: number) => void): Promise<string> => {
      enter(12345)
      return readFileSync(path, 'utf8')
    }
    expect(await withLock(path, read, unexpected)).toMatch(` ${process.pid} 12345`)
    expect(existsSync(path)).toBe(false)
  })

  it('is broken when nobody touched it for long, whoever holds it', async () => {
    writeFileSync(path, `elsewhere token ${process.pid}`)
    const longAgo = new Date(Date.now() - 60_000)
    utimesSync(path, longAgo, longAgo)
    expect(await withLock(path, async () => 'in', unexpected)).toBe('in')
  })

  it('is respected while a holder elsewhere touches it', async () => {
    writeFileSync(path, 'elsewhere token 1')
    const free = (): void => rmSync(path)
    expect(await withLock(path, async () => 'in', free)).toBe('in')
  })
})
