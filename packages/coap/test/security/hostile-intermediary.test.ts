// SPDX-License-Identifier: Apache-2.0
import type { WaxwingError } from '@waxwing/core'
import type { CoapMessage } from '@waxwing/oscore'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Response } from '../../src/handler.js'
import {
  CHANGED,
  CLIENT,
  coded,
  edhocWorld,
  GET,
  messageOf,
  POST,
  preshared,
  requestOf,
  textOf,
  type World,
  worldOf,
} from './world.js'

const PATCH = 6
/** What may be repeated: GET, PUT, DELETE, FETCH and iPATCH. */
const IDEMPOTENT = [GET, 3, 4, 5, 7]
const UNKNOWN = { ...coded('ERR_CONFLICT'), details: { rule: 'perhaps-executed' } }
/** Refusals that anybody can write. */
const REFUSALS = [0x80, 0x81, 0x82, 0xa1]

const KINDS = [
  ['EDHOC', edhocWorld],
  ['a shared secret', () => worldOf(preshared())],
] as const

/** How often the handler was asked for what has this payload. */
function executions({ asked }: World, text: string): number {
  return asked.filter((request) => textOf(request) === text).length
}

/** Somebody on the way puts a refusal in the place of the next so many responses. */
function refuse({ wire }: World, code: number, times = 1): void {
  let left = times
  wire.onResponse = (response) => (left-- > 0 ? messageOf(code) : response)
}

async function ask(world: World, code: number, text: string): Promise<Response> {
  return await world.ask(requestOf(code, { text }))
}

describe.each(KINDS)('somebody on the way, with keys by %s', (_, open) => {
  it.each([POST, PATCH, 0x1f])(
    'has no request of code %i executed twice by a refusal in the place of its response',
    async (code) => {
      for (const refusal of [0x80, 0x81]) {
        const world = await open()
        await world.ask()
        refuse(world, refusal)
        await expect(ask(world, code, 'open')).rejects.toMatchObject(UNKNOWN)
        expect(executions(world, 'open')).toBe(1)
        expect(world.client.established.at(-1)).toBe('rederivation')
        expect(await ask(world, code, 'next')).toBeDefined()
        expect(executions(world, 'next')).toBe(1)
      }
    },
  )

  it.each(IDEMPOTENT)('has what may be repeated asked again, of code %i', async (code) => {
    const world = await open()
    await world.ask()
    refuse(world, 0x81)
    expect(textOf(await ask(world, code, 'again'))).toBe('on')
    expect(executions(world, 'again')).toBe(2)
  })

  it.each([
    ['the first request', false],
    ['the first request after a start', true],
  ])('cannot have %s executed twice, whichever steps are refused', async (__, isKept) => {
    for (let first = 0; first < 5; first++) {
      for (const code of REFUSALS) {
        for (const times of [1, 2, 3]) {
          const world = await open()
          if (isKept) await restartBoth(world)
          let step = 0
          world.wire.onResponse = (response) =>
            step++ >= first && step <= first + times ? messageOf(code) : response
          await ask(world, POST, 'open').catch(() => undefined)
          expect(executions(world, 'open')).toBeLessThanOrEqual(1)
        }
      }
    }
  })

  it('is told of by an error that says why there are no new keys', async () => {
    const world = await open()
    await world.ask()
    refuse(world, 0x81, Infinity)
    const error = await ask(world, POST, 'open').catch((reason: unknown) => reason as WaxwingError)
    expect(error).toMatchObject({ ...UNKNOWN, cause: coded('ERR_KEY_UNKNOWN') })
    expect(executions(world, 'open')).toBe(1)
  })

  it('gets no request executed twice by whatever it drops, forges, repeats and holds back', async () => {
    const act = fc.constantFrom('pass', 'refuse', 'lose', 'twice', 'old', 'restart', 'held')
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 24 }), fc.nat(3), async (acts, which) => {
        const world = await open()
        const meddler = new Meddler(world, REFUSALS[which]!)
        for (let i = 0; i < 6; i++) {
          meddler.acts.push(...acts.slice(i * 4, i * 4 + 4))
          await ask(world, POST, `${i}`).catch(() => undefined)
          meddler.acts.length = 0
        }
        await meddler.replayAll()
        for (let i = 0; i < 6; i++) expect(executions(world, `${i}`)).toBeLessThanOrEqual(1)
        expect(world.record.repeated).toEqual([])
      }),
      { numRuns: 150 },
    )
  })
})

/** Both ends start again: what they kept is all that they have. */
async function restartBoth(world: World): Promise<void> {
  await world.ask()
  await world.client.start()
  await world.restartServer()
}

type Act = 'pass' | 'refuse' | 'lose' | 'twice' | 'old' | 'restart' | 'held'

/** Does one thing to each exchange. */
class Meddler {
  readonly acts: Act[] = []
  readonly #world: World
  readonly #requests: CoapMessage[] = []
  #response: Response = messageOf(CHANGED)

  constructor(world: World, refusal: number) {
    this.#world = world
    world.wire.onRequest = (request) => {
      this.#requests.push(request)
      return request
    }
    world.wire.onResponse = async (response, request) => {
      const old = this.#response
      this.#response = response
      const act = this.acts.shift() ?? 'pass'
      if (act === 'lose') throw new Error('lost')
      if (act === 'refuse') return messageOf(refusal)
      if (act === 'old') return old
      if (act === 'restart') await world.restartServer()
      if (act === 'twice' || act === 'restart') return await this.#send(request)
      if (act === 'held') await this.replayAll()
      return response
    }
  }

  /** Sends all that ever passed once more. */
  async replayAll(): Promise<void> {
    for (const request of this.#requests) await this.#send(request)
  }

  #send(request: CoapMessage): Promise<Response> {
    const { signal } = new AbortController()
    return this.#world.wire.server({ ...request, peer: CLIENT, signal })
  }
}
