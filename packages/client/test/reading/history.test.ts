// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { Received, Trail } from '@waxwing/core'
import { Message } from '../../src/message.js'
import type { HistoryProgress } from '../../src/reading/history/history-progress.js'
import type { HistoryItem, HistoryOptions } from '../../src/reading/history/history-reading.js'
import type { Reader } from '../../src/reading/reader.js'
import { fixedClock, memoryBroker } from '../../src/testing.js'
import { EPOCH, giveKeys, HOUR, makeStream, NOW, SessionSealer, STREAM } from '../support/stream.js'
import { prepare, setting, settle, texts, type Setting, type SettingOptions } from './setting.js'

/** A reader that has not subscribed, over a broker that keeps everything and has the same clock. */
function stage(options: SettingOptions = {}): Promise<Setting> {
  const clock = fixedClock(NOW * 1000)
  return prepare({ broker: memoryBroker({ history: 'all', clock }), clock, ...options })
}

class Reading {
  readonly items: HistoryItem[] = []
  readonly progress: HistoryProgress[] = []
  readonly done: Promise<void>
  isDone = false

  constructor(reader: Reader, options: HistoryOptions = {}) {
    const onProgress = (progress: HistoryProgress): void => void this.progress.push(progress)
    this.done = this.#read(reader.history({ onProgress, ...options }))
    this.done.catch(() => undefined)
  }

  get texts(): string[] {
    return texts(this.items.filter((one) => one instanceof Message))
  }

  get end(): Extract<HistoryItem, { kind: 'end' }> {
    const last = this.items.at(-1)
    if (last?.kind !== 'end') throw new Error('the end has not come')
    return last
  }

  get gaps(): [session: string, first: number, last: number][] {
    const gaps = this.items.filter((one) => one.kind === 'gap')
    return gaps.map(({ session, first, last }) => [session, first, last])
  }

  async #read(items: AsyncIterable<HistoryItem>): Promise<void> {
    for await (const item of items) this.items.push(item)
    this.isDone = true
  }
}

async function read(made: Setting, options: HistoryOptions = {}): Promise<Reading> {
  const reading = new Reading(made.reader, options)
  await reading.done
  return reading
}

const trailOf = (
  before: readonly [SessionSealer, lastCounter: number][],
  sessionCount: number = before.length,
): { metadata: { trail: Trail } } => {
  const latest = before.map(([{ session }, lastCounter]) => ({ session, lastCounter }))
  const objectCount = before.reduce((sum, [, last]) => sum + last + 1, 0)
  return { metadata: { trail: { sessionCount, objectCount, latest } } }
}

