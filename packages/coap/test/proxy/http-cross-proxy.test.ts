// SPDX-License-Identifier: Apache-2.0
import { utf8, WaxwingError } from '@waxwing/core'
import { code, type CoapOption } from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import {
  caching,
  type Handler,
  METHOD,
  OPTION,
  optionValues,
  RESPONSE,
  textOption,
  uintOption,
  uriOf,
} from '../../src/index.js'
import { LIGHT, startCrossProxy as start } from './cross-proxied.js'
import { contentOf, etag, maxAge } from './exchanges.js'
import { askHttp } from './http-asking.js'

function answering(byte: number, options: readonly CoapOption[] = [], payload = ''): Handler {
  return async () => ({ code: byte, options, payload: utf8(payload) })
}

describe('the target of a request over HTTP', () => {
  it.each([
    [LIGHT, '192.0.2.9', 5683, 'light', ''],
    ['coap://sensor.example:61616/a%2Fb/c?d=e&f', '192.0.2.9', 61_616, 'a/b|c', 'd=e|f'],
    ['coap://%5B2001:db8::9%5D/light?on', '2001:db8::9', 5683, 'light', 'on'],
    ['coap://%5b2001:db8::9%5d:5000', '2001:db8::9', 5000, '', ''],
    ['COAP://Sensor.example/', '192.0.2.9', 5683, '', ''],
  ])('is %s', async (target, address, port, path, query) => {
    const { origin, ask } = await start()
    expect((await ask(target)).status).toBe(200)
    const [asked] = origin.asked
    expect(asked?.peer).toEqual({ address, port })
    expect(asked && uriOf(asked).path.join('|')).toBe(path)
    expect(asked && uriOf(asked).query.join('|')).toBe(query)
    expect(asked && optionValues(asked, OPTION.hopLimit)).toEqual([Uint8Array.of(16)])
  })

  it.each([
    ['192.0.2.9/light', 400],
    ['', 400],
    ['coap:/192.0.2.9/light', 400],
    ['http://192.0.2.9/light', 400],
    ['coaps://192.0.2.9/light', 501],
    ['coap://user@192.0.2.9/', 400],
    ['coap://192.0.2.10/light', 403],
    ['coap://224.0.1.187/light', 403],
    ['coap://nobody.example/', 403],
    ['coap://lost.example/', 502],
  ])('is not "%s": %i', async (target, status) => {
    const { origin, ask } = await start()
    expect((await ask(target)).status).toBe(status)
    expect(origin.asked).toHaveLength(0)
  })

  it('is none that no message of CoAP holds: 414', async () => {
    const { origin, ask } = await start()
    expect((await ask(`coap://192.0.2.9${'/segment'.repeat(200)}`)).status).toBe(414)
    expect(origin.asked).toHaveLength(0)
  })

  it('follows a path of choice, which is told of', async () => {
    const { proxy, ask } = await start(undefined, { path: '/things/coap/' })
    expect(proxy.url).toBe(`http://127.0.0.1:${proxy.port}/things/coap/`)
    expect((await ask(LIGHT)).status).toBe(200)
    expect((await askHttp(proxy.port, `/hc/${LIGHT}`)).status).toBe(404)
    const found = await askHttp(proxy.port, '/.well-known/core?rt=core.hc')
    expect(found.headers['content-type']).toBe('application/link-format')
    expect(found.body.toString()).toBe('</things/coap/>;rt="core.hc"')
    expect((await askHttp(proxy.port, '/.well-known/core?rt=else')).body).toHaveLength(0)
    await expect(start(undefined, { path: 'hc' })).rejects.toThrow(RangeError)
  })

  it('may be said with the proxy before it', async () => {
    const { proxy } = await start()
    expect((await askHttp(proxy.port, `http://proxy.example/hc/${LIGHT}`)).status).toBe(200)
  })
})

