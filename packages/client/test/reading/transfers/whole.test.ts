// SPDX-License-Identifier: Apache-2.0
import { encodeCbor, type StoreEntry } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import type { ReaderEvent } from '../../../src/events.js'
import { faultyStore, memoryBroker, memoryStore } from '../../../src/testing.js'
import { transferCodec } from '../../../src/reading/transfers/transfer-record.js'
import { EPOCH, giveKeys, makeStream, NOW, SessionSealer, STREAM } from '../../support/stream.js'
import { setting, settle, texts, typesOf, type Setting } from '../setting.js'
import { ID, ID_HEX, OTHER_ID, piecesOf, sealPiece } from './pieces.js'

const TEXT = 'all that was in it'
const DAY_MS = 86_400_000

function injectAll(made: Setting, objects: readonly Uint8Array[]): void {
  for (const object of objects) made.inject(object)
}

async function storedPieces(made: Setting): Promise<number> {
  return (await made.store.scan('piece')).length
}

/** All events but those of counters that a test left out. */
function told({ events }: Setting): ReaderEvent[] {
  return events.filter(({ type }) => !type.startsWith('gap'))
}

describe('a payload in pieces', () => {
  it('is handed over as one message, with what its first piece says', async () => {
    await using made = await setting()
    const headers = new Map([['a', 'b']])
    const metadata = { contentType: 'text/plain', headers, offsetMs: 5 }
    injectAll(made, piecesOf(made.sealer, TEXT, { sized: true, metadata, counter: 3 }))
    const [message, ...more] = await made.take()
    expect(more).toEqual([])
    expect(message?.text()).toBe(TEXT)
    expect(message).toMatchObject({
      kind: 'message',
      stream: STREAM,
      address: STREAM,
      contentType: 'text/plain',
      headers,
      sealedAt: new Date(EPOCH * 3_600_000 + 5),
      epoch: EPOCH,
      receipt: { session: made.sealer.name, counter: 3 },
      redelivered: false,
      piece: undefined,
      protection: { signed: true, replay: 'checked', grantedBy: ['granter'], addressMatches: true },
    })
    expect(made.events).toEqual([])
    await message?.acknowledge()
  })

  it.each([
    ['forwards', [0, 1, 2, 3, 4]],
    ['backwards', [4, 3, 2, 1, 0]],
    ['across', [2, 4, 0, 3, 1]],
  ])('is put together %s', async (_, order) => {
    await using made = await setting()
    const objects = piecesOf(made.sealer, TEXT)
    expect(objects).toHaveLength(5)
    injectAll(
      made,
      order.map((i) => objects[i]!),
    )
    expect(texts(await made.take())).toEqual([TEXT])
  })

  it.each([[''], ['one']])('may be a single piece: "%s"', async (text) => {
    await using made = await setting()
    injectAll(made, piecesOf(made.sealer, text, { sized: true }))
    expect(texts(await made.take())).toEqual([text])
  })

  it('is kept before the transport is told, and goes when it is acknowledged', async () => {
    const broker = memoryBroker()
    await using made = await setting({ broker, receiveMaximum: 1 })
    const objects = piecesOf(made.sealer, TEXT)
    injectAll(made, objects.slice(0, 4))
    await settle()
    expect(await storedPieces(made)).toBe(4)
    made.inject(objects[4]!)
    const [message] = await made.take()
    expect(await storedPieces(made)).toBe(5)
    await message?.acknowledge()
    expect(await storedPieces(made)).toBe(0)
    await message?.acknowledge()
    expect(await made.take()).toEqual([])
  })

  it('goes on after a restart, and is handed over again until it is acknowledged', async () => {
    const store = memoryStore()
    const broker = memoryBroker()
    const inputs = { store, broker }
    const lives: [number, number, boolean][] = [
      [0, 3, false],
      [3, 5, false],
      [5, 5, true],
      [5, 5, true],
    ]
    for (const [from, to, redelivered] of lives) {
      await using made = await setting(inputs)
      injectAll(
        made,
        piecesOf(made.sealer, TEXT, { metadata: { contentType: 'a/b' } }).slice(from, to),
      )
      const messages = await made.take()
      expect(texts(messages)).toEqual(to === 5 ? [TEXT] : [])
      const [message] = messages
      if (message !== undefined) {
        expect(message).toMatchObject({
          redelivered,
          contentType: 'a/b',
          protection: { signed: true },
        })
        expect(message.headers).toEqual(new Map())
      }
    }
    await using made = await setting(inputs)
    const [message] = await made.take()
    await message?.acknowledge()
    await using after = await setting(inputs)
    expect(await after.take()).toEqual([])
  })

  it('may go on in another generation of its producer', async () => {
    await using made = await setting()
    const { generationId } = made.stream.manifest
    const predecessor = { generationId, closingEpoch: EPOCH }
    const successor = makeStream(made.trust, { nonce: 5, fields: { predecessor } })
    await giveKeys(made.book, successor)
    const before = piecesOf(made.sealer, TEXT)
    const after = piecesOf(new SessionSealer(successor, { session: 9 }), TEXT)
    injectAll(made, [...before.slice(0, 2), ...after.slice(2)])
    expect(texts(await made.take())).toEqual([TEXT])
    expect(made.events).toEqual([])
  })

  it('comes when its pieces were parked and a grant came later', async () => {
    await using made = await setting({ keys: false })
    injectAll(made, piecesOf(made.sealer, TEXT))
    await settle()
    expect(await made.take()).toEqual([])
    await giveKeys(made.book, made.stream)
    const [message] = await made.take()
    expect(message?.text()).toBe(TEXT)
    expect(await made.reader.parked()).toEqual([])
  })

  it('comes although no more than one message may be handed over', async () => {
    await using made = await setting({ maxInFlight: 1, receiveMaximum: 1 })
    made.inject(made.sealer.seal(50, 'before'))
    injectAll(made, piecesOf(made.sealer, TEXT))
    made.inject(made.sealer.seal(60, 'after'))
    for (const text of ['before', TEXT, 'after']) {
      const [message, ...more] = await made.take()
      expect([message?.text(), more]).toEqual([text, []])
      await message?.acknowledge()
    }
  })

  it('has the place of the piece that completed it, where order is wanted', async () => {
    await using made = await setting({ order: 'session' })
    const objects = piecesOf(made.sealer, 'abcdefgh', { counter: 1 })
    made.inject(made.sealer.seal(3, 'after'))
    made.inject(objects[1]!)
    made.inject(objects[0]!)
    await settle()
    made.inject(made.sealer.seal(0, 'before'))
    expect(texts(await made.take())).toEqual(['before', 'abcdefgh', 'after'])
  })

  it('does not stop what is in order before all of it came', async () => {
    await using made = await setting({ order: 'session' })
    made.inject(made.sealer.seal(0, 'before'))
    made.inject(piecesOf(made.sealer, TEXT, { counter: 1 })[0]!)
    made.inject(made.sealer.seal(2, 'after'))
    expect(texts(await made.take())).toEqual(['before', 'after'])
  })

  it('is as weakly protected as its weakest piece', async () => {
    await using made = await setting({ topicBinding: 'report' })
    const [first, second] = piecesOf(made.sealer, 'abcdefgh')
    made.inject(first!)
    made.inject(second!, STREAM)
    const [message] = await made.take()
    expect(message?.protection.addressMatches).toBe(true)
    await using moved = await setting({ topicBinding: 'report', filter: '#' })
    moved.inject(first!)
    moved.inject(second!, 'elsewhere')
    const [other] = await moved.take()
    expect(other).toMatchObject({ address: STREAM, protection: { addressMatches: false } })
  })

  it('is not put together of signed pieces and others', async () => {
    await using made = await setting({ acceptUnsigned: true })
    const unsigned = makeStream(made.trust, { nonce: 5, fields: { signatureMode: 'none' } })
    await giveKeys(made.book, unsigned)
    const objects = piecesOf(made.sealer, TEXT)
    const forged = piecesOf(new SessionSealer(unsigned), TEXT.toUpperCase())
    injectAll(made, [...objects.slice(0, 4), forged[4]!])
    expect(await made.take()).toEqual([])
    injectAll(made, [objects[4]!, ...forged.slice(0, 4)])
    const messages = await made.take()
    expect(messages.map((m) => [m.text(), m.protection.signed])).toEqual([
      [TEXT, true],
      [TEXT.toUpperCase(), false],
    ])
  })

  it('is another one under another name of the transfer', async () => {
    await using made = await setting()
    const one = piecesOf(made.sealer, 'abcdefgh')
    const other = piecesOf(made.sealer, 'ABCDEFGH', { transfer: OTHER_ID, counter: 10 })
    injectAll(made, [one[0]!, other[1]!, other[0]!, one[1]!])
    expect(texts(await made.take())).toEqual(['ABCDEFGH', 'abcdefgh'])
  })
})

