import { decodeObject, encodeCompact, type Store } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import * as fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryStore, type MemorySnapshot, type MemoryStore } from '../../src/memory-store.js'
import type { Producer } from '../../src/producing/producer.js'
import { StreamTable } from '../../src/producing/stream-record.js'
import { faultyStore, fixedClock, type FixedClock } from '../../src/testing.js'
import {
  HOUR,
  keyAndNonce,
  openPlant,
  pass,
  plantsOfTests,
  positionOf,
  quiet,
  START,
  type Plant,
} from '../support/plant.js'
import { eventsOf, Town } from '../support/town.js'

const STREAM = 'plant/1/temperature'
const DURABLE = { counterMode: 'durable' } as const
const plant = plantsOfTests()

const countersOf = (objects: readonly Uint8Array[]): readonly number[] =>
  objects.map((object) => positionOf(object).counter)
const kidOf = (object: Uint8Array): string => positionOf(object).kid

/** Seals many one after another, making ready as an application would. */
async function sealMany(producer: Producer, count: number): Promise<readonly Uint8Array[]> {
  const objects: Uint8Array[] = []
  while (objects.length < count) {
    try {
      objects.push(producer.seal('x'))
    } catch {
      await producer.ready()
    }
  }
  return objects
}

/** Where a process dies that is cut off from its disk: nothing it does later arrives. */
function cuttable(store: Store): { store: Store; cut(): void } {
  let isCut = false
  const refuse = (): void => {
    if (isCut) throw new Error('the process is dead')
  }
  const faults = { beforeWrite: refuse, beforeRead: refuse }
  return { store: faultyStore(store, faults), cut: () => (isCut = true) }
}

/** A device that can be killed and started again on the same disk. */
async function killable(
  disk: MemoryStore,
  clock: FixedClock,
): Promise<{ device: Plant; kill(): void }> {
  let cut = (): void => undefined
  const around = (store: Store): Store => {
    const handle = cuttable(store)
    cut = handle.cut
    return handle.store
  }
  const device = await openPlant({ store: disk, clock, around })
  return { device, kill: () => cut() }
}

