// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import { code, type CoapOption } from '@waxwing/oscore'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  caching,
  codeName,
  type Handler,
  METHOD,
  OPTION,
  optionValues,
  type Request,
  type Response,
  RESPONSE,
  textOption,
  uintOption,
} from '../../src/index.js'
import { cacheBefore, counting, maxAgeOf } from './cached.js'
import { askFor, contentOf, etag, maxAge, requestOf, textOf } from './exchanges.js'

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
