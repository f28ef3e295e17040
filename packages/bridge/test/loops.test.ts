// SPDX-License-Identifier: Apache-2.0
/**
 * Whatever bridges stand beside each other or in a ring: each message goes everywhere, and then there is peace.
 */

import { describe, expect, it, onTestFinished } from 'vitest'
import { inboxAddress } from '@waxwing/core'
import {
  fixedClock,
  memoryBroker,
  memoryTransport,
  type MemoryBroker,
} from '@waxwing/client/testing'
import { bridge, type Bridge, type BridgeOptions } from '../src/index.js'
import { controlOf, objectOf } from './support/frames.js'
import { addressesAt, numbersAt } from './support/stage.js'

const INBOX = inboxAddress(new Uint8Array(32).fill(7))
const ALL = [{ from: 'plant/#', to: 'plant/#' }]
const TWENTY = Array.from({ length: 20 }, (_, i) => i)

let sessions = 0

async function connect(
  from: MemoryBroker,
  to: MemoryBroker,
  options: Partial<BridgeOptions> = {},
): Promise<Bridge> {
  const sides = [from, to].map((broker) =>
    memoryTransport(broker, { clientId: `bridge ${sessions++}` }),
  )
  const [near, far] = sides as [(typeof sides)[0], (typeof sides)[0]]
  const running = await bridge({ from: near, to: far, maps: ALL, settleMs: 5, ...options })
  onTestFinished(async () => {
    await running.close()
    await Promise.all(sides.map((side) => side.close()))
  })
  return running
}

/** Resolves when no broker carries anything more. */
async function quiet(...brokers: readonly MemoryBroker[]): Promise<void> {
  let before = -1
  for (let now = 0; now !== before;) {
    before = now
    for (const broker of brokers) await broker.idle()
    now = brokers.reduce((sum, { carried }) => sum + carried.length, 0)
  }
}

async function sendTo(broker: MemoryBroker, address = 'plant/1'): Promise<void> {
  const device = memoryTransport(broker)
  onTestFinished(() => device.close())
  await Promise.all(TWENTY.map((i) => device.send(address, objectOf(i))))
  await Promise.all(TWENTY.map((i) => device.send(INBOX, controlOf(i))))
}

function expectAll(broker: MemoryBroker): void {
  const data = broker.carried.filter(({ address }) => !address.startsWith('waxwing/'))
  const control = broker.carried.filter(({ address }) => address === INBOX)
  const distinct = (all: typeof data): number =>
    new Set(all.map(({ payload }) => Buffer.from(payload).toString('hex'))).size
  expect([distinct(data), distinct(control)]).toEqual([TWENTY.length, TWENTY.length])
}

