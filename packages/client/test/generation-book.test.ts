// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { Trust, WaxwingError, type Store } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { GenerationBook } from '../src/generation-book.js'
import { memoryStore } from '../src/testing.js'
import { handlesOf } from './identity/fixture.js'
import {
  EPOCH,
  giveKeys,
  makeStream,
  SPAN,
  STREAM,
  testRuntime,
  type TestRuntime,
  type TestStream,
} from './support/stream.js'

interface Process {
  readonly store: Store
  readonly trust: Trust
  readonly runtime: TestRuntime
  readonly book: GenerationBook
  readonly stream: TestStream
}

/** Two processes on one store, both of which trust the same producer. */
function twoProcesses(): readonly [Process, Process] {
  const [one, other] = handlesOf(memoryStore(), 2).map((store) => processOn(store))
  if (one === undefined || other === undefined) throw new Error('two handles were asked for')
  return [one, other]
}

function processOn(store: Store): Process {
  const trust = new Trust({ crypto: sodiumProvider })
  const stream = makeStream(trust)
  const runtime = testRuntime(store)
  return { store, trust, runtime, book: new GenerationBook(runtime, trust), stream }
}

describe('generations of which another process on the store learns', () => {
  it('are known here after catching up, and are told to whoever waits for keys', async () => {
    const [one, other] = twoProcesses()
    const told: string[] = []
    other.book.onKeys(({ stream }) => told.push(stream))
    await giveKeys(one.book, one.stream)
    await other.book.catchUp()
    expect(told).toEqual([STREAM])
    expect(other.book.byKid(other.stream.kid)).toHaveLength(1)
  })

  it('are widened by what the other was granted, and no grant of ours is lost', async () => {
    const [one, other] = twoProcesses()
    const early = { first: EPOCH - 24, last: EPOCH - 12 }
    const late = { first: EPOCH, last: EPOCH + 12 }
    await giveKeys(other.book, other.stream, { span: early, id: 'early' })
    await one.book.load()
    await giveKeys(one.book, one.stream, { span: late, id: 'late' })
    await other.book.catchUp()
    const [generation] = other.book.all()
    expect(generation?.ring.spans()).toEqual([early, late])
    expect([...(generation?.grants.keys() ?? [])]).toEqual(['early', 'late'])
  })

  it('are told once: catching up with nothing new is silent', async () => {
    const [one, other] = twoProcesses()
    await giveKeys(one.book, one.stream)
    await other.book.catchUp()
    let count = 0
    other.book.onKeys(() => count++)
    await other.book.catchUp()
    expect(count).toBe(0)
  })

  it('are closed here too when the other process closed them', async () => {
    const [one, other] = twoProcesses()
    await giveKeys(one.book, one.stream)
    await other.book.catchUp()
    const [first] = one.book.all()
    if (first === undefined) throw new Error('keys were given')
    first.close(EPOCH)
    await one.book.record([first])
    await other.book.catchUp()
    expect(other.book.all()[0]?.closingEpoch).toBe(EPOCH)
  })
})

describe('one generation that two processes change at once', () => {
  const EARLY = { first: EPOCH - 24, last: EPOCH - 12 }
  const LATE = { first: EPOCH, last: EPOCH + 12 }

  it('holds what either was granted, whoever wrote last', async () => {
    const [one, other] = twoProcesses()
    await Promise.all([
      giveKeys(one.book, one.stream, { span: EARLY, id: 'early' }),
      giveKeys(other.book, other.stream, { span: LATE, id: 'late' }),
    ])
    const third = processOn(one.store)
    await third.book.load()
    const [generation] = third.book.all()
    expect(generation?.ring.spans()).toEqual([EARLY, LATE])
    expect([...(generation?.grants.keys() ?? [])].toSorted()).toEqual(['early', 'late'])
  })

  it('stays forgotten, although the other still held it when it wrote', async () => {
    const [one, other] = twoProcesses()
    await giveKeys(one.book, one.stream, { span: { first: EPOCH - 24, last: EPOCH + 12 } })
    await other.book.catchUp()
    const [known] = one.book.all()
    known?.forgetBefore(EPOCH)
    if (known !== undefined) await one.book.record([known])
    await giveKeys(other.book, other.stream, { span: { first: EPOCH, last: EPOCH + 1 }, id: 'new' })
    const third = processOn(one.store)
    await third.book.load()
    for (const { book } of [other, third]) expect(book.all()[0]?.ring.spans()).toEqual([LATE])
  })

  it('is not recorded where what goes with it cannot be written', async () => {
    const [one] = twoProcesses()
    await giveKeys(one.book, one.stream, { span: EARLY })
    const [generation] = one.book.all()
    if (generation === undefined) throw new Error('keys were given')
    generation.close(EPOCH)
    const impossible = { table: 'other', key: 'a', value: null, expect: new Uint8Array(1) }
    expect(await one.book.record([generation], [impossible])).toBe(false)
    const third = processOn(one.store)
    await third.book.load()
    expect(third.book.all()[0]?.closingEpoch).toBeUndefined()
  })
})

describe('a generation whose producer is trusted no more', () => {
  it('is not used, and is back with all its keys when the producer is trusted again', async () => {
    const [one] = twoProcesses()
    await giveKeys(one.book, one.stream)
    const { trust, stream, runtime } = one
    const { resolve } = trust
    trust.resolve = () => {
      throw new WaxwingError('ERR_NOT_TRUSTED', 'its partner was dropped')
    }
    await one.book.refreshTrust()
    await one.book.catchUp()
    expect(one.book.byKid(stream.kid)).toEqual([])
    expect(runtime.errors).toMatchObject([{ code: 'ERR_NOT_TRUSTED' }])
    trust.resolve = resolve
    await one.book.refreshTrust()
    expect(one.book.byKid(stream.kid)[0]?.ring.spans()).toEqual([SPAN])
  })
})
