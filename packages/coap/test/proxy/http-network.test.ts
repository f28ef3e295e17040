// SPDX-License-Identifier: Apache-2.0
/** CoAP clients whose way leads over HTTP: a client, our cross-proxy, and a server on UDP. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { encodeCoap, isOscoreMessage } from '@waxwing/oscore'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  blockwiseClient,
  coapClient,
  type CoapClient,
  type CoapClientOptions,
  type CoapServer,
  type Handler,
  type HttpCrossProxy,
  httpCrossProxy,
  httpNetwork,
  type HttpNetwork,
  type HttpNetworkOptions,
  METHOD,
  OPTION,
  optionValues,
  readUint,
  resources,
  RESPONSE,
} from '../../src/index.js'
import { bodyOf, edhocEnds, type Ends, held, openSocket, presharedEnds, serve } from './ends.js'
import { askFor, contentOf, etag, recorder, type Recorder } from './exchanges.js'

interface Way {
  readonly proxy: HttpCrossProxy
  /** What the proxy sent to servers. */
  readonly origin: Recorder
  /** What it had from them. */
  readonly answers: Uint8Array[]
}

/** A proxy before UDP, which may ask loopback alone. */
async function startProxy(): Promise<Way> {
  const endpoint = await openSocket()
  const network = blockwiseClient()(endpoint.network)
  const answers: Uint8Array[] = []
  const origin = recorder(async (request) => {
    const response = await network(request)
    answers.push(encodeCoap(response))
    return response
  })
  const proxy = await httpCrossProxy({
    network: origin.handler,
    allow: ['127.0.0.1'],
    authorize: () => true,
  })
  onTestFinished(() => proxy.close())
  return { proxy, origin, answers }
}

function networkTo(proxyUrl: string, options: Partial<HttpNetworkOptions> = {}): HttpNetwork {
  const network = httpNetwork({ proxyUrl, ...options })
  onTestFinished(() => network.close())
  return network
}

function clientOver({ proxy }: Way, options: CoapClientOptions = {}): CoapClient {
  const { network } = networkTo(proxy.url)
  const client = coapClient({ network, ...options })
  onTestFinished(() => client.close())
  return client
}

interface Protected extends Way {
  readonly client: CoapClient
  readonly server: CoapServer
  readonly restart: () => Promise<void>
}

async function protectedWay(ends: Ends, handler: Handler): Promise<Protected> {
  const way = await startProxy()
  let current = (await ends.server()).protect(handler)
  const server = await serve((request) => current(request))
  const security = await ends.client(`127.0.0.1:${server.address.port}`)
  const restart = async (): Promise<void> => {
    current = (await ends.server()).protect(handler)
  }
  return { ...way, client: clientOver(way, { security }), server, restart }
}

const allEnds: readonly (readonly [string, () => Ends | Promise<Ends>])[] = [
  ['a secret of both', presharedEnds],
  ['EDHOC', edhocEnds],
]

describe.each(allEnds)('a protected exchange over HTTP with keys by %s', (_, makeEnds) => {
  it('is the same as without a proxy, which sees neither path nor payload', async () => {
    const lamp = held('very-secret-path')
    const { client, server, origin, answers } = await protectedWay(await makeEnds(), lamp.handler)
    const uri = `${server.uri}very-secret-path`
    expect((await client.put(uri, 'the lamp is off')).codeName).toBe('2.04')
    const response = await client.get(uri)
    expect(response.text()).toBe('the lamp is off')
    expect(response.contentFormat).toBeUndefined()
    expect((await client.get(`${server.uri}nothing`)).codeName).toBe('4.04')
    expect(lamp.putCount()).toBe(1)
    const seen = Buffer.concat([...origin.asked.map(encodeCoap), ...answers]).toString('latin1')
    expect(seen).not.toContain('secret')
    expect(seen).not.toContain('lamp is')
    expect(origin.asked.filter(isOscoreMessage).length).toBeGreaterThanOrEqual(3)
  })

  it('carries 64 KiB both ways', async () => {
    const lamp = held()
    const { client, server } = await protectedWay(await makeEnds(), lamp.handler)
    const body = bodyOf(65_536)
    expect((await client.put(`${server.uri}state`, body)).codeName).toBe('2.04')
    const got = await client.get(`${server.uri}state`)
    expect(Buffer.compare(got.payload, body)).toBe(0)
    expect(lamp.putCount()).toBe(1)
  })

  it('comes to new keys after the server lost its own', async () => {
    const { client, server, restart } = await protectedWay(await makeEnds(), held().handler)
    expect((await client.get(`${server.uri}state`)).text()).toBe('on')
    await restart()
    expect((await client.get(`${server.uri}state`)).text()).toBe('on')
  })

  it('of an observation is one response, after which it ends', async () => {
    const { client, server } = await protectedWay(await makeEnds(), held().handler)
    const states = await Array.fromAsync(client.observe(`${server.uri}state`))
    expect(states.map((state) => state.text())).toEqual(['on'])
  })
})