describe('a piece that came before', () => {
  it('is a duplicate by its counter, as ever', async () => {
    await using made = await setting()
    const objects = piecesOf(made.sealer, TEXT)
    injectAll(made, [objects[0]!, objects[1]!])
    await settle()
    injectAll(made, [objects[1]!, ...objects.slice(2)])
    expect(texts(await made.take())).toEqual([TEXT])
    expect(made.events).toMatchObject([{ type: 'duplicate', counter: 1 }])
  })

  it('is reported when it was sealed again, and changes nothing', async () => {
    await using made = await setting()
    injectAll(made, piecesOf(made.sealer, TEXT).slice(0, 3))
    injectAll(made, piecesOf(made.sealer, TEXT, { counter: 10 }))
    expect(texts(await made.take())).toEqual([TEXT])
    expect(told(made)).toMatchObject([
      { type: 'duplicate', counter: 10 },
      { type: 'duplicate', counter: 11 },
      { type: 'duplicate', counter: 12 },
    ])
  })

  it('begins no new transfer when that was acknowledged, in whatever life of the reader', async () => {
    const inputs = { store: memoryStore() }
    {
      await using made = await setting(inputs)
      injectAll(made, piecesOf(made.sealer, TEXT))
      const [message] = await made.take()
      await message?.acknowledge()
    }
    await using made = await setting(inputs)
    injectAll(made, piecesOf(made.sealer, TEXT, { counter: 10 }).slice(2, 3))
    await settle()
    expect(typesOf(told(made))).toEqual(['duplicate'])
    expect(await storedPieces(made)).toBe(0)
  })
})