describe('a method of HTTP', () => {
  it.each([
    ['GET', METHOD.GET],
    ['HEAD', METHOD.GET],
    ['POST', METHOD.POST],
    ['PUT', METHOD.PUT],
    ['DELETE', METHOD.DELETE],
    ['PATCH', METHOD.PATCH],
  ])('%s is a method of CoAP', async (method, expected) => {
    const { origin, ask } = await start()
    await ask(LIGHT, { method })
    expect(origin.asked[0]?.code).toBe(expected)
  })

  it('HEAD says how long a body would be, and sends none', async () => {
    const { ask } = await start()
    const got = await ask(LIGHT, { method: 'HEAD' })
    expect(got.headers['content-length']).toBe('2')
    expect(got.body).toHaveLength(0)
  })

  it.each(['OPTIONS', 'TRACE', 'PROPFIND'])('%s is none: 501', async (method) => {
    const { origin, ask } = await start()
    expect((await ask(LIGHT, { method })).status).toBe(501)
    expect(origin.asked).toHaveLength(0)
  })
})

describe('a body', () => {
  it('goes with its Content-Format, and comes with its media type', async () => {
    const cbor = uintOption(OPTION.contentFormat, 60)
    const { origin, ask } = await start(async () => contentOf('\u00a0', [cbor]))
    const headers = { 'Content-Type': 'application/json; ', 'Content-Encoding': 'deflate' }
    const got = await ask(LIGHT, { method: 'POST', headers, body: Uint8Array.of(1, 2) })
    expect(got.headers['content-type']).toBe('application/cbor')
    const [asked] = origin.asked
    expect(asked && optionValues(asked, OPTION.contentFormat)).toEqual([Uint8Array.of(0x2b, 0x2a)])
    expect(asked && [...asked.payload]).toEqual([1, 2])
  })

  it('without a media type has no Content-Format, and the other way round', async () => {
    const { origin, ask } = await start()
    const got = await ask(LIGHT, { method: 'PUT', body: 'x' })
    expect(got.headers['content-type']).toBeUndefined()
    expect(origin.asked[0]?.options.map(({ number }) => number)).not.toContain(12)
  })

  it('of a type that CoAP has not is 415', async () => {
    const { origin, ask } = await start()
    for (const type of ['application/soap+xml', 'application/coap-payload;cf=61000', 'nonsense']) {
      const headers = { 'Content-Type': type }
      expect((await ask(LIGHT, { method: 'PUT', headers, body: 'x' })).status).toBe(415)
    }
    expect(origin.asked).toHaveLength(0)
  })

  it('of a format that is not known here passes where it may, and comes back in any case', async () => {
    const unknown = uintOption(OPTION.contentFormat, 61_000)
    const { origin, ask } = await start(async () => contentOf('?', [unknown]), {
      passUnknownFormats: true,
    })
    const headers = { 'Content-Type': 'application/coap-payload;cf=61000' }
    const got = await ask(LIGHT, { method: 'PUT', headers, body: 'x' })
    expect(got.headers['content-type']).toBe('application/coap-payload;cf=61000')
    expect(origin.asked[0]?.options).toContainEqual(unknown)
  })

  it('is limited, whether it says its length or not', async () => {
    const { origin, ask, proxy } = await start(undefined, { maxBodyBytes: 1000 })
    const body = new Uint8Array(1000)
    expect((await ask(LIGHT, { method: 'PUT', body })).status).toBe(200)
    const long = await ask(LIGHT, { method: 'PUT', body: new Uint8Array(1001) })
    expect(long.status).toBe(413)
    const headers = { 'Transfer-Encoding': 'chunked' }
    const chunked = await ask(LIGHT, { method: 'PUT', body: new Uint8Array(1001), headers })
    expect(chunked.status).toBe(413)
    expect(chunked.headers.connection).toBe('close')
    expect(origin.asked).toHaveLength(1)
    await proxy.close()
  })
})

