// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { concatBytes, generateKemKeyPair, sealMessage } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { Message } from '../../src/message.js'
import type { ArchiveReadingOptions, ArchiveSkip } from '../../src/reading/reader.js'
import { EPOCH, giveKeys, HOUR, makeStream, seedOf, SessionSealer } from '../support/stream.js'
import { setting, settle, texts, typesOf, type Setting } from './setting.js'

async function* pieces(bytes: Uint8Array, size = 100): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(
  made: Setting,
  items: readonly Uint8Array[],
  options: ArchiveReadingOptions = {},
): Promise<{ messages: Message[]; skips: ArchiveSkip[] }> {
  const messages: Message[] = []
  const skips: ArchiveSkip[] = []
  for await (const one of made.reader.readArchive(pieces(concatBytes(...items)), options)) {
    if (one instanceof Message) messages.push(one)
    else skips.push(one)
  }
  return { messages, skips }
}

describe('reading an archive', () => {
  it('gives its messages, as often as it is read, without alarm and without a record', async () => {
    await using made = await setting()
    const items = [0, 1, 2].map((counter) => made.sealer.seal(counter))
    for (let i = 0; i < 2; i++) {
      const { messages, skips } = await read(made, items)
      expect(texts(messages)).toEqual(['message 0', 'message 1', 'message 2'])
      expect(messages[0]?.protection.replay).toBe('repeatable')
      expect(messages.map(({ repeated }) => repeated)).toEqual([false, false, false])
      expect(skips).toEqual([])
      for (const message of messages) await message.acknowledge()
    }
    expect(await made.store.scan('seen')).toEqual([])
    expect(made.events).toEqual([])
    made.inject(made.sealer.seal(0))
    expect(await made.take()).toHaveLength(1)
  })

  it('marks what was read live before', async () => {
    await using made = await setting()
    made.inject(made.sealer.seal(1))
    const [live] = await made.take()
    await live?.acknowledge()
    const items = [0, 1].map((counter) => made.sealer.seal(counter))
    const { messages } = await read(made, items)
    expect(messages.map(({ repeated }) => repeated)).toEqual([false, true])
  })

  it('tells what comes twice in it, and what contradicts itself or the live stream', async () => {
    await using made = await setting()
    made.inject(made.sealer.seal(5))
    await made.take()
    const items = [
      made.sealer.seal(0),
      made.sealer.seal(0),
      made.sealer.seal(0, 'other'),
      made.sealer.seal(5, 'other'),
    ]
    const { messages, skips } = await read(made, items)
    expect(texts(messages)).toEqual(['message 0'])
    const first = items[0]?.length
    expect(skips).toMatchObject([
      { reason: 'duplicate', code: 'ERR_REPLAYED', counter: 0, offset: first },
      { reason: 'conflict', code: 'ERR_CONFLICT', counter: 0 },
      { reason: 'conflict', code: 'ERR_CONFLICT', counter: 5 },
    ])
    expect(typesOf(made.events)).toEqual(['conflict', 'conflict'])
  })

  it('gives the wanted span of time only', async () => {
    await using made = await setting()
    const next = new SessionSealer(made.stream, { session: 2, epoch: EPOCH + 1 })
    const at = (offsetMs: number): { metadata: { offsetMs: number } } => ({
      metadata: { offsetMs },
    })
    const items = [
      made.sealer.seal(0, 'early', at(1000)),
      made.sealer.seal(1, 'late', at(5000)),
      made.sealer.seal(2, 'some time in the hour'),
      next.seal(0, 'next hour', at(0)),
    ]
    const start = EPOCH * HOUR * 1000
    const middle = await read(made, items, {
      from: new Date(start + 2000),
      until: new Date(start + 6000),
    })
    expect(texts(middle.messages)).toEqual(['late', 'some time in the hour'])
    const after = await read(made, items, { from: new Date(start + HOUR * 1000) })
    expect(texts(after.messages)).toEqual(['next hour'])
    expect(after.skips).toEqual([])
  })

  it('skips what it cannot open, says where and why, and asks for the keys once', async () => {
    await using made = await setting({ keys: false })
    const items = [0, 1, 2].map((counter) => made.sealer.seal(counter))
    const { messages, skips } = await read(made, items)
    expect(messages).toEqual([])
    expect(skips).toMatchObject([
      { kind: 'skip', offset: 0, reason: 'no-key', kid: made.stream.kid, epoch: EPOCH, counter: 0 },
      { reason: 'no-key' },
      { reason: 'no-key' },
    ])
    expect(made.requests.wanted).toMatchObject([{ kid: made.stream.kid, andLater: false }])
    expect(await made.store.scan('parked')).toEqual([])
  })

  it('leaves out streams that the reader does not ask for, and heartbeats', async () => {
    await using made = await setting()
    const other = makeStream(made.trust, { nonce: 4, fields: { streamName: 'door/1' } })
    await giveKeys(made.book, other)
    const items = [
      new SessionSealer(other).seal(0),
      made.sealer.seal(0, '', { metadata: { heartbeat: true } }),
      made.sealer.seal(1),
    ]
    const { messages, skips } = await read(made, items)
    expect(texts(messages)).toEqual(['message 1'])
    expect(skips).toEqual([])
  })

  it('hands control messages out, and uses at once what they bring', async () => {
    await using made = await setting({ keys: false })
    const crypto = sodiumProvider
    const key = await generateKemKeyPair(crypto, 'x25519', seedOf('kem'))
    const sealed = await sealMessage(crypto, Uint8Array.of(0xa0), { id: seedOf('id'), key })
    const control: Uint8Array[] = []
    const items = [made.stream.manifest.bytes, sealed, made.sealer.seal(0), Uint8Array.of(0x01)]
    const onControl = async (bytes: Uint8Array): Promise<void> => {
      control.push(bytes)
      await settle()
      if (control.length === 2) await giveKeys(made.book, made.stream)
    }
    const { messages, skips } = await read(made, items, { onControl })
    expect(control).toEqual([made.stream.manifest.bytes, sealed])
    expect(texts(messages)).toEqual(['message 0'])
    expect(skips).toMatchObject([{ reason: 'malformed', code: 'ERR_MALFORMED' }])
  })

  it('reports damage after everything before it', async () => {
    await using made = await setting()
    const whole = made.sealer.seal(0)
    const cut = made.sealer.seal(1).subarray(0, 50)
    const got: string[] = []
    const reading = async (): Promise<void> => {
      for await (const one of made.reader.readArchive(pieces(concatBytes(whole, cut)))) {
        if (one instanceof Message) got.push(one.text())
      }
    }
    await expect(reading()).rejects.toMatchObject({ code: 'ERR_MALFORMED' })
    expect(got).toEqual(['message 0'])
  })

  it('refuses what is forged or not signed, as live reading does', async () => {
    await using made = await setting()
    const unsigned = makeStream(made.trust, { nonce: 2, fields: { signatureMode: 'none' } })
    await giveKeys(made.book, unsigned)
    const forged = made.sealer.seal(0)
    forged[forged.length - 1]! ^= 1
    const { messages, skips } = await read(made, [forged, new SessionSealer(unsigned).seal(0)])
    expect(messages).toEqual([])
    expect(skips.map(({ reason }) => reason)).toEqual(['not-authentic', 'refused'])
  })
})