describe('pieces that contradict each other', () => {
  const rows: readonly [string, (sealer: SessionSealer) => Uint8Array][] = [
    ['end', (sealer) => sealPiece(sealer, 9, 'x', { index: 1, last: true })],
    ['length', (sealer) => sealPiece(sealer, 9, 'xxxxx', { index: 3 })],
    ['size', (sealer) => sealPiece(sealer, 9, TEXT.slice(0, 4), { size: 4 * 2 ** 24 + 1 })],
    ['content', (sealer) => sealPiece(sealer, 9, 'else', { index: 1 })],
  ]
  it.each(rows)('by the %s end their transfer', async (rule, contradicting) => {
    await using made = await setting()
    const objects = piecesOf(made.sealer, TEXT)
    injectAll(made, objects.slice(0, 3))
    await settle()
    const object = contradicting(made.sealer)
    made.inject(object)
    injectAll(made, objects.slice(3))
    expect(await made.take()).toEqual([])
    const events = told(made)
    expect(events).toMatchObject([
      { type: 'transfer-conflict', transfer: ID_HEX, rule, object, counter: 9, stream: STREAM },
      { type: 'refused', code: 'ERR_CONFLICT' },
      { type: 'refused', code: 'ERR_CONFLICT' },
    ])
    expect(await storedPieces(made)).toBe(0)
  })

  it('do no harm to what is complete', async () => {
    await using made = await setting()
    injectAll(made, piecesOf(made.sealer, TEXT))
    const [message] = await made.take()
    made.inject(sealPiece(made.sealer, 9, 'else', { index: 1 }))
    await settle()
    expect(told(made)).toMatchObject([{ type: 'transfer-conflict', rule: 'content' }])
    await message?.acknowledge()
    expect(await storedPieces(made)).toBe(0)
  })
})

