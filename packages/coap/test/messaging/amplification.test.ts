// SPDX-License-Identifier: Apache-2.0
import { code, type CoapMessage, OPTION, optionValue } from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import type { Handler } from '../../src/handler.ts'
import { emptyDatagram, encodeDatagram, TYPE } from '../../src/messaging/datagram.ts'
import { markVerified } from '../../src/messaging/index.ts'
import { optionValues, readText, uintOption } from '../../src/options.ts'
import {
  CHANGED,
  CONTENT,
  content,
  FAST,
  GET,
  observing,
  openClient,
  openServer,
  path,
  pause,
  POST,
  requestTo,
  textOf,
} from './endpoints.ts'
import { openRawPeer } from './raw-peer.ts'

const UNAUTHORIZED = code(4, 1)
const LARGE = 'x'.repeat(1_000)
const OBSERVE = uintOption(OPTION.observe, 0)

/** Large and small, at once and later, once and again and again. */
const handler: Handler = async (request) => {
  const [size, speed, more] = optionValues(request, OPTION.uriPath).map(readText)
  const text = size === 'large' ? LARGE : 'small'
  if (speed === 'slow') await pause(3 * FAST.ackDelayMs)
  if (more === undefined) return content(text)
  return {
    ...content(text, [OBSERVE]),
    notifications: (listener) => {
      const timer = setInterval(() => void listener.next(content(text, [OBSERVE])), 10)
      request.signal.addEventListener('abort', () => clearInterval(timer))
    },
  }
}

