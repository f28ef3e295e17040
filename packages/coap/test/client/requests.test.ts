// SPDX-License-Identifier: Apache-2.0
import { utf8 } from '@waxwing/core'
import { optionValue } from '@waxwing/oscore'
import { describe, expect, it, vi } from 'vitest'
import { coapClient, type CoapClientOptions } from '../../src/client/client.js'
import { METHOD, RESPONSE } from '../../src/codes.js'
import type { Handler, Request, Response } from '../../src/handler.js'
import { OPTION, readText, readUint } from '../../src/options.js'
import { authorityOf, uriOf } from '../../src/uri.js'

const EMPTY = new Uint8Array(0)

function recorded(options: CoapClientOptions = {}): {
  readonly client: ReturnType<typeof coapClient>
  readonly requests: Request[]
} {
  const requests: Request[] = []
  const network: Handler = async (request) => {
    requests.push(request)
    return { code: RESPONSE.content, options: [], payload: EMPTY }
  }
  return { client: coapClient({ network, ...options }), requests }
}

function shown({ options }: Request): (number | string | undefined)[][] {
  const uints: ReadonlySet<number> = new Set([OPTION.uriPort, OPTION.contentFormat, OPTION.accept])
  return options.map(({ number, value }) => [
    number,
    uints.has(number) ? readUint(value) : readText(value),
  ])
}

