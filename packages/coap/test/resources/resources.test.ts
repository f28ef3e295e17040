// SPDX-License-Identifier: Apache-2.0
import { fromUtf8, utf8 } from '@waxwing/core'
import { type CoapMessage, optionValue } from '@waxwing/oscore'
import { describe, expect, it, vi } from 'vitest'
import { codeName, METHOD, RESPONSE } from '../../src/codes.js'
import { CoapResponse } from '../../src/client/coap-response.js'
import type { Handler, Request } from '../../src/handler.js'
import { OPTION, uintOption } from '../../src/options.js'
import { resources, type Resource, type ResourceResponse } from '../../src/resources/index.js'
import { type Asking, network, requestTo } from '../support/in-memory.js'

const ETAG = Uint8Array.of(1, 2)

async function ask(server: Handler, asking: Asking): Promise<CoapResponse> {
  return new CoapResponse(await network(server)(requestTo(asking)))
}

function codeOf(response: CoapMessage): string {
  return codeName(response.code)
}

describe('a resource', () => {
  it('is found by its path, and answers with the code that the standard has for the method', async () => {
    const handle = (): undefined => undefined
    const all: Resource = {
      get: handle,
      put: handle,
      post: handle,
      delete: handle,
      fetch: handle,
      patch: handle,
      ipatch: handle,
    }
    const server = resources({ 'a/b': all })
    const codes: Record<string, string> = {}
    for (const [method, code] of Object.entries(METHOD)) {
      codes[method] = codeOf(await ask(server, { path: 'a/b', code }))
    }
    expect(codes).toEqual({
      GET: '2.05',
      FETCH: '2.05',
      POST: '2.04',
      PUT: '2.04',
      DELETE: '2.02',
      PATCH: '2.04',
      iPATCH: '2.04',
    })
  })

  it('that is not there is 4.04, and a method that it lacks 4.05', async () => {
    const server = resources({ a: { get: () => ({ payload: 'x' }) } })
    expect(codeOf(await ask(server, { path: 'b' }))).toBe('4.04')
    expect(codeOf(await ask(server, { path: 'a/b' }))).toBe('4.04')
    expect(codeOf(await ask(server, { path: 'a', code: METHOD.PUT }))).toBe('4.05')
    expect(codeOf(await ask(server, { path: 'a', code: 0x1f }))).toBe('4.05')
  })

  it('with an asterisk answers for everything below, and learns what that is', async () => {
    const server = resources({
      'files/*': { get: ({ rest }) => ({ payload: rest.join('|') }) },
      'files/known': { get: () => ({ payload: 'exact' }) },
      'files/deep/*': { get: ({ rest }) => ({ payload: `deep ${rest.join('|')}` }) },
    })
    expect((await ask(server, { path: 'files/a/b' })).text()).toBe('a|b')
    expect((await ask(server, { path: 'files/known' })).text()).toBe('exact')
    expect((await ask(server, { path: 'files/deep/x' })).text()).toBe('deep x')
    expect((await ask(server, { path: 'files/deep' })).text()).toBe('deep')
    expect(codeOf(await ask(server, { path: 'files' }))).toBe('4.04')
  })

  it('reads path, query, payload and who asks', async () => {
    const seen = vi.fn<(what: unknown) => void>()
    const server = resources({
      'a/*': {
        post: (request) => {
          seen({
            method: request.method,
            path: request.path,
            query: request.query,
            unit: request.argument('unit'),
            now: request.argument('now'),
            other: request.argument('uni'),
            json: request.json(),
            contentFormat: request.contentFormat,
            name: request.security?.name,
          })
        },
      },
    })
    await ask(server, {
      code: METHOD.POST,
      path: 'a/b',
      query: ['unit=celsius', 'now'],
      payload: utf8('{"a":1}'),
      options: [uintOption(OPTION.contentFormat, 50)],
      security: { name: 'alice' },
    })
    expect(seen).toHaveBeenCalledWith({
      method: 'POST',
      path: ['a', 'b'],
      query: ['unit=celsius', 'now'],
      unit: 'celsius',
      now: '',
      other: undefined,
      json: { a: 1 },
      contentFormat: 50,
      name: 'alice',
    })
  })

  it('sends text with its format, and the options that it names', async () => {
    const server = resources({
      a: { get: () => ({ payload: 'ä', maxAgeSeconds: 5, etag: ETAG }) },
    })
    const response = await ask(server, { path: 'a' })
    expect(response.text()).toBe('ä')
    expect(response.contentFormat).toBe(0)
    expect(response.maxAgeSeconds).toBe(5)
    expect(response.etag).toEqual(ETAG)
    expect(response.codeName).toBe('2.05')
  })

  it('says where it made another one', async () => {
    const server = resources({
      a: { post: () => ({ code: RESPONSE.created, locationPath: ['a', 'ä/1'] }) },
    })
    const response = await ask(server, { path: 'a', code: METHOD.POST })
    expect(response.codeName).toBe('2.01')
    expect(response.locationPath).toEqual(['a', 'ä/1'])
  })

  it('that throws is 5.00, of which the peer learns nothing and the application everything', async () => {
    const onError = vi.fn<(error: unknown, request: Request) => void>()
    const failure = new Error('secret')
    const fail = (): never => {
      throw failure
    }
    const response = await ask(resources({ a: { get: fail } }, { onError }), { path: 'a' })
    expect(response.codeName).toBe('5.00')
    expect(response.payload).toHaveLength(0)
    expect(onError).toHaveBeenCalledWith(failure, expect.objectContaining({ code: METHOD.GET }))
  })

  it('that answers what no message can say is 5.00 too', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const wrong = [
      { maxAgeSeconds: Number.POSITIVE_INFINITY },
      { payload: { a: 1 } },
      { contentFormat: -1 },
    ]
    for (const given of wrong) {
      const server = resources({ a: { get: () => given as never } }, { onError })
      expect((await ask(server, { path: 'a' })).codeName).toBe('5.00')
    }
    expect(onError).toHaveBeenCalledTimes(wrong.length)
  })

  it('that cannot read a payload is 4.00 without an error of the application', async () => {
    const onError = vi.fn<(error: unknown, request: Request) => void>()
    const server = resources({ a: { put: (request) => void request.json() } }, { onError })
    const response = await ask(server, { path: 'a', code: METHOD.PUT, payload: utf8('{') })
    expect(response.codeName).toBe('4.00')
    expect(onError).not.toHaveBeenCalled()
  })
})