describe('bridges in company', () => {
  it('send nothing back that they brought', async () => {
    const [a, b] = [memoryBroker(), memoryBroker()]
    await connect(a, b, { both: true })
    await sendTo(a)
    await expect.poll(() => b.carried.length).toBe(2 * TWENTY.length)
    await quiet(a, b)
    expect([a.carried.length, b.carried.length]).toEqual([40, 40])
    expectAll(b)
  })

  it('come to rest side by side', async () => {
    const [a, b] = [memoryBroker(), memoryBroker()]
    for (let i = 0; i < 3; i++) await connect(a, b, { both: true })
    await sendTo(a)
    await expect.poll(() => new Set(numbersAt(b)).size).toBeGreaterThan(0)
    await quiet(a, b)
    expectAll(a)
    expectAll(b)
    // Each of the three may bring each message once in each direction.
    expect(a.carried.length).toBeLessThanOrEqual(40 * 4)
    expect(b.carried.length).toBeLessThanOrEqual(40 * 3)
  })

  it.each([true, false])('come to rest in a ring, with both: %s', async (both) => {
    const brokers = TWENTY.slice(0, 4).map(() => memoryBroker())
    for (const [i, broker] of brokers.entries()) {
      await connect(broker, brokers[(i + 1) % brokers.length] as MemoryBroker, { both })
    }
    await sendTo(brokers[0] as MemoryBroker)
    await expect.poll(() => brokers[3]?.carried.length ?? 0).toBeGreaterThanOrEqual(40)
    await quiet(...brokers)
    for (const broker of brokers) {
      expectAll(broker)
      expect(broker.carried.length).toBeLessThanOrEqual(40 * 3)
    }
  })

  it('come to rest where they rename and lead back', async () => {
    const [a, b] = [memoryBroker(), memoryBroker()]
    const maps = [
      { from: 'plant/#', to: 'works/#' },
      { from: 'works/#', to: 'plant/#' },
    ]
    await connect(a, b, { maps, both: true })
    await sendTo(a)
    await expect.poll(() => b.carried.length).toBeGreaterThanOrEqual(40)
    await quiet(a, b)
    for (const broker of [a, b]) expect(broker.carried.length).toBeLessThanOrEqual(120)
    expect(new Set(addressesAt(b))).toEqual(new Set(['works/1', INBOX]))
  })

  it('come to rest between a broker and itself', async () => {
    const broker = memoryBroker()
    await connect(broker, broker, { maps: [{ from: 'plant/#', to: 'plant/copy/#' }] })
    const device = memoryTransport(broker)
    onTestFinished(() => device.close())
    await device.send('plant/1', objectOf(1))
    await expect.poll(() => broker.carried.length).toBe(63) // 64 levels, the first with two
    await quiet(broker)
    expect(broker.carried).toHaveLength(63)
  })

  it('send a message once where filters overlap, and to each of its addresses', async () => {
    const [a, b] = [memoryBroker(), memoryBroker()]
    const maps = [
      { from: 'plant/#', to: 'plant/#' },
      { from: 'plant/+', to: 'plant/+' },
      { from: 'plant/1', to: 'one' },
    ]
    const running = await connect(a, b, { maps })
    await sendTo(a)
    await expect.poll(() => running.counters.there.data.messages).toBe(40)
    await quiet(a, b)
    expect(addressesAt(b).filter((address) => address === 'plant/1')).toHaveLength(20)
    expect(addressesAt(b).filter((address) => address === 'one')).toHaveLength(20)
  })

  it('let a repetition pass that a producer makes after a minute, every time', async () => {
    const clock = fixedClock(0)
    const [a, b] = [memoryBroker(), memoryBroker()]
    await connect(a, b, { clock, both: true })
    const device = memoryTransport(a)
    onTestFinished(() => device.close())
    let pauseMs = 60_000
    for (let count = 1; count <= 8; count++) {
      await device.send(INBOX, controlOf(1)) // as an outbox repeats itself
      await expect.poll(() => b.carried.length).toBe(count)
      await quiet(a, b)
      expect([a.carried.length, b.carried.length]).toEqual([count, count])
      clock.advance(pauseMs)
      pauseMs *= 2
    }
  })

  it('send nothing back that they could bring only late', async () => {
    const clock = fixedClock(0)
    const [a, b] = [memoryBroker(), memoryBroker()]
    const [near, far] = [memoryTransport(a), memoryTransport(b, { clientId: 'far side' })]
    const running = await bridge({ from: near, to: far, maps: [], clock, settleMs: 5 })
    onTestFinished(async () => {
      await running.close()
      await Promise.all([near, far].map((side) => side.close()))
    })
    far.disconnect()
    await near.send(INBOX, controlOf(1))
    await expect.poll(() => running.counters.there.control.inFlight).toBe(1)
    clock.advance(45_000) // longer than it is known at first that it came from there
    far.reconnect()
    await expect.poll(() => running.counters.back.control.duplicates).toBe(1)
    expect([a.carried.length, b.carried.length]).toEqual([1, 1])
  })

  it('end a loop that is slower than their memory', async () => {
    const clock = fixedClock(0)
    const [a, b, c] = [memoryBroker(), memoryBroker(), memoryBroker()]
    await connect(a, b, { clock, control: false })
    await connect(b, c, { clock, control: false })
    const back = memoryTransport(a)
    onTestFinished(() => back.close())
    await back.send('plant/1', objectOf(1))
    let rounds = 0
    // The third side of the ring is always ten minutes late.
    for (let step = 0; step < 100; step++) {
      await quiet(a, b, c)
      if (c.carried.length === rounds) break
      rounds = c.carried.length
      clock.advance(600_000)
      await back.send('plant/1', objectOf(1))
    }
    expect(rounds).toBeLessThanOrEqual(6)
  })
})
