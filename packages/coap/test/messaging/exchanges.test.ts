// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import { code, OPTION } from '@waxwing/oscore'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Handler, Request, Response } from '../../src/handler.ts'
import { TYPE } from '../../src/messaging/datagram.ts'
import { openUdpEndpoint } from '../../src/messaging/index.ts'
import { resolveTransmission } from '../../src/messaging/parameters.ts'
import { textOption, uintOption } from '../../src/options.ts'
import {
  CHANGED,
  content,
  FAST,
  openClient,
  openServer,
  path,
  pause,
  POST,
  requestTo,
  textOf,
} from './endpoints.ts'
import { openRawPeer } from './raw-peer.ts'

const LOOPBACK = '127.0.0.1'

describe('a request', () => {
  it('is answered with the acknowledgement', async () => {
    const server = await openServer(async (request) => content(`got ${textOf(request)}`))
    const client = await openClient()
    const payload = Buffer.from('this')
    const response = await client.network(requestTo(server.address, { code: POST, payload }))
    expect(response.code).toBe(code(2, 5))
    expect(textOf(response)).toBe('got this')
  })

  it('tells the handler who asks, with what options, and whether it is confirmable', async () => {
    const seen: Request[] = []
    const server = await openServer(async (request) => {
      seen.push({ ...request })
      return content('')
    })
    const client = await openClient()
    const options = [path('a'), textOption(OPTION.uriQuery, 'b=1')]
    await client.network(requestTo(server.address, { options, confirmable: false }))
    expect(seen).toMatchObject([{ peer: client.address, confirmable: false }])
    expect(
      seen[0]!.options.map(({ number, value }) => [number, Buffer.from(value).toString()]),
    ).toEqual([
      [OPTION.uriPath, 'a'],
      [OPTION.uriQuery, 'b=1'],
    ])
  })

  it('that is not confirmable is answered by a message that is not', async () => {
    const server = await openServer(async () => content('here'))
    const client = await openClient()
    const response = await client.network(requestTo(server.address, { confirmable: false }))
    expect(textOf(response)).toBe('here')
  })

  it('whose handler is slow is acknowledged first and answered later', async () => {
    const gate = Promise.withResolvers<void>()
    const server = await openServer(async () => {
      await gate.promise
      return content('late')
    })
    const peer = await openRawPeer()
    const messageId = peer.ask(server.address)
    expect((await peer.next()).header).toMatchObject({ type: TYPE.ack, code: 0, messageId })
    gate.resolve()
    const { header, token, message } = await peer.next()
    expect([header.type, token, textOf(message)]).toEqual([TYPE.con, 'tokn', 'late'])
  })

  it('that nobody answers fails with ERR_TIMEOUT', async () => {
    const server = await openServer(async () => content(''))
    const { address } = server
    await server.close()
    const client = await openClient({ transmission: { ...FAST, maxRetransmit: 1 } })
    await expect(client.network(requestTo(address))).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(client.stats.outgoingRequests).toBe(0)
  })

  it('to an endpoint without a handler fails with ERR_TRANSPORT', async () => {
    const client = await openClient()
    const other = await openClient()
    await expect(client.network(requestTo(other.address))).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
    })
  })

  it('that is aborted fails with the reason and is forgotten', async () => {
    const server = await openServer(() => new Promise(() => undefined), {
      limits: { closeTimeoutMs: 0 },
    })
    const client = await openClient()
    const controller = new AbortController()
    const response = client.network(requestTo(server.address, { signal: controller.signal }))
    setTimeout(() => controller.abort(new Error('enough')), 5)
    await expect(response).rejects.toThrow('enough')
    expect(client.stats.outgoingRequests).toBe(0)
    const again = client.network(requestTo(server.address, { signal: controller.signal }))
    await expect(again).rejects.toThrow('enough')
  })

  it('whose handler fails is answered 5.00, and the error is reported', async () => {
    const error = new Error('broken')
    const server = await openServer(() => Promise.reject(error))
    const reported: unknown[] = []
    server.onError((each) => reported.push(each))
    const client = await openClient()
    expect((await client.network(requestTo(server.address))).code).toBe(code(5, 0))
    expect(reported).toEqual([error])
  })

  it('whose handler fails leaves a warning of the process where nobody listens', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined)
    onTestFinished(() => warning.mockRestore())
    const error = new Error('broken')
    const thrown: Error[] = [error, Object.create(null) as Error]
    const server = await openServer(() => Promise.reject(thrown.shift() ?? error))
    const client = await openClient()
    for (const _ of [1, 2]) {
      expect((await client.network(requestTo(server.address))).code).toBe(code(5, 0))
    }
    expect(warning.mock.calls).toEqual([[error], ['[Object: null prototype] {}']])
  })

  it('is answered though the listener for errors fails, and other listeners hear all', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined)
    onTestFinished(() => warning.mockRestore())
    const error = new Error('broken')
    const server = await openServer(() => Promise.reject(error))
    const fault = new Error('the listener fails too')
    server.onError(() => {
      throw fault
    })
    const reported: unknown[] = []
    server.onError((each) => reported.push(each))
    const client = await openClient()
    expect((await client.network(requestTo(server.address))).code).toBe(code(5, 0))
    expect(reported).toEqual([error])
    expect(warning.mock.calls).toEqual([[fault]])
  })

  it.each<[string, Response]>([
    ['is too long', content('x'.repeat(2_000))],
    ['has the code of a request', { ...content(''), code: POST }],
    ['has an option that cannot be', content('', [{ number: -1, value: new Uint8Array(0) }])],
  ])('whose response %s is answered 5.00', async (_title, bad) => {
    const server = await openServer(async () => bad)
    const reported: unknown[] = []
    server.onError((each) => reported.push(each))
    const client = await openClient()
    expect((await client.network(requestTo(server.address))).code).toBe(code(5, 0))
    expect(reported).toEqual([expect.any(RangeError)])
  })

  it('that is too long is refused', async () => {
    const client = await openClient()
    const payload = new Uint8Array(1_200)
    await expect(client.network(requestTo(client.address, { payload }))).rejects.toThrow(RangeError)
  })

  it('needs a peer with a numeric address and a port, and a code of requests', async () => {
    const client = await openClient()
    const peers = [
      { address: 'localhost', port: 5683 },
      { address: LOOPBACK, port: 0 },
    ]
    await expect(client.network(requestTo(peers[0]!))).rejects.toThrow('peer.address')
    await expect(client.network(requestTo(peers[1]!))).rejects.toThrow('peer.port')
    const beyond = requestTo({ address: '::1', port: 5683 })
    await expect(client.network(beyond)).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
      details: { field: 'peer.address' },
    })
    const notRequest = requestTo(client.address, { code: CHANGED })
    await expect(client.network(notRequest)).rejects.toThrow('code must be')
  })
})

