// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import { code, type CoapOption } from '@waxwing/oscore'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  caching,
  type Caching,
  type CachingOptions,
  codeName,
  type Handler,
  METHOD,
  OPTION,
  optionValues,
  readUint,
  type Request,
  type Response,
  RESPONSE,
  reverseProxy,
  textOption,
  uintOption,
} from '../../src/index.js'
import {
  askFor,
  contentOf,
  etag,
  maxAge,
  observable,
  recorder,
  type Recorder,
  requestOf,
  REQUESTER,
  textOf,
} from './exchanges.js'

interface Setting {
  readonly origin: Recorder
  readonly cache: Caching
  readonly get: Handler
  readonly clock: { seconds: number }
}

function cacheBefore(answer: Handler, options: CachingOptions = {}): Setting {
  const clock = { seconds: 1000 }
  const origin = recorder(answer)
  const cache = caching({ now: () => clock.seconds * 1000, ...options })
  return { origin, cache, get: cache.layer(origin.handler), clock }
}

function maxAgeOf(response: Response): number | undefined {
  const [value] = optionValues(response, OPTION.maxAge)
  return value && readUint(value)
}

/** Answers with what changes each time. */
function counting(...options: readonly CoapOption[]): Handler {
  let count = 0
  return async () => contentOf(String(++count), options)
}

describe('a fresh response', () => {
  it('answers further requests, with the Max-Age that is left', async () => {
    const { origin, get, clock, cache } = cacheBefore(counting(maxAge(30)))
    expect(maxAgeOf(await get(askFor('a')))).toBe(30)
    clock.seconds += 12.5
    const again = await get(askFor('a'))
    expect(textOf(again)).toBe('1')
    expect(maxAgeOf(again)).toBe(17)
    expect(origin.asked).toHaveLength(1)
    expect(cache.stats).toMatchObject({ hits: 1, misses: 1, entries: 1 })
  })

  it('is fresh for as long as Max-Age says, which is 60 seconds unless it says otherwise', async () => {
    const { get, clock } = cacheBefore(counting())
    await get(askFor('a'))
    clock.seconds += 59.9
    expect(textOf(await get(askFor('a')))).toBe('1')
    clock.seconds += 0.1
    expect(textOf(await get(askFor('a')))).toBe('2')
  })

  it('was as old when it came as the request for it', async () => {
    const { get, clock } = cacheBefore(async () => {
      clock.seconds += 7
      return contentOf('slow', [maxAge(10)])
    })
    await get(askFor('a'))
    expect(maxAgeOf(await get(askFor('a')))).toBe(3)
  })

  it('is a copy: what is done to the first response changes nothing', async () => {
    const { get } = cacheBefore(counting())
    const first = await get(askFor('a'))
    first.payload.fill(0)
    expect(textOf(await get(askFor('a')))).toBe('1')
  })

  it('answers 2.03 to who has the representation already', async () => {
    const { get, origin } = cacheBefore(counting(etag(1), maxAge(30)))
    const first = await get(askFor('a', { options: [etag(7), etag(1)] }))
    const second = await get(askFor('a', { options: [etag(1)] }))
    for (const response of [first, second]) {
      expect(codeName(response.code)).toBe('2.03')
      expect(response.payload).toHaveLength(0)
      expect(optionValues(response, OPTION.etag)).toEqual([Uint8Array.of(1)])
    }
    expect(textOf(await get(askFor('a', { options: [etag(2)] })))).toBe('1')
    expect(origin.asked).toHaveLength(1)
  })
})

