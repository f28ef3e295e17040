// SPDX-License-Identifier: Apache-2.0
/** References that no process uses again soon, whenever the one before ended. */
import { expect, it } from 'vitest'
import { memoryStore } from '@waxwing/client'
import type { Store } from '@waxwing/core'
import { References } from '../src/sending/references.js'

const ignore = (): void => undefined
const drawn = (references: References, count: number): number[] =>
  Array.from({ length: count }, () => references.next())

it('are reserved before they are used: a process that is killed at once leaves none to be used again', async () => {
  const store = memoryStore()
  const used: number[] = []
  for (let run = 0; run < 4; run++) used.push(...drawn(await References.open(store, ignore), 3))
  expect(new Set(used).size).toBe(used.length)
})

it('go on without a gap in one process, and round', async () => {
  const store = memoryStore()
  await store.write([{ table: 'sms/state', key: 'reference', value: Uint8Array.of(0xff, 0xfa) }])
  const references = await References.open(store, ignore)
  const all = drawn(references, 40)
  expect(all).toEqual(Array.from({ length: 40 }, (_, i) => (0xfffa + i) & 0xffff))
  await references.settled()
  const next = (await References.open(store, ignore)).next()
  expect(next).toBeGreaterThan(all.at(-1)!)
  expect(next).toBeLessThan(100)
})

it('are drawn all the same where the store refuses, which is reported', async () => {
  const store: Store = {
    ...memoryStore(),
    get: () => Promise.resolve(undefined),
    write: () => Promise.reject(new Error('full')),
  }
  const reports: unknown[] = []
  const references = await References.open(store, (error) => reports.push(error))
  expect(new Set(drawn(references, 10)).size).toBe(10)
  expect(reports).toMatchObject([{ message: 'full' }])
})
