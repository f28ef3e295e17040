// SPDX-License-Identifier: Apache-2.0
/** Processes that end between segments, over a store on disk: nothing is lost. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { sqliteStore } from '@waxwing/store-sqlite'
import { toHex, type Store } from '@waxwing/core'
import { expectReceived, MessageLog, startProxy, type CuttingProxy } from '@waxwing/testkit'
import { PARTS_TABLE } from '../src/receiving/kept-part.js'
import { centreFor, dataOf, FAR, NEAR, transportAt } from './support/stage.ts'

function diskFor(): () => Store {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-sms-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const key = { keyBytes: new Uint8Array(32).fill(1) }
  return () => sqliteStore(join(folder, 'sms.db'), { key })
}

/** A way to the centre that can be cut off for good, as when a process is killed. */
async function cable(port: number): Promise<CuttingProxy> {
  const proxy = await startProxy(port)
  onTestFinished(() => proxy.close())
  return proxy
}

it('a receiver that is killed between any two segments loses nothing, and no message comes twice', async () => {
  const centre = await centreFor({ window: 1 })
  const disk = diskFor()
  const letters = [1, 2, 3].map((seed) => dataOf(700, seed))
  const sender = transportAt(centre, FAR)
  centre.isHolding = true
  await Promise.all(letters.map((letter) => sender.send(`sms/${NEAR}`, letter)))
  centre.reorder = (waiting) => waiting.splice(0, waiting.length, ...waiting.toReversed())
  centre.isHolding = false

  const got: string[] = []
  for (let run = 0; centre.waitingFor(NEAR) > 0; run++) {
    const store = disk()
    const proxy = await cable(centre.port)
    const transport = transportAt(proxy, NEAR, { store })
    const before = centre.answers.length
    void transport.subscribe('sms/#', async ({ payload, acknowledge }) => {
      await acknowledge()
      got.push(toHex(payload))
    })
    const goal = Math.min(2 + (run % 3), centre.waitingFor(NEAR))
    await expect.poll(() => centre.answers.length).toBeGreaterThanOrEqual(before + goal)
    proxy.sever()
    await transport.close()
    await store.close()
  }
  const [transport, log] = [transportAt(centre, NEAR, { store: disk() }), new MessageLog()]
  await transport.subscribe('sms/#', log.acknowledge)
  const all = (): string[] => [...got, ...log.payloads()]
  await expect.poll(() => new Set(all())).toEqual(new Set(letters.map(toHex)))
  expect(all()).toHaveLength(letters.length)
})

it('what was whole and not acknowledged comes again after a restart, and says so', async () => {
  const [centre, disk] = [await centreFor(), diskFor()]
  const sender = transportAt(centre, FAR)
  const first = disk()
  const [before, held] = [transportAt(centre, NEAR, { store: first, holdMs: 20 }), new MessageLog()]
  await before.subscribe('sms/#', held.hold)
  await sender.send(`sms/${NEAR}`, dataOf(700))
  await sender.send(`sms/${NEAR}`, dataOf(20))
  await held.at(1)
  await expect.poll(() => centre.waitingFor(NEAR)).toBe(0)
  await before.close()
  await first.close()

  const second = disk()
  const [after, log] = [transportAt(centre, NEAR, { store: second }), new MessageLog()]
  await after.subscribe('sms/#', log.acknowledge)
  await expectReceived(log, dataOf(700), dataOf(20))
  expect(log.messages.map(({ redelivered }) => redelivered)).toEqual([true, true])
  expect(await second.scan(PARTS_TABLE)).toHaveLength(0)
  await after.close()
  await second.close()
})