describe('content negotiation', () => {
  const acceptOf = async (accept: string): Promise<readonly Uint8Array[]> => {
    const { origin, ask } = await start()
    await ask(LIGHT, { headers: { Accept: accept } })
    const [asked] = origin.asked
    return asked === undefined ? [] : optionValues(asked, OPTION.accept)
  }

  it('asks for the one format that the client named', async () => {
    expect(await acceptOf('application/cbor')).toEqual([Uint8Array.of(60)])
    expect(await acceptOf('application/json;q=0.5')).toEqual([Uint8Array.of(50)])
  })

  it.each(['*/*', 'text/*', 'application/json, application/cbor', 'application/soap+xml'])(
    'asks for none with %s',
    async (accept) => expect(await acceptOf(accept)).toEqual([]),
  )
})

describe('a status of HTTP', () => {
  it.each([
    [code(2, 1), 201],
    [code(2, 2), 204],
    [code(2, 4), 204],
    [code(2, 5), 200],
    [code(2, 3), 502],
    [code(2, 31), 502],
    [code(4, 0), 400],
    [code(4, 1), 403],
    [code(4, 2), 500],
    [code(4, 3), 403],
    [code(4, 4), 404],
    [code(4, 5), 400],
    [code(4, 6), 406],
    [code(4, 9), 409],
    [code(4, 12), 412],
    [code(4, 13), 413],
    [code(4, 15), 415],
    [code(4, 22), 422],
    [code(4, 29), 429],
    [code(4, 30), 400],
    [code(5, 0), 500],
    [code(5, 1), 501],
    [code(5, 2), 502],
    [code(5, 3), 503],
    [code(5, 4), 504],
    [code(5, 5), 502],
    [code(5, 8), 508],
    [code(5, 30), 500],
    [code(7, 1), 502],
  ])('for %i is %i', async (response, status) => {
    const { ask } = await start(answering(response))
    expect((await ask(LIGHT)).status).toBe(status)
  })

  it('says with a body what it says without one', async () => {
    for (const method of ['POST', 'DELETE']) {
      const { ask } = await start(answering(method === 'POST' ? code(2, 4) : code(2, 2), [], 'ok'))
      const got = await ask(LIGHT, { method })
      expect(got.status).toBe(200)
      expect(got.body.toString()).toBe('ok')
    }
  })

  it('gives the diagnostic words of a server as text', async () => {
    const { ask } = await start(answering(code(4, 4), [], 'no such lamp'))
    const got = await ask(LIGHT)
    expect(got.headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(got.body.toString()).toBe('no such lamp')
    expect(got.reason).toBe('Not Found')
  })

  it('names 4.05 in its reason, and blames the client for 4.02 where that chose the option', async () => {
    const { ask } = await start(answering(code(4, 5)))
    expect((await ask(LIGHT)).reason).toBe('CoAP server returned 4.05')
    const { ask: other } = await start(answering(code(4, 2)))
    expect((await other(LIGHT, { headers: { Accept: 'application/cbor' } })).status).toBe(400)
  })

  it.each([
    ['ERR_TIMEOUT', 504],
    ['ERR_TRANSPORT', 502],
    ['ERR_CLOSED', 503],
  ] as const)('for %s is %i', async (reason, status) => {
    const { ask } = await start(async () => {
      throw new WaxwingError(reason, 'no')
    })
    expect((await ask(LIGHT)).status).toBe(status)
  })

  it('is 500 for what nobody foresaw, which the proxy tells of', async () => {
    const errors: unknown[] = []
    const onError = (error: unknown): void => void errors.push(error)
    const { ask } = await start(async () => Promise.reject(new TypeError('bug')), { onError })
    expect((await ask(LIGHT)).status).toBe(500)
    expect(errors).toEqual([new TypeError('bug')])
  })
})

describe('conditions and freshness over HTTP', () => {
  it('say for how long a representation is fresh: 60 seconds where CoAP does not', async () => {
    const { ask } = await start(async () => contentOf('on', [maxAge(5), etag(0xab, 1)]))
    const got = await ask(LIGHT)
    expect(got.headers['cache-control']).toBe('max-age=5')
    expect(got.headers.etag).toBe('"ab01"')
    const { ask: other } = await start()
    expect((await other(LIGHT)).headers['cache-control']).toBe('max-age=60')
    expect((await other(LIGHT)).headers.vary).toBe('Accept')
    expect((await other(LIGHT, { method: 'POST' })).headers['cache-control']).toBeUndefined()
  })

  it('say when to come again', async () => {
    const { ask } = await start(answering(code(5, 3), [maxAge(30)]))
    const got = await ask(LIGHT)
    expect(got.headers['retry-after']).toBe('30')
    expect(got.headers['cache-control']).toBeUndefined()
  })

  it('become options', async () => {
    const { origin, ask } = await start()
    await ask(LIGHT, { headers: { 'If-None-Match': 'W/"0a", "0b", "no-coap"' } })
    await ask(LIGHT, { method: 'PUT', headers: { 'If-Match': '"0a", "0b"' } })
    await ask(LIGHT, { method: 'PUT', headers: { 'If-Match': '*' } })
    await ask(LIGHT, { method: 'PUT', headers: { 'If-None-Match': '*' } })
    const numbers = [OPTION.ifMatch, OPTION.etag, OPTION.ifNoneMatch] as readonly number[]
    const said = origin.asked.map(({ options }) =>
      options
        .filter(({ number }) => numbers.includes(number))
        .map(({ number, value }) => `${number}:${[...value].join('.')}`),
    )
    expect(said).toEqual([['4:10', '4:11'], ['1:10', '1:11'], ['1:'], ['5:']])
  })

  it.each([
    ['GET', 'If-None-Match', 'nonsense', 400],
    ['PUT', 'If-Match', 'nonsense', 400],
    ['PUT', 'If-Match', '"of another server"', 412],
    ['PUT', 'If-Match', 'W/"0a"', 412],
    ['PUT', 'If-None-Match', '"0a"', 501],
    ['PUT', 'If-Match', Array.from({ length: 17 }, () => '"0a"').join(','), 400],
  ])('%s with %s: %s is %i, and asks nobody', async (method, name, value, status) => {
    const { origin, ask } = await start()
    expect((await ask(LIGHT, { method, headers: { [name]: value } })).status).toBe(status)
    expect(origin.asked).toHaveLength(0)
  })

  it('answer 304 from a cache, and from the server', async () => {
    const cache = caching()
    const { origin, ask } = await start(async () => contentOf('on', [etag(1)]))
    const cached = await start(cache.layer(origin.handler))
    for (const setting of [cached, cached]) {
      const got = await setting.ask(LIGHT, { headers: { 'If-None-Match': '"01"' } })
      expect(got.status).toBe(304)
      expect(got.headers.etag).toBe('"01"')
      expect(got.headers['cache-control']).toMatch(/^max-age=(?:59|60)$/)
      expect(got.body).toHaveLength(0)
    }
    expect(origin.asked).toHaveLength(1)
    expect((await ask(LIGHT)).status).toBe(200)
  })

  it('say where a new resource is, as a client of the proxy asks for it', async () => {
    const options = [
      textOption(OPTION.locationPath, 'lamps'),
      textOption(OPTION.locationPath, '7 a'),
      textOption(OPTION.locationQuery, 'x=y'),
    ]
    const { ask } = await start(answering(RESPONSE.created, options))
    const dots = answering(RESPONSE.created, [textOption(OPTION.locationPath, '..'), ...options])
    const { ask: misled } = await start(dots)
    expect((await misled(LIGHT, { method: 'POST' })).headers.location).toBeUndefined()
    const got = await ask('coap://%5B2001:db8::9%5D/lamps', { method: 'POST' })
    expect(got.headers.location).toBe('/hc/coap://%5B2001:db8::9%5D/lamps/7%20a?x=y')
  })
})