describe('the bounds of what is put together', () => {
  it('refuse a payload that is too large as soon as that shows, and all that comes of it', async () => {
    await using made = await setting({ maxTransferBytes: 17 })
    injectAll(made, piecesOf(made.sealer, TEXT))
    injectAll(made, piecesOf(made.sealer, 'fits', { transfer: OTHER_ID, counter: 10 }))
    expect(texts(await made.take())).toEqual(['fits'])
    expect(told(made)).toMatchObject([
      { type: 'refused', code: 'ERR_LIMIT', counter: 4, stream: STREAM },
    ])
    expect(await storedPieces(made)).toBe(1)
  })

  it('refuse it with the first piece where that says the size', async () => {
    await using made = await setting({ maxTransferBytes: 17 })
    injectAll(made, piecesOf(made.sealer, TEXT, { sized: true }))
    expect(await made.take()).toEqual([])
    expect(made.events).toHaveLength(5)
    expect(new Set(typesOf(made.events))).toEqual(new Set(['refused']))
    expect(await storedPieces(made)).toBe(0)
  })

  it('give up the oldest incomplete one for another, and say what was missing of it', async () => {
    await using made = await setting({ maxTransfersBytes: 2500 })
    const old = piecesOf(made.sealer, TEXT)
    injectAll(made, [old[0]!, old[1]!, old[3]!])
    await settle()
    made.runtime.clock.advance(1000)
    const text = 'x'.repeat(1000)
    injectAll(
      made,
      piecesOf(made.sealer, text, { transfer: OTHER_ID, counter: 10, pieceBytes: 500 }),
    )
    expect(texts(await made.take())).toEqual([text])
    expect(told(made)).toEqual([
      {
        type: 'transfer-incomplete',
        stream: STREAM,
        transfer: ID_HEX,
        missing: [{ first: 2, last: 2 }],
        pieceCount: undefined,
        reason: 'quota',
      },
    ])
  })

  it.each([
    ['bytes', { maxTransfersBytes: 5000 }, 20],
    ['number', {}, 1030],
  ])(
    'give up nothing of one stream for what another one begins, by %s',
    async (_, bounds, count) => {
      await using made = await setting({
        filter: '#',
        maxInFlight: 2000,
        receiveMaximum: 2000,
        ...bounds,
      })
      const streamName = 'plant/2/noise'
      const other = makeStream(made.trust, { nonce: 9, fields: { streamName } })
      await giveKeys(made.book, other)
      const [first, ...rest] = piecesOf(made.sealer, TEXT)
      made.inject(first!)
      await settle()
      const noise = new SessionSealer(other)
      for (let i = 0; i < count; i++) {
        const transfer = new Uint8Array(16).fill(i & 255).fill(i >> 8, 0, 8)
        made.inject(sealPiece(noise, i, 'x', { transfer }), streamName)
      }
      await expect.poll(() => typesOf(told(made))).toContain('transfer-incomplete')
      injectAll(made, rest)
      await expect.poll(async () => texts(await made.take())).toEqual([TEXT])
      const givenUp = told(made).filter(({ type }) => type === 'transfer-incomplete')
      expect(new Set(givenUp.map((event) => 'stream' in event && event.stream))).toEqual(
        new Set([streamName]),
      )
    },
  )

  it('give up what has no room at all', async () => {
    await using made = await setting({ maxTransfersBytes: 1000 })
    injectAll(made, piecesOf(made.sealer, 'x'.repeat(1000), { pieceBytes: 500 }))
    expect(await made.take()).toEqual([])
    expect(typesOf(told(made))).toEqual(['transfer-incomplete'])
    injectAll(made, piecesOf(made.sealer, TEXT, { transfer: OTHER_ID, counter: 10, pieceBytes: 9 }))
    expect(texts(await made.take())).toEqual([TEXT])
  })

  it('hold back what comes while what is complete takes the room, and lose nothing of it', async () => {
    await using made = await setting({ maxTransfersBytes: 2500, maxInFlight: 3 })
    const letters = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const [i, letter] of letters.entries()) {
      const transfer = new Uint8Array(16).fill(i)
      const at = { transfer, counter: 10 * i, pieceBytes: 500 }
      injectAll(made, piecesOf(made.sealer, letter.repeat(1000), at))
    }
    for (const letter of letters) {
      const [message, ...more] = await made.take()
      expect([message?.text(), more]).toEqual([letter.repeat(1000), []])
      await message?.acknowledge()
    }
    expect(told(made)).toEqual([])
    expect(made.runtime.errors).toEqual([])
  })

  it('hold nothing back for ever: what waits comes again after a restart', async () => {
    const inputs = { store: memoryStore(), broker: memoryBroker(), maxTransfersBytes: 2500 }
    const other = { transfer: OTHER_ID, counter: 10, pieceBytes: 500 }
    {
      await using made = await setting(inputs)
      injectAll(made, piecesOf(made.sealer, 'x'.repeat(1000), { pieceBytes: 500 }))
      injectAll(made, piecesOf(made.sealer, 'y'.repeat(1000), other))
      expect(await made.take()).toHaveLength(1)
    }
    await using made = await setting(inputs)
    injectAll(made, piecesOf(made.sealer, 'y'.repeat(1000), other)) // no transport was told
    for (const letter of 'xy') {
      const [message] = await made.take()
      expect(message?.text()).toBe(letter.repeat(1000))
      await message?.acknowledge()
    }
    expect(told(made)).toEqual([])
  })

  it('hold back no message that was parked before the piece that waits', async () => {
    await using made = await setting({ maxTransfersBytes: 2500, keys: false })
    injectAll(made, piecesOf(made.sealer, 'x'.repeat(1000), { pieceBytes: 500 }))
    made.inject(made.sealer.seal(5, 'between'))
    const other = { transfer: OTHER_ID, counter: 10, pieceBytes: 500 }
    injectAll(made, piecesOf(made.sealer, 'y'.repeat(1000), other))
    await settle()
    await giveKeys(made.book, made.stream)
    const first = await made.take()
    expect(new Set(texts(first))).toEqual(new Set(['x'.repeat(1000), 'between']))
    for (const message of first) await message.acknowledge()
    expect(texts(await made.take())).toEqual(['y'.repeat(1000)])
  })

  it('let a caller acknowledge first what takes the room', async () => {
    await using made = await setting({ maxTransfersBytes: 2500, transport: false })
    const [one, two] = piecesOf(made.sealer, 'x'.repeat(1000), { pieceBytes: 500 })
    await made.reader.open(one!)
    const message = await made.reader.open(two!)
    const other = { transfer: OTHER_ID, counter: 10, pieceBytes: 500 }
    const [three, four] = piecesOf(made.sealer, 'y'.repeat(1000), other)
    await expect(made.reader.open(three!)).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    if (message.kind === 'message') await message.acknowledge()
    expect(await made.reader.open(three!)).toMatchObject({ kind: 'piece', index: 0 })
    expect(await made.reader.open(four!)).toMatchObject({ kind: 'message' })
  })

  it('give up what stays incomplete for seven days', async () => {
    await using made = await setting()
    const objects = piecesOf(made.sealer, TEXT, { sized: true })
    injectAll(made, objects.slice(1, 2))
    injectAll(made, objects.slice(0, 1))
    await settle()
    made.runtime.clock.advance(7 * DAY_MS - 1)
    await settle()
    expect(typesOf(made.events)).not.toContain('transfer-incomplete')
    made.runtime.clock.advance(1)
    await settle()
    expect(made.events.at(-1)).toEqual({
      type: 'transfer-incomplete',
      stream: STREAM,
      transfer: ID_HEX,
      missing: [{ first: 2, last: 4 }],
      pieceCount: 5,
      reason: 'expired',
    })
    expect(await storedPieces(made)).toBe(0)
    injectAll(made, objects.slice(2))
    expect(await made.take()).toEqual([])
    expect(made.events.at(-1)).toMatchObject({ type: 'refused', code: 'ERR_LIMIT' })
  })

  it('give it up at the next start where nobody was there at that time', async () => {
    const inputs = { store: memoryStore() }
    {
      await using made = await setting(inputs)
      made.inject(piecesOf(made.sealer, TEXT)[0]!)
      await settle()
    }
    await using made = await setting({ ...inputs, startMs: (EPOCH * 3600 + 7 * 86_400) * 1000 })
    expect(made.events).toMatchObject([{ type: 'transfer-incomplete', reason: 'expired' }])
  })

  it('remember of no more than 4,096 transfers how they ended, the last ones', async () => {
    const store = memoryStore()
    {
      await using made = await setting({ store })
      injectAll(made, piecesOf(made.sealer, TEXT))
      for (const message of await made.take()) await message.acknowledge()
    }
    const [{ key }] = (await store.scan('transfer')) as [StoreEntry]
    const reader = key.slice(0, key.indexOf('/'))
    const nameOf = (i: number): string => `${reader}/${i.toString(16).padStart(32, '0')}`
    const count = 4200
    await store.write(
      Array.from({ length: count }, (_, i) => {
        const ended = transferCodec.toCbor({ state: 'incomplete', atMs: NOW * 1000 - i })
        return { table: 'transfer', key: nameOf(i), value: encodeCbor(ended) }
      }),
    )
    await using made = await setting({ store })
    await made.reader.start()
    const left = new Set((await store.scan('transfer')).map((entry) => entry.key))
    expect(left.size).toBe(4096)
    expect([left.has(nameOf(0)), left.has(nameOf(count - 1))]).toEqual([true, false])
  })

  it('keep no more than 1,024 holes', async () => {
    await using made = await setting()
    for (let i = 0; i < 1025; i++) {
      made.inject(sealPiece(made.sealer, i, 'x', { index: 2 * i }))
      if (i % 50 === 0) await settle()
    }
    await expect
      .poll(() => made.events)
      .toMatchObject([{ type: 'refused', code: 'ERR_LIMIT', counter: 1024 }])
    await expect.poll(() => storedPieces(made)).toBe(0)
  })
})

