// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { memoryBroker, memoryTransport } from '@waxwing/client/testing'
import type { Fault, MemoryBroker, RandomFaults } from '@waxwing/client/testing'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

/** Sends 1, 2, 3, … to `a` and gives what came: address, and bytes. */
async function trip(
  broker: MemoryBroker,
  count: number,
  payload = (value: number): Uint8Array => bytes(value),
): Promise<[string, ...number[]][]> {
  const got: [string, ...number[]][] = []
  const reader = memoryTransport(broker)
  await reader.subscribe('#', async (message) => {
    got.push([message.address, ...message.payload])
    await message.acknowledge()
  })
  const sender = memoryTransport(broker)
  for (let value = 1; value <= count; value++) await sender.send('a', payload(value))
  await broker.idle()
  return got
}

describe('fault injector: scripted', () => {
  it.each<[Fault, [string, ...number[]][]]>([
    [{ kind: 'drop' }, [['a', 2]]],
    [
      { kind: 'duplicate' },
      [
        ['a', 1],
        ['a', 1],
        ['a', 2],
      ],
    ],
    [
      { kind: 'reorder' },
      [
        ['a', 2],
        ['a', 1],
      ],
    ],
    [{ kind: 'delay' }, [['a', 2]]],
    [
      { kind: 'redirect', address: 'b' },
      [
        ['b', 1],
        ['a', 2],
      ],
    ],
    [{ kind: 'truncate', toBytes: 0 }, [['a'], ['a', 2]]],
  ])('does %o to the next matching message and to that one only', async (fault, expected) => {
    const broker = memoryBroker()
    broker.faults.once('other', { kind: 'drop' })
    broker.faults.once('+', fault)
    expect(await trip(broker, 2)).toEqual(expected)
    expect(broker.carried.map((one) => one.payload[0])).toEqual([1, 2])
  })

  it('lets held messages out after the given number of others, or when told', async () => {
    const broker = memoryBroker()
    broker.faults.once('#', { kind: 'delay', messages: 2 })
    broker.faults.once('#', { kind: 'delay' })
    const got = await trip(broker, 4)
    expect(got.map(([, value]) => value)).toEqual([3, 1, 4])
    broker.faults.release()
    await broker.idle()
    expect(got.map(([, value]) => value)).toEqual([3, 1, 4, 2])
  })

  it('flips exactly as many bits as asked', async () => {
    const broker = memoryBroker()
    broker.faults.always('#', { kind: 'corrupt', bits: 3 })
    const got = await trip(broker, 20, () => new Uint8Array(40))
    for (const [, ...payload] of got) {
      const ones = payload.reduce(
        (sum, byte) => sum + byte.toString(2).replaceAll('0', '').length,
        0,
      )
      expect(ones).toBe(3)
    }
  })

  it('truncates to a shorter length of its own choice', async () => {
    const broker = memoryBroker()
    broker.faults.always('#', { kind: 'truncate' })
    const got = await trip(broker, 20, () => new Uint8Array(40))
    expect(got).toHaveLength(20)
    for (const [, ...payload] of got) expect(payload.length).toBeLessThan(40)
  })

  it('replays an old message of the same address', async () => {
    const broker = memoryBroker()
    broker.faults.rule(({ payload }) => (payload[0] === 3 ? { kind: 'replay' } : undefined))
    const got = await trip(broker, 3)
    expect(got).toHaveLength(4)
    expect([1, 2]).toContain(got[3]![1])
  })

  it('refuses towards the sender', async () => {
    const broker = memoryBroker()
    const sender = memoryTransport(broker)
    const end = broker.faults.always('a', { kind: 'refuse' })
    await expect(sender.send('a', bytes(1))).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    end()
    await sender.send('a', bytes(1))
  })

  it('leaves retained what came out, not what went in', async () => {
    const broker = memoryBroker()
    const sender = memoryTransport(broker)
    broker.faults.once('#', { kind: 'drop' })
    await sender.send('a', bytes(1), { retained: true })
    expect(broker.retained('a')).toBeUndefined()
    broker.faults.once('#', { kind: 'corrupt' })
    await sender.send('a', bytes(0), { retained: true })
    expect(broker.retained('a')!.payload[0]).not.toBe(0)
  })

  it('spares injected messages', async () => {
    const broker = memoryBroker()
    broker.faults.always('#', { kind: 'drop' })
    const got = await trip(broker, 1)
    broker.inject('a', bytes(7))
    await broker.idle()
    expect(got).toEqual([['a', 7]])
  })
})

describe('fault injector: random', () => {
  const all: RandomFaults = {
    drop: 0.1,
    duplicate: 0.1,
    delay: 0.1,
    reorder: 0.1,
    corrupt: 0.1,
    truncate: 0.1,
    replay: 0.1,
  }

  async function run(seed: number): Promise<[string, ...number[]][]> {
    const broker = memoryBroker({ seed })
    broker.faults.random(all)
    const got = await trip(broker, 200, (value) => bytes(value, 1, 2, 3, 4))
    broker.faults.clear()
    await broker.idle()
    return got
  }

  it('does the same with the same seed and something else with another', async () => {
    const first = await run(7)
    expect(await run(7)).toEqual(first)
    expect(await run(8)).not.toEqual(first)
  })

  it('lets through unchanged what it has no fault for, and nothing is lost but by dropping', async () => {
    const broker = memoryBroker({ seed: 3 })
    broker.faults.random({ delay: 0.3, reorder: 0.3, duplicate: 0.3 })
    const got = await trip(broker, 200)
    broker.faults.clear()
    await broker.idle()
    const values = got.map(([, value]) => value!)
    expect(new Set(values).size).toBe(200)
    expect(values.length).toBeGreaterThan(220)
    expect(values).not.toEqual(values.toSorted((a, b) => a - b))
  })
})