describe('the Cache-Key', () => {
  const differing: readonly (readonly [string, Request])[] = [
    ['path', askFor('b')],
    ['number of segments', askFor('a/')],
    ['host', askFor('a', { options: [textOption(OPTION.uriHost, 'x')] })],
    ['query', askFor('a', { options: [textOption(OPTION.uriQuery, 'x')] })],
    ['format', askFor('a', { options: [uintOption(OPTION.accept, 60)] })],
    ['unknown option', askFor('a', { options: [{ number: 2048, value: new Uint8Array(1) }] })],
    ['method', askFor('a', { code: METHOD.FETCH })],
    ['server', askFor('a', { peer: { address: '192.0.2.8', port: 5683 } })],
    ['port of the server', askFor('a', { peer: { address: '192.0.2.9', port: 5684 } })],
    ['payload, which a GET should not have', askFor('a', { payload: Uint8Array.of(1) })],
  ]

  it.each(differing)('tells requests of another %s apart', async (_, request) => {
    const { get, origin } = cacheBefore(counting())
    await get(askFor('a'))
    expect(textOf(await get(request))).toBe('2')
    expect(origin.asked).toHaveLength(2)
  })

  it('holds the payload of a FETCH', async () => {
    const { get } = cacheBefore(counting())
    const fetch = (byte: number): Request =>
      askFor('a', { code: METHOD.FETCH, payload: Uint8Array.of(byte) })
    expect(textOf(await get(fetch(1)))).toBe('1')
    expect(textOf(await get(fetch(2)))).toBe('2')
    expect(textOf(await get(fetch(1)))).toBe('1')
  })

  it('holds neither what is marked as no key, nor the order of options', async () => {
    const { get, origin } = cacheBefore(counting())
    const query = textOption(OPTION.uriQuery, 'q')
    const accept = uintOption(OPTION.accept, 0)
    await get(askFor('a', { options: [query, accept] }))
    const noKeys = [60, 28, 252].map((number) => ({ number, value: Uint8Array.of(1) }))
    const hopLimit = uintOption(OPTION.hopLimit, 3)
    await get(askFor('a', { options: [accept, query, ...noKeys, hopLimit] }))
    expect(origin.asked).toHaveLength(1)
  })

  it('is another one for any two requests that differ in what counts', async () => {
    const option = fc.record({
      number: fc.constantFrom(3, 7, 11, 15, 17, 2048),
      value: fc.uint8Array({ maxLength: 2 }),
    })
    const options = fc.array(option, { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(options, options, async (one, other) => {
        const { get, origin } = cacheBefore(counting())
        await get(requestOf(one))
        await get(requestOf(other))
        const canonical = (list: typeof one): string =>
          JSON.stringify(list.toSorted((a, b) => a.number - b.number))
        expect(origin.asked.length).toBe(canonical(one) === canonical(other) ? 1 : 2)
      }),
    )
  })
})

describe('what is never stored', () => {
  const oscore = { number: OPTION.oscore, value: Uint8Array.of(9, 1) }
  const requests: readonly (readonly [string, Partial<Request>])[] = [
    ['to a protected request', { code: METHOD.POST, options: [oscore] }],
    ['to a protected observation', { code: METHOD.FETCH, options: [oscore] }],
    ['to an observation', { options: [uintOption(OPTION.observe, 0)] }],
    ['to a part of a body', { options: [uintOption(OPTION.block2, 16)] }],
    ['to a condition', { options: [{ number: OPTION.ifMatch, value: new Uint8Array(0) }] }],
    ['to somebody who proved a name', { security: { name: 'anna' } }],
    ['to a POST', { code: METHOD.POST }],
    ['to a PUT', { code: METHOD.PUT }],
  ]

  it.each(requests)('is a response %s', async (_, init) => {
    const { get, cache } = cacheBefore(counting())
    await get(askFor('a', init))
    expect(textOf(await get(askFor('a', init)))).toBe('2')
    expect(cache.stats.entries).toBe(0)
  })

  const responses: readonly (readonly [string, Response])[] = [
    ['without freshness', contentOf('', [maxAge(0)])],
    ['with a Max-Age that is none', contentOf('', [{ number: 14, value: new Uint8Array(5) }])],
    [
      'with an unknown unsafe option',
      contentOf('', [{ number: 65_003, value: new Uint8Array(1) }]),
    ],
    ['that is a part of a body', contentOf('', [uintOption(OPTION.block2, 8)])],
    ['with a challenge', { ...contentOf('', [uintOption(OPTION.echo, 8)]), code: code(4, 1) }],
    ['of unknown success', { ...contentOf(''), code: code(2, 30) }],
    ['2.04 to a GET', { ...contentOf(''), code: RESPONSE.changed }],
    ['5.00 without Max-Age', { ...contentOf(''), code: code(5, 0) }],
    ['5.08', { ...contentOf('', [maxAge(9)]), code: code(5, 8) }],
  ]

  it.each(responses)('is a response %s', async (_, response) => {
    const { get, origin, cache } = cacheBefore(async () => response)
    await get(askFor('a'))
    await get(askFor('a'))
    expect(origin.asked).toHaveLength(2)
    expect(cache.stats).toMatchObject({ entries: 0, bytes: 0 })
  })

  it('is not an error of the requester, nor one of the server that says for how long', async () => {
    for (const error of [
      { ...contentOf(''), code: code(4, 4) },
      { ...contentOf('', [maxAge(5)]), code: code(5, 3) },
    ]) {
      const { get, origin } = cacheBefore(async () => error)
      await get(askFor('a'))
      expect((await get(askFor('a'))).code).toBe(error.code)
      expect(origin.asked).toHaveLength(1)
    }
  })
})

describe('an error that is for what the Cache-Key does not hold', () => {
  const unknown: CoapOption = { number: 29, value: new Uint8Array(1) } // critical, and no key
  const refusing: Handler = async (request) =>
    optionValues(request, 29).length > 0
      ? { ...contentOf(''), code: RESPONSE.badOption }
      : contentOf('good', [etag(1), maxAge(0)])

  it('is not stored for others, nor in the place of what is', async () => {
    const { get, cache } = cacheBefore(refusing)
    await get(askFor('a'))
    const refused = await get(askFor('a', { options: [unknown] }))
    expect(codeName(refused.code)).toBe('4.02')
    expect(cache.stats.entries).toBe(1)
    expect(textOf(await get(askFor('a')))).toBe('good')
  })

  it('is not shared with others', async () => {
    const { get } = cacheBefore(async (request) => {
      if (optionValues(request, 29).length === 0) return contentOf('good')
      throw new WaxwingError('ERR_TRANSPORT', 'rejected')
    })
    const refused = get(askFor('a', { options: [unknown] }))
    const other = get(askFor('a'))
    await expect(refused).rejects.toThrow('rejected')
    expect(textOf(await other)).toBe('good')
  })
})

describe('validation', () => {
  const current = { text: 'old', tag: 1 }

  const validating: Handler = async (request) => {
    const isKnown = optionValues(request, OPTION.etag).some(([byte]) => byte === current.tag)
    const options = [etag(current.tag), maxAge(20)]
    if (!isKnown) return contentOf(current.text, [...options, uintOption(12, 60)])
    return { code: RESPONSE.valid, options, payload: new Uint8Array(0) }
  }

  it('makes a stored response fresh again, and transfers nothing', async () => {
    const { get, origin, clock, cache } = cacheBefore(validating)
    await get(askFor('a'))
    clock.seconds += 21
    const revived = await get(askFor('a'))
    expect(codeName(revived.code)).toBe('2.05')
    expect(textOf(revived)).toBe('old')
    expect(maxAgeOf(revived)).toBe(20)
    expect(optionValues(revived, 12)).toHaveLength(1)
    clock.seconds += 19
    expect(maxAgeOf(await get(askFor('a')))).toBe(1)
    expect(origin.asked).toHaveLength(2)
    expect(cache.stats).toMatchObject({ hits: 1, misses: 2, validated: 1, entries: 1 })
  })

  it('takes the new representation where there is one', async () => {
    const { get, clock, cache } = cacheBefore(validating)
    await get(askFor('a'))
    clock.seconds += 21
    current.text = 'new'
    current.tag = 2
    expect(textOf(await get(askFor('a')))).toBe('new')
    expect(cache.stats).toMatchObject({ validated: 0, entries: 1 })
  })

  it('serves what is never fresh, each time anew', async () => {
    const { get, cache } = cacheBefore(async (request) =>
      optionValues(request, OPTION.etag).length > 0
        ? { code: RESPONSE.valid, options: [etag(1), maxAge(0)], payload: new Uint8Array(0) }
        : contentOf('large', [etag(1), maxAge(0)]),
    )
    await get(askFor('a'))
    expect(textOf(await get(askFor('a')))).toBe('large')
    expect(textOf(await get(askFor('a')))).toBe('large')
    expect(cache.stats).toMatchObject({ hits: 0, validated: 2 })
  })

  it('of what nobody asked for is 5.02', async () => {
    const { get } = cacheBefore(async () => ({
      code: RESPONSE.valid,
      options: [etag(9)],
      payload: new Uint8Array(0),
    }))
    expect(codeName((await get(askFor('a', { options: [etag(9)] }))).code)).toBe('5.02')
  })
})

describe('a change', () => {
  const methods = [METHOD.POST, METHOD.PUT, METHOD.DELETE, METHOD.PATCH, METHOD.iPATCH]

  it.each(methods)(
    'by method %i makes all that is stored of the resource not fresh',
    async (method) => {
      const { get } = cacheBefore(counting())
      const accept = uintOption(OPTION.accept, 60)
      await get(askFor('a'))
      await get(askFor('a', { options: [accept] }))
      await get(askFor('b'))
      await get(askFor('a', { code: method })) // this is the fourth
      expect(textOf(await get(askFor('a')))).toBe('5')
      expect(textOf(await get(askFor('a', { options: [accept] })))).toBe('6')
      expect(textOf(await get(askFor('b')))).toBe('3')
    },
  )

  it('that was refused changes nothing', async () => {
    const { get, origin } = cacheBefore(async (request) =>
      request.code === METHOD.PUT ? { ...contentOf(''), code: code(4, 12) } : contentOf('1'),
    )
    await get(askFor('a'))
    await get(askFor('a', { code: METHOD.PUT }))
    expect(textOf(await get(askFor('a')))).toBe('1')
    expect(origin.asked.map((request) => request.code)).toEqual([METHOD.GET, METHOD.PUT])
  })

  it('of which nobody knows whether it happened counts as one', async () => {
    let count = 0
    const { get } = cacheBefore(async (request) => {
      if (request.code === METHOD.PUT) throw new WaxwingError('ERR_TIMEOUT', 'no')
      return contentOf(String(++count))
    })
    await get(askFor('a'))
    await expect(get(askFor('a', { code: METHOD.PUT }))).rejects.toThrow('no')
    expect(textOf(await get(askFor('a')))).toBe('2')
  })

  it.each([
    ['silence', 0],
    ['a proxy that had no answer', code(5, 4)],
    ['an error of the server', code(5, 0)],
  ])('that %s followed upon counts as one', async (_, answered) => {
    const { get, origin } = cacheBefore(async (request) =>
      request.code === METHOD.PUT ? { ...contentOf(''), code: answered } : contentOf('state'),
    )
    await get(askFor('a'))
    await get(askFor('a', { code: METHOD.PUT }))
    await get(askFor('a'))
    expect(origin.asked).toHaveLength(3)
  })

  it('that is to be silent counts as soon as it is sent', async () => {
    const silent = Promise.withResolvers<Response>()
    const { get } = cacheBefore(async (request) =>
      request.code === METHOD.PUT ? silent.promise : counted(request),
    )
    const counted = counting()
    await get(askFor('a'))
    const noResponse = uintOption(OPTION.noResponse, 2)
    const put = get(askFor('a', { code: METHOD.PUT, options: [noResponse] }))
    expect(textOf(await get(askFor('a')))).toBe('2')
    silent.resolve({ ...contentOf(''), code: 0 })
    await put
    expect(textOf(await get(askFor('a')))).toBe('3')
  })

  it('of another resource that the response names is one as well', async () => {
    const { get } = cacheBefore(async (request) =>
      request.code === METHOD.POST
        ? {
            code: RESPONSE.created,
            options: [textOption(OPTION.locationPath, 'made')],
            payload: new Uint8Array(0),
          }
        : { ...contentOf(''), code: code(4, 4) },
    )
    const { get: counted, origin } = cacheBefore(get)
    await counted(askFor('made'))
    await counted(askFor('a', { code: METHOD.POST }))
    await counted(askFor('made'))
    expect(origin.asked).toHaveLength(3)
  })

  it('that ends before an older question is answered leaves nothing old', async () => {
    const slow = Promise.withResolvers<Response>()
    let isFirst = true
    const { get, origin } = cacheBefore(async (request) => {
      if (request.code === METHOD.PUT) return { ...contentOf(''), code: RESPONSE.changed }
      if (!isFirst) return contentOf('new')
      isFirst = false
      return slow.promise
    })
    const before = get(askFor('a'))
    await get(askFor('a', { code: METHOD.PUT }))
    const after = get(askFor('a'))
    slow.resolve(contentOf('old'))
    expect(textOf(await before)).toBe('old')
    expect(textOf(await after)).toBe('new')
    expect(textOf(await get(askFor('a')))).toBe('new')
    expect(origin.asked).toHaveLength(3)
  })

  it('leaves nothing old of a question that was given up', async () => {
    const slow = Promise.withResolvers<Response>()
    const { get, cache } = cacheBefore(async (request) =>
      request.code === METHOD.PUT ? { ...contentOf(''), code: RESPONSE.changed } : slow.promise,
    )
    const controller = new AbortController()
    const given = get(askFor('a', { signal: controller.signal }))
    controller.abort(new Error('gone'))
    await expect(given).rejects.toThrow('gone')
    await get(askFor('a', { code: METHOD.PUT }))
    slow.resolve(contentOf('old')) // it was on its way
    await expect(slow.promise).resolves.toBeDefined()
    expect(cache.stats.entries).toBe(0)
  })

  it('that a notification tells of makes not fresh what is stored', async () => {
    const driven = observable(contentOf('1'))
    const { get } = cacheBefore((request) =>
      optionValues(request, OPTION.observe).length > 0 ? driven.handler(request) : counted(request),
    )
    const counted = counting()
    await get(askFor('a'))
    const response = await get(askFor('a', { options: [uintOption(OPTION.observe, 0)] }))
    response.notifications?.({ next: async () => undefined, end: () => undefined })
    await driven.listener().next(contentOf('news'))
    driven.listener().end()
    expect(textOf(await get(askFor('a')))).toBe('2')
  })
})

describe('requests for the same at one time', () => {
  function waiting(): { readonly answer: Handler; readonly release: (response: Response) => void } {
    const { promise, resolve } = Promise.withResolvers<Response>()
    return {
      release: resolve,
      answer: ({ signal }) =>
        new Promise((settle, reject) => {
          signal.addEventListener('abort', () => reject(new Error('ended')))
          void promise.then(settle)
        }),
    }
  }

  it('share one request', async () => {
    const { answer, release } = waiting()
    const { get, origin, cache } = cacheBefore(answer)
    const all = Array.from({ length: 20 }, () => get(askFor('a')))
    release(contentOf('one'))
    expect((await Promise.all(all)).map(textOf)).toEqual(Array.from({ length: 20 }, () => 'one'))
    expect(origin.asked).toHaveLength(1)
    expect(cache.stats).toMatchObject({ misses: 1, shared: 19, hits: 0 })
  })

  it('end for who gives up, and go on for the others, the first one or not', async () => {
    const { answer, release } = waiting()
    const { get, origin } = cacheBefore(answer)
    const controllers = [new AbortController(), new AbortController(), new AbortController()]
    const all = controllers.map(({ signal }) => get(askFor('a', { signal })))
    controllers[0]?.abort(new Error('first'))
    controllers[2]?.abort(new Error('third'))
    release(contentOf('one'))
    const settled = await Promise.allSettled(all)
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
    expect(origin.asked).toHaveLength(1)
  })

  it('are given up when the last one gives up, and asked anew by the next', async () => {
    const { answer, release } = waiting()
    const { get, origin } = cacheBefore(answer)
    const controllers = [new AbortController(), new AbortController()]
    const all = controllers.map(({ signal }) => get(askFor('a', { signal })))
    for (const controller of controllers) controller.abort(new Error('gone'))
    await Promise.allSettled(all)
    expect(origin.asked[0]?.signal.aborted).toBe(true)
    const later = get(askFor('a'))
    release(contentOf('one'))
    expect(textOf(await later)).toBe('one')
    expect(origin.asked).toHaveLength(2)
  })

  it('each ask for themselves where the response is good for one alone', async () => {
    const answer = counting(maxAge(0))
    const { get } = cacheBefore(answer)
    const all = await Promise.all(Array.from({ length: 5 }, () => get(askFor('a'))))
    expect(all.map(textOf).toSorted()).toEqual(['1', '2', '3', '4', '5'])
  })

  it('that each ask for themselves leave nothing behind that a change has made old', async () => {
    const held: ((response: Response) => void)[] = []
    const { get, cache } = cacheBefore(async (request) => {
      if (request.code === METHOD.PUT) return { ...contentOf(''), code: RESPONSE.changed }
      return new Promise<Response>((resolve) => void held.push(resolve))
    })
    const both = [get(askFor('a')), get(askFor('a'))]
    held[0]?.(contentOf('for one', [maxAge(0)]))
    await both[0]
    await expect.poll(() => held.length).toBe(2)
    await get(askFor('a', { code: METHOD.PUT }))
    held[1]?.(contentOf('old'))
    await both[1]
    expect(cache.stats.entries).toBe(0)
  })

  it('do not share what is sent but once with who wants it acknowledged', async () => {
    const { get, origin } = cacheBefore(async ({ confirmable = true }) => {
      if (confirmable) return contentOf('came')
      throw new WaxwingError('ERR_TIMEOUT', 'lost')
    })
    const lost = get(askFor('a', { confirmable: false }))
    expect(textOf(await get(askFor('a')))).toBe('came')
    await expect(lost).rejects.toThrow('lost')
    expect(origin.asked).toHaveLength(2)
  })

  it('end a loop of proxies as they would without a cache', async () => {
    const caches = [caching(), caching()]
    const proxies = caches.map(({ layer }, index): Handler =>
      reverseProxy({
        name: `proxy-${index}`,
        network: layer((request) => proxies[1 - index]!({ ...request, peer: REQUESTER })),
        routes: [{ to: 'coap://192.0.2.7' }],
      }),
    )
    const response = await proxies[0]!(askFor('a'))
    expect(codeName(response.code)).not.toMatch(/^2/)
  })

  it('share a failure', async () => {
    const { get, origin } = cacheBefore(async () => {
      throw new WaxwingError('ERR_TIMEOUT', 'silent')
    })
    const all = await Promise.allSettled([get(askFor('a')), get(askFor('a'))])
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(origin.asked).toHaveLength(1)
  })

  it('share an outage, which is not stored', async () => {
    const { get, origin } = cacheBefore(async () => ({ ...contentOf(''), code: code(5, 3) }))
    await Promise.all([get(askFor('a')), get(askFor('a'))])
    expect(origin.asked).toHaveLength(1)
    await get(askFor('a'))
    expect(origin.asked).toHaveLength(2)
  })

  it('take no request that was aborted before', async () => {
    const { get, origin } = cacheBefore(counting())
    await expect(get(askFor('a', { signal: AbortSignal.abort() }))).rejects.toThrow(/abort/)
    expect(origin.asked).toHaveLength(0)
  })
})

describe('the limits of a cache', () => {
  it('let go what was used least recently', async () => {
    const { get, cache } = cacheBefore(counting(), { maxEntries: 2 })
    await get(askFor('a'))
    await get(askFor('b'))
    await get(askFor('a'))
    await get(askFor('c'))
    expect(textOf(await get(askFor('a')))).toBe('1')
    expect(textOf(await get(askFor('b')))).toBe('4')
    expect(cache.stats.entries).toBe(2)
  })

  it('hold in bytes, and count them rightly', async () => {
    const payload = new Uint8Array(1000)
    const { get, cache } = cacheBefore(async () => ({ ...contentOf(''), payload }), {
      maxBytes: 10_000,
    })
    for (let index = 0; index < 50; index++) {
      await get(askFor(`r${index}`))
      expect(cache.stats.bytes).toBeLessThanOrEqual(10_000)
    }
    expect(cache.stats.entries).toBe(6)
    for (let index = 0; index < 50; index++) await get(askFor(`r${index}`, { code: METHOD.PUT }))
    expect(cache.stats).toMatchObject({ entries: 0, bytes: 0 })
  })

  it('count what options take in memory, however short they are', async () => {
    const options = Array.from({ length: 1000 }, () => textOption(2048, ''))
    const { get, cache } = cacheBefore(counting(...options), { maxBytes: 1024 * 1024 })
    for (let index = 0; index < 100; index++) await get(askFor(`r${index}`))
    expect(cache.stats.entries).toBeLessThan(5)
  })

  it('let pass what is too large', async () => {
    const payload = new Uint8Array(2000)
    const { get, cache } = cacheBefore(async () => ({ ...contentOf(''), payload }), {
      maxEntryBytes: 2000,
    })
    expect((await get(askFor('a'))).payload).toHaveLength(2000)
    expect(cache.stats.entries).toBe(0)
  })

  it('are above 0', () => {
    for (const limit of ['maxBytes', 'maxEntries', 'maxEntryBytes']) {
      for (const value of [0, -1, 1.5, Number.NaN]) {
        expect(() => caching({ [limit]: value })).toThrow(limit)
      }
    }
  })

  it('end with clear', async () => {
    const { get, cache } = cacheBefore(counting())
    await get(askFor('a'))
    cache.clear()
    expect(cache.stats).toMatchObject({ entries: 0, bytes: 0 })
    expect(textOf(await get(askFor('a')))).toBe('2')
  })
})
