// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { closedError } from '../src/errors.js'
import { INTERRUPTED, SendQueue, type BeginSend } from '../src/send-queue.js'

const LIMITS = { maxWaitingSends: 1000, maxWaitingBytes: 1000, maxInFlight: 3 }

/** A first hop whose answers the test gives. */
function hop(limits = LIMITS): {
  queue: SendQueue<number>
  begun: { item: number; done: Parameters<BeginSend<number>>[1] }[]
} {
  const begun: { item: number; done: Parameters<BeginSend<number>>[1] }[] = []
  const queue = new SendQueue<number>(limits, (item, done) => begun.push({ item, done }))
  return { queue, begun }
}

const items = (begun: readonly { item: number }[]): readonly number[] =>
  begun.map(({ item }) => item)

describe('a queue of sends', () => {
  it('sends nothing before there is a connection, and then as much as the window takes', () => {
    const { queue, begun } = hop()
    for (let item = 0; item < 5; item++) void queue.push(item, 1)
    expect(items(begun)).toEqual([])
    queue.resume()
    expect(items(begun)).toEqual([0, 1, 2])
    begun[1]?.done()
    expect(items(begun)).toEqual([0, 1, 2, 3])
  })

  it('resolves what was taken, and rejects what was refused or could not begin', async () => {
    const { queue, begun } = hop()
    queue.resume()
    const [first, second] = [queue.push(1, 1), queue.push(2, 1)]
    begun[0]?.done()
    begun[1]?.done(new Error('no'))
    await expect(first).resolves.toBeUndefined()
    await expect(second).rejects.toThrow('no')

    const throwing = new SendQueue<number>(LIMITS, () => {
      throw new TypeError('not sendable')
    })
    throwing.resume()
    await expect(throwing.push(1, 1)).rejects.toThrow(TypeError)
  })

  it('sends again what was under way when the connection broke, before everything later', () => {
    const { queue, begun } = hop()
    queue.resume()
    for (let item = 0; item < 5; item++) void queue.push(item, 1)
    begun[1]?.done() // 0 and 2 are not answered, 3 is under way
    queue.suspend()
    queue.resume()
    expect(items(begun)).toEqual([0, 1, 2, 3, 0, 2, 3])
  })

  it('believes no bad news of an earlier connection about what is under way again', async () => {
    const { queue, begun } = hop()
    queue.resume()
    const [first, second] = [queue.push(0, 1), queue.push(1, 1)]
    queue.suspend()
    queue.resume()
    begun[0]?.done(INTERRUPTED)
    begun[1]?.done(new Error('of the connection that broke'))
    expect(items(begun)).toEqual([0, 1, 0, 1])
    begun[2]?.done()
    begun[3]?.done()
    await expect(Promise.all([first, second])).resolves.toHaveLength(2)
  })

  it('sends one by one what may have broken the connection, and then as before', async () => {
    const { queue, begun } = hop()
    queue.resume()
    const sends = [0, 1, 2, 3, 4, 5, 6].map((item) => queue.push(item, 1))
    queue.suspend()
    queue.resumeOneByOne()
    expect(items(begun)).toEqual([0, 1, 2, 0])
    expect(queue.isOneByOne).toBe(true)
    begun[3]?.done()
    begun[4]?.done(new Error('this was it'))
    await expect(sends[1]).rejects.toThrow('this was it')
    expect(items(begun.slice(3))).toEqual([0, 1, 2])
    begun[5]?.done()
    expect(queue.isOneByOne).toBe(false)
    expect(items(begun.slice(3))).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('goes on one by one when the connection breaks once more meanwhile', () => {
    const { queue, begun } = hop()
    queue.resume()
    for (let item = 0; item < 4; item++) void queue.push(item, 1)
    queue.suspend()
    queue.resumeOneByOne()
    queue.suspend()
    queue.resumeOneByOne()
    begun[4]?.done()
    begun[5]?.done()
    expect(items(begun.slice(3))).toEqual([0, 0, 1, 2])
  })

  it('takes a late answer of a connection that was given up for the answer', async () => {
    const { queue, begun } = hop()
    queue.resume()
    const sent = queue.push(7, 1)
    queue.suspend()
    begun[0]?.done()
    await expect(sent).resolves.toBeUndefined()
    queue.resume()
    expect(items(begun)).toEqual([7])
    expect(queue.size).toBe(0)
  })

  it('heeds no late failure of a connection that was given up', async () => {
    const { queue, begun } = hop()
    queue.resume()
    const sent = queue.push(7, 1)
    queue.suspend()
    begun[0]?.done(new Error('the channel is gone'))
    queue.resume()
    begun[1]?.done()
    await expect(sent).resolves.toBeUndefined()
  })

  it('is bounded in count and in bytes, but takes one message of any size', async () => {
    const { queue } = hop({ maxWaitingSends: 2, maxWaitingBytes: 10, maxInFlight: 1 })
    queue.push(0, 100).catch(() => undefined)
    const rule = { code: 'ERR_LIMIT', details: { rule: 'maxWaitingBytes' } }
    await expect(queue.push(1, 1)).rejects.toMatchObject(rule)
    const other = hop({ maxWaitingSends: 2, maxWaitingBytes: 10, maxInFlight: 1 }).queue
    for (let item = 0; item < 2; item++) other.push(item, 1).catch(() => undefined)
    const full = { code: 'ERR_LIMIT', details: { rule: 'maxWaitingSends' } }
    await expect(other.push(2, 1)).rejects.toMatchObject(full)
    other.ended(closedError())
    queue.ended(closedError())
  })

  it('rejects what waits, and what comes, once it ended', async () => {
    const { queue } = hop()
    queue.resume()
    const sends = [0, 1, 2, 3].map((item) => queue.push(item, 1))
    const emptied = queue.emptied(60_000)
    queue.ended(closedError())
    for (const send of sends) await expect(send).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await emptied
    await expect(queue.push(4, 1)).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('stops waiting for what takes too long', async () => {
    const { queue } = hop()
    queue.push(1, 1).catch(() => undefined)
    await queue.emptied(1)
    expect(queue.size).toBe(1)
  })

  it('takes each message at least once, first takings in order, whatever breaks', async () => {
    type Step = 'push' | 'taken' | 'interrupted' | 'break' | 'connect'
    const steps = fc.array(
      fc.constantFrom<Step>(
        'push',
        'push',
        'push',
        'taken',
        'taken',
        'interrupted',
        'break',
        'connect',
      ),
      { maxLength: 200, size: 'max' },
    )
    const choices = fc.infiniteStream(fc.nat())
    await fc.assert(
      fc.asyncProperty(steps, choices, async (all, choice) => {
        const { queue, begun } = hop({ ...LIMITS, maxWaitingBytes: 1e9, maxInFlight: 4 })
        const open: typeof begun = []
        const firsts: number[] = []
        const sends: Promise<void>[] = []
        const collect = (): void => {
          for (const each of begun.splice(0)) {
            open.push(each)
            if (!firsts.includes(each.item)) firsts.push(each.item)
          }
        }
        for (const step of all) {
          const one = open.splice(choice.next().value % Math.max(1, open.length), 1)
          if (step === 'push') sends.push(queue.push(sends.length, 1))
          if (step === 'taken') one[0]?.done()
          else if (step === 'interrupted') one[0]?.done(INTERRUPTED)
          else open.push(...one)
          // What was asked before may be answered after it as well.
          if (step === 'break') queue.suspend()
          if (step === 'connect') queue.resume()
          collect()
        }
        queue.resume()
        for (collect(); open.length > 0; collect()) open.shift()?.done()
        await Promise.all(sends)
        expect(firsts).toEqual(firsts.toSorted((a, b) => a - b))
        expect(firsts).toHaveLength(sends.length)
        expect(queue.size).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})
