// SPDX-License-Identifier: Apache-2.0
import { type MemorySnapshot, memoryStore } from '@waxwing/client'
import type { CoapMessage, OwnCredential } from '@waxwing/oscore'
import * as fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { KnownPeer } from '../../src/security/index.js'
import {
  CLIENT,
  coded,
  type End,
  edhocWorld,
  EMPTY,
  messageOf,
  preshared,
  textOf,
  UNAUTHORIZED,
  type World,
  worldOf,
} from './world.js'

/** What can happen to an end. */
type Loss =
  | 'restart'
  /** Its store is gone. */
  | 'delete'
  /** Its store is as it was when everything began. */
  | 'restore the first'
  /** Its store is as it was after the latest request but one. */
  | 'restore the latest but one'
const LOSSES: readonly Loss[] = [
  'restart',
  'delete',
  'restore the first',
  'restore the latest but one',
]

/** A world whose ends have their state written down as they go. */
class Surviving {
  readonly world: World
  readonly #backups = new Map<End, MemorySnapshot[]>()

  constructor(world: World) {
    this.world = world
    this.#backUp()
  }

  /** Asks. Returns what was answered, and how often the server's handler was asked for it. */
  async ask(): Promise<readonly [string, number]> {
    const { asked } = this.world
    const before = asked.length
    const text = textOf(await this.world.ask())
    this.#backUp()
    return [text, asked.length - before]
  }

  async lose(at: 'client' | 'server', loss: Loss): Promise<void> {
    const end = this.world[at]
    const backups = this.#backups.get(end)!
    if (loss === 'delete') end.store = memoryStore()
    if (loss === 'restore the first') end.store = memoryStore({ from: backups[0]! })
    if (loss === 'restore the latest but one') end.store = memoryStore({ from: backups.at(-2)! })
    await (at === 'client' ? end.start() : this.world.restartServer())
  }

  #backUp(): void {
    const { client, server } = this.world
    for (const end of [client, server]) {
      this.#backups.set(end, [...(this.#backups.get(end) ?? []), end.store.snapshot()])
    }
  }
}

const KINDS = [
  ['EDHOC', (monotonic?: () => number) => edhocWorld({}, {}, monotonic)],
  ['a shared secret', (monotonic?: () => number) => worldOf(withClock(monotonic))],
] as const

function withClock(monotonic: (() => number) | undefined): ReturnType<typeof preshared> {
  const [client, server] = preshared()
  return monotonic === undefined ? [client, server] : [{ ...client, monotonic }, server]
}