describe('a producer with durable counters', () => {
  it('leaves the session out, counts from 0, and its objects open', async () => {
    const { endpoint } = await plant()
    const producer = await endpoint.producer(STREAM, DURABLE)
    const objects = await sealMany(producer, 300)
    expect(countersOf(objects)).toEqual(Array.from({ length: 300 }, (_, i) => i))
    const reader = endpoint.reader(STREAM)
    for (const object of objects) {
      expect(decodeObject(object).session).toHaveLength(0)
      const opened = await reader.open(object)
      if (opened.kind !== 'message') throw new Error('its own key opens it')
      expect(opened.receipt).toMatchObject({ session: '', counter: positionOf(object).counter })
    }
  })

  it('is as short as the design says, with a kid of 4 bytes and the short tag', async () => {
    const { endpoint } = await plant()
    const choices = { ...DURABLE, alg: 10, signature: 'none', timestamps: false } as const
    const long = await endpoint.producer(STREAM, choices)
    expect(encodeCompact(long.seal('21.5'))).toHaveLength(4 + 23)
    const short = await endpoint.producer('plant/2', { ...choices, kidBytes: 4 })
    const object = short.seal('21.5')
    expect(encodeCompact(object)).toHaveLength(4 + 19)
    expect(await endpoint.reader('plant/2', { acceptUnsigned: true }).open(object)).toMatchObject({
      kind: 'message',
    })
  })

  it('goes on over restarts without a gap, in the generation and over epochs', async () => {
    const { store, clock, endpoint } = await plant()
    const first = (await endpoint.producer(STREAM, DURABLE)).seal('a')
    await endpoint.close()
    await pass(clock, 3 * HOUR, HOUR)
    const again = await plant({ store, clock })
    const producer = await again.endpoint.producer(STREAM)
    const second = producer.seal('b')
    expect(kidOf(second)).toBe(kidOf(first))
    expect(countersOf([first, second])).toEqual([0, 1])
    expect(positionOf(second).epoch).toBe(positionOf(first).epoch + 3)
  })

  it('skips what is left of its counters after a crash, and repeats none', async () => {
    const [disk, clock] = [memoryStore(), fixedClock(START)]
    const { device, kill } = await killable(disk, clock)
    const producer = await device.endpoint.producer(STREAM, DURABLE)
    const before = await sealMany(producer, 5)
    await quiet()
    kill()
    const { device: next } = await killable(disk, clock)
    const after = (await next.endpoint.producer(STREAM)).seal('y')
    expect(kidOf(after)).toBe(kidOf(before[0]!))
    expect(positionOf(after).counter).toBe(64)
  })

  it('leaves a gap to its readers where counters were skipped, and none where it was stopped', async () => {
    const [disk, clock] = [memoryStore(), fixedClock(START)]
    const { device, kill } = await killable(disk, clock)
    const objects = [...(await sealMany(await device.endpoint.producer(STREAM, DURABLE), 3))]
    await device.endpoint.close()
    const { device: second, kill: killSecond } = await killable(disk, clock)
    kill()
    objects.push(...(await sealMany(await second.endpoint.producer(STREAM), 2)))
    killSecond()
    const { device: third } = await killable(disk, clock)
    objects.push(...(await sealMany(await third.endpoint.producer(STREAM), 1)))
    const reader = third.endpoint.reader(STREAM)
    for (const object of objects)
      expect(await reader.open(object)).toMatchObject({ kind: 'message' })
    expect(third.events.filter(({ type }) => type === 'gap')).toMatchObject([
      { missing: { first: 5, last: 66 }, session: '' },
    ])
  })

  it('begins a generation where its disk was put back, or is a copy', async () => {
    const { store, clock, endpoint } = await plant()
    const producer = await endpoint.producer(STREAM, DURABLE)
    const first = producer.seal('a')
    const copy = await plant({ store: memoryStore({ from: store.snapshot() }), clock })
    const other = await copy.endpoint.producer(STREAM)
    expect(kidOf(other.seal('b'))).not.toBe(kidOf(first))
    expect(copy.events).toContainEqual(
      expect.objectContaining({ type: 'rotated', reason: 'state-loss' }),
    )
    expect(other.generation.manifest.predecessor?.generationId).toEqual(
      producer.generation.manifest.generationId,
    )
    expect(kidOf(producer.seal('c'))).toBe(kidOf(first))
  })

  it('begins a generation where the store loses its life meanwhile', async () => {
    let lifeNumber = 1
    const life = (): Uint8Array => new Uint8Array(16).fill(lifeNumber)
    const around = (store: Store): Store => ({
      ...faultyStore(store, {}),
      continuity: {
        life: async () => life(),
        write: async (asked, changes) => asked[0] === lifeNumber && store.write(changes),
      },
    })
    const { endpoint, events } = await plant({ around })
    const producer = await endpoint.producer(STREAM, DURABLE)
    const first = producer.seal('a')
    lifeNumber = 2
    const later = await sealMany(producer, 100)
    await quiet()
    expect(new Set([first, ...later].map(kidOf)).size).toBe(2)
    expect(events.filter(({ type }) => type === 'rotated')).toMatchObject([
      { reason: 'state-loss' },
    ])
    expect(positionOf(later.at(-1)!).counter).toBeLessThan(100)
  })

  it('is refused over a store that cannot tell', async () => {
    const around = (store: Store): Store => {
      const { continuity: _, ...rest } = faultyStore(store, {})
      return rest
    }
    const { endpoint } = await plant({ around })
    await expect(endpoint.producer(STREAM, DURABLE)).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED',
      details: { field: 'counterMode' },
    })
    await expect(endpoint.producer(STREAM)).resolves.toBeDefined()
  })

  it('begins a generation when the counters of one are used up', async () => {
    const { endpoint, store, clock } = await plant()
    const producer = await endpoint.producer(STREAM, DURABLE)
    const kid = kidOf(producer.seal('a'))
    await endpoint.close()
    await wear(store, 2 ** 24 - 10)
    const again = await plant({ store, clock })
    const worn = await again.endpoint.producer(STREAM)
    const objects = await sealMany(worn, 12)
    expect(countersOf(objects.slice(0, 10))).toEqual(
      Array.from({ length: 10 }, (_, i) => 2 ** 24 - 10 + i),
    )
    expect(objects.slice(0, 10).map(kidOf)).toEqual(Array.from({ length: 10 }, () => kid))
    expect(countersOf(objects.slice(10))).toEqual([0, 1])
    expect(kidOf(objects[10]!)).not.toBe(kid)
    expect(again.events).toContainEqual(
      expect.objectContaining({ type: 'rotated', reason: 'key-worn' }),
    )
  })

  it('seals many at once, more than are reserved, in counters of their own', async () => {
    const { endpoint } = await plant()
    const producer = await endpoint.producer(STREAM, { ...DURABLE, signature: 'batch' })
    const texts = Array.from({ length: 1000 }, (_, i) => `${i}`)
    expect(() => producer.sealAll(texts)).toThrow(
      expect.objectContaining({ code: 'ERR_NOT_READY' }),
    )
    await producer.ready()
    expect(countersOf(producer.sealAll(texts))).toEqual(texts.map(Number))
    expect(countersOf([producer.seal('x')])).toEqual([1000])
  })

  it('has no wills, and a new generation for a new session', async () => {
    const { endpoint } = await plant()
    const producer = await endpoint.producer(STREAM, DURABLE)
    const kid = kidOf(producer.seal('a'))
    expect(() => producer.sealWill('gone')).toThrow(
      expect.objectContaining({ code: 'ERR_UNSUPPORTED' }),
    )
    await producer.newSession()
    const next = producer.seal('b')
    expect(kidOf(next)).not.toBe(kid)
    expect(positionOf(next).counter).toBe(0)
  })

  it('gives two processes on one store counters of their own', async () => {
    const [store, clock] = [memoryStore(), fixedClock(START)]
    const [one, other] = [await plant({ store, clock }), await plant({ store, clock })]
    const producers = [
      await one.endpoint.producer(STREAM, DURABLE),
      await other.endpoint.producer(STREAM, DURABLE),
    ]
    const objects: Uint8Array[] = []
    for (let round = 0; round < 20; round++) {
      for (const producer of producers) objects.push(...(await sealMany(producer, 30)))
    }
    expect(new Set(objects.map(kidOf)).size).toBe(1)
    expect(new Set(countersOf(objects)).size).toBe(1200)
    await one.endpoint.close()
    await other.endpoint.close()
    const last = await plant({ store, clock })
    const counter = positionOf((await last.endpoint.producer(STREAM)).seal('z')).counter
    expect(counter).toBeGreaterThan(Math.max(...countersOf(objects)))
  })

  it('gives back nothing behind which another process reserved', async () => {
    const [store, clock] = [memoryStore(), fixedClock(START)]
    const [one, other] = [await plant({ store, clock }), await plant({ store, clock })]
    const first = await one.endpoint.producer(STREAM, DURABLE)
    const second = await other.endpoint.producer(STREAM, DURABLE)
    expect(countersOf([first.seal('a'), second.seal('b')])).toEqual([0, 64])
    await pass(clock, HOUR, HOUR / 2) // both record an epoch, and so what the other recorded
    expect(countersOf([...(await sealMany(first, 1)), ...(await sealMany(second, 1))])).toEqual([
      1, 65,
    ])
    await one.endpoint.close()
    const last = await plant({ store, clock })
    const third = await last.endpoint.producer(STREAM)
    expect(countersOf([third.seal('c'), second.seal('d')])).toEqual([128, 66])
  })

  it('is asked for, granted, rotated and granted anew like any other, with short kids', async () => {
    const town = await Town.found()
    onTestFinished(() => town.close())
    const tank = await town.member('tank', { produces: ['plant/#'] })
    const desk = await town.member('desk', { roles: ['desk'] })
    const historySeconds = 3600
    await tank.endpoint.rules.set({ id: 'all', streams: '#', to: { role: 'desk' }, historySeconds })
    const choices = { ...DURABLE, kidBytes: 4, alg: 10 } as const
    const producer = await tank.endpoint.producer('plant/1', choices)
    const reader = desk.endpoint.reader('plant/#', { autoAcknowledge: true })
    await reader.start()
    const texts: string[] = []
    void (async () => {
      for await (const message of reader) texts.push(message.text())
    })()
    const sent: string[] = []
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 80; i++) {
        sent.push(`${round}/${i}`)
        await producer.publish(`${round}/${i}`)
      }
      await town.pass(20_000)
      if (round < 3) await Promise.all([producer.newSession(), town.settle()])
    }
    await expect.poll(() => texts.toSorted()).toEqual(sent.toSorted())
    expect(new Set(texts).size).toBe(320)
    expect(eventsOf(desk, 'gap')).toEqual([])
    expect(producer.kid).toHaveLength(8)
  })

  it('becomes one with sessions, and back, by new generations', async () => {
    const { store, clock, endpoint } = await plant()
    const kids = [kidOf((await endpoint.producer(STREAM, DURABLE)).seal('a'))]
    await endpoint.close()
    for (const counterMode of ['session', 'durable'] as const) {
      const next = await plant({ store, clock })
      const object = (await next.endpoint.producer(STREAM, { counterMode })).seal('b')
      expect(decodeObject(object).session).toHaveLength(counterMode === 'session' ? 7 : 0)
      expect(next.events).toContainEqual(
        expect.objectContaining({ type: 'rotated', reason: 'demand' }),
      )
      kids.push(kidOf(object))
      await next.endpoint.close()
    }
    expect(new Set(kids).size).toBe(3)
  })
})