describe('a plain exchange over HTTP', () => {
  it('keeps codes, formats, entity-tags and freshness', async () => {
    const way = await startProxy()
    const { uri } = await serve(
      resources({
        lamp: {
          get: () => ({
            payload: '{"on":true}',
            contentFormat: 50,
            etag: Uint8Array.of(7),
            maxAgeSeconds: 5,
          }),
          put: () => ({ code: RESPONSE.created }),
          delete: () => undefined,
        },
      }),
    )
    const client = clientOver(way)
    const got = await client.get(`${uri}lamp`)
    expect(got.json()).toEqual({ on: true })
    expect(got).toMatchObject({ codeName: '2.05', contentFormat: 50, maxAgeSeconds: 5 })
    expect(got.etag).toEqual(Uint8Array.of(7))
    const valid = await client.get(`${uri}lamp`, { etags: [Uint8Array.of(7)] })
    expect(valid.codeName).toBe('2.03')
    expect(valid.etag).toEqual(Uint8Array.of(7))
    expect((await client.put(`${uri}lamp`, 'x')).codeName).toBe('2.01')
    expect((await client.delete(`${uri}lamp`)).codeName).toBe('2.02')
    expect((await client.get(`${uri}none`)).codeName).toBe('4.04')
    const unmatched = await client.put(`${uri}lamp`, 'x', { ifMatch: [Uint8Array.of(9)] })
    expect(unmatched.codeName).toBe('4.12')
    expect((await client.get(`${uri}lamp`, { accept: 60 })).codeName).toBe('4.06')
  })

  it('does not begin where HTTP has no place for it', async () => {
    const way = await startProxy()
    const { network } = networkTo(way.proxy.url)
    const ask = async (init: Parameters<typeof askFor>[1]): Promise<number> =>
      (await network(askFor('a', init))).code
    expect(await ask({ code: METHOD.FETCH })).toBe(RESPONSE.notImplemented)
    for (const number of [OPTION.block1, OPTION.edhoc, 65_001]) {
      const option = { number, value: Uint8Array.of(0x10) }
      expect(await ask({ options: [option] }), String(number)).toBe(RESPONSE.badOption)
    }
    expect(way.origin.asked).toHaveLength(0)
  })
})

