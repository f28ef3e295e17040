import * as fc from 'fast-check'
import { WaxwingError, type Store } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { memoryStore, type MemorySnapshot, type MemoryStore } from '../../src/memory-store.js'
import { assemble } from '../../src/parts.js'
import { Endpoint } from '../../src/endpoint.js'
import type { Producer } from '../../src/producing/producer.js'
import { faultyStore, fixedClock, manualTimers, type FixedClock } from '../../src/testing.js'
import {
  DAY,
  HOUR,
  keyAndNonce,
  openPlant,
  pass,
  positionOf,
  quiet,
  START,
  type Plant,
} from '../support/plant.js'

const STREAM = 'plant/1'

type Step =
  | { readonly do: 'seal' }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'jump'; readonly ms: number }
  | { readonly do: 'lose time' }
  | { readonly do: 'restart' }
  | { readonly do: 'crash' }
  | { readonly do: 'clone' }
  | { readonly do: 'rotate' }
  | { readonly do: 'fill' }
  | { readonly do: 'free' }

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'seal' }) },
  fc.integer({ min: 1000, max: 5 * HOUR }).map((ms): Step => ({ do: 'pass', ms })),
  fc.integer({ min: -7 * DAY, max: 7 * DAY }).map((ms): Step => ({ do: 'jump', ms })),
  fc.constantFrom<Step>(
    { do: 'lose time' },
    { do: 'restart' },
    { do: 'crash' },
    { do: 'clone' },
    { do: 'rotate' },
    { do: 'fill' },
    { do: 'free' },
  ),
)

/** A disk that may be full: then it takes nothing, and gives what it has. */
class Disk {
  isFull = false

  readonly around = (store: Store): Store =>
    faultyStore(store, {
      beforeWrite: () => {
        if (this.isFull) throw new WaxwingError('ERR_STORE_FULL', 'the disk is full')
      },
    })
}

/** Does what a full disk may refuse; anything else must not fail. */
async function unlessFull(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof WaxwingError) || error.code !== 'ERR_STORE_FULL') throw error
  })
}

/** One device, and the copies that were made of its disk. */
class Machine {
  readonly used = new Set<string>()
  readonly epochs = new Map<string, number>()
  /** Objects that could not be sealed, because the disk was full. */
  unready = 0
  readonly #clock: FixedClock
  readonly #disk: Disk
  #device: Plant
  #producer: Producer
  readonly #copies: { device: Plant; producer: Producer }[] = []

  private constructor(clock: FixedClock, disk: Disk, device: Plant, producer: Producer) {
    this.#clock = clock
    this.#disk = disk
    this.#device = device
    this.#producer = producer
  }

  static async start(): Promise<Machine> {
    const clock = fixedClock(START)
    const disk = new Disk()
    const device = await openPlant({ clock, around: disk.around })
    return new Machine(clock, disk, device, await device.endpoint.producer(STREAM))
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'seal':
        await this.#seal(this.#device, this.#producer, 'original')
        for (const [i, { device, producer }] of this.#copies.entries()) {
          await this.#seal(device, producer, `copy ${i}`)
        }
        return
      case 'pass':
        return pass(this.#clock, step.ms, HOUR / 2)
      case 'jump':
        this.#clock.set(Math.max(DAY, (this.#clock.now() ?? START) + step.ms))
        return quiet()
      case 'lose time':
        this.#clock.forget()
        return
      case 'fill':
      case 'free':
        this.#disk.isFull = step.do === 'fill'
        return
      case 'restart':
        await unlessFull(this.#device.endpoint.close())
        return this.#reopen(this.#device.store)
      case 'crash':
        return this.#reopen(memoryStore({ from: this.#device.store.snapshot() }))
      case 'clone': {
        const store = memoryStore({ from: this.#device.store.snapshot() })
        const device = await openPlant({ store, clock: this.#clock })
        this.#copies.push({ device, producer: await device.endpoint.producer(STREAM) })
        return
      }
      case 'rotate': {
        const rotated = unlessFull(this.#producer.rotate())
        await pass(this.#clock, 61_000, 30_000)
        await rotated
      }
    }
  }

  /** Seals twice, and a will in between: no key with a nonce again, and no epoch back within a generation. */
  async #seal(device: Plant, producer: Producer, who: string): Promise<void> {
    await unlessFull(producer.ready())
    for (const isWill of [false, true, false]) {
      const object = this.#sealOne(producer, isWill)
      if (object === undefined) return
      const name = keyAndNonce(device, object)
      if (this.used.has(name)) throw new Error('a key and nonce was used twice')
      this.used.add(name)
      const { kid, epoch } = positionOf(object)
      const before = this.epochs.get(`${who}/${kid}`) ?? 0
      if (epoch < before) throw new Error('an epoch went back')
      this.epochs.set(`${who}/${kid}`, epoch)
    }
  }

  /** `undefined` where something had to be recorded first, and there was no room for it. */
  #sealOne(producer: Producer, isWill: boolean): Uint8Array | undefined {
    try {
      return isWill ? producer.sealWill('x') : producer.seal('x')
    } catch (error) {
      const isUnready = error instanceof WaxwingError && error.code === 'ERR_NOT_READY'
      if (!isUnready || !this.#disk.isFull) throw error
      this.unready++
      return undefined
    }
  }

  /** There is room again by then. */
  async #reopen(store: MemoryStore): Promise<void> {
    this.#disk.isFull = false
    this.#device = await openPlant({ store, clock: this.#clock, around: this.#disk.around })
    this.#producer = await this.#device.endpoint.producer(STREAM)
  }
}

describe('whatever happens to clock, process and disk', () => {
  it('no key and nonce is used twice, and no epoch goes back within a generation', async () => {
    let unready = 0
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 25 }), async (steps) => {
        const machine = await Machine.start()
        const end = [{ do: 'free' }, { do: 'seal' }] as const
        for (const each of [...steps, ...end]) await machine.take(each)
        expect(machine.used.size).toBeGreaterThan(0)
        unready += machine.unready
      }),
      { numRuns: 60 },
    )
    expect(unready).toBeGreaterThan(0)
  })
})

describe('a crash at any write of a rotation', () => {
  /** Every state of the disk that a crash could have left. */
  async function snapshotsOfRotation(): Promise<{
    clock: FixedClock
    snapshots: MemorySnapshot[]
  }> {
    const clock = fixedClock(START)
    const inner = memoryStore()
    const snapshots: MemorySnapshot[] = []
    const note = (): void => void snapshots.push(inner.snapshot())
    const store = faultyStore(inner, { beforeWrite: note, afterWrite: note })
    const timers = manualTimers(clock)
    const endpoint = new Endpoint(await assemble({ store, clock, timers, name: 'plant' }))
    await endpoint.start()
    const producer = await endpoint.producer(STREAM)
    producer.seal('one')
    await producer.rotate()
    producer.seal('two')
    await endpoint.close()
    return { clock, snapshots }
  }

  it('leaves the old generation in use, or the new one, and closes only what has a successor', async () => {
    const { clock, snapshots } = await snapshotsOfRotation()
    expect(snapshots.length).toBeGreaterThan(6)
    for (const from of snapshots) {
      const { endpoint } = await openPlant({ store: memoryStore({ from }), clock })
      const producer = await endpoint.producer(STREAM)
      producer.seal('after the crash')
      expect(producer.generation.closingEpoch).toBeUndefined()
      const closed = endpoint.generations().filter((g) => g.closingEpoch !== undefined)
      expect(closed.length).toBe(endpoint.generations().length - 1)
    }
  })
})
