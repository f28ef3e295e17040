// SPDX-License-Identifier: Apache-2.0
/** Messages between the centre and the handlers, with a clock that the test moves. */
import { describe, expect, it } from 'vitest'
import { memoryStore } from '@waxwing/client'
import { toHex, utf8, type Store } from '@waxwing/core'
import { MessageLog } from '@waxwing/testkit'
import { textToBytes } from '../src/text/alphabet.js'
import { encodeArmour } from '../src/text/armour.js'
import { Arrivals } from '../src/receiving/arrivals.js'
import { Feed } from '../src/receiving/feed.js'
import { PARTS_TABLE } from '../src/receiving/kept-part.js'
import type { Part } from '../src/receiving/parts.js'
import { Reassembly } from '../src/receiving/reassembly.js'
import { dataOf } from './support/stage.ts'

const [OK, TEMPORARY] = [0, 0x64]
const MINUTE = 60_000

interface Rig {
  readonly arrivals: Arrivals
  readonly store: Store
  readonly reports: { code: string; message: string }[]
  readonly clock: { nowMs: number }
  listen(filter: string, log: MessageLog['hold']): { close: () => void }
  /** Calls this whenever a message is offered to all. */
  count(call: () => void): void
  /** The status that a part is answered with at once, if it is. */
  take(part: Part): Promise<number | undefined>
}

async function rig(
  options: { maxOpen?: number; store?: Store; holdMs?: number } = {},
): Promise<Rig> {
  const { maxOpen = 8, store = memoryStore(), holdMs = 1_000_000 } = options
  const feeds: Feed[] = []
  let counted: () => void = () => undefined
  const reports: Rig['reports'] = []
  const report = (error: unknown): void => void reports.push(error as never)
  const clock = { nowMs: 0 }
  const nowMs = (): number => clock.nowMs
  const { reassembly, wholes } = await Reassembly.open({
    store,
    maxIncomplete: 256,
    maxIncompleteBytes: 4 * 1024 * 1024,
    incompleteSeconds: 86_400,
    nowMs,
    report,
  })
  const arrivals = new Arrivals({
    reassembly,
    feeds: () => {
      counted()
      return feeds
    },
    isDurable: true,
    holdMs,
    maxOpen,
    maxOpenBytes: 1024 * 1024,
    unwantedSeconds: 86_400,
    nowMs,
    text: () => undefined,
    read: () => undefined,
    report,
  })
  const made: Rig = {
    arrivals,
    store,
    reports,
    clock,
    listen(filter, handler) {
      const feed = new Feed(filter, { maxUnacknowledged: 2, retryHandlerMs: 10, report })
      feed.handlers.add(handler)
      feeds.push(feed)
      arrivals.offerAgain()
      return {
        close: () => {
          feeds.splice(feeds.indexOf(feed), 1)
          feed.close()
        },
      }
    },
    count(call) {
      counted = call
    },
    async take(part) {
      let status: number | undefined
      await arrivals.take(part, (given) => (status = given))
      return status
    },
  }
  arrivals.restore(wholes)
  return made
}

function single(bytes: Uint8Array, isText = false): Part {
  return { source: '49151', destination: '49152', isText, bytes, place: undefined }
}

/** A message of two segments. */
function pair(bytes: Uint8Array, reference: number): readonly [Part, Part] {
  const half = bytes.length >> 1
  const place = { width: 16, reference, total: 2 }
  return [
    { ...single(bytes.slice(0, half)), place: { ...place, number: 1 } },
    { ...single(bytes.slice(half)), place: { ...place, number: 2 } },
  ]
}

/** Data for an address that nobody listens to. */
function elsewhere(seed: number): Uint8Array {
  return Uint8Array.of(0x4c, 3, ...utf8('x/y'), ...dataOf(20, seed))
}

async function takePair(at: Rig, bytes: Uint8Array, reference: number): Promise<unknown[]> {
  const statuses: unknown[] = []
  for (const part of pair(bytes, reference)) statuses.push(await at.take(part))
  return statuses
}

const kept = async ({ store }: Rig): Promise<number> => (await store.scan(PARTS_TABLE)).length

describe('messages that nobody listens to', () => {
  it('and that stand in the store leave room for others, and say so', async () => {
    const [at, log] = [await rig(), new MessageLog()]
    at.listen('sms/#', log.acknowledge)
    for (let i = 0; i < 8; i++) expect(await takePair(at, elsewhere(i), i)).toEqual([OK, OK])
    expect(await at.take(single(dataOf(5)))).toBe(TEMPORARY) // somebody may still come
    at.clock.nowMs += MINUTE
    await at.take(single(dataOf(5)))
    await log.containing(dataOf(5))
    expect(at.reports).toMatchObject([{ code: 'ERR_LIMIT' }, { code: 'ERR_LIMIT' }])
    expect(at.reports[1]!.message).toContain('nobody listens')
    await expect.poll(() => kept(at)).toBe(14)
  })

  it('are given up when that has been so for too long, and not before', async () => {
    const at = await rig()
    await takePair(at, elsewhere(1), 1)
    at.clock.nowMs += 86_399_999
    at.arrivals.offerAgain() // somebody came who does not listen to it either
    at.arrivals.expire()
    expect(await kept(at)).toBe(2)
    at.clock.nowMs += 1
    at.arrivals.expire()
    expect(at.reports).toHaveLength(1)
    await expect.poll(() => kept(at)).toBe(0)
  })
})