/** From 0 to below `limit`, by a seed. */
function seeded(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

describe('an address that was not proved', () => {
  it('is sent fewer than three times the bytes that came from it, whatever it asks', async () => {
    const transmission = { ...FAST, nstart: 64, maxRetransmit: 2 }
    const server = await openServer(handler, { transmission })
    const below = seeded(11)
    const paths = [[], ['large'], ['large', 'slow'], ['small', 'slow'], ['large', 'now', 'observe']]
    const peers = await Promise.all(Array.from({ length: 24 }, openRawPeer))
    for (let round = 0; round < 60; round++) {
      for (const [at, peer] of peers.entries()) {
        if (at % 4 === 0) await pause(1) // what buffers of sockets lose would count for nothing
        const options = paths[below(paths.length)]!.map(path)
        if (options.length === 3) options.push(OBSERVE)
        const request: CoapMessage = {
          code: [GET, POST, code(0, 5)][below(3)]!,
          options,
          payload: Buffer.alloc(below(3) === 0 ? below(40) : 0),
        }
        const token = 'tokentok'.slice(0, below(9))
        const type = below(2)
        const datagram = encodeDatagram(type, below(30), token, request)
        for (let copies = below(4); copies >= 0; copies--) peer.send(datagram, server.address)
        // Acknowledgements and resets that it cannot know how to send, pings and nonsense.
        if (below(3) === 0) peer.send(emptyDatagram(below(4), below(65_536)), server.address)
        if (below(3) === 0) peer.send(datagram.subarray(0, below(datagram.length)), server.address)
      }
    }
    // All retransmissions: the timeouts of four, and the one that ends them.
    const open = (): number => server.stats.requests + server.stats.undeliveredResponses
    await expect.poll(open, { timeout: 20_000 }).toBe(0)
    const ratios = peers.map(({ worstRatio }) => worstRatio)
    expect(Math.max(...ratios)).toBeLessThan(3)
    expect(Math.min(...ratios)).toBeGreaterThan(1)
    expect(server.stats.observations).toBe(0)
  }, 40_000)

  it('is asked to prove itself where a response is too large, then gets it', async () => {
    const server = await openServer(handler)
    const peer = await openRawPeer()
    peer.ask(server.address, { options: [path('large')] })
    const challenge = await peer.next()
    expect(challenge).toMatchObject({ header: { type: TYPE.ack }, message: { code: UNAUTHORIZED } })
    expect(challenge.token).toBe('tokn')
    const echo = challenge.message.options
    peer.ask(server.address, { options: [path('large'), ...echo] })
    expect(textOf((await peer.next()).message)).toBe(LARGE)
    peer.ask(server.address, { options: [path('large')] })
    expect(textOf((await peer.next()).message)).toBe(LARGE)
  })

  it('gets the response to a request too short for a challenge when it asks again', async () => {
    const server = await openServer(async () => content(LARGE))
    const peer = await openRawPeer()
    const datagram = encodeDatagram(TYPE.con, 1, '', requestTo(server.address))
    peer.send(datagram, server.address)
    peer.ask(server.address, { code: 0, type: TYPE.con, token: '' })
    expect((await peer.next()).header.type).toBe(TYPE.rst) // of the ping behind it
    peer.send(datagram, server.address)
    expect((await peer.next()).message.code).toBe(UNAUTHORIZED)
  })

  it('is not proved by a value for another one, nor by an old one', async () => {
    const clock = { ms: 1e6, now: () => clock.ms }
    const server = await openServer(handler, { clock })
    const [peer, other] = [await openRawPeer(), await openRawPeer()]
    peer.ask(server.address, { options: [path('large')] })
    const echo = (await peer.next()).message.options
    other.ask(server.address, { options: [path('large'), ...echo] })
    expect((await other.next()).message.code).toBe(UNAUTHORIZED)
    clock.ms += 120_000
    peer.ask(server.address, { options: [path('large'), ...echo] })
    expect((await peer.next()).message.code).toBe(UNAUTHORIZED)
  })

  it('must be proved again after a while', async () => {
    const clock = { ms: 1e6, now: () => clock.ms }
    const server = await openServer(handler, { clock })
    const client = await openClient()
    const request = requestTo(server.address, { options: [path('large')] })
    expect(textOf(await client.network(request))).toBe(LARGE)
    clock.ms += 300_001
    const challenged = {
      ...request,
      options: [...request.options, { number: 252, value: Buffer.from('x') }],
    }
    expect((await client.network(challenged)).code).toBe(UNAUTHORIZED)
    expect(textOf(await client.network(request))).toBe(LARGE)
  })

  it('is asked for a new proof at once where the old one is over', async () => {
    const clock = { ms: 1e6, now: () => clock.ms }
    const server = await openServer(handler, { clock })
    const client = await openClient()
    const request = requestTo(server.address, { options: [path('large')], confirmable: false })
    expect(textOf(await client.network(request))).toBe(LARGE)
    clock.ms += 300_001
    expect(textOf(await client.network(request))).toBe(LARGE)
  })

  it('is proved by a request that a layer above verified', async () => {
    const server = await openServer(async (request) => {
      markVerified({ ...request })
      return content(LARGE)
    })
    const peer = await openRawPeer()
    peer.ask(server.address)
    expect(textOf((await peer.next()).message)).toBe(LARGE)
  })

  it('is not needed where nobody can forge one', async () => {
    const server = await openServer(handler, { limits: { amplificationFactor: Infinity } })
    const peer = await openRawPeer()
    peer.ask(server.address, { options: [path('large'), path('now'), path('observe'), OBSERVE] })
    const { message } = await peer.next()
    expect([textOf(message), optionValue(message, OPTION.observe)]).toEqual([
      LARGE,
      expect.anything(),
    ])
  })
})

describe('a request that was executed before its sender proved its address', () => {
  it('is not executed again by a duplicate that comes after the proof', async () => {
    let count = 0
    const server = await openServer(async () => {
      count++
      return content(LARGE)
    })
    const peer = await openRawPeer()
    const request = { ...requestTo(server.address), code: POST }
    const first = encodeDatagram(TYPE.con, 1, 'token1', request)
    peer.send(first, server.address)
    const { options } = (await peer.next()).message
    const repeated = encodeDatagram(TYPE.con, 2, 'token2', { ...request, options })
    for (const datagram of [repeated, first, repeated]) {
      peer.send(datagram, server.address)
      expect(textOf((await peer.next()).message)).toBe(LARGE)
    }
    expect(count).toBe(1)
  })
})

describe('a request that was answered because that was not too much', () => {
  it('is not executed again where its duplicate is too much and has to prove the address', async () => {
    const executed: string[] = []
    const server = await openServer(async (asked) => {
      executed.push(asked.code === POST ? 'POST' : 'GET')
      return content('x'.repeat(asked.code === POST ? 350 : 10))
    })
    const peer = await openRawPeer()
    const request = { ...requestTo(server.address), code: POST, payload: Buffer.alloc(60) }
    const first = encodeDatagram(TYPE.con, 101, 'token1', request)
    const askAgain = async (): Promise<CoapMessage> => {
      peer.send(first, server.address)
      return (await peer.next()).message
    }
    peer.ask(server.address, { payload: Buffer.alloc(60) }) // leaves room for more than three times
    await peer.next()
    expect((await askAgain()).code).toBe(CONTENT)
    const answer = await askAgain()
    expect(answer.code).toBe(UNAUTHORIZED)
    const { options } = answer
    peer.send(encodeDatagram(TYPE.con, 2, 'token2', { ...request, options }), server.address)
    expect((await peer.next()).message).toMatchObject({ code: CONTENT })
    expect(executed).toEqual(['GET', 'POST'])
  })
})

describe('a request that was answered when its address was proved', () => {
  it('is answered the same when it comes again, though the proof is too old by then', async () => {
    const clock = { ms: 1e6, now: () => clock.ms }
    let count = 0
    const handle: Handler = async (request) => {
      count++
      markVerified(request)
      return content(LARGE)
    }
    const server = await openServer(handle, { clock, limits: { provedAddressMs: 10 } })
    const peer = await openRawPeer()
    const datagram = encodeDatagram(TYPE.con, 1, 'tok', {
      ...requestTo(server.address),
      code: POST,
    })
    for (let times = 0; times < 3; times++) {
      peer.send(datagram, server.address)
      expect(textOf((await peer.next()).message)).toBe(LARGE)
      clock.ms += 100
    }
    expect(count).toBe(1)
  })
})

describe('a client', () => {
  it.each([
    ['at once', ['large']],
    ['later', ['large', 'slow']],
  ])('proves its address by itself where it is asked to %s', async (_title, names) => {
    const server = await openServer(handler)
    const client = await openClient()
    const options = names.map(path)
    for (const confirmable of [true, false]) {
      const response = await client.network(requestTo(server.address, { options, confirmable }))
      expect(textOf(response)).toBe(LARGE)
    }
  })

  it('proves its address to observe', async () => {
    const server = await openServer(handler)
    const client = await openClient()
    const options = [path('large'), path('now'), path('observe'), OBSERVE]
    const response = await client.network(observing(server.address, { options }))
    expect([textOf(response), typeof response.notifications]).toEqual([LARGE, 'function'])
  })

  it.each([
    ['at once', 0],
    ['later', 3 * FAST.ackDelayMs],
  ])(
    'gets the response to what was executed before it proved its address, %s',
    async (_, slowMs) => {
      let count = 0
      const server = await openServer(async () => {
        count++
        await pause(slowMs)
        return { ...content(LARGE), code: CHANGED }
      })
      const client = await openClient()
      const payload = Buffer.from('once')
      const response = await client.network(requestTo(server.address, { code: POST, payload }))
      expect([response.code, textOf(response), count]).toEqual([CHANGED, LARGE, 1])
      await client.network(requestTo(server.address, { code: POST, payload }))
      expect(count).toBe(2)
    },
  )

  it('has equal requests executed each, and once', async () => {
    let count = 0
    const server = await openServer(async () => {
      count++
      return content(LARGE)
    })
    const client = await openClient({ transmission: { ...FAST, nstart: 9 } })
    const request = requestTo(server.address, { code: POST })
    await Promise.all(Array.from({ length: 5 }, () => client.network(request)))
    expect(count).toBe(5)
  })

  it('hands on an Echo option that it did not ask for, and takes a second challenge as it is', async () => {
    const seen: boolean[] = []
    const server = await openServer(async (request) => {
      seen.push(optionValue(request, OPTION.echo) !== undefined)
      const options = [{ number: OPTION.echo, value: Buffer.from('mine') }]
      return { code: UNAUTHORIZED, options, payload: new Uint8Array(0) }
    })
    const client = await openClient()
    expect((await client.network(requestTo(server.address))).code).toBe(UNAUTHORIZED)
    expect(seen).toEqual([false, true])
  })
})