describe('reading the history that an intermediary keeps', () => {
  it('gives the messages again, without alarm, bound to their addresses, and an end', async () => {
    const broker = memoryBroker({ history: 'all' })
    await using made = await setting({ broker, filter: 'plant/#' })
    made.broker.inject(STREAM, made.sealer.seal(0), { properties: { hop: '1' } })
    made.inject(made.sealer.seal(1))
    made.inject(Uint8Array.of(1))
    made.inject(made.sealer.seal(2), 'plant/elsewhere')
    const [live] = await made.take()
    await live?.acknowledge()
    const { items, texts: told, end } = await read(made)
    expect(told).toEqual(['message 0', 'message 1'])
    expect(items[0]).toMatchObject({ repeated: true, unverifiedProperties: { hop: '1' } })
    expect(items[1]).toMatchObject({ repeated: true }) // in flight
    expect(items.slice(2)).toMatchObject([
      { reason: 'malformed', offset: 2 },
      { reason: 'refused', code: 'ERR_NOT_AUTHORIZED', offset: 3, address: 'plant/elsewhere' },
      { kind: 'end' },
    ])
    expect(end).toMatchObject({ messages: 2, skips: { malformed: 1, refused: 1 }, kept: 'all' })
    expect(await made.store.scan('parked')).toEqual([])
  })

  it('is refused where none is kept, and with a budget that is none', async () => {
    await using none = await setting()
    await expect(none.reader.history().next()).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    await using made = await stage()
    await expect(made.reader.history({ waitMs: -1 }).next()).rejects.toThrow(RangeError)
    await expect(made.reader.history({ waitMs: NaN }).next()).rejects.toThrow(/waitMs/)
    const never = new Date(NaN)
    await expect(made.reader.history({ from: never }).next()).rejects.toThrow(/from/)
    await expect(made.reader.history({ until: never }).next()).rejects.toThrow(/until/)
  })

  it('finds what was sealed in the span and reached the intermediary long after it', async () => {
    await using made = await stage()
    const offsetAt = (minute: number): { metadata: { offsetMs: number } } => ({
      metadata: { offsetMs: minute * 60_000 },
    })
    for (const [counter, minute] of [10, 20, 30].entries()) {
      made.inject(made.sealer.seal(counter, `minute ${minute}`, offsetAt(minute)))
    }
    const start = EPOCH * HOUR * 1000
    const from = new Date(start + 15 * 60_000)
    const until = new Date(start + 25 * 60_000)
    const { texts: told, end } = await read(made, { from, until })
    expect(told).toEqual(['minute 20'])
    expect(end).toMatchObject({ messages: 1, skips: {}, gaps: 0 })
  })

  it('leaves control messages alone', async () => {
    await using made = await stage({ filter: '#' })
    made.inject(Uint8Array.of(1, 2, 3), 'waxwing/v1/request/00')
    expect((await read(made)).items).toMatchObject([{ kind: 'end', messages: 0 }])
  })

  it('ends the replay when the iteration is ended early', async () => {
    await using made = await stage()
    let isReturned = false
    made.transport.replay = async function* (): AsyncGenerator<Received> {
      try {
        for (let counter = 0; ; counter++) yield received(made.sealer.seal(counter))
      } finally {
        isReturned = true
      }
    }
    for await (const item of made.reader.history()) {
      expect(item.kind).toBe('message')
      break
    }
    expect(isReturned).toBe(true)
  })

  it('reads only so far ahead, however slow the application is', async () => {
    await using made = await stage()
    let count = 0
    made.transport.replay = async function* (): AsyncGenerator<Received> {
      for (;;) yield received(made.sealer.seal(count++))
    }
    const history = made.reader.history()
    await history.next()
    await settle()
    expect(count).toBeLessThanOrEqual(258)
    await history.return(undefined)
  })

  it('ends with its signal, even if the intermediary says nothing', async () => {
    await using made = await stage()
    const { promise: never } = Promise.withResolvers<never>()
    made.transport.replay = async function* (): AsyncGenerator<Received> {
      yield await never
    }
    const abort = new AbortController()
    const reading = new Reading(made.reader, { signal: abort.signal })
    await settle()
    abort.abort(new Error('enough'))
    await expect(reading.done).rejects.toThrow('enough')
  })

  it('gives nothing of what was read ahead once it is to end', async () => {
    await using made = await stage()
    for (let counter = 0; counter < 20; counter++) made.inject(made.sealer.seal(counter))
    const abort = new AbortController()
    const history = made.reader.history({ signal: abort.signal })
    await history.next()
    abort.abort(new Error('enough'))
    await expect(history.next()).rejects.toThrow('enough')
  })

  it('ends with the reader', async () => {
    await using made = await stage({ keys: false })
    made.inject(made.sealer.seal(0))
    const reading = new Reading(made.reader)
    await settle()
    expect(reading.progress.at(-1)).toMatchObject({ waitingFor: made.stream.kid })
    await made.reader.close()
    await expect(reading.done).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('throws what the transport throws, after what came before', async () => {
    await using made = await stage()
    made.transport.replay = async function* (): AsyncGenerator<Received> {
      yield received(made.sealer.seal(0))
      throw new Error('cut')
    }
    const reading = new Reading(made.reader)
    await expect(reading.done).rejects.toThrow('cut')
    expect(reading.texts).toEqual(['message 0'])
  })
})

describe('reading a history without its keys', () => {
  it('asks once for the whole span of each kid, at once for all, and waits for the grants', async () => {
    await using made = await stage({ keys: false })
    const other = makeStream(made.trust, { nonce: 2 })
    const sealers = [made.stream, other].map((stream) => new SessionSealer(stream))
    for (const counter of [0, 1, 2]) for (const one of sealers) made.inject(one.seal(counter))
    const reading = new Reading(made.reader)
    await settle()
    expect(made.requests.wanted).toMatchObject([
      { kid: made.stream.kid, epoch: EPOCH, address: STREAM, andLater: false },
      { kid: other.kid, epoch: EPOCH },
    ])
    expect(reading.items).toEqual([])
    expect(reading.progress).toMatchObject([{ opened: 0, waitingFor: made.stream.kid }])
    await giveKeys(made.book, other) // not the one that is waited for
    await settle()
    expect(reading.items).toEqual([])
    await giveKeys(made.book, made.stream)
    await reading.done
    expect(reading.end).toMatchObject({ messages: 6, skips: {} })
    expect(made.requests.wanted).toHaveLength(2)
  })

  it('asks up to the present, although nobody has told it yet how long an epoch is', async () => {
    await using made = await stage({ keys: false })
    const inEpoch = (epoch: number): Uint8Array =>
      new SessionSealer(made.stream, { epoch }).seal(epoch - EPOCH)
    const broker = made.broker
    broker.inject(STREAM, inEpoch(EPOCH))
    made.runtime.clock.advance(3 * HOUR * 1000)
    for (const later of [0, 1, 2, 3]) broker.inject(STREAM, inEpoch(EPOCH + later))
    const reading = new Reading(made.reader)
    await settle()
    const [wanted] = made.requests.wanted
    expect(made.requests.wanted).toHaveLength(1)
    expect(wanted?.epoch).toBe(EPOCH)
    expect(wanted?.lastEpoch).toBeGreaterThanOrEqual(EPOCH + 3)
    expect(wanted?.lastEpoch).toBeLessThanOrEqual(EPOCH + 5)
    await giveKeys(made.book, made.stream, { span: { first: EPOCH, last: EPOCH + 3 } })
    await reading.done
    expect(reading.end).toMatchObject({ messages: 4, skips: { duplicate: 1 } })
  })

  it('asks up to the epoch of the last wanted instant where the manifest is known', async () => {
    await using made = await stage()
    const late = new SessionSealer(made.stream, { epoch: EPOCH + 5000 })
    made.inject(late.seal(0))
    const until = new Date((EPOCH + 5100) * HOUR * 1000)
    await read(made, { until, waitMs: 0 })
    expect(made.requests.wanted).toMatchObject([{ epoch: EPOCH + 5000, lastEpoch: EPOCH + 5100 }])
  })

  it('neither asks nor tells of what cannot be of the wanted time', async () => {
    await using made = await stage()
    const beyond = new SessionSealer(made.stream, { epoch: EPOCH + 5000 })
    const unknown = new SessionSealer(makeStream(made.trust, { nonce: 2 }))
    made.inject(beyond.seal(0))
    made.runtime.clock.advance(1000)
    const until = new Date(made.runtime.clock.now() ?? 0)
    made.inject(made.sealer.seal(0))
    const broker = made.broker as {
      carried: { receivedMs: number | undefined }[]
    } & typeof made.broker
    made.inject(unknown.seal(0))
    Object.assign(broker.carried.at(-1) ?? {}, { receivedMs: until.getTime() + 2 * HOUR * 1000 })
    const { end, texts: told } = await read(made, { until })
    expect(told).toEqual(['message 0'])
    expect(end).toMatchObject({ outside: 2, skips: {} })
    expect(made.requests.wanted).toEqual([])
  })

  it('skips at once what was denied, and waits on while a person thinks', async () => {
    await using made = await stage({ keys: false })
    for (const counter of [0, 1]) made.inject(made.sealer.seal(counter))
    const reading = new Reading(made.reader)
    await settle()
    made.requests.deny(made.stream.kid, 'pending-approval')
    await settle()
    expect(reading.items).toEqual([])
    made.requests.deny(made.stream.kid, 'not-authorized')
    await reading.done
    expect(reading.end).toMatchObject({ skips: { 'no-key': 2 }, completeness: 'unknown' })
  })

  it('does not wait for what was denied before, nor where the application asks', async () => {
    await using denied = await stage({ keys: false })
    denied.requests.want = () => false
    denied.inject(denied.sealer.seal(0))
    expect((await read(denied)).end).toMatchObject({ skips: { 'no-key': 1 } })
    await using silent = await stage({ keys: false, request: false })
    silent.inject(silent.sealer.seal(0))
    expect((await read(silent)).end).toMatchObject({ skips: { 'no-key': 1 } })
    expect(silent.requests.wanted).toEqual([])
  })

  it('waits no longer than its budget, which junk under many kids cannot multiply', async () => {
    await using made = await stage({ keys: false })
    for (let nonce = 2; nonce < 400; nonce++) {
      made.inject(new SessionSealer(makeStream(made.trust, { nonce })).seal(0))
    }
    made.inject(made.sealer.seal(0))
    const reading = new Reading(made.reader, { waitMs: 1000 })
    await settle()
    expect(reading.isDone).toBe(false)
    let waited = 0
    for (; !reading.isDone && waited < 5000; waited += 100) {
      made.runtime.clock.advance(100)
      await settle()
    }
    expect(waited).toBeLessThanOrEqual(2000)
    expect(reading.end).toMatchObject({ skips: { 'no-key': 399 } })
  })

  it('gives each answer a new budget, but not for the same answer again and again', async () => {
    await using made = await stage({ keys: false })
    const other = makeStream(made.trust, { nonce: 2 })
    made.inject(made.sealer.seal(0))
    made.inject(new SessionSealer(other).seal(0))
    const reading = new Reading(made.reader, { waitMs: 1000 })
    await settle()
    made.runtime.clock.advance(900)
    await giveKeys(made.book, made.stream)
    await settle()
    expect(reading.texts).toEqual(['message 0'])
    made.runtime.clock.advance(900)
    await settle()
    expect(reading.isDone).toBe(false)
    made.requests.deny(other.kid, 'rate-limited')
    for (let i = 0; i < 3; i++) {
      made.runtime.clock.advance(900)
      made.requests.deny(other.kid, 'rate-limited')
      await settle()
    }
    expect(reading.end).toMatchObject({ messages: 1, skips: { 'no-key': 1 } })
  })
})

describe('what is missing in a history', () => {
  it('is told between verified objects, at the end', async () => {
    await using made = await stage()
    for (const counter of [0, 1, 4, 5, 3]) made.inject(made.sealer.seal(counter))
    const { gaps, end } = await read(made)
    expect(gaps).toEqual([[made.sealer.name, 2, 2]])
    expect(end).toMatchObject({ messages: 5, gaps: 1, completeness: 'incomplete' })
  })

  it('shows in the trail of a later session: a lost end, and a whole session', async () => {
    await using made = await stage()
    const [one, two, three] = [1, 2, 3].map(
      (session) => new SessionSealer(made.stream, { session }),
    ) as [SessionSealer, SessionSealer, SessionSealer]
    made.inject(one.seal(0, 'first', trailOf([])))
    const after = trailOf([
      [two, 1],
      [one, 3],
    ])
    made.inject(three.seal(0, 'last', after))
    const { gaps, end } = await read(made)
    expect(new Set(gaps)).toEqual(
      new Set([
        [one.name, 1, 3],
        [two.name, 0, 1],
      ]),
    )
    expect(end).toMatchObject({ messages: 2, gaps: 2, completeness: 'incomplete' })
  })

  it('is nothing where a session only comes late', async () => {
    await using made = await stage()
    const one = new SessionSealer(made.stream, { session: 1 })
    const two = new SessionSealer(made.stream, { session: 2 })
    made.inject(one.seal(0, 'a', trailOf([])))
    made.inject(two.seal(0, 'b', trailOf([[one, 1]])))
    made.inject(one.seal(1, 'c', trailOf([])))
    const { gaps, end } = await read(made)
    expect(gaps).toEqual([])
    expect(end).toMatchObject({ messages: 3, completeness: 'complete' })
  })

  it('counts sessions of which only their number is known', async () => {
    await using made = await stage()
    const one = new SessionSealer(made.stream, { session: 1 })
    const nine = new SessionSealer(made.stream, { session: 9 })
    const eight = new SessionSealer(made.stream, { session: 8 })
    made.inject(one.seal(0, 'a', trailOf([])))
    made.inject(eight.seal(0, 'b', trailOf([], 7)))
    made.inject(nine.seal(0, 'c', trailOf([[eight, 0]], 8)))
    const { end } = await read(made)
    expect(end).toMatchObject({ gaps: 0, missingSessions: 6, completeness: 'incomplete' })
  })

  it('is known at the beginning, unless only a later time is wanted', async () => {
    const offsetMs = 1_800_000
    await using made = await stage()
    made.inject(made.sealer.seal(5, 'late', { metadata: { offsetMs, ...trailOf([], 2).metadata } }))
    expect((await read(made)).end.completeness).toBe('incomplete')
    const from = new Date(EPOCH * HOUR * 1000 + 60_000)
    expect((await read(made, { from })).end.completeness).toBe('unknown')
    made.inject(made.sealer.seal(4, 'before', { metadata: { offsetMs: 0 } }))
    expect((await read(made, { from })).end).toMatchObject({
      messages: 1,
      completeness: 'complete',
    })
  })

  it('is never known to be nothing without a trail, without a key, or of retained messages', async () => {
    await using made = await stage()
    made.inject(made.sealer.seal(0))
    expect((await read(made)).end.completeness).toBe('unknown')
    await using keyless = await stage()
    keyless.inject(keyless.sealer.seal(0, 'told', trailOf([])))
    expect((await read(keyless)).end.completeness).toBe('complete')
    keyless.inject(new SessionSealer(makeStream(made.trust, { nonce: 2 })).seal(0))
    expect((await read(keyless, { waitMs: 0 })).end.completeness).toBe('unknown')
    const broker = memoryBroker({ history: 'newest' })
    await using retained = await stage({ broker })
    broker.inject(STREAM, retained.sealer.seal(0, 'told', trailOf([])), { retained: true })
    expect((await read(retained)).end).toMatchObject({ completeness: 'unknown', kept: 'newest' })
  })

  it('is not asked of a will, which has a session of its own that no trail counts', async () => {
    await using made = await stage()
    made.inject(made.sealer.seal(0, 'a', trailOf([])))
    made.inject(new SessionSealer(made.stream, { session: 7 }).seal(0, 'will'))
    expect((await read(made)).end).toMatchObject({ messages: 2, completeness: 'complete' })
  })

  it('is told of more sessions than are remembered', async () => {
    await using made = await stage()
    const count = 300
    for (let session = 0; session < count; session++) {
      const id = new SessionSealer(made.stream)
      id.session.fill(0).set([session >> 8, session & 255])
      for (const counter of [0, 2]) made.inject(id.seal(counter, '', trailOf([], session)))
    }
    const { gaps, end, items } = await read(made)
    expect(gaps).toHaveLength(count)
    expect(items.findIndex(({ kind }) => kind === 'gap')).toBeLessThan(items.length - count)
    expect(end).toMatchObject({ messages: 600, gaps: count, missingSessions: 0 })
  })
})

describe('what is missing of more sessions side by side than are followed', () => {
  it('is never said to be nothing', async () => {
    await using made = await stage({ filter: '#' })
    const names = Array.from({ length: 260 }, (_, i) => `plant/${i}`)
    const sealers = names.map((streamName, i) => {
      const nonce = new Uint8Array(16).fill(i & 255).fill(i >> 8, 0, 8)
      return new SessionSealer(makeStream(made.trust, { fields: { streamName, nonce } }))
    })
    for (const sealer of sealers) await giveKeys(made.book, sealer.stream)
    for (const counter of [0, 1, 3]) {
      for (const [i, sealer] of sealers.entries()) {
        made.inject(sealer.seal(counter, '', trailOf([])), names[i])
      }
    }
    const { end } = await read(made)
    expect(end).toMatchObject({ messages: 780, skips: {}, completeness: 'unknown' })
  })
})

describe('the progress of reading a history', () => {
  it('is told now and then, with how much of the wanted time is behind', async () => {
    await using made = await stage()
    const from = new Date(made.runtime.clock.now() ?? 0)
    for (let counter = 0; counter < 600; counter++) {
      made.inject(made.sealer.seal(counter))
      made.runtime.clock.advance(1000)
    }
    const { progress } = await read(made, { from })
    expect(progress.map(({ replayed }) => replayed)).toEqual([256, 512, 600])
    expect(progress[0]).toMatchObject({ opened: 255, skipped: 0 })
    expect(progress[0]?.fraction).toBeCloseTo(255 / 600)
    expect(progress[0]?.at?.getTime()).toBe(from.getTime() + 255_000)
  })
})

function received(payload: Uint8Array): Received {
  const acknowledge = async (): Promise<void> => {}
  const facts = { retained: false, redelivered: false, properties: {}, acknowledge }
  return { address: STREAM, payload, ...facts }
}
