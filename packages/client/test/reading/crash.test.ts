// SPDX-License-Identifier: Apache-2.0
/**
 * Crashes at every write of the store: the device comes back with what was durable then, the broker
 * with what was not acknowledged by then.
 */
import { describe, expect, it } from 'vitest'
import type { Store } from '@waxwing/core'
import type { Message } from '../../src/message.js'
import {
  faultyStore,
  memoryBroker,
  memoryStore,
  type MemoryBroker,
  type MemorySnapshot,
} from '../../src/testing.js'
import { EPOCH, giveKeys, SessionSealer } from '../support/stream.js'
import { setting, settle, type Setting, type SettingOptions } from './setting.js'

const COUNT = 6

class Crash extends Error {}

/** One life of a device that dies at a write: before it, or right after it became durable. */
interface Death {
  readonly atWrite: number
  readonly isAfter: boolean
}

/** A store on which nothing can be done any more once the device died. */
function mortalStore(
  inner: Store,
  { atWrite, isAfter }: Death,
): { store: Store; died: () => boolean } {
  let isDead = false
  const assertAlive = (): void => {
    if (isDead) throw new Crash('dead')
  }
  const die = (count: number): void => {
    if (count === atWrite) isDead = true
    assertAlive()
  }
  const store = faultyStore(inner, {
    beforeRead: assertAlive,
    beforeWrite: isAfter ? assertAlive : die,
    afterWrite: isAfter ? die : assertAlive,
  })
  return { store, died: () => isDead }
}

interface Life {
  /** What the application got. */
  readonly got: { text: string; redelivered: boolean }[]
  /** What it acknowledged, as far as it was told. */
  readonly acknowledged: Set<string>
}

/** Reads until nothing comes, acknowledging every message; parks first, where there are no keys yet. */
async function live(made: Setting, life: Life, keysLate: boolean): Promise<void> {
  if (keysLate) {
    await settle()
    await giveKeys(made.book, made.stream).catch(() => undefined)
  }
  for (let i = 0; i < 5; i++) {
    for (const message of await made.take()) await take(message, life)
  }
}

async function take(message: Message, life: Life): Promise<void> {
  const text = message.text()
  expect(life.acknowledged, `${text} was acknowledged`).not.toContain(text)
  life.got.push({ text, redelivered: message.redelivered })
  try {
    await message.acknowledge()
    life.acknowledged.add(text)
  } catch (error) {
    if (!(error instanceof Crash)) throw error
  }
}

function publish(made: Setting): void {
  const next = new SessionSealer(made.stream, { session: 2, epoch: EPOCH + 1 })
  for (let i = 0; i < COUNT / 2; i++) made.inject(made.sealer.seal(i, `a${i}`))
  for (let i = 0; i < COUNT / 2; i++) made.inject(next.seal(i, `b${i}`))
}

/** Dies once, lives again, and gives what happened. `undefined` if it did not come to die. */
async function dieAndLive(
  death: Death,
  keysLate: boolean,
  options: SettingOptions = {},
): Promise<{ life: Life; events: string[]; snapshot: MemorySnapshot } | undefined> {
  const inner = memoryStore()
  const broker: MemoryBroker = memoryBroker()
  const life: Life = { got: [], acknowledged: new Set() }
  const { store, died } = mortalStore(inner, death)
  let first: Setting
  try {
    first = await setting({ ...options, store, broker, keys: !keysLate })
  } catch (error) {
    if (error instanceof Crash) return undefined // before the reader was there
    throw error
  }
  publish(first)
  await live(first, life, keysLate)
  const hasDied = died()
  first.transport.disconnect() // nothing reaches the broker any more
  await first.reader.close({ keepSubscription: true }).catch(() => undefined)
  if (!hasDied) return undefined

  const disk = memoryStore({ from: inner.snapshot() })
  await using second = await setting({ ...options, store: disk, broker, keys: false })
  await giveKeys(second.book, second.stream, { id: 'again' })
  await live(second, life, false)
  const events = second.events.map(({ type }) => type)
  expect(second.runtime.errors).toEqual([])
  return { life, events, snapshot: disk.snapshot() }
}

async function everyCrash(keysLate: boolean, options: SettingOptions = {}): Promise<number> {
  let deaths = 0
  let misses = 0
  for (let atWrite = 1; misses < 4; atWrite++) {
    for (const isAfter of [false, true]) {
      const outcome = await dieAndLive({ atWrite, isAfter }, keysLate, options)
      if (outcome === undefined) {
        misses++
        continue
      }
      misses = 0
      deaths++
      const texts = new Set(outcome.life.got.map(({ text }) => text))
      const label = `write ${atWrite}, ${isAfter ? 'after' : 'before'}`
      expect([...texts].toSorted(), label).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'b2'])
      expect(outcome.events, label).not.toContain('gap')
      expect(outcome.events, label).not.toContain('gap-filled')
      expect(outcome.snapshot.tables.get('parked')?.size ?? 0, label).toBe(0)
      expect(outcome.snapshot.tables.get('parked-object')?.size ?? 0, label).toBe(0)
      expectMarked(outcome.life, label)
    }
  }
  return deaths
}

/** What was handed over twice was marked the second time. */
function expectMarked({ got }: Life, label: string): void {
  const seen = new Set<string>()
  for (const { text, redelivered } of got) {
    if (seen.has(text)) expect(redelivered, `${label}: ${text}`).toBe(true)
    seen.add(text)
  }
}

describe('a crash at any write', () => {
  it('loses nothing, and what was acknowledged never comes again', async () => {
    expect(await everyCrash(false)).toBeGreaterThanOrEqual(2 * COUNT)
  }, 120_000)

  it('loses nothing of what was parked either', async () => {
    expect(await everyCrash(true)).toBeGreaterThanOrEqual(4 * COUNT)
  }, 120_000)

  it('loses nothing where messages are put in order', async () => {
    expect(await everyCrash(true, { order: 'session' })).toBeGreaterThanOrEqual(4 * COUNT)
  }, 120_000)
})