/** As if all counters below had been used. */
async function wear(store: MemoryStore, reserved: number): Promise<void> {
  const table = new StreamTable({ store, crypto: nodeProvider })
  const read = await table.read(STREAM)
  const before = read?.record.counters ?? null
  if (read === undefined || before === null) throw new Error('it has counters')
  const counters = { ...before, reserved }
  await store.write([table.change({ ...read.record, counters }, read.bytes)])
}

type Step =
  | { readonly do: 'seal'; readonly count: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'restart' }
  | { readonly do: 'kill' }
  | { readonly do: 'kill at write'; readonly nth: number; readonly after: boolean }
  | { readonly do: 'refuse writes'; readonly count: number }
  | { readonly do: 'second process' }
  | { readonly do: 'back up' }
  | { readonly do: 'restore' }
  | { readonly do: 'rotate' }

const only = (step: Step): fc.Arbitrary<Step> => fc.constant(step)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 150 }).map((count): Step => ({ do: 'seal', count })) },
  fc.integer({ min: 1000, max: 5 * HOUR }).map((ms): Step => ({ do: 'pass', ms })),
  only({ do: 'restart' }),
  only({ do: 'kill' }),
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.nat({ max: 6 }), fc.boolean())
      .map(([nth, after]): Step => ({ do: 'kill at write', nth, after })),
  },
  fc.integer({ min: 1, max: 3 }).map((count): Step => ({ do: 'refuse writes', count })),
  only({ do: 'second process' }),
  only({ do: 'back up' }),
  only({ do: 'restore' }),
  only({ do: 'rotate' }),
)

