// SPDX-License-Identifier: Apache-2.0
import { decodeObject, Trust } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import type { Generation } from '../../src/generation.js'
import { GenerationBook } from '../../src/generation-book.js'
import { Openings } from '../../src/reading/openings.js'
import { ReaderEvents } from '../../src/reading/reader-events.js'
import { memoryStore } from '../../src/testing.js'
import {
  EPOCH,
  giveKeys,
  makeStream,
  seedOf,
  SessionSealer,
  testRuntime,
} from '../support/stream.js'
import { setting } from './setting.js'

/** A book in which every kid means these generations, as kids of four bytes can. */
class CollidingBook extends GenerationBook {
  meant: readonly Generation[] = []

  override byKid(): readonly Generation[] {
    return this.meant
  }
}

describe('a kid that means several generations', () => {
  it('is tried with each, and the best outcome counts', async () => {
    const runtime = testRuntime()
    const trust = new Trust({ crypto: sodiumProvider })
    const book = new CollidingBook(runtime, trust)
    const events = new ReaderEvents(runtime)
    const openings = new Openings(book, '#', events)
    const streams = [1, 2, 3].map((nonce) => makeStream(trust, { nonce }))
    for (const stream of streams) await giveKeys(book, stream)
    const [a, b, c] = book.all()
    const [, second, third] = streams
    if (!a || !b || !c || !second || !third) throw new Error('there are three')
    const sealed = new SessionSealer(second).seal(0)
    const object = decodeObject(sealed)
    const found = (...meant: readonly Generation[]): unknown => {
      book.meant = meant
      return openings.open(object, second.kid)
    }
    expect(found(a, b, c)).toMatchObject({ kind: 'opened', reading: { generation: b } })
    expect(found(a, c)).toMatchObject({ kind: 'failed', provisional: true })
    b.opener.closingEpoch = EPOCH - 1
    expect(found(a, b, c)).toMatchObject({ kind: 'refused', generation: b })
    b.opener.closingEpoch = undefined
    const unkeyed = decodeObject(new SessionSealer(third, { epoch: EPOCH - 48 }).seal(0))
    book.meant = [a, b]
    expect(openings.open(unkeyed, third.kid)).toMatchObject({ kind: 'no-key', generation: a })
    book.meant = []
    expect(openings.open(object, second.kid)).toEqual({ kind: 'no-key', generation: undefined })
  })

  it('is refused for good only where every generation has a proven node', async () => {
    const runtime = testRuntime()
    const trust = new Trust({ crypto: sodiumProvider })
    const book = new CollidingBook(runtime, trust)
    const openings = new Openings(book, '#', new ReaderEvents(runtime))
    const proven = makeStream(trust, { nonce: 1 })
    const open = makeStream(trust, { nonce: 2 })
    await giveKeys(book, proven)
    await giveKeys(book, open, { root: seedOf('wrong') })
    const [first, second] = book.all()
    if (!first || !second) throw new Error('there are two')
    book.meant = [first]
    openings.open(decodeObject(new SessionSealer(proven).seal(0)), proven.kid)
    expect(openings.hasUnsaved).toBe(true)
    const forged = new SessionSealer(proven).seal(1)
    forged[forged.length - 1]! ^= 1
    const object = decodeObject(forged)
    expect(openings.open(object, proven.kid)).toMatchObject({ kind: 'failed', provisional: false })
    book.meant = [first, second]
    expect(openings.open(object, proven.kid)).toMatchObject({ kind: 'failed', provisional: true })
  })
})

it('that a generation is in use is recorded with what is acknowledged, also where nothing is signed', async () => {
  const store = memoryStore()
  const trust = new Trust({ crypto: sodiumProvider })
  const stream = makeStream(trust, { fields: { signatureMode: 'none' } })
  await using desk = await setting({ store, trust, stream, acceptUnsigned: true })
  desk.inject(desk.sealer.seal(0))
  const [message] = await desk.take()
  await message?.acknowledge()
  const again = new GenerationBook(testRuntime(store), trust)
  await again.load()
  expect(again.byKid(stream.kid).map(({ isUsed }) => isUsed)).toEqual([true])
})