describe('messages that stood in the store', () => {
  it('say so to whoever listens after a restart, and not to the first who listens at all', async () => {
    const [before, first] = [await rig(), new MessageLog()]
    await takePair(before, dataOf(200), 1)
    before.listen('sms/#', first.hold)
    expect((await first.at(0)).redelivered).toBe(false)
    before.arrivals.close()
    const [after, second] = [await rig({ store: before.store }), new MessageLog()]
    after.listen('sms/#', second.hold)
    expect((await second.at(0)).redelivered).toBe(true)
  })
})

describe('where too much is here', () => {
  it('control messages get in, whole, in segments and as armour, and data do not', async () => {
    const [at, held, control] = [await rig(), new MessageLog(), new MessageLog()]
    at.listen('sms/#', held.hold)
    at.listen('waxwing/v1/request/+', control.acknowledge)
    for (let i = 0; i < 8; i++) await at.take(single(dataOf(20, i)))
    expect(await at.take(single(dataOf(20, 9)))).toBe(TEMPORARY)
    expect(await at.take(pair(dataOf(200), 1)[0])).toBe(TEMPORARY)
    const request = (seed: number): Uint8Array =>
      Uint8Array.of(0x4a, 1, 2, 3, 4, ...dataOf(100, seed))
    await at.take(single(request(1)))
    expect(await takePair(at, request(2), 7)).toEqual([OK, OK])
    const armour = textToBytes(encodeArmour(request(3)), 'ascii')
    await at.take(single(armour, true))
    for (const seed of [1, 2, 3]) await control.containing(dataOf(100, seed))
  })
})

describe('a filter that nobody listens to any more', () => {
  it('has all its messages offered to the others once, and not once for each of them', async () => {
    const at = await rig({ maxOpen: 10_000 })
    const subscription = at.listen('sms/#', new MessageLog().hold)
    for (let i = 0; i < 200; i++) await at.take(single(dataOf(20, i)))
    let offers = 0
    at.count(() => offers++)
    subscription.close()
    await Promise.resolve()
    await Promise.resolve()
    expect(offers).toBe(200)
  })
})

describe('a store that takes its time', () => {
  it('has no more segments waiting for it than there is room for', async () => {
    const written = Promise.withResolvers<void>()
    const store = memoryStore()
    const slow: Store = {
      ...store,
      scan: (...args) => store.scan(...args),
      write: async (changes) => {
        await written.promise
        return store.write(changes)
      },
    }
    const at = await rig({ store: slow })
    const statuses: number[] = []
    const taking = Array.from({ length: 100 }, (_, i) =>
      at.arrivals.take(pair(dataOf(200), i)[1], (status) => statuses.push(status)),
    )
    expect(statuses).toEqual(Array(84).fill(TEMPORARY))
    written.resolve()
    await Promise.all(taking)
    expect(statuses.slice(84)).toEqual(Array(16).fill(OK))
    expect(await at.take(pair(dataOf(200), 0)[0])).toBe(OK)
  })
})

describe('the same bytes once more', () => {
  it('are another message where the centre knows that the first one is here', async () => {
    const [at, log] = [await rig({ holdMs: 10 }), new MessageLog()]
    at.listen('sms/#', log.hold)
    const statuses: number[] = []
    for (const _ of [1, 2]) {
      await at.arrivals.take(single(dataOf(5)), (status) => statuses.push(status))
      await expect.poll(() => statuses.length).toBe(log.messages.length)
    }
    expect(log.payloads()).toEqual([toHex(dataOf(5)), toHex(dataOf(5))])
    expect(await kept(at)).toBe(2)
  })

  it('are no other message after a connection that broke or a process that ended', async () => {
    const [at, log] = [await rig({ holdMs: 10 }), new MessageLog()]
    at.listen('sms/#', log.hold)
    const statuses: number[] = []
    const again = async (there: Rig): Promise<void> =>
      there.arrivals.take(single(dataOf(5)), (status) => statuses.push(status))
    await again(at)
    await expect.poll(() => statuses).toEqual([OK])
    at.arrivals.lost()
    await again(at)
    expect(statuses).toEqual([OK, OK])
    expect(await kept(at)).toBe(1)
    at.arrivals.close()

    const [after, held] = [await rig({ store: at.store, holdMs: 10 }), new MessageLog()]
    after.listen('sms/#', held.hold)
    await again(after)
    expect(statuses).toEqual([OK, OK, OK])
    expect(held.messages).toHaveLength(1)
  })
})
