// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Received } from '@waxwing/core'
import { Handlers, type Parcel, type Settlement } from '../src/handlers.js'

const PARCEL: Parcel = {
  address: 'a',
  payload: Uint8Array.of(1, 2),
  properties: {},
  retained: false,
  redelivered: false,
}

function stage(): {
  handlers: Handlers
  told: string[]
  reported: unknown[]
  settlement: Required<Settlement>
} {
  const [told, reported]: [string[], unknown[]] = [[], []]
  const handlers = new Handlers({
    retryHandlerMs: 1,
    maxUnacknowledged: 2,
    report: (error) => reported.push(error),
  })
  const settlement = {
    async acknowledge() {
      told.push('acknowledged')
    },
    async reject(reason: string) {
      told.push(`rejected: ${reason}`)
    },
    giveBack: () => void told.push('given back'),
  }
  return { handlers, told, reported, settlement }
}

/** Adds a handler that keeps what it gets. */
function holder(handlers: Handlers): { got: Received[]; remove: () => void } {
  const got: Received[] = []
  const remove = handlers.add(async (message) => void got.push(message))
  return { got, remove }
}

describe('the handlers of a filter', () => {
  it('acknowledge a message once all that got it have', async () => {
    const { handlers, told, settlement } = stage()
    const [first, second] = [holder(handlers), holder(handlers)]
    handlers.offer(PARCEL, settlement)
    await first.got[0]?.acknowledge()
    await first.got[0]?.acknowledge()
    expect(told).toEqual([])
    await second.got[0]?.acknowledge()
    expect(told).toEqual(['acknowledged'])
    expect(handlers.unsettled).toBe(0)
  })

  it('wait for each other also where the first acknowledges before the second is called', async () => {
    const { handlers, told, settlement } = stage()
    handlers.add((message) => message.acknowledge())
    const { got } = holder(handlers)
    handlers.offer(PARCEL, settlement)
    expect(told).toEqual([])
    await got[0]?.acknowledge()
    expect(told).toEqual(['acknowledged'])
  })

  it('have each a payload of its own', () => {
    const { handlers, settlement } = stage()
    const [first, second] = [holder(handlers), holder(handlers)]
    handlers.offer(PARCEL, settlement)
    first.got[0]?.payload.fill(9)
    expect(second.got[0]?.payload).toEqual(Uint8Array.of(1, 2))
    expect(PARCEL.payload).toEqual(Uint8Array.of(1, 2))
  })

  it('reject a message that nobody acknowledged, with the last reason', async () => {
    const { handlers, told, settlement } = stage()
    const [first, second] = [holder(handlers), holder(handlers)]
    handlers.offer(PARCEL, settlement)
    await first.got[0]?.reject?.('rubbish')
    await second.got[0]?.reject?.('x'.repeat(300))
    expect(told).toEqual([`rejected: ${'x'.repeat(255)}`])
  })

  it('acknowledge what one could use, although another rejected it', async () => {
    const { handlers, told, settlement } = stage()
    const [first, second] = [holder(handlers), holder(handlers)]
    handlers.offer(PARCEL, settlement)
    await first.got[0]?.acknowledge()
    await second.got[0]?.reject?.('rubbish')
    expect(told).toEqual(['acknowledged'])
  })

  it('cannot reject where the intermediary has no place for it', () => {
    const { handlers, settlement } = stage()
    const { got } = holder(handlers)
    const { acknowledge, giveBack } = settlement
    handlers.offer(PARCEL, { acknowledge, giveBack })
    expect(got[0]?.reject).toBeUndefined()
  })

  it('are called again after they threw or rejected, and that is reported', async () => {
    const { handlers, told, reported, settlement } = stage()
    const seen: boolean[] = []
    handlers.add((message) => {
      seen.push(message.redelivered)
      if (seen.length === 1) throw new Error('thrown')
      if (seen.length === 2) return Promise.reject(new Error('rejected'))
      return message.acknowledge()
    })
    handlers.offer(PARCEL, settlement)
    await expect.poll(() => told).toEqual(['acknowledged'])
    expect(seen).toEqual([false, true, true])
    expect(reported).toMatchObject([{ message: 'thrown' }, { message: 'rejected' }])
  })

  it('give back what the last one left behind, and its late acknowledgement fails', async () => {
    const { handlers, told, settlement } = stage()
    const { got, remove } = holder(handlers)
    handlers.offer(PARCEL, settlement)
    remove()
    remove()
    expect(told).toEqual(['given back'])
    await expect(got[0]?.acknowledge()).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    handlers.offer(PARCEL, settlement)
    expect(told).toEqual(['given back', 'given back'])
  })

  it('settle what one acknowledged when the other goes', async () => {
    const { handlers, told, settlement } = stage()
    const [first, second] = [holder(handlers), holder(handlers)]
    handlers.offer(PARCEL, settlement)
    await first.got[0]?.acknowledge()
    second.remove()
    expect(told).toEqual(['acknowledged'])
  })

  it('settle nothing over a connection that is gone, and are not called again for it', async () => {
    const { handlers, told, reported, settlement } = stage()
    let calls = 0
    let last: Received | undefined
    handlers.add((message) => {
      calls++
      last = message
      throw new Error('fails')
    })
    handlers.offer(PARCEL, settlement)
    handlers.lost()
    await expect(last?.acknowledge()).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    await new Promise((resolve) => void setTimeout(resolve, 20))
    expect([calls, told, reported.length]).toEqual([1, [], 1])
  })

  it('are no crowd however often the connection breaks while they hang', async () => {
    const { handlers, told, settlement } = stage()
    const hanging: PromiseWithResolvers<void>[] = []
    handlers.add(() => {
      const call = Promise.withResolvers<void>()
      hanging.push(call)
      return call.promise
    })
    for (let connection = 0; connection < 10; connection++) {
      handlers.offer(PARCEL, settlement)
      handlers.offer(PARCEL, settlement)
      handlers.lost()
    }
    expect(hanging).toHaveLength(2)
    handlers.offer(PARCEL, settlement)
    expect([hanging.length, handlers.unsettled]).toEqual([2, 1])
    hanging[0]?.reject(new Error('lost as well'))
    await expect.poll(() => hanging).toHaveLength(3)
    handlers.offer(PARCEL, settlement)
    handlers.close()
    expect(told).toEqual(['given back', 'given back'])
  })

  it('get what waits as soon as another message is settled, though one hangs for ever', async () => {
    const { handlers, told, settlement } = stage()
    const got: Received[] = []
    handlers.add(async (message) => {
      if (got.push(message) === 1) await new Promise<void>(() => undefined)
    })
    handlers.offer(PARCEL, settlement)
    handlers.lost()
    handlers.offer(PARCEL, settlement)
    handlers.offer(PARCEL, settlement)
    expect(got).toHaveLength(2)
    await got[1]?.acknowledge()
    await got[2]?.acknowledge()
    expect([got.length, told.length, handlers.unsettled]).toEqual([3, 2, 0])
  })

  it('have every message settled once, in turn and never too many, whatever happens', async () => {
    const steps = fc.array(
      fc.constantFrom('offer', 'acknowledge', 'reject', 'return', 'throw', 'break'),
      { maxLength: 60, size: 'max' },
    )
    await fc.assert(
      fc.asyncProperty(steps, fc.infiniteStream(fc.nat()), async (all, choice) => {
        const model = new Model(choice)
        await model.run(all)
        expect(model.wrong).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  it('give everything back when they are closed', async () => {
    const { handlers, told, settlement } = stage()
    const { got } = holder(handlers)
    handlers.offer(PARCEL, settlement)
    handlers.offer(PARCEL, settlement)
    handlers.close()
    expect(told).toEqual(['given back', 'given back'])
    await expect(got[0]?.acknowledge()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect(handlers.unsettled).toBe(0)
  })

  it('hear of a settlement that failed', async () => {
    const { handlers, settlement } = stage()
    const { got } = holder(handlers)
    const failing = { ...settlement, acknowledge: () => Promise.reject(new Error('not told')) }
    handlers.offer(PARCEL, failing)
    await expect(got[0]?.acknowledge()).rejects.toThrow('not told')
  })
})

type Step = 'offer' | 'acknowledge' | 'reject' | 'return' | 'throw' | 'break'

const ROOM = 3

/** An intermediary that has three messages out at once, and a handler that does what it is told. */
class Model {
  /** What did not hold. */
  readonly wrong: string[] = []
  readonly #choice: Iterator<number>
  readonly #handlers: Handlers = new Handlers({
    retryHandlerMs: 2 ** 30,
    maxUnacknowledged: ROOM,
    report: () => undefined,
  })
  /** What is out over the present connection. */
  readonly #out = new Set<number>()
  readonly #held: Received[] = []
  readonly #running: (PromiseWithResolvers<void> & { readonly number: number })[] = []
  readonly #called: number[] = []
  readonly #settled: number[] = []
  readonly #lost = new Set<number>()
  #offered = 0

  constructor(choice: Iterator<number>) {
    this.#choice = choice
    this.#handlers.add((message) => {
      const number = Number(message.address)
      const call = Promise.withResolvers<void>()
      this.#called.push(number)
      this.#held.push(message)
      this.#running.push({ ...call, number })
      return call.promise
    })
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) await this.#step(step)
    while (this.#running.length > 0) await this.#step('return')
    while (this.#held.length > 0) await this.#step('acknowledge')
    const inTurn = this.#called.every((number, place) => number > (this.#called[place - 1] ?? -1))
    const ends = new Set([...this.#settled, ...this.#lost])
    const once = this.#settled.length + this.#lost.size === this.#offered
    this.#check('called in turn, once', inTurn)
    this.#check('settled or lost, once', once && ends.size === this.#offered)
    this.#check('nothing left', this.#handlers.unsettled === 0)
  }

  async #step(step: Step): Promise<void> {
    if (step === 'offer') this.#offer()
    if (step === 'acknowledge')
      await this.#take(this.#held)
        ?.acknowledge()
        .catch(() => undefined)
    if (step === 'reject')
      await this.#take(this.#held)
        ?.reject?.('')
        .catch(() => undefined)
    if (step === 'return') this.#take(this.#running)?.resolve()
    if (step === 'throw') this.#take(this.#running)?.reject(new Error('thrown'))
    if (step === 'break') {
      this.#handlers.lost()
      for (const number of this.#out) this.#lost.add(number)
      this.#out.clear()
    }
    for (let turn = 0; turn < 4; turn++) await Promise.resolve()
    this.#expectRoomIsUsed()
  }

  #offer(): void {
    if (this.#out.size >= ROOM) return
    const number = this.#offered++
    this.#out.add(number)
    const settled = (): undefined => {
      this.#settled.push(number)
      this.#out.delete(number)
    }
    this.#handlers.offer(
      { ...PARCEL, address: String(number) },
      { acknowledge: settled, reject: settled, giveBack: settled },
    )
  }

  #take<T>(from: T[]): T | undefined {
    return from.splice((this.#choice.next().value as number) % Math.max(1, from.length), 1)[0]
  }

  /** No more than there is room for, and nothing waits while there is some. */
  #expectRoomIsUsed(): void {
    const lingering = this.#running.filter(({ number }) => this.#lost.has(number)).length
    const waiting = [...this.#out].filter((number) => !this.#called.includes(number)).length
    const taken = lingering + this.#out.size - waiting
    this.#check('never too many', taken <= ROOM)
    this.#check('nothing waits where there is room', waiting === 0 || taken === ROOM)
  }

  #check(what: string, holds: boolean): void {
    if (!holds) this.wrong.push(what)
  }
}