describe.each(KINDS)('a client and a server with keys by %s', (_, open) => {
  it.each(LOSSES)('go on after: %s, at either end and at both', async (loss) => {
    const surviving = new Surviving(await open())
    expect(await surviving.ask()).toEqual(['on', 1])
    expect(await surviving.ask()).toEqual(['on', 1])
    for (const ends of [['client'], ['server'], ['client', 'server']] as const) {
      for (const end of ends) await surviving.lose(end, loss)
      expect(await surviving.ask()).toEqual(['on', 1])
      expect(await surviving.ask()).toEqual(['on', 1])
    }
    expect(surviving.world.record.repeated).toEqual([])
  })

  it('go on whatever happens in whatever order, and no nonce is used twice', async () => {
    const step = fc.record({
      at: fc.constantFrom('client' as const, 'server' as const),
      loss: fc.constantFrom(...LOSSES),
      requests: fc.nat({ max: 2 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        let now = 0
        const surviving = new Surviving(await open(() => (now += 10_000)))
        expect(await surviving.ask()).toEqual(['on', 1])
        for (const { at, loss, requests } of steps) {
          await surviving.lose(at, loss)
          for (let i = 0; i < requests; i++) expect(await surviving.ask()).toEqual(['on', 1])
        }
        expect(await surviving.ask()).toEqual(['on', 1])
        expect(surviving.world.record.repeated).toEqual([])
      }),
      { numRuns: 40 },
    )
  })

  it('accept nothing again that was sent before a restart', async () => {
    const world = await open()
    const recorded: CoapMessage[] = []
    world.wire.onRequest = (request) => {
      recorded.push(request)
      return request
    }
    await world.ask()
    await world.ask()
    await world.restartServer()
    const before = world.asked.length
    for (const request of recorded) {
      await world.wire.server({ ...request, peer: CLIENT, signal: new AbortController().signal })
    }
    expect(world.asked).toHaveLength(before)
  })

  it('come to keys again after a request was lost on the way at any step', async () => {
    for (let lost = 0; lost < 4; lost++) {
      for (const way of ['onRequest', 'onResponse'] as const) {
        const world = await open()
        let step = 0
        world.wire[way] = (message: CoapMessage) => {
          if (step++ === lost) throw new Error('lost')
          return message
        }
        const outcomes: string[] = []
        for (let i = 0; i < 4; i++) outcomes.push(await outcomeOf(world))
        // What was lost is told, once, and everything else is answered.
        expect(outcomes.toSorted()).toEqual(['lost', 'on', 'on', 'on'])
        expect(await outcomeOf(world)).toBe('on')
        expect(world.record.repeated).toEqual([])
      }
    }
  })

  it('go on through a crash before what is to be kept is kept', async () => {
    const world = await open()
    for (const end of [world.client, world.server]) end.store.write = () => Promise.resolve(true)
    await world.ask()
    await world.client.start()
    await world.restartServer()
    expect(textOf(await world.ask())).toBe('on')
    expect(world.record.repeated).toEqual([])
  })

  it('go on while the store fails, and it is told', async () => {
    const world = await open()
    for (const end of [world.client, world.server]) {
      end.store.write = () => Promise.reject(new Error('full'))
    }
    expect(textOf(await world.ask())).toBe('on')
    expect(textOf(await world.ask())).toBe('on')
  })

  it('share nothing with a copy of the client that asks as well', async () => {
    const world = await open()
    await world.ask()
    const copy = world.client.copied()
    await copy.start()
    for (let round = 0; round < 5; round++) {
      expect(textOf(await world.ask())).toBe('on')
      expect(textOf(await copy.ask(world.wire))).toBe('on')
    }
    // The copy has a context of its own beside that of the original.
    expect(world.wire.roundTrips).toBe(2 + 5 + 1 + 5)
    expect(world.record.repeated).toEqual([])
  })
})

describe('the clock', () => {
  it('may say what it likes', async () => {
    const world = await edhocWorld()
    onTestFinished(() => void vi.useRealTimers())
    vi.useFakeTimers({ toFake: ['Date'] })
    for (const year of ['2030', '1970', '2999', '2001']) {
      vi.setSystemTime(new Date(`${year}-01-01T00:00:00Z`))
      expect(textOf(await world.ask())).toBe('on')
      await world.restartServer()
      expect(textOf(await world.ask())).toBe('on')
    }
    expect(world.client.established).toEqual(['edhoc', ...Array<string>(4).fill('rederivation')])
  })
})

describe('a server that lost everything', () => {
  it('gives identifiers out again, and none of its clients is taken for another', async () => {
    const [world, other] = [await edhocWorld(), await edhocWorld()]
    const { edhoc } = world.server.options
    const guest = other.client
    const own = guest.options.edhoc!.own as OwnCredential
    const known = edhoc!.peers as readonly KnownPeer[]
    Object.assign(edhoc!, {
      peers: [...known, { name: 'guest', credential: own.credential.encoded }],
    })
    Object.assign(guest.options.edhoc!, { peers: world.client.options.edhoc!.peers })
    await guest.start()
    for (let round = 0; round < 4; round++) {
      world.server.store = memoryStore()
      await world.restartServer()
      const turns = [() => world.ask(), () => guest.ask(world.wire)]
      for (const turn of round % 2 === 0 ? turns : turns.toReversed()) {
        expect(textOf(await turn())).toBe('on')
      }
    }
    const names = world.asked.map(({ security }) => security?.name)
    const both = ['desk', 'guest']
    expect(names).toEqual([both, both.toReversed(), both, both.toReversed()].flat())
    expect(world.record.repeated).toEqual([])
  })
})

describe('two clients of one secret that begin at once', () => {
  it('both come to keys', async () => {
    const world = await worldOf(preshared())
    const others = await Promise.all(Array.from({ length: 3 }, () => world.client.copied().start()))
    const { server } = world.wire
    // Everybody takes a step before anybody takes the next one.
    world.wire.server = async (request) => {
      await new Promise((resolve) => setImmediate(resolve))
      return await server(request)
    }
    const asking = [world.ask(), ...others.map((other) => other.ask(world.wire))]
    expect((await Promise.all(asking)).map(textOf)).toEqual(['on', 'on', 'on', 'on'])
    expect(world.asked).toHaveLength(4)
    expect(world.record.repeated).toEqual([])
  })
})

describe('a 4.01 that anybody may have sent', () => {
  const forgery = messageOf(UNAUTHORIZED, [{ number: 14, value: EMPTY }])

  it('makes a client prove new keys, once for a request, and it goes on', async () => {
    const world = await edhocWorld()
    await world.ask()
    forgeOnce(world)
    expect(textOf(await world.ask())).toBe('on')
    expect(world.client.established).toEqual(['edhoc', 'rederivation'])
    expect(world.record.repeated).toEqual([])
  })

  it('does not end the use of the keys that there are', async () => {
    const world = await edhocWorld()
    await world.ask()
    world.wire.onResponse = () => forgery
    await expect(world.ask()).rejects.toMatchObject(coded('ERR_KEY_UNKNOWN'))
    world.wire.onResponse = (response) => response
    const before = world.wire.roundTrips
    expect(textOf(await world.ask())).toBe('on')
    expect(world.wire.roundTrips).toBe(before + 1)
  })

  it('is believed a few times in a short time, and again later', async () => {
    let now = 0
    const world = await edhocWorld({}, {}, () => now)
    await world.ask()
    for (let times = 0; times < 4; times++) {
      forgeOnce(world)
      expect(textOf(await world.ask())).toBe('on')
    }
    forgeOnce(world)
    await expect(world.ask()).rejects.toMatchObject(coded('ERR_KEY_UNKNOWN'))
    expect(textOf(await world.ask())).toBe('on')
    now += 10_000
    forgeOnce(world)
    expect(textOf(await world.ask())).toBe('on')
  })

  it('is answered by the same keys where others were answered meanwhile', async () => {
    const world = await edhocWorld()
    await world.ask()
    const held = Promise.withResolvers<CoapMessage>()
    world.wire.onResponse = () => {
      world.wire.onResponse = (response) => response
      return held.promise
    }
    const late = world.ask()
    expect(textOf(await world.ask())).toBe('on')
    held.resolve(forgery)
    expect(textOf(await late)).toBe('on')
    expect(world.client.established).toEqual(['edhoc'])
  })

  function forgeOnce({ wire }: World): void {
    wire.onResponse = () => {
      wire.onResponse = (response) => response
      return forgery
    }
  }
})

async function outcomeOf(world: World): Promise<string> {
  try {
    return textOf(await world.ask())
  } catch (error) {
    return (error as Error).message
  }
}