describe('a reader that wants pieces', () => {
  it('gets each as a message with its place, acknowledged like any other', async () => {
    const inputs = { store: memoryStore(), broker: memoryBroker(), transfers: 'pieces' as const }
    {
      await using made = await setting(inputs)
      injectAll(made, piecesOf(made.sealer, 'abcdefghi', { sized: true }))
      const messages = await made.take()
      expect(texts(messages)).toEqual(['abcd', 'efgh', 'i'])
      expect(messages.map(({ piece }) => piece)).toEqual([
        { transfer: ID_HEX, index: 0, last: false, size: 9, pieceBytes: 4 },
        { transfer: ID_HEX, index: 1, last: false, size: undefined, pieceBytes: 4 },
        { transfer: ID_HEX, index: 2, last: true, size: undefined, pieceBytes: undefined },
      ])
      await messages[0]?.acknowledge()
      await messages[2]?.acknowledge()
      expect(await storedPieces(made)).toBe(0)
      await made.reader.close({ keepSubscription: true })
    }
    await using made = await setting(inputs)
    expect(texts(await made.take())).toEqual(['efgh'])
  })
})

describe('opening pieces that a caller has', () => {
  it('tells what is missing, and hands back the whole with the last', async () => {
    await using made = await setting({ transport: false })
    const objects = piecesOf(made.sealer, TEXT, { sized: true })
    expect(await made.reader.open(objects[0]!)).toEqual({
      kind: 'piece',
      stream: STREAM,
      transfer: ID_HEX,
      index: 0,
      missing: [{ first: 1, last: 4 }],
      pieceCount: 5,
    })
    for (const i of [4, 2, 1]) {
      expect(await made.reader.open(objects[i]!)).toMatchObject({ kind: 'piece', index: i })
    }
    const message = await made.reader.open(objects[3]!)
    if (message.kind !== 'message') throw new Error(`got a ${message.kind}`)
    expect(message.text()).toBe(TEXT)
    await message.acknowledge()
    expect(await storedPieces(made)).toBe(0)
    await expect(made.reader.open(objects[3]!)).rejects.toMatchObject({ code: 'ERR_REPLAYED' })
  })

  it('is refused where the pieces are too many, or contradict each other', async () => {
    await using made = await setting({ transport: false, maxTransferBytes: 8 })
    const objects = piecesOf(made.sealer, TEXT)
    for (const i of [0, 1]) await made.reader.open(objects[i]!)
    await expect(made.reader.open(objects[2]!)).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    const other = { transfer: OTHER_ID, index: 1, last: true }
    await made.reader.open(sealPiece(made.sealer, 20, 'ab', other))
    const late = sealPiece(made.sealer, 21, 'ab', { ...other, index: 2 })
    await expect(made.reader.open(late)).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
  })

  it('finds what another life of the reader kept', async () => {
    const inputs = { store: memoryStore(), transport: false }
    const [first, second] = piecesOf((await setting(inputs)).sealer, 'abcdefgh')
    {
      await using made = await setting(inputs)
      await made.reader.open(first!)
    }
    await using made = await setting(inputs)
    expect(await made.reader.open(second!)).toMatchObject({ kind: 'message', redelivered: false })
  })
})

