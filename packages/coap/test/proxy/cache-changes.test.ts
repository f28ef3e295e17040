// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import { code } from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import {
  codeName,
  type Handler,
  METHOD,
  OPTION,
  optionValues,
  type Response,
  RESPONSE,
  textOption,
  uintOption,
} from '../../src/index.js'
import { cacheBefore, counting, maxAgeOf } from './cached.js'
import { askFor, contentOf, etag, maxAge, observable, textOf } from './exchanges.js'

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
