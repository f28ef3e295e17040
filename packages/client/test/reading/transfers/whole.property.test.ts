// SPDX-License-Identifier: Apache-2.0
/**
 * Payloads in pieces through anything that may happen: any order, any doubling, any crash at a write of
 * the store, and two readers on one store.
 */
import type { Store } from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { faultyStore, memoryBroker, memoryStore } from '../../../src/testing.js'
import { giveKeys, STREAM } from '../../support/stream.js'
import { setting, settle, type Setting } from '../setting.js'
import { OTHER_ID, piecesOf } from './pieces.js'

const ONE = 'the first of two payloads'
const OTHER = 'and another one'

class Crash extends Error {}

/** A store that dies at a write, before it or right after it became durable. */
function mortal(
  inner: Store,
  atWrite: number,
  isAfter: boolean,
): { store: Store; died(): boolean } {
  let isDead = false
  const alive = (): void => {
    if (isDead) throw new Crash('dead')
  }
  const die = (count: number): void => {
    if (count >= atWrite) isDead = true
    alive()
  }
  const beforeWrite = isAfter ? alive : die
  const afterWrite = isAfter ? die : alive
  const store = faultyStore(inner, { beforeRead: alive, beforeWrite, afterWrite })
  return { store, died: () => isDead }
}

/** Takes what comes, and acknowledges it; what was acknowledged never comes again. */
async function takeAll(
  made: Setting,
  acknowledged: string[],
  got: Set<string> = new Set(),
): Promise<void> {
  for (let i = 0; i < 4; i++) {
    for (const message of await made.take()) {
      expect(acknowledged).not.toContain(message.text())
      got.add(message.text())
      try {
        await message.acknowledge()
        acknowledged.push(message.text())
      } catch (error) {
        if (!(error instanceof Crash)) throw error
      }
    }
  }
}

function allPieces(made: Setting): Uint8Array[] {
  const one = piecesOf(made.sealer, ONE)
  const other = piecesOf(made.sealer, OTHER, { transfer: OTHER_ID, counter: 20, sized: true })
  return [...one, ...other]
}

async function expectNothingLeft({ store }: Setting): Promise<void> {
  expect(await store.scan('piece')).toEqual([])
  expect(await store.scan('parked-object')).toEqual([])
  expect(await store.scan('transfer')).toHaveLength(2)
}

describe('payloads in pieces', () => {
  it('come whole and once in any order and with any doubling, over any restarts', async () => {
    const plan = fc.record({
      order: fc.array(fc.nat({ max: 10 }), { maxLength: 30 }),
      restarts: fc.array(fc.nat({ max: 40 }), { maxLength: 4 }),
      acknowledgesLate: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ order, restarts, acknowledgesLate }) => {
        const store = memoryStore()
        const acknowledged: string[] = []
        let made = await setting({ store })
        const objects = allPieces(made)
        const all = [...order.map((i) => i % objects.length), ...objects.keys()]
        for (const [step, i] of all.entries()) {
          if (restarts.includes(step)) {
            await settle()
            await made[Symbol.asyncDispose]()
            made = await setting({ store })
          }
          made.inject(objects[i]!)
          if (!acknowledgesLate && step % 5 === 0) await takeAll(made, acknowledged)
        }
        await takeAll(made, acknowledged)
        expect(acknowledged.toSorted()).toEqual([OTHER, ONE])
        await expectNothingLeft(made)
        expect(made.runtime.errors).toEqual([])
        await made[Symbol.asyncDispose]()
      }),
      { numRuns: 60 },
    )
  }, 120_000)

  it('never come where a piece is missing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 6 }), fc.array(fc.nat({ max: 6 })), async (missing, order) => {
        await using made = await setting()
        const objects = piecesOf(made.sealer, ONE)
        expect(objects).toHaveLength(7)
        const all = [...order, ...objects.keys()].filter((i) => i !== missing)
        for (const i of all) made.inject(objects[i]!)
        expect(await made.take()).toEqual([])
        made.inject(objects[missing]!)
        const [message] = await made.take()
        expect(message?.text()).toBe(ONE)
      }),
      { numRuns: 40 },
    )
  }, 120_000)

  it.each([
    ['opened as they came', false],
    ['parked for a grant', true],
  ])(
    'survive a crash at any write, %s',
    async (_, keysLate) => {
      let deaths = 0
      let misses = 0
      for (let atWrite = 1; misses < 4; atWrite++) {
        for (const isAfter of [false, true]) {
          const isMiss = !(await dieAndLive(atWrite, isAfter, keysLate))
          misses = isMiss ? misses + 1 : 0
          deaths += isMiss ? 0 : 1
        }
      }
      expect(deaths).toBeGreaterThanOrEqual(26)
    },
    120_000,
  )

  it('are completed by two readers of one store, whatever comes to which', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 11, maxLength: 11 }), async (sides) => {
        const store = memoryStore()
        const shared = { store, filter: `$share/g/${STREAM}`, name: 'desk', transport: false }
        await using one = await setting(shared)
        await using other = await setting({ ...shared, trust: one.trust })
        const results = await Promise.all(
          allPieces(one).map((object, i) => (sides[i] === true ? one : other).reader.open(object)),
        )
        const whole = results.filter((result) => result.kind === 'message')
        expect(whole.map((message) => message.text()).toSorted()).toEqual([OTHER, ONE])
        for (const message of whole) await message.acknowledge()
        await expectNothingLeft(one)
      }),
      { numRuns: 40 },
    )
  }, 120_000)
})

/** Dies at a write, lives again, and expects that nothing was lost. `false` if it came to no death. */
async function dieAndLive(atWrite: number, isAfter: boolean, keysLate: boolean): Promise<boolean> {
  const inner = memoryStore()
  const broker = memoryBroker()
  const { store, died } = mortal(inner, atWrite, isAfter)
  const acknowledged: string[] = []
  const got = new Set<string>()
  let first: Setting
  try {
    first = await setting({ store, broker, keys: !keysLate })
  } catch (error) {
    if (error instanceof Crash) return true // before the reader was there
    throw error
  }
  for (const object of allPieces(first)) first.inject(object)
  if (keysLate) {
    await settle()
    await giveKeys(first.book, first.stream).catch(() => undefined)
  }
  await takeAll(first, acknowledged, got)
  const hasDied = died()
  first.transport.disconnect()
  await first.reader.close({ keepSubscription: true }).catch(() => undefined)
  if (!hasDied) return false

  const disk = memoryStore({ from: inner.snapshot() })
  await using second = await setting({ store: disk, broker, keys: false })
  await giveKeys(second.book, second.stream, { id: 'again' })
  await takeAll(second, acknowledged, got)
  const told = second.events.map(({ type }) => type)
  const label = `write ${atWrite}, ${isAfter ? 'after' : 'before'}: ${told.join(' ')}`

  expect([...got].toSorted(), label).toEqual([OTHER, ONE])
  await expectNothingLeft(second)
  expect(second.runtime.errors, label).toEqual([])
  expect(told, label).not.toContain('transfer-conflict')
  expect(told, label).not.toContain('refused')
  return true
}