it('is handed over although the store took the last piece and said that it did not', async () => {
  let failures = 0
  const store = faultyStore(memoryStore(), {
    afterWrite: (_, changes) => {
      const isLast = changes.some(({ table, key }) => table === 'piece' && key.endsWith('000004'))
      if (isLast && failures++ === 0) throw new Error('the disk does not answer')
    },
  })
  await using made = await setting({ store })
  injectAll(made, piecesOf(made.sealer, TEXT))
  expect(await made.take()).toEqual([])
  made.runtime.clock.advance(1000)
  const [message, ...more] = await made.take()
  expect([message?.text(), more]).toEqual([TEXT, []])
  await message?.acknowledge()
  expect(await storedPieces(made)).toBe(0)
})

describe('opening pieces over a store that fails', () => {
  it.each([
    ['before', 'beforeWrite'],
    ['although', 'afterWrite'],
  ] as const)('may be tried again: %s the piece was kept', async (_, when) => {
    let isBroken = false
    const fail = (): void => {
      if (isBroken) throw new Error('the disk does not answer')
    }
    const store = faultyStore(memoryStore(), { [when]: fail })
    await using made = await setting({ store, transport: false })
    const objects = piecesOf(made.sealer, TEXT)
    for (const object of objects.slice(0, 4)) await made.reader.open(object)
    isBroken = true
    await expect(made.reader.open(objects[4]!)).rejects.toThrow('disk')
    isBroken = false
    const again = made.reader.open(objects[4]!)
    if (when === 'beforeWrite') {
      const message = await again
      expect(message.kind === 'message' && message.text()).toBe(TEXT)
    } else {
      await expect(again).rejects.toMatchObject({ code: 'ERR_REPLAYED' })
      await made.reader.close()
      await using after = await setting({ store })
      expect(texts(await after.take())).toEqual([TEXT])
    }
  })
})

