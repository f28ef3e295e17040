// SPDX-License-Identifier: Apache-2.0
/**
 * Whatever fails, and whenever: every message arrives, none is invented, and the order of an address stays.
 */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inboxAddress } from '@waxwing/core'
import {
  memoryBroker,
  memoryTransport,
  seededRandom,
  type Carried,
  type MemoryBroker,
  type MemoryTransport,
} from '@waxwing/client/testing'
import { bridge, type Bridge, type BridgeOptions } from '../src/index.js'
import { controlOf, numberOf, objectOf } from './support/frames.js'
import { numbersAt, stage } from './support/stage.js'

const INBOX = inboxAddress(new Uint8Array(32).fill(7))
const COUNT = 120
const ADDRESSES = ['plant/1', 'plant/2', 'plant/3/deep']

interface Trouble {
  readonly seed: number
  /** What can happen at each message that the far broker is sent, in per cent. */
  readonly cutNear: number
  readonly cutFar: number
  readonly crash: number
  readonly refuse: number
}

/** What is sent at once dies at once: with more of these no life would be long enough. */
const MAX_CRASHES = 12

const TROUBLE = fc.record({
  seed: fc.integer(),
  cutNear: fc.integer({ min: 0, max: 20 }),
  cutFar: fc.integer({ min: 0, max: 20 }),
  crash: fc.integer({ min: 0, max: 10 }),
  refuse: fc.integer({ min: 0, max: 30 }),
})

/** A bridge that dies without a word and is started again, over the same sessions. */
class MortalBridge {
  readonly near: MemoryBroker = memoryBroker()
  readonly far: MemoryBroker = memoryBroker()
  readonly #options: Partial<BridgeOptions>
  readonly #dead: { running: Promise<Bridge>; sides: MemoryTransport[] }[] = []
  #sides: MemoryTransport[] = []
  #running: Promise<Bridge> | undefined

  constructor(options: Partial<BridgeOptions>) {
    this.#options = options
    this.start()
  }

  start(): void {
    const from = memoryTransport(this.near, { clientId: 'near side' })
    const to = memoryTransport(this.far, { clientId: 'far side' })
    this.#sides = [from, to]
    const quick = { settleMs: 5, retryMinMs: 1, retryMaxMs: 4, closeTimeoutMs: 0 }
    const maps = [{ from: 'plant/#', to: 'works/#' }]
    this.#running = bridge({ from, to, maps, ...quick, ...this.#options })
    this.#running.catch(() => undefined)
    this.#dead.push({ running: this.#running, sides: this.#sides })
  }

