// SPDX-License-Identifier: Apache-2.0
/**
 * Order while the store fails now and then, in whichever way: whatever is sent, parked, refused, granted
 * and brought again, each kid's messages are handed over in the order in which they were sent, and all
 * of them.
 */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { giveKeys, makeStream, SessionSealer, type TestStream } from '../support/stream.js'
import { setting, settle, type Setting } from './setting.js'
import { ALL_WELL, troubledStore, type Troubles } from './troubled-store.js'

const KIDS = 2

type Step =
  | { readonly do: 'send'; readonly kid: number; readonly isAtOnce: boolean }
  | { readonly do: 'grant'; readonly kid: number }
  | { readonly do: 'trouble'; readonly with: Partial<Troubles> }
  | { readonly do: 'acknowledge' | 'reconnect' | 'well' | 'pass' }

const troubles: fc.Arbitrary<Partial<Troubles>> = fc.oneof(
  fc.constantFrom<Partial<Troubles>>(
    { parking: true },
    { lookups: true },
    { parkedReads: true },
    { settling: true },
  ),
  fc.record({ firstParkings: fc.integer({ min: 1, max: 4 }) }),
)
const kid = fc.nat(KIDS - 1)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant('send' as const), kid, isAtOnce: fc.boolean() }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('trouble' as const), with: troubles }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('grant' as const), kid }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom('acknowledge' as const, 'reconnect', 'well', 'pass'),
      }),
    },
  ),
  { maxLength: 30 },
)

class World {
  readonly sent: string[][] = Array.from({ length: KIDS }, () => [])
  readonly got: string[][] = Array.from({ length: KIDS }, () => [])
  readonly #made: Setting
  readonly #troubles: Troubles
  readonly #streams: readonly TestStream[]
  readonly #sealers: readonly SessionSealer[]

  constructor(made: Setting, found: Troubles) {
    this.#made = made
    this.#troubles = found
    this.#streams = this.sent.map((_, i) =>
      makeStream(made.trust, { nonce: i + 1, fields: { streamName: `plant/${i}` } }),
    )
    this.#sealers = this.#streams.map((stream) => new SessionSealer(stream))
  }

  async run(step: Step): Promise<void> {
    const made = this.#made
    switch (step.do) {
      case 'send':
        this.#send(step.kid)
        if (step.isAtOnce) return
        break
      case 'grant':
        await giveKeys(made.book, this.#streams[step.kid]!)
        break
      case 'trouble':
        Object.assign(this.#troubles, step.with)
        return
      case 'acknowledge':
        await this.take()
        break
      case 'reconnect':
        made.transport.disconnect()
        made.transport.reconnect()
        break
      case 'well':
        Object.assign(this.#troubles, ALL_WELL)
        return
      case 'pass':
        made.runtime.clock.advance(60_000)
    }
    await settle()
  }

  /** Without troubles, with all keys: what is left. */
  async finish(): Promise<void> {
    await this.run({ do: 'well' })
    for (let i = 0; i < KIDS; i++) await this.run({ do: 'grant', kid: i })
    for (let i = 0; i < 4; i++) {
      await this.run({ do: 'pass' })
      while ((await this.take()) > 0) continue
    }
  }

  /** Takes what is ready, and acknowledges what the store lets it. Returns how many there were. */
  async take(): Promise<number> {
    const messages = await this.#made.take()
    for (const message of messages) {
      const [at, text] = message.text().split('/')
      this.got[Number(at)]!.push(text ?? '')
      for (;;) {
        try {
          await message.acknowledge()
          break
        } catch {
          Object.assign(this.#troubles, ALL_WELL)
        }
      }
    }
    return messages.length
  }

  #send(at: number): void {
    const sent = this.sent[at]!
    const text = String(sent.length)
    this.#made.inject(this.#sealers[at]!.seal(sent.length, `${at}/${text}`), `plant/${at}`)
    sent.push(text)
  }
}

it.each(['arrival', 'session'] as const)(
  'messages keep their order while the store fails now and then, in order of %s',
  async (order) => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 8 }), async (run, maxInFlight) => {
        const { store, troubles: found } = troubledStore()
        await using made = await setting({
          store,
          keys: false,
          filter: 'plant/#',
          order,
          maxInFlight,
          receiveMaximum: 12,
        })
        const world = new World(made, found)
        for (const step of run) await world.run(step)
        await world.finish()
        expect(world.got).toEqual(world.sent)
        expect(await store.scan('parked-object')).toEqual([])
      }),
      { numRuns: 60 },
    )
  },
  120_000,
)