describe('two readers that share a subscription and a store', () => {
  it('complete a transfer together, whichever pieces come to either', async () => {
    const store = memoryStore()
    const shared = { store, filter: `$share/g/${STREAM}`, name: 'desk' }
    await using one = await setting({ ...shared, transport: false })
    await using other = await setting({ ...shared, transport: false, trust: one.trust })
    const objects = piecesOf(one.sealer, TEXT)
    await Promise.all([0, 2].map((i) => one.reader.open(objects[i]!)))
    const results = await Promise.all([
      one.reader.open(objects[1]!),
      other.reader.open(objects[3]!),
      other.reader.open(objects[4]!),
    ])
    const whole = results.filter((result) => result.kind === 'message')
    expect(texts(whole)).toEqual([TEXT])
    await whole[0]?.acknowledge()
    expect(await storedPieces(one)).toBe(0)
  })

  it('hand it over once, and what one leaves behind comes at the next start', async () => {
    const store = memoryStore()
    const shared = { store, filter: `$share/g/${STREAM}`, name: 'desk' }
    const broker = memoryBroker()
    const one = await setting({ ...shared, broker })
    await using other = await setting({ ...shared, transport: false, trust: one.trust })
    const objects = piecesOf(one.sealer, TEXT)
    for (const i of [0, 1]) await other.reader.open(objects[i]!)
    injectAll(one, objects.slice(2))
    expect(texts(await one.take())).toEqual([TEXT])
    expect(await other.take()).toEqual([])
    await one[Symbol.asyncDispose]()
    await using after = await setting(shared)
    const [message] = await after.take()
    expect(message).toMatchObject({ redelivered: true })
    expect(message?.text()).toBe(TEXT)
  })

  it('hand over nothing that the other one acknowledged while it waited here', async () => {
    const shared = { store: memoryStore(), filter: `$share/g/${STREAM}`, name: 'desk' }
    await using one = await setting({ ...shared, maxInFlight: 1 })
    injectAll(one, piecesOf(one.sealer, TEXT))
    await settle() // it is put together, and nobody asks for it
    await using other = await setting({ ...shared, trust: one.trust })
    const [message] = await other.take() // as if the first one had died
    expect(message).toMatchObject({ redelivered: true })
    await message?.acknowledge()
    expect(texts(await one.take())).toEqual([])
    injectAll(one, piecesOf(one.sealer, 'the next', { transfer: OTHER_ID, counter: 10 }))
    expect(texts(await one.take())).toEqual(['the next'])
  })

  it('hand over what the store does not tell of, and say so', async () => {
    let isBroken = false
    const store = faultyStore(memoryStore(), {
      beforeRead: () => {
        if (isBroken) throw new Error('the disk does not answer')
      },
    })
    await using one = await setting({ store, filter: `$share/g/${STREAM}`, name: 'desk' })
    injectAll(one, piecesOf(one.sealer, TEXT))
    await settle()
    isBroken = true
    expect(texts(await one.take())).toEqual([TEXT])
    expect(one.runtime.errors).toMatchObject([{ message: 'the disk does not answer' }])
  })
})