  cut(side: 0 | 1): void {
    const transport = this.#sides[side]
    transport?.disconnect()
    setImmediate(() => {
      if (transport !== undefined && transport === this.#sides[side]) transport.reconnect()
    })
  }

  crash(): void {
    const sides = this.#sides
    if (sides.length === 0 || this.#dead.length > MAX_CRASHES) return
    this.#sides = [] // dead until then
    for (const side of sides) side.disconnect()
    setImmediate(() => this.start())
  }

  async end(): Promise<void> {
    this.#sides = []
    for (const { running, sides } of this.#dead) {
      await Promise.all(sides.map((side) => side.close()))
      await running.then(
        (one) => one.close({ keepSubscriptions: true }),
        () => undefined,
      )
    }
  }
}

/** Sends through a bridge in trouble, and returns what both brokers carried. */
async function carry(trouble: Trouble, options: Partial<BridgeOptions>): Promise<MortalBridge> {
  const mortal = new MortalBridge(options)
  const random = seededRandom(trouble.seed)
  const happens = (percent: number): boolean => random() * 100 < percent
  mortal.far.faults.rule(() => {
    if (happens(trouble.cutNear)) mortal.cut(0)
    if (happens(trouble.cutFar)) mortal.cut(1)
    if (happens(trouble.crash)) mortal.crash()
    return happens(trouble.refuse) ? { kind: 'refuse' } : undefined
  })
  const device = memoryTransport(mortal.near)
  for (let i = 0; i < COUNT; i++) {
    await device.send(ADDRESSES[i % ADDRESSES.length] as string, objectOf(i))
    if (i % 4 === 0) await device.send(INBOX, controlOf(i))
    if (happens(5)) await new Promise((resolve) => setImmediate(resolve))
  }
  await expect
    .poll(() => missing(mortal.near.carried, mortal.far.carried), { interval: 5 })
    .toEqual([])
  mortal.far.faults.clear()
  await device.close()
  return mortal
}

const nameOf = ({ address, payload }: Carried): string =>
  `${address.replace(/^works/, 'plant')} ${Buffer.from(payload).toString('base64')}`

function missing(near: readonly Carried[], far: readonly Carried[]): readonly string[] {
  const there = new Set(far.map(nameOf))
  return near.map(nameOf).filter((name) => !there.has(name))
}

/** What arrived at an address, each message where it came first. */
function firsts(far: MemoryBroker, address: string): readonly number[] {
  const all = far.carried.filter((one) => one.address === address.replace('plant', 'works'))
  return [...new Set(all.map(({ payload }) => numberOf(payload)))]
}

function sentTo(address: string): readonly number[] {
  return Array.from({ length: COUNT }, (_, i) => i).filter(
    (i) => ADDRESSES[i % ADDRESSES.length] === address,
  )
}

describe('a bridge in trouble', () => {
  it('brings everything and invents nothing, whatever is cut, refused or crashes', async () => {
    await fc.assert(
      fc.asyncProperty(TROUBLE, async (trouble) => {
        const mortal = await carry(trouble, { both: true })
        await mortal.end()
        expect(missing(mortal.far.carried, mortal.near.carried)).toEqual([])
      }),
      { numRuns: 25 },
    )
  }, 60_000)

  it('keeps the order of an address over lost connections and crashes', async () => {
    await fc.assert(
      fc.asyncProperty(TROUBLE, async (trouble) => {
        const mortal = await carry({ ...trouble, refuse: 0 }, {})
        await mortal.end()
        for (const address of ADDRESSES) {
          expect(firsts(mortal.far, address)).toEqual(sentTo(address))
        }
      }),
      { numRuns: 25 },
    )
  }, 60_000)

  it('keeps it over refusals too where it sends one at a time', async () => {
    await fc.assert(
      fc.asyncProperty(TROUBLE, async (trouble) => {
        const mortal = await carry(trouble, { window: 1 })
        await mortal.end()
        for (const address of ADDRESSES) {
          expect(firsts(mortal.far, address)).toEqual(sentTo(address))
        }
      }),
      { numRuns: 15 },
    )
  }, 60_000)

  it('has acknowledged in the end what it brought', async () => {
    const trouble = { seed: 3, cutNear: 10, cutFar: 10, crash: 0, refuse: 10 }
    const mortal = await carry(trouble, {})
    await mortal.near.idle()
    await mortal.end()
    const heir = memoryTransport(mortal.near, { clientId: 'near side' })
    const left: number[] = []
    await heir.subscribe('plant/#', async ({ payload }) => void left.push(numberOf(payload)))
    await heir.send('plant/1', objectOf(9999))
    await expect.poll(() => left).toEqual([9999])
    await heir.close()
  })

  it('brings a message twice that was sent when the bridge crashed, and no third time', async () => {
    const mortal = new MortalBridge({})
    mortal.far.faults.rule(() => {
      if (mortal.far.carried.length === 1) mortal.crash()
      return undefined
    })
    const device = memoryTransport(mortal.near)
    await device.send('plant/1', objectOf(1))
    await expect.poll(() => numbersAt(mortal.far)).toEqual([1, 1])
    await mortal.near.idle()
    await mortal.far.idle()
    expect(numbersAt(mortal.far)).toEqual([1, 1])
    await device.close()
    await mortal.end()
  })
})

describe('control messages', () => {
  it('are not held up by data, however much of it waits', async () => {
    const { near, far, device, run } = stage()
    const maps = [{ from: 'plant/#', to: 'plant/#' }]
    const running = await run({ maps, windowBytes: 100, window: 2 })
    far.faults.always('plant/#', { kind: 'refuse' })
    for (let i = 0; i < 200; i++) await device.send(`plant/${i % 5}`, objectOf(i))
    await device.send(INBOX, controlOf(1))
    await expect.poll(() => running.counters.there.control.messages).toBe(1)
    expect(running.counters.there.data.messages).toBe(0)
    // No more is taken from the source than it has unacknowledged, and nothing of it is lost.
    const { inFlight, waiting } = running.counters.there.data
    expect(inFlight + waiting).toBeLessThanOrEqual(64)
    far.faults.clear()
    await expect.poll(() => running.counters.there.data.messages).toBe(200)
    expect(near.carried).toHaveLength(201)
  })

  it('are not held up in one direction by the other', async () => {
    const { near, far, reader, device, run } = stage()
    const running = await run({})
    far.faults.always('#', { kind: 'refuse' })
    await device.send(INBOX, controlOf(1))
    far.faults.clear()
    far.faults.always(INBOX, { kind: 'refuse' })
    await reader.send('waxwing/v1/request/00', controlOf(2))
    await expect.poll(() => near.carried.length).toBe(2)
    expect(running.counters.back.control.messages).toBe(1)
  })
})

describe('what is under way', () => {
  it('is bounded in bytes over all addresses, and each goes in its turn', async () => {
    const { toFar, far, device, run } = stage()
    const running = await run({ maps: [{ from: 'plant/#', to: 'plant/#' }], windowBytes: 3000 })
    toFar.disconnect()
    for (let i = 0; i < 60; i++) await device.send(`plant/${i}`, objectOf(i, 940))
    await expect.poll(() => running.counters.there.data).toMatchObject({ inFlight: 3, waiting: 57 })
    toFar.reconnect()
    await expect.poll(() => far.carried.length).toBe(60)
  })

  it('may be one message that is larger than the bound', async () => {
    const { far, device, run } = stage()
    await run({ maps: [{ from: 'plant/#', to: 'plant/#' }], windowBytes: 10 })
    for (let i = 0; i < 5; i++) await device.send('plant/1', objectOf(i))
    await expect.poll(() => numbersAt(far)).toEqual([0, 1, 2, 3, 4])
  })
})
