// SPDX-License-Identifier: Apache-2.0
import { startLossyRelay } from '@waxwing/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { OPTION } from '@waxwing/oscore'
import type { Handler, NotificationListener, Request, Response } from '../../src/handler.ts'
import type { EndpointLimits } from '../../src/messaging/index.ts'
import { uintOption } from '../../src/options.ts'
import {
  CHANGED,
  content,
  observing,
  openClient,
  openServer,
  pause,
  POST,
  requestTo,
  textOf,
} from './endpoints.ts'

const OBSERVE = uintOption(OPTION.observe, 0)
const TRANSMISSION = {
  ackTimeoutMs: 20,
  ackDelayMs: 10,
  responseTimeoutMs: 1_500,
  maxRetransmit: 6,
  nstart: 16,
}
const REQUESTS = 400
/** Few enough for the buffers of sockets: what the relay loses is to be all that is lost. */
const AT_ONCE = 100

async function throughRelay(handler: Handler, seed: number, limits: Partial<EndpointLimits> = {}) {
  const server = await openServer(handler, { transmission: TRANSMISSION, limits })
  const relay = await startLossyRelay({
    targetPort: server.address.port,
    seed,
    loss: 0.2,
    duplication: 0.2,
    reordering: 0.2,
    delayMs: 60,
  })
  onTestFinished(() => relay.close())
  const client = await openClient({ transmission: TRANSMISSION })
  return { server, client, relay, peer: { address: '127.0.0.1', port: relay.port } }
}

describe('over a network that loses, repeats and reorders a fifth of all datagrams', () => {
  it.each([
    ['with the acknowledgement', 0, true],
    ['later', 25, true],
    ['and asked in messages that are not confirmable', 0, false],
  ])(
    'no request is executed twice, answered %s',
    async (_title, slowMs, confirmable) => {
      const executed = new Map<string, number>()
      const handler: Handler = async ({ payload }) => {
        const text = textOf({ payload })
        executed.set(text, (executed.get(text) ?? 0) + 1)
        if (slowMs > 0) await pause(Number(text) % slowMs)
        return { code: CHANGED, options: [], payload }
      }
      const { client, server, relay, peer } = await throughRelay(handler, 7)
      const ask = async (index: number): Promise<string> => {
        const payload = Buffer.from(String(index))
        const request: Request = requestTo(peer, { code: POST, payload, confirmable })
        return textOf(await client.network(request))
      }
      const outcomes: PromiseSettledResult<string>[] = []
      while (outcomes.length < REQUESTS) {
        const wave = Array.from({ length: AT_ONCE }, (_, index) => ask(outcomes.length + index))
        outcomes.push(...(await Promise.allSettled(wave)))
      }
      const answered = outcomes.filter(({ status }) => status === 'fulfilled').length
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status === 'fulfilled') expect(outcome.value).toBe(String(index))
        else expect(outcome.reason).toMatchObject({ code: 'ERR_TIMEOUT' })
      }
      expect([...executed].filter(([, count]) => count !== 1)).toEqual([])
      expect(executed.size).toBeGreaterThanOrEqual(answered)
      expect(answered).toBeGreaterThan(REQUESTS * (confirmable ? 0.97 : 0.5))
      expect(Math.min(relay.stats.lost, relay.stats.duplicated)).toBeGreaterThan(REQUESTS / 10)
      expect(client.stats.outgoingRequests).toBe(0)
      await expect.poll(() => server.stats.requests).toBe(0)
    },
    30_000,
  )

  it.each([1, 2, 3])(
    'no request is executed twice while its sender proves its address, again and again (seed %i)',
    async (seed) => {
      const executed: string[] = []
      const handler: Handler = async ({ payload }) => {
        const text = textOf({ payload })
        executed.push(text)
        await pause(Number(text) % 20)
        const isLarge = Number(text) % 3 === 0
        return { code: CHANGED, options: [], payload: isLarge ? new Uint8Array(900) : payload }
      }
      const { client, peer } = await throughRelay(handler, seed, { provedAddressMs: 30 })
      const ask = (index: number): Promise<Response> => {
        const payload = Buffer.from(String(index))
        const confirmable = index % 5 !== 0
        return client.network(requestTo(peer, { code: POST, payload, confirmable }))
      }
      const outcomes = await Promise.allSettled(Array.from({ length: 150 }, (_, i) => ask(i)))
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected')
          expect(outcome.reason).toMatchObject({ code: 'ERR_TIMEOUT' })
      }
      expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(110)
      expect(executed.toSorted()).toEqual([...new Set(executed)].toSorted())
    },
    30_000,
  )

  it('an observer hears no notification twice, none after a newer one, and at last the newest', async () => {
    const numbers = 150
    const handler: Handler = async ({ signal }) => ({
      ...content('0', [OBSERVE]),
      notifications: (listener) => void countUp(listener, numbers, signal),
    })
    const { client, server, peer } = await throughRelay(handler, 3)
    const heard: number[] = []
    const ended = Promise.withResolvers<void>()
    const response = await client.network(observing(peer))
    response.notifications!({
      next: async (notification) => void heard.push(Number(textOf(notification))),
      end: () => ended.resolve(),
    })
    await ended.promise
    expect(heard.at(-1)).toBe(numbers)
    expect(heard).toEqual([...new Set(heard)].toSorted((a, b) => a - b))
    expect(heard.length).toBeGreaterThan(10)
    await expect.poll(() => server.stats.observations).toBe(0)
    expect(client.stats.outgoingRequests).toBe(0)
  }, 60_000)

  it('while nothing passes nothing is lost: what waits goes on when it is over', async () => {
    const server = await openServer(async ({ payload }) => ({ ...content(''), payload }))
    const relay = await startLossyRelay({ targetPort: server.address.port })
    onTestFinished(() => relay.close())
    const client = await openClient({ transmission: TRANSMISSION })
    relay.sever()
    const peer = { address: '127.0.0.1', port: relay.port }
    const response = client.network(requestTo(peer, { payload: Buffer.from('through') }))
    await expect.poll(() => relay.stats.lost).toBeGreaterThan(1)
    relay.heal()
    expect(textOf(await response)).toBe('through')
  })
})

/** Counts up, faster than messages are acknowledged; the last notification ends it. */
async function countUp(
  listener: NotificationListener,
  upTo: number,
  signal: AbortSignal,
): Promise<void> {
  for (let number = 1; number < upTo && !signal.aborted; number++) {
    void listener.next(content(String(number), [OBSERVE]))
    await pause(2)
  }
  await listener.next(content(String(upTo)))
  listener.end()
}