describe('what answers in the place of a proxy', () => {
  async function answering(listener: RequestListener): Promise<string> {
    const server = createServer(listener).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hc/`
  }

  it.each([
    [200, {}, RESPONSE.content],
    [302, { Location: 'http://elsewhere.example/' }, RESPONSE.badGateway],
    [418, {}, RESPONSE.badRequest],
    [403, {}, RESPONSE.forbidden],
    [507, {}, RESPONSE.internalServerError],
  ])('with %i means a code of CoAP', async (status, headers, code) => {
    const url = await answering((_, response) => response.writeHead(status, headers).end())
    expect((await networkTo(url).network(askFor('a'))).code).toBe(code)
  })

  it.each([
    [{ 'Cache-Control': 'max-age=9', Age: '4' }, 5],
    [{ 'Cache-Control': 'max-age=9', Age: '10' }, 0],
    [{ 'Cache-Control': 'max-age=9, private' }, 0],
    [{ 'Cache-Control': 's-maxage=9, no-store' }, 0],
  ])('with %o says how long others may have it', async (headers, seconds) => {
    const url = await answering((_, response) => response.writeHead(200, headers).end('on'))
    const response = await networkTo(url).network(askFor('a'))
    const [age] = optionValues(response, OPTION.maxAge)
    expect(age && readUint(age)).toBe(seconds)
  })

  it.each([
    { 'Content-Type': 'text/html' },
    { 'Content-Type': 'text/plain; charset=iso-8859-1' },
    { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
    { 'Content-Encoding': 'gzip' },
  ])('with %o has no representation for CoAP', async (headers) => {
    const url = await answering((_, response) => response.writeHead(200, headers).end('on'))
    const { network } = networkTo(url)
    expect(await network(askFor('a'))).toMatchObject({ code: RESPONSE.badGateway })
    const posted = await network(askFor('a', { code: METHOD.POST }))
    expect(posted).toMatchObject({ code: RESPONSE.changed, payload: new Uint8Array(0) })
  })

  it('may say that it is busy, and until when', async () => {
    const url = await answering((_, response) =>
      response.writeHead(503, { 'Retry-After': '7' }).end(),
    )
    const { code, options } = await networkTo(url).network(askFor('a'))
    expect(code).toBe(RESPONSE.serviceUnavailable)
    expect(options).toEqual([{ number: OPTION.maxAge, value: Uint8Array.of(7) }])
  })

  it('is told no more than so many bytes of', async () => {
    const url = await answering((_, response) => response.end(new Uint8Array(2000)))
    const { network } = networkTo(url, { maxBodyBytes: 1999 })
    await expect(network(askFor('a'))).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    const { network: chunked } = networkTo(
      await answering((_, response) => {
        response.write(new Uint8Array(1500))
        response.end(new Uint8Array(1500))
      }),
      { maxBodyBytes: 1999 },
    )
    await expect(chunked(askFor('a'))).rejects.toMatchObject({ code: 'ERR_LIMIT' })
  })

  it('must answer in time, and whole', async () => {
    const silent = await answering(() => undefined)
    const { network } = networkTo(silent, { timeoutMs: 50 })
    await expect(network(askFor('a'))).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    const half = await answering((_, response) => {
      response.writeHead(200, { 'Content-Length': '10' }).write('abc')
    })
    const { network: slow } = networkTo(half, { timeoutMs: 50 })
    await expect(slow(askFor('a'))).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    const broken = await answering((_, response) => {
      response.writeHead(200, { 'Content-Length': '10' }).write('abc', () => response.destroy())
    })
    const transport = { code: 'ERR_TRANSPORT' }
    await expect(networkTo(broken).network(askFor('a'))).rejects.toMatchObject(transport)
  })

  it('must be there', async () => {
    const { network } = networkTo('http://127.0.0.1:1/hc/')
    await expect(network(askFor('a'))).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
  })

  it('must say OSCORE as it is written', async () => {
    const url = await answering((_, response) => response.setHeader('OSCORE', '!').end('x'))
    await expect(networkTo(url).network(askFor('a'))).rejects.toMatchObject({
      code: 'ERR_MALFORMED',
    })
  })

  it('gets what is for it, and what names it', async () => {
    const asked: unknown[] = []
    const url = await answering((request, response) => {
      asked.push(request.headers.authorization, request.url, request.headers['if-none-match'])
      response.end()
    })
    const { network } = networkTo(url, { headers: { Authorization: 'Bearer x' } })
    await network(askFor('a b', { options: [etag(1)] }))
    expect(asked).toEqual(['Bearer x', '/hc/coap://192.0.2.9/a%20b', '"01"'])
  })
})

describe('a network over HTTP', () => {
  it('gives up what is aborted, and all when it is closed', async () => {
    const server = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    const http = networkTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    const controller = new AbortController()
    const arrived = once(server, 'request')
    const aborted = http.network(askFor('a', { signal: controller.signal }))
    await arrived
    controller.abort(new Error('gone'))
    await expect(aborted).rejects.toThrow('gone')
    const again = once(server, 'request')
    const closed = http.network(askFor('a'))
    await again
    http.close()
    await expect(closed).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await expect(http.network(askFor('a'))).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it.each(['coap://proxy.example/', 'http://proxy.example/hc', 'nonsense', 'http://a/?b'])(
    'is not made of %s',
    (proxyUrl) => {
      expect(() => httpNetwork({ proxyUrl })).toThrow(RangeError)
    },
  )

  it.each([
    ['timeoutMs', Infinity],
    ['timeoutMs', 2 ** 31],
    ['maxBodyBytes', Number.NaN],
  ])('has no limit %s of %d', (name, value) => {
    const proxyUrl = 'http://proxy.example/hc/'
    expect(() => httpNetwork({ proxyUrl, [name]: value })).toThrow(new RegExp(`^${name} must`))
  })

  it('is a handler like any other', async () => {
    const way = await startProxy()
    const { address } = await serve(async () => contentOf('on'))
    const { network } = networkTo(way.proxy.url)
    const response = await network(askFor('a', { peer: address }))
    expect(Buffer.from(response.payload).toString()).toBe('on')
  })
})
