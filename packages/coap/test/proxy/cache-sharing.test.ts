// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import { code } from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import {
  caching,
  codeName,
  type Handler,
  METHOD,
  type Response,
  RESPONSE,
  reverseProxy,
} from '../../src/index.js'
import { cacheBefore, counting } from './cached.js'
import { askFor, contentOf, maxAge, REQUESTER, textOf } from './exchanges.js'

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
