// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import { startLossyRelay, type LossyRelay } from '@waxwing/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { coapClient, type CoapClient } from '../../src/client/client.js'
import { Changes, resources } from '../../src/resources/index.js'
import { coapServer } from '../../src/server.js'

/** A mebibyte takes minutes: `WAXWING_LOSSY_BYTES=1048576`. */
const BODY_BYTES = Number(process.env['WAXWING_LOSSY_BYTES'] ?? 65_536)
const BAD = { loss: 0.2, duplication: 0.2, reordering: 0.2, delayMs: 5 }
const TRANSMISSION = {
  ackTimeoutMs: 15,
  maxRetransmit: 20,
  ackRandomFactor: 1.2,
  responseTimeoutMs: 60_000,
}

interface World {
  readonly relay: LossyRelay
  readonly uri: string
  readonly client: CoapClient
  readonly bodies: Uint8Array[]
}

async function startWorld(seed: number): Promise<World> {
  const bodies: Uint8Array[] = []
  const changes = new Changes()
  const handler = resources({
    body: {
      get: () => ({ payload: bodies.at(-1) ?? new Uint8Array(0) }),
      put: ({ payload }) => {
        bodies.push(payload)
        changes.changed()
      },
      post: ({ payload }) => {
        bodies.push(payload)
        return { payload }
      },
      changes,
    },
  })
  const server = await coapServer({
    host: '127.0.0.1',
    port: 0,
    handler,
    transmission: TRANSMISSION,
  })
  const relay = await startLossyRelay({ ...BAD, seed, targetPort: server.address.port })
  const client = coapClient({ transmission: TRANSMISSION })
  onTestFinished(async () => {
    await client.close()
    await relay.close()
    await server.close()
  })
  return { relay, client, bodies, uri: `coap://127.0.0.1:${relay.port}/body` }
}

describe('through a network that loses, repeats and reorders one in five', () => {
  it(
    'a body goes up and down as it is, and is carried out once',
    { timeout: 600_000 },
    async () => {
      const { relay, client, bodies, uri } = await startWorld(1)
      const body = randomBytes(BODY_BYTES)
      expect((await client.put(uri, body)).codeName).toBe('2.04')
      const { payload } = await client.get(uri)
      expect(Buffer.compare(payload, body)).toBe(0)
      expect(bodies).toHaveLength(1)
      expect(relay.stats.lost).toBeGreaterThan(10)
    },
  )

  it('a hundred small requests are carried out once each', { timeout: 120_000 }, async () => {
    const { client, bodies, uri } = await startWorld(2)
    for (let i = 0; i < 100; i++) {
      const response = await client.post(uri, Uint8Array.of(i))
      expect(response.payload).toEqual(Uint8Array.of(i))
    }
    expect(bodies.map(([first]) => first)).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })

  it(
    'an observer gets the last state, and never one before another',
    { timeout: 120_000 },
    async () => {
      const { client, uri } = await startWorld(3)
      const seen: number[] = []
      const count = 20
      await client.put(uri, Uint8Array.of(0))
      for await (const { payload } of client.observe(uri)) {
        const [state = 0] = payload
        seen.push(state)
        if (state === count) break
        await client.put(uri, new Uint8Array(state % 2 === 0 ? 1 : 3_000).fill(state + 1))
      }
      expect(seen).toEqual(seen.toSorted((a, b) => a - b))
      expect(seen.at(-1)).toBe(count)
    },
  )
})