it('does not mix transfers of two producers of one name', async () => {
  await using made = await setting()
  const other = makeStream(made.trust, { producer: 'impostor', nonce: 9 })
  await giveKeys(made.book, other)
  const objects = piecesOf(made.sealer, 'abcdefgh', { transfer: ID })
  const theirs = piecesOf(new SessionSealer(other, { session: 4 }), 'ABCDEFGH', { transfer: ID })
  injectAll(made, [objects[0]!, theirs[1]!])
  expect(await made.take()).toEqual([])
  injectAll(made, [theirs[0]!, objects[1]!])
  expect(texts(await made.take())).toEqual(['ABCDEFGH', 'abcdefgh'])
})

describe('damage in the store', () => {
  async function damaged(table: string): Promise<Setting> {
    const store = memoryStore()
    {
      await using made = await setting({ store })
      injectAll(made, piecesOf(made.sealer, TEXT))
      injectAll(made, piecesOf(made.sealer, 'sound', { transfer: OTHER_ID, counter: 10 }))
      await settle()
    }
    const [{ key } = { key: '' }] = await store.scan(table)
    await store.write([{ table, key, value: Uint8Array.of(1) }])
    return await setting({ store })
  }

  it.each(['transfer', 'piece'])('of a %s is reported, and holds up no other', async (table) => {
    await using made = await damaged(table)
    const messages = await made.take()
    expect(messages).toHaveLength(1)
    expect([TEXT, 'sound']).toContain(messages[0]?.text())
    expect(made.runtime.errors).toMatchObject([{ code: 'ERR_STORE_CORRUPT' }])
  })

  it('that comes and goes delays what is complete, and loses nothing', async () => {
    let isBroken = false
    const store = faultyStore(memoryStore(), {
      beforeRead: (table) => {
        if (isBroken && table === 'piece') throw new Error('the disk does not answer')
      },
    })
    await using made = await setting({ store })
    const objects = piecesOf(made.sealer, TEXT)
    isBroken = true
    injectAll(made, objects)
    expect(await made.take()).toEqual([])
    expect(made.runtime.errors).not.toEqual([])
    isBroken = false
    made.runtime.clock.advance(5000)
    expect(texts(await made.take())).toEqual([TEXT])
  })
})
