// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { code, OPTION, optionValue } from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import type { Handler } from '../../src/handler.ts'
import { encodeDatagram, TYPE } from '../../src/messaging/datagram.ts'
import {
  content,
  FAST,
  GET,
  openClient,
  openServer,
  pause,
  POST,
  requestTo,
  textOf,
} from './endpoints.ts'
import { openRawPeer, type RawPeer } from './raw-peer.ts'

const LARGE = 'x'.repeat(900)

function counting(): { handler: Handler; count: () => number } {
  let count = 0
  const handler: Handler = async () => {
    count++
    return content(String(count))
  }
  return { handler, count: () => count }
}

type Memory = ArrayBufferLike

/** How many are still held by anybody, once what is not has been collected. */
function heldOf(memory: readonly WeakRef<Memory>[]): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return memory.filter((each) => each.deref() !== undefined).length
}

function numbered(messageId: number, requestCode = POST): Buffer {
  const message = { code: requestCode, options: [], payload: new Uint8Array(0) }
  return encodeDatagram(TYPE.con, messageId, 'tokentok', message)
}

/** Sends a request, and takes its answer. */
async function exchange(
  peer: RawPeer,
  server: { address: RawPeer['address'] },
  messageId: number,
  requestCode = POST,
) {
  peer.send(numbered(messageId, requestCode), server.address)
  return peer.next()
}

describe('what an endpoint keeps', () => {
  it('of messages is within the limit, and who fills it pushes out its own', async () => {
    const { handler, count } = counting()
    const server = await openServer(handler, { limits: { maxRememberedMessages: 20 } })
    const [modest, greedy] = [await openRawPeer(), await openRawPeer()]
    for (const messageId of [1, 2, 3]) await exchange(modest, server, messageId)
    for (let messageId = 0; messageId < 100; messageId++) await exchange(greedy, server, messageId)
    expect(server.stats.rememberedMessages).toBe(20)
    expect(count()).toBe(103)
    for (const messageId of [1, 2, 3]) await exchange(modest, server, messageId)
    for (const messageId of [99, 98, 90]) await exchange(greedy, server, messageId)
    expect(count()).toBe(103)
  })

  it('of messages is no more than it counts: not what a response is a part of, nor what lies beside it', async () => {
    const [bodies, beside] = [new Set<WeakRef<Memory>>(), new Set<WeakRef<Memory>>()]
    const handler: Handler = async ({ code: method }) => {
      // What else this process does, with the memory that Node shares out.
      for (let count = 0; count < 20; count++) {
        beside.add(new WeakRef(Buffer.allocUnsafe(4_000).buffer))
      }
      const body = new Uint8Array(100_000)
      bodies.add(new WeakRef(body.buffer))
      return { ...content(''), payload: method === POST ? body.subarray(0, 900) : Buffer.from('x') }
    }
    const server = await openServer(handler)
    const peer = await openRawPeer()
    for (let messageId = 0; messageId < 200; messageId++) {
      await exchange(peer, server, messageId, messageId % 2 === 0 ? POST : GET)
    }
    expect(server.stats.rememberedMessages).toBe(200)
    // All but what the last ones left on the way, which is collected in time.
    await expect.poll(() => heldOf([...bodies])).toBeLessThan(10)
    await expect.poll(() => heldOf([...beside])).toBeLessThan(200)
  })

  it('of messages is within the limit of bytes', async () => {
    const server = await openServer(async () => content(LARGE), {
      limits: { maxRememberedBytes: 5_000, amplificationFactor: Infinity },
    })
    const peer = await openRawPeer()
    for (let messageId = 0; messageId < 20; messageId++) await exchange(peer, server, messageId)
    expect(server.stats.rememberedBytes).toBeLessThanOrEqual(5_000)
    expect(server.stats.rememberedMessages).toBeGreaterThan(2)
  })

  it('of peers is within the limit; who proved its address is kept for longer', async () => {
    const server = await openServer(async () => content(LARGE), { limits: { maxPeers: 4 } })
    const client = await openClient()
    const request = requestTo(server.address)
    expect(textOf(await client.network(request))).toBe(LARGE)
    for (let round = 0; round < 6; round++) {
      const stranger = await openRawPeer()
      stranger.send(numbered(1), server.address)
      await stranger.next()
    }
    expect(server.stats.peers).toBe(4)
    // Without a challenge on the way: an Echo option of its own would not be answered by another one.
    const options = [{ number: OPTION.echo, value: Buffer.from('mine') }]
    expect(textOf(await client.network({ ...request, options }))).toBe(LARGE)
  })

  it('is forgotten when it is too old', async () => {
    const clock = { ms: 1e6, now: () => clock.ms }
    const server = await openServer(async () => content(''), { clock })
    const peer = await openRawPeer()
    await exchange(peer, server, 1)
    expect(server.stats).toMatchObject({ peers: 1, rememberedMessages: 1 })
    clock.ms += 250_000
    await expect
      .poll(() => server.stats)
      .toMatchObject({
        peers: 0,
        rememberedMessages: 0,
        rememberedBytes: 0,
      })
  })

  it.each([{ maxRequests: 3 }, { maxRequestsPerPeer: 3 }])(
    'of requests is within the limit; a further one is answered 5.03: %o',
    async (limits) => {
      const gate = Promise.withResolvers<void>()
      const server = await openServer(
        async () => {
          await gate.promise
          return content('')
        },
        { limits },
      )
      const client = await openClient({ transmission: { ...FAST, nstart: 9 } })
      const responses = Array.from({ length: 3 }, () => client.network(requestTo(server.address)))
      await expect.poll(() => server.stats.requests).toBe(3)
      const refused = await client.network(requestTo(server.address))
      expect(refused.code).toBe(code(5, 3))
      expect(optionValue(refused, OPTION.maxAge)).toEqual(Uint8Array.of(1))
      gate.resolve()
      expect((await Promise.all(responses)).map((each) => each.code)).toEqual(
        Array(3).fill(code(2, 5)),
      )
    },
  )

  it('of responses that are not acknowledged is within the limit; a further one is sent once', async () => {
    const server = await openServer(
      async () => {
        await pause(2 * FAST.ackDelayMs)
        return content('')
      },
      {
        limits: { maxRequestsPerPeer: 2 },
        transmission: { ...FAST, ackTimeoutMs: 1_500, nstart: 9, maxRetransmit: 0 },
      },
    )
    const peer = await openRawPeer()
    const types: number[] = []
    for (let messageId = 1; messageId <= 3; messageId++) {
      peer.send(numbered(messageId, GET), server.address)
      let { header } = await peer.next()
      while (header.code === 0) ({ header } = await peer.next())
      types.push(header.type)
    }
    expect(types).toEqual([TYPE.con, TYPE.con, TYPE.non])
    await expect.poll(() => server.stats.undeliveredResponses).toBe(0)
  })

  it('of requests of its own is within the limit, with ERR_LIMIT', async () => {
    const origin = await openRawPeer()
    const client = await openClient({ limits: { maxOutgoingRequests: 1, maxPeers: 1 } })
    const controller = new AbortController()
    const request = requestTo(origin.address, { signal: controller.signal })
    const first = client.network(request)
    await expect(client.network(request)).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    controller.abort()
    await expect(first).rejects.toThrow()
    expect(client.stats.outgoingRequests).toBe(0)
  })
})