/** What becomes of the writes of one process. */
class Fate {
  isDead = false
  refusing = 0
  /** Dies at the write with this number from now on, before or after it reached the disk. */
  dyingAt: { nth: number; after: boolean } | undefined
  #isLast = false

  readonly around = (store: Store): Store =>
    faultyStore(store, {
      beforeRead: () => this.#live(),
      beforeWrite: () => {
        this.#live()
        if (this.dyingAt !== undefined && this.dyingAt.nth-- === 0) {
          this.#isLast = true
          if (!this.dyingAt.after) this.isDead = true
          this.#live()
        }
        if (this.refusing > 0 && this.refusing-- > 0) throw new Error('no room')
      },
      afterWrite: () => {
        if (this.#isLast) this.isDead = true
        this.#live()
      },
    })

  #live(): void {
    if (this.isDead) throw new Error('the process is dead')
  }
}

interface Process {
  readonly device: Plant
  readonly producer: Producer
  readonly fate: Fate
}

/** A machine whose processes die, whose disk is put back, and on which nothing may repeat. */
class Machine {
  readonly used = new Set<string>()
  readonly #clock = fixedClock(START)
  #disk: MemoryStore = memoryStore()
  #backup: MemorySnapshot | undefined
  #processes: Process[] = []

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'seal':
        return this.#sealInAll(step.count)
      case 'pass':
        return pass(this.#clock, step.ms, HOUR / 2)
      case 'restart':
        for (const { device } of this.#processes) {
          await device.endpoint.close().catch(() => undefined)
        }
        return this.#killAll()
      case 'kill':
        return this.#killAll()
      case 'kill at write':
        for (const { fate } of this.#processes) fate.dyingAt ??= { ...step }
        return
      case 'refuse writes':
        for (const { fate } of this.#processes) fate.refusing = step.count
        return
      case 'second process':
        if (this.#processes.length < 2) await this.#start()
        return
      case 'back up':
        this.#backup = this.#disk.snapshot()
        return
      case 'restore':
        if (this.#backup === undefined) return
        this.#killAll()
        this.#disk = memoryStore({ from: this.#backup })
        return
      case 'rotate':
        await this.#processes[0]?.producer.newSession().catch(() => undefined)
    }
  }

  #killAll(): void {
    for (const { fate } of this.#processes.splice(0)) fate.isDead = true
  }

  async #start(): Promise<void> {
    const fate = new Fate()
    const device = await openPlant({ store: this.#disk, clock: this.#clock, around: fate.around })
    const producer = await device.endpoint.producer(STREAM, DURABLE)
    this.#processes.push({ device, producer, fate })
  }

  async #sealInAll(count: number): Promise<void> {
    this.#processes = this.#processes.filter(({ fate }) => !fate.isDead)
    if (this.#processes.length === 0) await this.#start()
    for (let i = 0; i < count; i++) {
      for (const { device, producer, fate } of this.#processes) {
        if (!fate.isDead) await this.#seal(device, producer)
      }
    }
  }

  async #seal(device: Plant, producer: Producer): Promise<void> {
    let object: Uint8Array
    try {
      object = producer.seal('x')
    } catch {
      return producer.ready().catch(() => undefined)
    }
    const name = keyAndNonce(device, object)
    if (this.used.has(name)) throw new Error('a key and nonce was used twice')
    this.used.add(name)
  }
}

describe('whatever happens to the processes and the disk of a producer with durable counters', () => {
  it('no key and nonce is used twice', async () => {
    let sealed = 0
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 20 }), async (steps) => {
        const machine = new Machine()
        await machine.take({ do: 'seal', count: 3 })
        for (const step of steps) await machine.take(step)
        await machine.take({ do: 'kill' })
        await machine.take({ do: 'seal', count: 3 })
        expect(machine.used.size).toBeGreaterThan(3)
        sealed += machine.used.size
      }),
      { numRuns: 30 },
    )
    expect(sealed).toBeGreaterThan(2000)
  }, 120_000)

  it('no key and nonce is used twice after a crash at any of its first writes', async () => {
    for (let nth = 0; nth < 12; nth++) {
      for (const after of [false, true]) {
        const machine = new Machine()
        await machine.take({ do: 'seal', count: 1 })
        await machine.take({ do: 'kill at write', nth, after })
        await machine.take({ do: 'seal', count: 400 })
        await machine.take({ do: 'kill' })
        await machine.take({ do: 'seal', count: 70 })
        expect(machine.used.size).toBeGreaterThan(70)
      }
    }
  })
})
