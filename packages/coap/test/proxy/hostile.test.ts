// SPDX-License-Identifier: Apache-2.0
/** Proxies between a requester and a server that both send what they like. */
import { encodeCoap, isResponseCode } from '@waxwing/oscore'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  caching,
  forwardProxy,
  type Handler,
  httpCrossProxy,
  httpNetwork,
  type Response,
  reverseProxy,
} from '../../src/index.js'
import { contentFormatFor } from '../../src/proxy/media-types.js'
import { parseEntityTags } from '../../src/proxy/http-entity-tags.js'
import { coapRequestOf, targetOf } from '../../src/proxy/http-to-coap.js'
import { HttpRefusal } from '../../src/proxy/http-refusal.js'
import { httpAskedOf, responseOfReply } from '../../src/proxy/client-over-http.js'
import { WaxwingError } from '@waxwing/core'
import { requestOf } from './exchanges.js'
import { askHttp } from './http-asking.js'

const KNOWN = [
  1, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 20, 21, 23, 27, 28, 35, 39, 60, 252, 258,
]

const option = fc.record({
  number: fc.oneof(fc.constantFrom(...KNOWN), fc.nat(65_535)),
  value: fc.oneof(
    fc.uint8Array({ maxLength: 10 }),
    fc
      .constantFrom('coap', 'coap://192.0.2.9/a', 'coap://[::1]', '192.0.2.9', '..', '\r\n', '')
      .map((text) => new Uint8Array(Buffer.from(text))),
  ),
})

const message = fc.record({
  code: fc.nat(255),
  options: fc.array(option, { maxLength: 6 }),
  payload: fc.uint8Array({ maxLength: 20 }),
})

const runs = { numRuns: 3000 }
const allow = (): boolean => true

describe('whatever comes from either side', () => {
  it('a proxy with a cache answers with a response, and sends on what can be encoded', async () => {
    let answer: Response = { code: 69, options: [], payload: new Uint8Array(0) }
    const network: Handler = async (request) => {
      encodeCoap(request)
      return answer
    }
    const cache = caching({ maxEntries: 100 })
    const cached = cache.layer(network)
    const proxies = [
      forwardProxy({ network: cached, allow, lookup: async () => '192.0.2.9' }),
      reverseProxy({ network: cached, routes: [{ to: 'coap://192.0.2.9/base' }] }),
    ]
    await fc.assert(
      fc.asyncProperty(message, message, async (asked, answered) => {
        answer = answered
        for (const proxy of proxies) {
          const response = await proxy(requestOf(asked.options, asked))
          encodeCoap(response)
          expect(isResponseCode(response.code) || response.code === 0).toBe(true)
        }
        expect(cache.stats.entries).toBeLessThanOrEqual(100)
      }),
      runs,
    )
  })

  it('a target or a header field of HTTP is a request of CoAP, or refused', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary-ascii', maxLength: 30 }),
      fc.string({
        unit: fc.constantFrom('"', ',', ' ', 'W/', '0a', '*', ';', '=', '%', 'coap://'),
      }),
    )
    fc.assert(
      fc.property(text, text, fc.constantFrom('GET', 'PUT', 'POST'), (one, other, method) => {
        refusing(() => targetOf(one))
        parseEntityTags(one, 'weak')
        contentFormatFor(one, other)
        const headers = {
          accept: one,
          'content-type': other,
          'content-encoding': one,
          'if-match': other,
          'if-none-match': one,
          oscore: method === 'POST' ? other : undefined,
        }
        const body = Uint8Array.of(1)
        refusing(() => encodeCoap(coapRequestOf({ method, headers, body }, true)))
      }),
      runs,
    )
  })

  it('a message of CoAP goes over HTTP, or is refused; a reply is a response, or malformed', () => {
    const status = fc.nat(999)
    const field = fc.option(fc.string({ maxLength: 20 }), { nil: undefined })
    fc.assert(
      fc.property(message, status, field, field, (asked, replied, one, other) => {
        const request = requestOf(asked.options, asked)
        refusing(() => httpAskedOf(request, '/hc/'))
        const headers = {
          oscore: one,
          etag: other,
          'content-type': one,
          'cache-control': other,
          'retry-after': one,
        }
        refusing(() => {
          const response = responseOfReply(request, {
            status: replied,
            headers,
            body: asked.payload,
          })
          expect(isResponseCode(response.code)).toBe(true)
          encodeCoap(response)
        })
      }),
      runs,
    )
  })

  it('a response of CoAP is one of HTTP', async () => {
    let answer: Response = { code: 69, options: [], payload: new Uint8Array(0) }
    const errors: unknown[] = []
    const proxy = await httpCrossProxy({
      network: async () => answer,
      allow,
      authorize: () => true,
      onError: (error) => void errors.push(error),
    })
    const http = httpNetwork({ proxyUrl: proxy.url })
    await fc.assert(
      fc.asyncProperty(message, async (answered) => {
        answer = answered
        const got = await askHttp(proxy.port, '/hc/coap://192.0.2.9/a', { method: 'POST' })
        expect(got.status).toBeGreaterThanOrEqual(200)
      }),
      { numRuns: 300 },
    )
    http.close()
    await proxy.close()
    expect(errors).toEqual([])
  })
})

/** Runs what may refuse, in the ways that it has for that. */
function refusing(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof HttpRefusal) && !(error instanceof WaxwingError)) throw error
  }
}