describe('a client', () => {
  it('has a method for each method, with text as text/plain', async () => {
    const { client, requests } = recorded()
    const uri = 'coap://192.0.2.1/a'
    await client.get(uri)
    await client.put(uri, 'x')
    await client.post(uri)
    await client.post(uri, EMPTY, { contentFormat: 60 })
    await client.delete(uri)
    await client.fetch(uri, 'x', { contentFormat: 50, accept: 60 })
    await client.patch(uri, Uint8Array.of(1))
    await client.ipatch(uri, 'x')
    const { GET, PUT, POST, DELETE, FETCH, PATCH, iPATCH } = METHOD
    expect(requests.map(({ code }) => code)).toEqual([
      GET,
      PUT,
      POST,
      POST,
      DELETE,
      FETCH,
      PATCH,
      iPATCH,
    ])
    expect(requests.map((request) => shown(request).slice(1))).toEqual([
      [],
      [[12, 0]],
      [],
      [[12, 60]],
      [],
      [
        [12, 50],
        [17, 60],
      ],
      [],
      [[12, 0]],
    ])
    expect(requests.map(({ confirmable }) => confirmable)).toEqual(Array(8).fill(true))
  })

  it('says under what conditions a request is to be carried out', async () => {
    const { client, requests } = recorded()
    await client.put('coap://192.0.2.1/', 'x', {
      ifMatch: [Uint8Array.of(1), EMPTY],
      ifNoneMatch: true,
      etags: [Uint8Array.of(2)],
      confirmable: false,
    })
    const [request] = requests
    expect(request?.options.map(({ number, value }) => [number, ...value])).toEqual([
      [OPTION.ifMatch, 1],
      [OPTION.ifMatch],
      [OPTION.etag, 2],
      [OPTION.ifNoneMatch],
      [OPTION.contentFormat],
    ])
    expect(request?.confirmable).toBe(false)
  })

  it('finds the host of a URI, and asks for it once in a burst', async () => {
    const lookup = vi.fn<(host: string) => Promise<string>>(async () => '192.0.2.7')
    const { client, requests } = recorded({ lookup })
    await Promise.all([1, 2, 3].map(() => client.get('coap://Sensor.example:1234/a?b')))
    expect(lookup).toHaveBeenCalledExactlyOnceWith('sensor.example')
    expect(requests[0]?.peer).toEqual({ address: '192.0.2.7', port: 1234 })
    expect(shown(requests[0] as Request)).toEqual([
      [3, 'sensor.example'],
      [11, 'a'],
      [15, 'b'],
    ])
  })

  it('says that a host is not found, and looks it up again the next time', async () => {
    let isKnown = false
    const lookup = async (): Promise<string> => {
      if (isKnown) return '192.0.2.7'
      throw new Error('ENOTFOUND')
    }
    const { client, requests } = recorded({ lookup })
    await expect(client.get('coap://nowhere.example/')).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_TRANSPORT' }),
    )
    isKnown = true
    await client.get('coap://nowhere.example/')
    expect(requests).toHaveLength(1)
  })

  it('looks a host up again where that failed before there was a promise', async () => {
    let isKnown = false
    const lookup = (): Promise<string> => {
      if (!isKnown) throw new Error('not yet')
      return Promise.resolve('192.0.2.7')
    }
    const { client, requests } = recorded({ lookup })
    await expect(client.get('coap://nowhere.example/')).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_TRANSPORT' }),
    )
    isKnown = true
    await client.get('coap://nowhere.example/')
    expect(requests).toHaveLength(1)
  })

  it('gives up while a host is looked up', async () => {
    const { client } = recorded({ lookup: () => new Promise<string>(() => {}) })
    const reason = new Error('enough')
    const aborting = new AbortController()
    const asked = client.get('coap://slow.example/', { signal: aborting.signal })
    aborting.abort(reason)
    await expect(asked).rejects.toBe(reason)
  })

  it('tells a proxy everything of the URI, in options that can be protected apart', async () => {
    const { client, requests } = recorded({ proxy: 'coap://192.0.2.9:7000' })
    await client.get('coap://[2001:db8::1]/a?b')
    await client.get('coap://sensor.example:1/')
    const [literal, named] = requests as [Request, Request]
    expect(literal.peer).toEqual({ address: '192.0.2.9', port: 7000 })
    expect(shown(literal)).toEqual([
      [3, '[2001:db8::1]'],
      [7, 5683],
      [11, 'a'],
      [15, 'b'],
      [39, 'coap'],
    ])
    expect(uriOf(literal).host).toBe('2001:db8::1')
    expect(authorityOf(named)).toBe('sensor.example:1')
  })

  it('leaves what it cannot read to a proxy', async () => {
    const { client, requests } = recorded({ proxy: 'coap://192.0.2.9' })
    await client.get('http://example.com/a?b')
    const [request] = requests as [Request]
    expect(shown(request)).toEqual([[35, 'http://example.com/a?b']])
  })

  it('refuses a proxy that has no coap URI', () => {
    expect(() => coapClient({ proxy: 'http://x/' })).toThrow(
      expect.objectContaining({ code: 'ERR_UNSUPPORTED' }),
    )
  })

  it('refuses times that are none', () => {
    expect(() => coapClient({ observation: { retryMinMs: 0 } })).toThrow(RangeError)
    expect(() => coapClient({ observation: { silenceMs: Number.NaN } })).toThrow(RangeError)
  })

  it('refuses what is no request, and says what is wrong with it', async () => {
    const { client } = recorded()
    const uri = 'coap://192.0.2.1/'
    // As a caller without types may.
    const wrong = (init: object): Promise<unknown> => client.request({ uri, ...init })
    await expect(wrong({ uri: new URL(uri) })).rejects.toThrow('uri must be text')
    await expect(wrong({ payload: { a: 1 } })).rejects.toThrow(
      'payload must be a Uint8Array or text',
    )
    await expect(wrong({ method: 'HEAD' })).rejects.toThrow('method must be one of CoAP, got HEAD')
    for (const contentFormat of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(wrong({ contentFormat })).rejects.toThrow('option 12 must be an integer from 0')
    }
  })

  it('refuses limits and times of messages that are none, before it asks', () => {
    expect(() => coapClient({ limits: { maxPeers: 0 } })).toThrow('maxPeers must be from 1')
    expect(() => coapClient({ transmission: { nstart: 1.5 } })).toThrow('nstart must be an integer')
  })

  it('takes no response with a critical option that nobody understands', async () => {
    const client = coapClient({
      network: async () => ({
        code: RESPONSE.content,
        options: [{ number: 2049, value: EMPTY }],
        payload: EMPTY,
      }),
    })
    await expect(client.get('coap://192.0.2.1/')).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_UNSUPPORTED' }),
    )
  })

  it.each([
    ['of a class that is not assigned', 0x60, 'ERR_UNSUPPORTED'],
    ['of a request', METHOD.PUT, 'ERR_MALFORMED'],
    ['that wants more of a body that was sent whole', RESPONSE.continue, 'ERR_MALFORMED'],
  ])('takes no response with a code %s', async (_title, byte, error) => {
    const client = coapClient({
      network: async () => ({ code: byte, options: [], payload: EMPTY }),
    })
    const uri = 'coap://192.0.2.1/'
    const refused = expect.objectContaining({ code: error })
    await expect(client.get(uri)).rejects.toThrow(refused)
    await expect(client.observe(uri).next()).rejects.toThrow(refused)
  })

  it('does not take 2.31 to the last block of a body for a success', async () => {
    const client = coapClient({
      network: async (request) => {
        const block = request.options.filter(({ number }) => number === OPTION.block1)
        return { code: RESPONSE.continue, options: block, payload: EMPTY }
      },
    })
    await expect(client.put('coap://192.0.2.1/', new Uint8Array(2_500))).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }),
    )
  })

  it('asks for the links of a server with a filter, and does not take an error for none', async () => {
    const answers: Response[] = [
      { code: RESPONSE.content, options: [], payload: utf8('</a>;rt=x') },
      { code: RESPONSE.forbidden, options: [], payload: EMPTY },
      { code: RESPONSE.content, options: [], payload: utf8('<') },
    ]
    const asked: Request[] = []
    const client = coapClient({
      network: async (request) => {
        asked.push(request)
        return answers.shift() as Response
      },
    })
    const uri = 'coap://192.0.2.1'
    expect(await client.discover(uri, { rt: 'a b&c', href: '/*' })).toEqual([
      { href: '/a', attributes: { rt: 'x' } },
    ])
    expect(uriOf(asked[0] as Request)).toMatchObject({
      path: ['.well-known', 'core'],
      query: ['rt=a b&c', 'href=/*'],
    })
    await expect(client.discover(uri)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_TRANSPORT' }),
    )
    await expect(client.discover(uri)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }),
    )
  })

  it('protects blocks one by one, and has the same layers of security for all of them', async () => {
    const protectedSizes: number[] = []
    const { client, requests } = recorded({
      security: {
        layer: (next) => (request) => {
          protectedSizes.push(request.payload.length)
          const block = optionValue(request, OPTION.block1)
          expect(block).toBeDefined()
          const isMore = ((block?.at(-1) ?? 0) & 8) !== 0
          const code = isMore ? RESPONSE.continue : RESPONSE.changed
          return next(request).then((response) => ({
            ...response,
            code,
            options: [{ number: OPTION.block1, value: block ?? EMPTY }],
          }))
        },
      },
    })
    const response = await client.put('coap://192.0.2.1/', new Uint8Array(2_500))
    expect(response.codeName).toBe('2.04')
    expect(protectedSizes).toEqual([1024, 1024, 452])
    expect(requests).toHaveLength(3)
  })
})
