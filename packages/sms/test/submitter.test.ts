// SPDX-License-Identifier: Apache-2.0
/** The pace of submissions, by a clock that the test moves. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Pdu } from '../src/smpp/pdu.js'
import type { Session } from '../src/smpp/session.js'
import { Submitter, type SubmitterTerms } from '../src/smpp/submitter.js'

const BODY = new Uint8Array(1)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

interface Rig {
  readonly submitter: Submitter
  /** When each segment was submitted, in milliseconds from the start. */
  readonly times: number[]
  /** What was submitted. */
  readonly bodies: Uint8Array[]
  /** What the centre answers. */
  status: number
}

function rig(terms: Partial<SubmitterTerms>): Rig {
  const begin = performance.now()
  const submitter = new Submitter({
    maxInFlight: 10,
    messagesPerSecond: 0,
    throttleMinMs: 1_000,
    throttleMaxMs: 60_000,
    report: () => undefined,
    ...terms,
  })
  const made: Rig = { submitter, times: [], bodies: [], status: 0 }
  const session: Pick<Session, 'request'> = {
    request(command, body = BODY): Promise<Pdu> {
      made.bodies.push(body)
      made.times.push(Math.round(performance.now() - begin))
      return Promise.resolve({ command, status: made.status, sequence: 1, body: new Uint8Array(1) })
    },
  }
  submitter.attach(session as Session)
  return made
}

function push(
  { submitter }: Rig,
  count: number,
  { isControl = false, taken = new Set<number>(), body = BODY } = {},
): { readonly isDone: () => boolean } {
  let isDone = false
  const segments = Array.from({ length: count }, () => body)
  const done = (): void => void (isDone = true)
  submitter.push({ segments, isControl, taken, done, onTaken: () => undefined })
  return { isDone: () => isDone }
}

it('is kept to, whatever waits', async () => {
  const made = rig({ messagesPerSecond: 5 })
  const job = push(made, 6)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(made.times).toEqual([0, 200, 400, 600, 800, 1_000])
  expect(job.isDone()).toBe(true)
  push(made, 1)
  await vi.advanceTimersByTimeAsync(0)
  expect(made.times.at(-1)).toBe(10_000)
})

it('falls to one at a time, after pauses that grow, where the centre is too busy', async () => {
  const made = rig({ maxInFlight: 4 })
  made.status = 0x58
  const job = push(made, 8)
  await vi.advanceTimersByTimeAsync(0)
  expect(made.times).toEqual([0, 0, 0, 0])
  await vi.advanceTimersByTimeAsync(60_000)
  const pauses = made.times.slice(4).map((time, i) => time - made.times[3 + i]!)
  expect(pauses.length).toBeGreaterThan(3)
  for (const [i, pause] of pauses.slice(0, 4).entries()) {
    expect(pause).toBeGreaterThanOrEqual(500 * 2 ** i)
    expect(pause).toBeLessThanOrEqual(1_000 * 2 ** i + 1)
  }
  made.status = 0
  await vi.advanceTimersByTimeAsync(60_000)
  expect(job.isDone()).toBe(true)
})

it('forgets what a connection left undone', async () => {
  const made = rig({ messagesPerSecond: 1 })
  const job = push(made, 3)
  await vi.advanceTimersByTimeAsync(500)
  made.submitter.detach()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(made.times).toEqual([0])
  expect(job.isDone()).toBe(false)
})

it('puts control messages before all data, also before a message that has begun', async () => {
  const made = rig({ maxInFlight: 1, messagesPerSecond: 1 })
  const [data, control] = [Uint8Array.of(1), Uint8Array.of(2)]
  push(made, 3, { body: data })
  push(made, 1, { body: data })
  await vi.advanceTimersByTimeAsync(1_500)
  push(made, 2, { body: control, isControl: true })
  await vi.advanceTimersByTimeAsync(10_000)
  expect(made.bodies).toEqual([data, data, control, control, data, data])
})

it('puts control messages before data that were given back by a centre that is too busy', async () => {
  const made = rig({ maxInFlight: 3 })
  const [data, control] = [Uint8Array.of(1), Uint8Array.of(2)]
  made.status = 0x58
  push(made, 3, { body: data })
  await vi.advanceTimersByTimeAsync(0)
  push(made, 1, { body: control, isControl: true })
  made.status = 0
  await vi.advanceTimersByTimeAsync(60_000)
  expect(made.bodies).toEqual([data, data, data, control, data, data, data])
})

it('sends of a message only what the centre has not taken', async () => {
  const made = rig({})
  const taken = new Set([0, 1, 3])
  const job = push(made, 5, { taken })
  await vi.advanceTimersByTimeAsync(0)
  expect(made.times).toHaveLength(2)
  expect(taken.size).toBe(5)
  expect(job.isDone()).toBe(true)
})

it('sends nothing more of a message that was refused, whatever its other segments are answered', async () => {
  const made = rig({ maxInFlight: 2 })
  const statuses = [0x0b, 0x08]
  made.submitter.attach({
    request: (command: number) => {
      made.times.push(0)
      return Promise.resolve({ command, status: statuses.shift() ?? 0, sequence: 1, body: BODY })
    },
  } as unknown as Session)
  push(made, 2)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(made.times).toHaveLength(2)
})
