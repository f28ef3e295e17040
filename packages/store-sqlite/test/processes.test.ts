// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bytes, newPath, openStore } from './fixture.js'

const PROGRAM = fileURLToPath(new URL('store-process.ts', import.meta.url))

/** Starts one more process; its errors appear among the test's. Killed with the test. */
function start(...parameters: string[]): ChildProcess & { stdout: NodeJS.ReadableStream } {
  const child = spawn(process.execPath, [PROGRAM, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

describe('sqliteStore: several processes', () => {
  it('lose no step of a counter, also when they make the file at the same time', async () => {
    const path = newPath()
    const children = [start('count', path, '40'), start('count', path, '40')]
    const exits = await Promise.all(children.map((child) => once(child, 'exit')))
    expect(exits).toEqual([
      [0, null],
      [0, null],
    ])
    expect(await openStore(path).get('t', 'counter')).toEqual(bytes(80))
  })

  it('hear of what another process wrote', async () => {
    const path = newPath()
    const store = openStore(path)
    const { promise, resolve } = Promise.withResolvers<void>()
    store.onForeignChange(resolve)
    start('count', path, '1')
    await promise
    expect(await store.get('t', 'counter')).toEqual(bytes(1))
  })

  it.each([30, 100, 170])(
    'keep every acknowledged write of one that is killed after %i',
    async (after) => {
      const path = newPath()
      const child = start('write', path)
      const acknowledged: string[] = []
      for await (const line of createInterface(child.stdout)) {
        acknowledged.push(line)
        if (acknowledged.length === after) child.kill('SIGKILL')
      }
      expect(acknowledged.length).toBeGreaterThanOrEqual(after)
      const store = openStore(path)
      await store.verify()
      for (const number of acknowledged) {
        const expected = new Uint8Array(500).fill(Number(number))
        expect([number, await store.get('t', `n${number}`)]).toEqual([number, expected])
      }
    },
  )
})
