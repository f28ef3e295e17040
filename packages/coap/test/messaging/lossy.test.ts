// SPDX-License-Identifier: Apache-2.0
import { startLossyRelay } from '@waxwing/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Handler, Request } from '../../src/handler.ts'
import { CHANGED, openClient, openServer, pause, POST, requestTo, textOf } from './endpoints.ts'

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

async function throughRelay(handler: Handler, seed: number) {
  const server = await openServer(handler, { transmission: TRANSMISSION })
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
      await expect.poll(() => server.stats.requests, { timeout: 10_000 }).toBe(0)
    },
    30_000,
  )
})
