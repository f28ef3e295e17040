// SPDX-License-Identifier: Apache-2.0
/**
 * Delivery against a slow model: whatever the broker doubles, delays and redelivers, and whenever the
 * device restarts or gets its keys, each object is handed over until it is acknowledged and never
 * again, and what is said of gaps is what a set of numbers says.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Message } from '../../src/message.js'
import { memoryBroker, memoryStore, type MemoryBroker } from '../../src/testing.js'
import { EPOCH, giveKeys, SessionSealer } from '../support/stream.js'
import { setting, settle, type Setting } from './setting.js'

const SESSIONS = 2
const COUNTERS = 8

type Step =
  | { readonly do: 'send'; readonly session: number; readonly counter: number }
  | { readonly do: 'acknowledge'; readonly which: number }
  | { readonly do: 'reconnect' }
  | { readonly do: 'restart' }
  | { readonly do: 'grant' }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constant('send' as const),
        session: fc.nat(SESSIONS - 1),
        counter: fc.nat(COUNTERS - 1),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('acknowledge' as const), which: fc.nat(20) }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'reconnect' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'grant' as const }) },
  ),
  { maxLength: 40 },
)

/** What must be true, kept as plainly as can be. */
class Model {
  /** Objects that were sent, as `session/counter`. */
  readonly sent = new Set<string>()
  readonly acknowledged = new Set<string>()
  /** Handed over in this life and not acknowledged. */
  readonly open = new Map<string, Message>()
  /** Handed over in any life. */
  readonly handed = new Set<string>()

  take(message: Message): void {
    const name = message.text()
    expect(this.sent, 'only what was sent').toContain(name)
    expect(this.acknowledged, 'never again after its acknowledgement').not.toContain(name)
    expect(this.open.has(name), 'not twice in one life').toBe(false)
    if (this.handed.has(name)) expect(message.redelivered, `${name} again`).toBe(true)
    this.open.set(name, message)
    this.handed.add(name)
  }
}

class World {
  readonly model = new Model()
  readonly #store = memoryStore()
  readonly #broker: MemoryBroker = memoryBroker()
  #made: Setting | undefined
  hasKeys = false
  /** Counters that this life has verified, by session, and gaps that it was told of. */
  readonly told: { missing: Set<string>; filled: Set<string> } = {
    missing: new Set(),
    filled: new Set(),
  }

  async start(): Promise<void> {
    const options = { store: this.#store, broker: this.#broker, maxInFlight: 100 }
    this.#made = await setting({ ...options, keys: false })
    this.#made.reader.on('event', (event) => {
      if (event.type === 'gap') {
        for (let i = event.missing.first; i <= event.missing.last; i++) {
          this.told.missing.add(`${event.session}/${i}`)
        }
      }
      if (event.type === 'gap-filled') this.told.filled.add(`${event.session}/${event.counter}`)
    })
  }

  async stop(): Promise<void> {
    await this.#made?.reader.close({ keepSubscription: true })
    await this.#made?.transport.close()
  }

  async run(step: Step): Promise<void> {
    const made = this.#made
    if (made === undefined) return
    switch (step.do) {
      case 'send': {
        const { session, counter } = step
        const sealer = new SessionSealer(made.stream, { session, epoch: EPOCH })
        made.inject(sealer.seal(counter, `${session}/${counter}`))
        this.model.sent.add(`${session}/${counter}`)
        break
      }
      case 'acknowledge': {
        const names = [...this.model.open.keys()]
        const name = names[step.which % Math.max(1, names.length)]
        if (name === undefined) break
        await this.model.open.get(name)?.acknowledge()
        this.model.open.delete(name)
        this.model.acknowledged.add(name)
        break
      }
      case 'reconnect':
        made.transport.disconnect()
        made.transport.reconnect()
        break
      case 'restart':
        await this.stop()
        this.model.open.clear()
        await this.start()
        break
      case 'grant':
        await giveKeys(made.book, made.stream)
        this.hasKeys = true
    }
    await this.collect()
  }

  async collect(): Promise<void> {
    for (const message of (await this.#made?.take()) ?? []) this.model.take(message)
  }

  async finish(): Promise<void> {
    await this.run({ do: 'grant' })
    await settle()
    await this.collect()
    for (const message of this.model.open.values()) await message.acknowledge()
    const all = new Set([...this.model.acknowledged, ...this.model.open.keys()])
    expect([...all].toSorted()).toEqual([...this.model.sent].toSorted())
    expect(await this.#store.scan('parked-object')).toEqual([])
    expect(this.#made?.runtime.errors).toEqual([])
    for (const name of this.told.filled) expect(this.told.missing).toContain(name)
    await this.stop()
  }
}

describe('delivery', () => {
  it('agrees with the model under any disorder', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (run) => {
        const world = new World()
        await world.start()
        for (const step of run) await world.run(step)
        await world.finish()
      }),
      { numRuns: 100 },
    )
  }, 120_000)
})
