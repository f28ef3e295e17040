// SPDX-License-Identifier: Apache-2.0
import { concatBytes, type Metadata } from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Message } from '../../../src/message.js'
import type { ArchiveReadingOptions, ArchiveSkip } from '../../../src/reading/reader.js'
import { memoryBroker } from '../../../src/testing.js'
import { EPOCH, SessionSealer, STREAM } from '../../support/stream.js'
import { setting, texts, type Setting } from '../setting.js'
import { OTHER_ID, piecesOf, sealPiece } from './pieces.js'

const TEXT = 'all that was in it'

async function read(
  made: Setting,
  items: readonly Uint8Array[],
  options: ArchiveReadingOptions = {},
): Promise<{ messages: Message[]; skips: ArchiveSkip[] }> {
  const messages: Message[] = []
  const skips: ArchiveSkip[] = []
  async function* source(): AsyncGenerator<Uint8Array> {
    yield concatBytes(...items)
  }
  for await (const one of made.reader.readArchive(source(), options)) {
    if (one instanceof Message) messages.push(one)
    else skips.push(one)
  }
  return { messages, skips }
}

/** Of payloads that were begun in an archive and never ended: how many were kept to its end. */
async function startedUntilTheEnd(made: Setting, items: readonly Uint8Array[]): Promise<number> {
  let given = 0
  let before = 0
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const item of items) yield item
    before = given
  }
  for await (const _ of made.reader.readArchive(source())) given++
  return items.length - before
}

