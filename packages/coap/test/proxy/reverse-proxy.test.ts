// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import {
  codeName,
  type Handler,
  METHOD,
  OPTION,
  optionValues,
  type Request,
  type Response,
  RESPONSE,
  reverseProxy,
  type ReverseProxyOptions,
  textOption,
  uintOption,
  uriOf,
} from '../../src/index.js'
import { contentOf, proxyUri, recorder, type Recorder, requestOf } from './exchanges.js'

const ROUTES: ReverseProxyOptions['routes'] = [
  { to: 'coap://192.0.2.20/' },
  { path: 'north', to: 'coap://192.0.2.21/' },
  { path: '/north/attic/', to: 'coap://192.0.2.22:61616/sensors' },
  { host: 'South.example', to: 'coap://south.internal/' },
]

function proxyBefore(
  answer: Handler,
  options: Partial<ReverseProxyOptions> = {},
): { readonly origin: Recorder; readonly proxy: Handler } {
  const origin = recorder(answer)
  const lookup = async (): Promise<string> => '192.0.2.23'
  const proxy = reverseProxy({ network: origin.handler, routes: ROUTES, lookup, ...options })
  return { origin, proxy }
}

function ask(path: string, host?: string): Request {
  const segments = path === '' ? [] : path.split('/')
  const options = segments.map((segment) => textOption(OPTION.uriPath, segment))
  return requestOf(host === undefined ? options : [textOption(OPTION.uriHost, host), ...options])
}

describe('a reverse proxy', () => {
  it.each([
    ['status', undefined, '192.0.2.20', 'status'],
    ['', undefined, '192.0.2.20', ''],
    ['north/temperature', undefined, '192.0.2.21', 'temperature'],
    ['northern/temperature', undefined, '192.0.2.20', 'northern/temperature'],
    ['north/attic', undefined, '192.0.2.22', 'sensors'],
    ['north/attic/light', undefined, '192.0.2.22', 'sensors/light'],
    ['north/attic', 'south.example', '192.0.2.23', 'north/attic'],
    ['north/attic', 'other.example', '192.0.2.22', 'sensors'],
  ])('sends /%s of %s to %s as /%s', async (path, host, address, expected) => {
    const { origin, proxy } = proxyBefore(async () => contentOf('on'))
    expect(codeName((await proxy(ask(path, host))).code)).toBe('2.05')
    const [asked] = origin.asked
    expect(asked?.peer.address).toBe(address)
    expect(asked && uriOf(asked).path.join('/')).toBe(expected)
  })

  it('names the server to itself, and keeps the query', async () => {
    const { origin, proxy } = proxyBefore(async () => contentOf('on'))
    const query = textOption(OPTION.uriQuery, 'unit=K')
    const request = ask('temperature', 'south.example')
    await proxy({ ...request, options: [...request.options, query] })
    const [asked] = origin.asked
    expect(asked && uriOf(asked)).toEqual({
      host: 'south.internal',
      port: 5683,
      path: ['temperature'],
      query: ['unit=K'],
    })
  })

  it('leads to the same with a slash at its end', async () => {
    const { origin, proxy } = proxyBefore(async () => contentOf('on'), {
      routes: [{ path: 'north/', to: 'coap://192.0.2.9/base/' }],
    })
    await proxy(ask('north/attic'))
    const [asked] = origin.asked
    expect(asked && uriOf(asked).path).toEqual(['base', 'attic'])
  })

  it('is no forward proxy, and lets nobody climb out of a route', async () => {
    const { origin, proxy } = proxyBefore(async () => contentOf('on'))
    const codes = await Promise.all(
      [requestOf(proxyUri('coap://192.0.2.20/')), ask('north/..'), ask('north/./x')].map(
        async (request) => codeName((await proxy(request)).code),
      ),
    )
    expect(codes).toEqual(['5.05', '4.02', '4.02'])
    expect(origin.asked).toHaveLength(0)
  })

  it('answers what no route fits by what is local, or with 4.04', async () => {
    const routes = ROUTES.slice(1)
    const { proxy } = proxyBefore(async () => contentOf('on'), { routes })
    expect(codeName((await proxy(ask('status'))).code)).toBe('4.04')
    const local: Handler = async () => contentOf('here')
    const { proxy: other } = proxyBefore(async () => contentOf('on'), { routes, local })
    expect(codeName((await other(ask('status'))).code)).toBe('2.05')
  })

  it('counts hops', async () => {
    const { proxy } = proxyBefore(async () => contentOf('on'))
    const request = requestOf([uintOption(OPTION.hopLimit, 1)])
    expect(codeName((await proxy(request)).code)).toBe('5.08')
  })

  it('says locations as its clients reach them, and none that they do not', async () => {
    const created = async (...path: readonly string[]): Promise<readonly string[]> => {
      const location = path.map((segment) => textOption(OPTION.locationPath, segment))
      const query = textOption(OPTION.locationQuery, 'q')
      const response: Response = {
        code: RESPONSE.created,
        options: [...location, query],
        payload: new Uint8Array(0),
      }
      const { proxy } = proxyBefore(async () => response)
      const got = await proxy({ ...ask('north/attic'), code: METHOD.POST })
      const options = [OPTION.locationPath, OPTION.locationQuery]
      return options.flatMap((number) => optionValues(got, number).map(String))
    }
    const bytesOf = (text: string): string => Buffer.from(text).join(',')
    expect(await created('sensors', '7')).toEqual(['north', 'attic', '7', 'q'].map(bytesOf))
    expect(await created('elsewhere')).toEqual([])
    expect(await created('sensors', '..', 'else')).toEqual([])
  })

  it.each(['http://a.example/', 'coap://a.example/?q', 'nonsense'])('has no route to %s', (to) => {
    const network: Handler = async () => contentOf('')
    expect(() => reverseProxy({ network, routes: [{ to }] })).toThrow(RangeError)
  })
})
