// SPDX-License-Identifier: Apache-2.0
/** Our forward proxy on UDP, with its cache, between our client and our server. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { encodeCoap } from '@waxwing/oscore'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  blockwiseClient,
  caching,
  type Caching,
  coapClient,
  coapServer,
  forwardProxy,
  type Handler,
  type Layer,
  openUdpEndpoint,
  resources,
} from '../../src/index.js'
import { bodyOf, openSocket, serve } from './ends.js'
import { contentOf, recorder } from './exchanges.js'
import { describeThroughProxy, type ProxyUnderTest } from './through-proxies.js'

interface Started extends ProxyUnderTest {
  readonly cache: Caching
}

async function startProxy(): Promise<Started> {
  const seen: Uint8Array[] = []
  const watch: Layer = (next) => async (request) => {
    seen.push(encodeCoap(request))
    const response = await next(request)
    seen.push(encodeCoap(response))
    return response
  }
  const cache = caching()
  const endpoint = await openSocket()
  const network: Handler = cache.layer(watch(blockwiseClient()(endpoint.network)))
  const handler = watch(forwardProxy({ network, allow: ['127.0.0.1'] }))
  const server = await coapServer({ handler, host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.close())
  return {
    url: server.uri,
    cache,
    seen: () => Buffer.concat(seen).toString('latin1'),
  }
}

describe('through our forward proxy on UDP', () => {
  describeThroughProxy(startProxy)

  it('a hundred readers ask the origin of a large representation once', async () => {
    const { url, cache } = await startProxy()
    const payload = bodyOf(5000)
    const map = recorder(resources({ map: { get: () => ({ payload, maxAgeSeconds: 600 }) } }))
    const { uri } = await serve(map.handler)
    const readers = Array.from({ length: 10 }, () => coapClient({ proxy: url }))
    onTestFinished(async () => void (await Promise.all(readers.map((reader) => reader.close()))))
    // The origin has the proxy prove its address before it sends it anything large.
    await readers[0]?.get(`${uri}map?first`)
    const before = map.asked.length
    for (let round = 0; round < 10; round++) {
      const responses = await Promise.all(readers.map((reader) => reader.get(`${uri}map`)))
      for (const response of responses) expect(Buffer.compare(response.payload, payload)).toBe(0)
    }
    expect(map.asked.length - before).toBe(1)
    expect(cache.stats).toMatchObject({ misses: 2, entries: 2 })
  })

  it('an origin that is not there is 5.04, and one that may not be asked 5.05', async () => {
    const { uri } = await serve(async () => contentOf('on'))
    const endpoint = await openUdpEndpoint({
      host: '127.0.0.1',
      transmission: { ackTimeoutMs: 200, maxRetransmit: 1 },
    })
    onTestFinished(() => endpoint.close())
    const silent = createSocket('udp4').bind(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => void silent.close())
    const allow = ['127.0.0.1']
    const proxy = await serve(forwardProxy({ network: endpoint.network, allow }))
    const client = coapClient({ proxy: proxy.uri })
    onTestFinished(() => client.close())
    expect((await client.get(uri)).codeName).toBe('2.05')
    expect((await client.get('coap://127.0.0.2/')).codeName).toBe('5.05')
    expect((await client.get('http://127.0.0.1/')).codeName).toBe('5.05')
    const gone = await client.get(`coap://127.0.0.1:${silent.address().port}/`)
    expect(gone.codeName).toBe('5.04')
  })

  it('an origin that its socket cannot reach is 5.02, and no fault of the proxy', async () => {
    const endpoint = await openSocket()
    const proxy = await serve(forwardProxy({ network: endpoint.network, allow: () => true }))
    const errors: unknown[] = []
    proxy.onError((error) => errors.push(error))
    const client = coapClient({ proxy: proxy.uri })
    onTestFinished(() => client.close())
    expect((await client.get('coap://[::1]/')).codeName).toBe('5.02')
    expect(errors).toEqual([])
  })
})