describe('a request', () => {
  const get = vi.fn<() => ResourceResponse>(() => ({ payload: 'x', etag: ETAG }))
  const put = vi.fn<() => undefined>(() => undefined)
  const server = resources({
    a: { get, put, consumes: [0, 50], attributes: { ct: [0, 50] } },
    empty: { put, get: () => ({ code: RESPONSE.notFound }) },
    unreadable: { put, get: () => ({ code: RESPONSE.serviceUnavailable }) },
    tagless: { put, get: () => ({ payload: 'x' }) },
  })

  it.each([
    ['a critical option that nobody knows', [{ number: 2049, value: utf8('') }]],
    ['an Accept that is too long', [{ number: OPTION.accept, value: utf8('abc') }]],
    ['two of Accept', [uintOption(OPTION.accept, 0), uintOption(OPTION.accept, 0)]],
    ['OSCORE that nobody took away', [{ number: OPTION.oscore, value: utf8('') }]],
    ['Block1 that nobody took away', [uintOption(OPTION.block1, 8)]],
    ['a path that is not UTF-8', [{ number: OPTION.uriPath, value: Uint8Array.of(0xff) }]],
  ])('with %s is 4.02', async (_, options) => {
    get.mockClear()
    expect(codeOf(await ask(server, { path: 'a', options }))).toBe('4.02')
    expect(get).not.toHaveBeenCalled()
  })

  it('with an elective option that nobody knows is answered', async () => {
    const options = [{ number: 2048, value: utf8('x') }]
    expect(codeOf(await ask(server, { path: 'a', options }))).toBe('2.05')
  })

  it('for a proxy is 5.05', async () => {
    const options = [{ number: OPTION.proxyUri, value: utf8('coap://x/') }]
    expect(codeOf(await ask(server, { path: 'a', options }))).toBe('5.05')
  })

  it('that accepts only another format is 4.06', async () => {
    const accept = (format: number): Asking => ({
      path: 'a',
      options: [uintOption(OPTION.accept, format)],
    })
    expect(codeOf(await ask(server, accept(60)))).toBe('4.06')
    expect(codeOf(await ask(server, accept(50)))).toBe('4.06')
    expect(codeOf(await ask(server, accept(0)))).toBe('2.05')
  })

  it('with a payload of a format that is not consumed is 4.15, and nothing is done', async () => {
    put.mockClear()
    const asking = { path: 'a', code: METHOD.PUT, payload: utf8('x') }
    const ofFormat = (format: number): Asking => ({
      ...asking,
      options: [uintOption(OPTION.contentFormat, format)],
    })
    expect(codeOf(await ask(server, ofFormat(60)))).toBe('4.15')
    expect(codeOf(await ask(server, asking))).toBe('4.15')
    expect(put).not.toHaveBeenCalled()
    expect(codeOf(await ask(server, ofFormat(50)))).toBe('2.04')
  })

  it('is carried out under If-Match and If-None-Match only where they hold', async () => {
    const putIf = async (path: string, number: number, value: Uint8Array): Promise<string> => {
      put.mockClear()
      const options = [{ number, value }]
      const response = await ask(server, { path, code: METHOD.PUT, options })
      expect(put).toHaveBeenCalledTimes(response.isSuccess ? 1 : 0)
      return codeOf(response)
    }
    const none = new Uint8Array(0)
    expect(await putIf('a', OPTION.ifMatch, ETAG)).toBe('2.04')
    expect(await putIf('a', OPTION.ifMatch, Uint8Array.of(9))).toBe('4.12')
    expect(await putIf('a', OPTION.ifMatch, none)).toBe('2.04')
    expect(await putIf('a', OPTION.ifNoneMatch, none)).toBe('4.12')
    expect(await putIf('empty', OPTION.ifMatch, none)).toBe('4.12')
    expect(await putIf('empty', OPTION.ifNoneMatch, none)).toBe('2.04')
    expect(await putIf('unreadable', OPTION.ifMatch, none)).toBe('4.12')
    expect(await putIf('unreadable', OPTION.ifNoneMatch, none)).toBe('4.12')
    expect(await putIf('tagless', OPTION.ifMatch, Uint8Array.of(9))).toBe('4.12')
  })

  it('under a condition waits for the one before, so that of two only one finds it to hold', async () => {
    let version = 1
    const store = resources({
      a: {
        get: () => ({ payload: `${version}`, etag: Uint8Array.of(version) }),
        put: async () => {
          await Promise.resolve()
          version++
        },
      },
    })
    const options = [{ number: OPTION.ifMatch, value: Uint8Array.of(1) }]
    const asking = { path: 'a', code: METHOD.PUT, options }
    const codes = await Promise.all([1, 2, 3].map(() => ask(store, asking).then(codeOf)))
    expect(codes).toEqual(['2.04', '4.12', '4.12'])
    expect(version).toBe(2)
  })

  it('of somebody who has the representation is 2.03 without it', async () => {
    const options = [{ number: OPTION.etag, value: ETAG }]
    const response = await ask(server, { path: 'a', options })
    expect(response.codeName).toBe('2.03')
    expect(response.payload).toHaveLength(0)
    expect(optionValue(response, OPTION.contentFormat)).toBeUndefined()
    const other = [{ number: OPTION.etag, value: Uint8Array.of(7) }]
    expect(codeOf(await ask(server, { path: 'a', options: other }))).toBe('2.05')
  })
})