describe('an archive with payloads in pieces', () => {
  it('gives each as one message, in whatever order its pieces stand', async () => {
    await using made = await setting()
    const plan = fc.array(fc.nat(), { minLength: 9, maxLength: 9 })
    const metadata = { contentType: 'a/b' }
    const one = piecesOf(made.sealer, TEXT, { metadata })
    const other = piecesOf(made.sealer, 'abcdefghijklmn', { transfer: OTHER_ID, counter: 10 })
    await fc.assert(
      fc.asyncProperty(plan, async (order) => {
        const all = [...one, ...other].map((object, i) => ({ object, at: order[i]! }))
        const items = all.toSorted((a, b) => a.at - b.at).map(({ object }) => object)
        const { messages, skips } = await read(made, items)
        expect(texts(messages).toSorted()).toEqual(['abcdefghijklmn', TEXT].toSorted())
        expect(messages.find(({ contentType }) => contentType === 'a/b')).toMatchObject({
          protection: { replay: 'repeatable', signed: true },
          repeated: false,
          redelivered: false,
        })
        expect(skips).toEqual([])
      }),
      { numRuns: 40 },
    )
    expect(await made.store.scan('piece')).toEqual([])
  })

  it('gives pieces where the reader wants them', async () => {
    await using made = await setting({ transfers: 'pieces' })
    const { messages } = await read(made, piecesOf(made.sealer, 'abcdefg'))
    expect(messages.map((message) => [message.text(), message.piece?.index])).toEqual([
      ['abcd', 0],
      ['efg', 1],
    ])
  })

  it('says at its end which are incomplete, by the first piece that it has of them', async () => {
    await using made = await setting()
    const objects = piecesOf(made.sealer, TEXT)
    const items = [objects[1]!, objects[0]!, objects[4]!]
    const { messages, skips } = await read(made, items)
    expect(messages).toEqual([])
    expect(skips).toMatchObject([
      { reason: 'incomplete', code: 'ERR_LIMIT', offset: 0, counter: 1, address: '' },
    ])
  })

  it('gives none of which a piece is outside the wanted span', async () => {
    await using made = await setting()
    const late = new SessionSealer(made.stream, { session: 2, epoch: EPOCH + 1 })
    const objects = [...piecesOf(made.sealer, TEXT).slice(0, 3), ...piecesOf(late, TEXT).slice(3)]
    const until = new Date((EPOCH + 1) * 3_600_000 - 1)
    expect((await read(made, objects)).messages).toHaveLength(1)
    const { messages, skips } = await read(made, objects, { until })
    expect([messages, skips.map(({ reason }) => reason)]).toEqual([[], ['incomplete']])
  })

  it('tells what is doubled, contradicts itself or is too large', async () => {
    await using made = await setting({ maxTransferBytes: 20 })
    const objects = piecesOf(made.sealer, TEXT)
    const doubled = await read(made, [...objects, ...piecesOf(made.sealer, TEXT, { counter: 10 })])
    expect(texts(doubled.messages)).toEqual([TEXT])
    expect(doubled.skips.map(({ reason }) => reason)).toEqual(Array(5).fill('duplicate'))

    const other = sealPiece(made.sealer, 9, 'else', { index: 1 })
    const conflict = await read(made, [objects[0]!, objects[1]!, other, ...objects.slice(2)])
    expect(conflict.messages).toEqual([])
    expect(new Set(conflict.skips.map(({ code }) => code))).toEqual(new Set(['ERR_CONFLICT']))
    expect(made.events).toMatchObject([
      { type: 'transfer-conflict', rule: 'content', object: other, stream: STREAM },
    ])

    const large = await read(made, piecesOf(made.sealer, 'x'.repeat(21)))
    expect(large.messages).toEqual([])
    expect(large.skips).toMatchObject([{ reason: 'refused', code: 'ERR_LIMIT', counter: 5 }])
  })

  it('has no more of them in memory than may be kept, and says which it gave up', async () => {
    await using made = await setting({ maxTransfersBytes: 2000 })
    const starts = Array.from({ length: 20 }, (_, i) => {
      const transfer = new Uint8Array(16).fill(i)
      return piecesOf(made.sealer, 'x'.repeat(600), { transfer, counter: 2 * i, pieceBytes: 500 })
    })
    const items = [...starts.map(([first]) => first!), ...starts.map(([, second]) => second!)]
    const { messages, skips } = await read(made, items)
    expect(messages).toHaveLength(2)
    expect(skips.filter(({ reason }) => reason === 'incomplete')).toHaveLength(18)
    expect(skips.filter(({ reason }) => reason === 'refused')).toHaveLength(18)
  })

  it('has no more than 1,024 of them in memory, and counts what their first pieces say', async () => {
    await using made = await setting({ maxTransfersBytes: 100_000 })
    const startsOf = (count: number, metadata: Metadata): Uint8Array[] =>
      Array.from({ length: count }, (_, i) => {
        const transfer = new Uint8Array(16).fill(i & 255).fill(i >> 8, 0, 8)
        return sealPiece(made.sealer, i, 'x', { transfer, index: 0 }, metadata)
      })
    const long = new Map([['name', 'x'.repeat(20_000)]])
    expect(await startedUntilTheEnd(made, startsOf(10, { headers: long }))).toBe(4)
    await using roomy = await setting()
    expect(await startedUntilTheEnd(roomy, startsOf(1030, {}))).toBe(1024)
  })

  it('marks what was read live before', async () => {
    await using made = await setting()
    const objects = piecesOf(made.sealer, TEXT)
    for (const object of objects) made.inject(object)
    const [message] = await made.take()
    await message?.acknowledge()
    const { messages } = await read(made, objects)
    expect(messages.map(({ repeated }) => repeated)).toEqual([true])
  })
})

describe('a history with payloads in pieces', () => {
  it('gives each whole, and counts what is incomplete', async () => {
    const broker = memoryBroker({ history: 'all' })
    await using made = await setting({ broker })
    for (const object of piecesOf(made.sealer, TEXT)) made.inject(object)
    const rest = { transfer: OTHER_ID, counter: 5 }
    for (const object of piecesOf(made.sealer, TEXT, rest).slice(0, 2)) made.inject(object)
    const items = []
    for await (const item of made.reader.history()) items.push(item)
    expect(items.filter((item) => item.kind === 'message').map((item) => item.text())).toEqual([
      TEXT,
    ])
    expect(items.at(-1)).toMatchObject({ kind: 'end', messages: 1, skips: { incomplete: 1 } })
  })
})