describe('No-Response', () => {
  it('leaves out what is not wanted, and the requester does not wait for it', async () => {
    let count = 0
    const server = await openServer(async () => {
      count++
      return { ...content(''), code: CHANGED }
    })
    const client = await openClient()
    const options = [uintOption(OPTION.noResponse, 26)]
    const request = requestTo(server.address, { code: POST, options })
    expect(await client.network(request)).toMatchObject({ code: 0 })
    expect(await client.network({ ...request, confirmable: false })).toMatchObject({ code: 0 })
    await expect.poll(() => count).toBe(2)
  })

  it('of successes alone lets errors come, and takes silence for success', async () => {
    const handler: Handler = async ({ payload }) => ({
      ...content(''),
      code: payload.length > 0 ? code(4, 0) : CHANGED,
    })
    const server = await openServer(handler)
    const client = await openClient({ transmission: { ...FAST, responseTimeoutMs: 300 } })
    const options = [uintOption(OPTION.noResponse, 2)]
    const request = requestTo(server.address, { code: POST, options })
    expect(await client.network(request)).toMatchObject({ code: 0 })
    const bad = { ...request, payload: Buffer.from('bad') }
    expect(await client.network(bad)).toMatchObject({ code: code(4, 0) })
  })
})

describe('an endpoint', () => {
  it('sends no more than NSTART messages to a peer at once', async () => {
    let atOnce = 0
    let most = 0
    const handler: Handler = async () => {
      most = Math.max(most, ++atOnce)
      await pause(3)
      atOnce--
      return content('')
    }
    const server = await openServer(handler)
    const client = await openClient({ transmission: { ...FAST, nstart: 2 } })
    await Promise.all(Array.from({ length: 20 }, () => client.network(requestTo(server.address))))
    expect(most).toBe(2)
  })

  it('lets no request wait behind others for a peer that is gone', async () => {
    const gone = await openRawPeer()
    const transmission = { ackTimeoutMs: 20, maxRetransmit: 1 }
    const client = await openClient({ transmission })
    const asked = Array.from({ length: 8 }, () => client.network(requestTo(gone.address)))
    for (const outcome of await Promise.allSettled(asked)) {
      expect(outcome).toMatchObject({ reason: { code: 'ERR_TIMEOUT' } })
    }
    const ids = new Set(gone.waiting.map(({ header }) => header.messageId))
    expect(ids.size).toBeLessThan(4)
    expect(client.stats.outgoingRequests).toBe(0)
  })

  it('sends a response though a notification is not acknowledged: who asks may wait for it first', async () => {
    const limits = { amplificationFactor: Infinity }
    const transmission = { ...FAST, ackTimeoutMs: 60_000 }
    const handler: Handler = async ({ code: method }) => {
      if (method === POST) await pause(2 * FAST.ackDelayMs)
      const observe = [uintOption(OPTION.observe, 0)]
      return {
        ...content('', observe),
        notifications: (listener) => void listener.next(content('', observe)),
      }
    }
    const server = await openServer(handler, { limits, transmission })
    const peer = await openRawPeer()
    peer.ask(server.address, { token: 'observe', options: [uintOption(OPTION.observe, 0)] })
    await expect.poll(() => peer.waiting.length).toBeGreaterThan(1)
    peer.ask(server.address, { token: 'slow', code: POST })
    await expect.poll(() => peer.waiting.some(({ token }) => token === 'slow')).toBe(true)
    expect(server.stats.observations).toBe(1)
  })

  it('speaks IPv6, and with IPv4 peers by their own addresses', async () => {
    const peers: string[] = []
    const server = await openServer(
      async ({ peer }) => {
        peers.push(peer.address)
        return content('')
      },
      { host: '::' },
    )
    const { port } = server.address
    const [six, four] = [await openClient({ host: '::1' }), await openClient()]
    await six.network(requestTo({ address: '0:0:0:0:0:0:0:1', port }))
    await four.network(requestTo({ address: LOOPBACK, port }))
    expect(peers).toEqual(['::1', LOOPBACK])
    const both = await openClient({ host: '::' })
    await both.network(requestTo({ address: LOOPBACK, port }))
    await both.network(requestTo({ address: '::ffff:127.0.0.1', port }))
  })

  it('lets handlers finish when it is closed, and refuses requests', async () => {
    const server = await openServer(async () => {
      await pause(60)
      return content('done')
    })
    const client = await openClient()
    const response = client.network(requestTo(server.address))
    await expect.poll(() => server.stats.requests).toBe(1)
    await server.close()
    expect(textOf(await response)).toBe('done')
    await client.close()
    await client.close()
    await expect(client.network(requestTo(server.address))).rejects.toMatchObject({
      code: 'ERR_CLOSED',
    })
  })

  it('aborts handlers that do not finish in time when it is closed', async () => {
    const aborted = Promise.withResolvers<void>()
    const handler: Handler = ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted.resolve()
          reject(new Error('aborted'))
        })
      })
    const server = await openServer(handler, { limits: { closeTimeoutMs: 20 } })
    const client = await openClient()
    const response = client.network(requestTo(server.address))
    await expect.poll(() => server.stats.requests).toBe(1)
    await server.close()
    await aborted.promise
    await client.close()
    await expect(response).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('says that a port is taken, and what option is wrong', async () => {
    const server = await openServer(async () => content(''))
    const { port } = server.address
    await expect(openUdpEndpoint({ host: LOOPBACK, port })).rejects.toThrow(WaxwingError)
    await expect(openUdpEndpoint({ host: 'localhost' })).rejects.toThrow('host')
    await expect(openUdpEndpoint({ port: 70_000 })).rejects.toThrow('port')
    await expect(openUdpEndpoint({ transmission: { nstart: 0 } })).rejects.toThrow('nstart')
    await expect(openUdpEndpoint({ limits: { maxPeers: 0.5 } })).rejects.toThrow('maxPeers')
  })

  it('derives lifetimes of messages from the other parameters (RFC 7252 Section 4.8.2)', () => {
    expect(resolveTransmission()).toMatchObject({
      exchangeLifetimeMs: 247_000,
      nonLifetimeMs: 145_000,
    })
    expect(resolveTransmission({ maxRetransmit: 0 })).toMatchObject({ nonLifetimeMs: 100_000 })
  })
})
