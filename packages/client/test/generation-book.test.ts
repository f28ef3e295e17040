// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { Trust, type Store } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { GenerationBook } from '../src/generation-book.js'
import { memoryStore } from '../src/testing.js'
import { handlesOf } from './identity/fixture.js'
import {
  EPOCH,
  giveKeys,
  makeStream,
  STREAM,
  testRuntime,
  type TestStream,
} from './support/stream.js'

interface Process {
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
  return { book: new GenerationBook(testRuntime(store), trust), stream }
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
    first.opener.closingEpoch = EPOCH
    await one.book.save(first)
    await other.book.catchUp()
    expect(other.book.all()[0]?.closingEpoch).toBe(EPOCH)
  })
})