describe('/.well-known/core', () => {
  const server = resources(
    {
      'sensors/temperature': {
        get: () => ({ payload: '20' }),
        attributes: { rt: ['temperature-c', 'sensor'], if: 'sensor', ct: [0, 50], osc: true },
      },
      'sensors/ä b': { get: () => undefined, attributes: { title: 'a "quoted" \\ one', sz: 7 } },
      'hidden/*': { get: () => undefined },
    },
    { links: [{ href: '/.well-known/edhoc', attributes: { rt: 'core.edhoc', 'ed-r': true } }] },
  )

  async function list(...query: string[]): Promise<string> {
    const response = await ask(server, { path: '.well-known/core', query })
    expect(response.contentFormat).toBe(40)
    return fromUtf8(response.payload)
  }

  it('lists what the server has', async () => {
    expect((await list()).split(',')).toEqual([
      '</sensors/temperature>;rt="temperature-c sensor";if="sensor";ct="0 50";osc',
      String.raw`</sensors/%C3%A4%20b>;title="a \"quoted\" \\ one";sz=7`,
      '</.well-known/edhoc>;rt="core.edhoc";ed-r',
    ])
  })

  it('lists what was asked for: exact values, beginnings, single words, names alone', async () => {
    const names = async (...query: string[]): Promise<string[]> =>
      (await list(...query)).split(',').map((link) => link.slice(1, link.indexOf('>')))
    expect(await names('rt=sensor')).toEqual(['/sensors/temperature'])
    expect(await names('rt=temp*')).toEqual(['/sensors/temperature'])
    expect(await names('rt=temp')).toEqual([''])
    expect(await names('ct=50')).toEqual(['/sensors/temperature'])
    expect(await names('href=/sensors/*')).toHaveLength(2)
    expect(await names('href=/sensors')).toEqual([''])
    expect(await names('rt=core.edhoc', 'ed-r')).toEqual(['/.well-known/edhoc'])
    expect(await names('osc')).toEqual(['/sensors/temperature'])
    expect(await names('__proto__')).toEqual([''])
  })

  it('is a resource like any other: only GET, and 4.06 for another format', async () => {
    const path = '.well-known/core'
    expect(codeOf(await ask(server, { path, code: METHOD.PUT }))).toBe('4.05')
    const options = [uintOption(OPTION.accept, 50)]
    expect(codeOf(await ask(server, { path, options }))).toBe('4.06')
  })
})

describe('a table of resources', () => {
  it('is refused where a path or an attribute cannot be', () => {
    for (const path of ['/a', 'a/', 'a//b', '*/a', 'a/*/b']) {
      expect(() => resources({ [path]: {} })).toThrow(TypeError)
    }
    expect(() => resources({ a: { attributes: { 'a b': true } } })).toThrow(TypeError)
    for (const none of [undefined, () => ({ payload: 'x' })]) {
      expect(() => resources({ a: none as never })).toThrow('must be an object with handlers')
    }
  })
})
