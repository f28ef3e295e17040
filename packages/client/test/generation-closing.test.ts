// SPDX-License-Identifier: Apache-2.0
import { Trust, type ManifestFields } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import { GenerationBook } from '../src/generation-book.js'
import { memoryStore, type MemoryStore } from '../src/memory-store.js'
import {
  EPOCH,
  giveKeys,
  grantOf,
  makeStream,
  NOW,
  testRuntime,
  type TestStream,
} from './support/stream.js'

interface Reader {
  readonly book: GenerationBook
  readonly trust: Trust
  readonly store: MemoryStore
  /** Whom the bundles revoke, and since when: seconds since 1970. */
  readonly revoked: Map<string, number>
}

function reader(store: MemoryStore = memoryStore()): Reader {
  const trust = new Trust({ crypto: sodiumProvider })
  const revoked = new Map<string, number>()
  trust.revokedSince = ({ id }) => revoked.get(Buffer.from(id).toString('hex'))
  return { book: new GenerationBook(testRuntime(store), trust), trust, store, revoked }
}

function successorOf(
  trust: Trust,
  { manifest }: TestStream,
  options: {
    producer?: string
    closingEpoch?: number | null
    fields?: Partial<ManifestFields>
  } = {},
): TestStream {
  const { producer = 'thermometer', closingEpoch = EPOCH, fields = {} } = options
  const predecessor = { generationId: manifest.generationId, closingEpoch }
  return makeStream(trust, { producer, nonce: 2, fields: { predecessor, ...fields } })
}

const closingOf = ({ book }: Reader, { manifest }: TestStream): number | undefined =>
  book.byId(Buffer.from(manifest.generationId).toString('hex'))?.closingEpoch

describe('a generation is closed', () => {
  it('by the next one of the same producer, whichever is learnt of first, and after a restart', async () => {
    for (const late of [false, true]) {
      const desk = reader()
      const first = makeStream(desk.trust)
      const second = successorOf(desk.trust, first)
      for (const stream of late ? [second, first] : [first, second])
        await giveKeys(desk.book, stream)
      expect(closingOf(desk, first)).toBe(EPOCH)
      expect(closingOf(desk, second)).toBeUndefined()
      const again = reader(desk.store)
      makeStream(again.trust)
      await again.book.load()
      expect(closingOf(again, first)).toBe(EPOCH)
    }
  })

  it('by the lowest epoch, where several say so', async () => {
    const desk = reader()
    const first = makeStream(desk.trust)
    await giveKeys(desk.book, first)
    await giveKeys(desk.book, successorOf(desk.trust, first, { closingEpoch: EPOCH - 3 }))
    const other = { closingEpoch: EPOCH + 3, fields: { nonce: new Uint8Array(16).fill(9) } }
    await giveKeys(desk.book, successorOf(desk.trust, first, other))
    expect(closingOf(desk, first)).toBe(EPOCH - 3)
  })

  it('not by a successor that does not know when', async () => {
    const desk = reader()
    const first = makeStream(desk.trust)
    await giveKeys(desk.book, first)
    await giveKeys(desk.book, successorOf(desk.trust, first, { closingEpoch: null }))
    expect(closingOf(desk, first)).toBeUndefined()
  })

  it('not by another producer, before its own is revoked, and never from before that', async () => {
    const desk = reader()
    const first = makeStream(desk.trust)
    const thief = successorOf(desk.trust, first, { producer: 'other', closingEpoch: EPOCH - 20 })
    await giveKeys(desk.book, first)
    await giveKeys(desk.book, thief)
    expect(closingOf(desk, first)).toBeUndefined()
    desk.revoked.set(Buffer.from(first.producer.id).toString('hex'), NOW - 7200)
    await desk.book.refreshTrust()
    expect(closingOf(desk, first)).toBe(EPOCH - 2)
  })

  it('not by another producer under another name', async () => {
    const desk = reader()
    const first = makeStream(desk.trust)
    desk.revoked.set(Buffer.from(first.producer.id).toString('hex'), NOW)
    await giveKeys(desk.book, first)
    const fields = { streamName: 'plant/2' }
    await giveKeys(desk.book, successorOf(desk.trust, first, { producer: 'other', fields }))
    expect(closingOf(desk, first)).toBeUndefined()
  })
})

describe('grants of a generation', () => {
  it('do not grow without end while a lease is renewed, and those that stand are all kept', async () => {
    const desk = reader()
    const stream = makeStream(desk.trust)
    for (let i = 0; i < 300; i++) {
      const { grant, held } = grantOf(stream, { id: `lease ${i}` })
      await desk.book.addGrant(grant, { ...held, end: NOW + i, received: NOW + i - 1 })
    }
    await giveKeys(desk.book, stream, { id: 'for good' })
    const [generation] = desk.book.all()
    expect(generation?.grants.size).toBeLessThanOrEqual(64)
    expect(generation?.grantCount).toBe(301)
    expect(generation?.grants.has('for good')).toBe(true)
    expect(generation?.grants.has('lease 299')).toBe(true)
  })
})
