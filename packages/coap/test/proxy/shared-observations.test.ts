// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import type { CoapMessage, CoapOption } from '@waxwing/oscore'
import { describe, expect, it, vi } from 'vitest'
import {
  codeName,
  forwardProxy,
  type Handler,
  METHOD,
  type NotificationListener,
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
import { sharingObservations } from '../../src/proxy/shared-observations.js'
import { contentOf, maxAge, proxyUri, requestOf, textOf } from './exchanges.js'

const TARGET = 'coap://192.0.2.9/light'
const OBSERVE = uintOption(OPTION.observe, 0)

/** A server that is observed, and what was registered there. */
class Origin {
  readonly registered: { readonly request: Request; listener: NotificationListener | undefined }[] =
    []
  answer: (count: number) => Promise<Response> | Response = (count) =>
    contentOf(`first ${count}`, [maxAge(60)])

  readonly network: Handler = async (request) => {
    const registration: Origin['registered'][number] = { request, listener: undefined }
    this.registered.push(registration)
    const response = await this.answer(this.registered.length)
    request.signal.throwIfAborted()
    if (response.code !== RESPONSE.content) return response
    return {
      ...response,
      options: [uintOption(OPTION.observe, 1), ...response.options],
      notifications: (listener) => {
        registration.listener = listener
        request.signal.addEventListener('abort', () => listener.end())
      },
    }
  }

  /** Tells a state, by the registration that came last. */
  tell(text: string, options: readonly CoapOption[] = []): Promise<void> {
    const notification = contentOf(text, [uintOption(OPTION.observe, 2), ...options])
    return this.registered.at(-1)?.listener?.next(notification) ?? Promise.reject(new Error('none'))
  }

  /** Which registrations still count. */
  get counting(): readonly boolean[] {
    return this.registered.map(({ request }) => !request.signal.aborted)
  }
}

/** A client of a proxy. */
interface Observer {
  readonly response: Response
  readonly texts: string[]
  readonly leave: () => void
  readonly ends: (Error | undefined)[]
}

async function observe(
  proxy: Handler,
  options: readonly CoapOption[] = [],
  init: Partial<Request> = {},
): Promise<Observer> {
  const leaving = new AbortController()
  const { signal } = leaving
  const request = requestOf([...proxyUri(TARGET), OBSERVE, ...options], { signal, ...init })
  const response = await proxy(request)
  const observer = {
    response,
    texts: [textOf(response)],
    leave: () => leaving.abort(),
    ends: [] as (Error | undefined)[],
  }
  response.notifications?.({
    next: async (notification) => void observer.texts.push(shown(notification)),
    end: (error) => void observer.ends.push(error),
  })
  return observer
}

function shown(message: CoapMessage): string {
  return message.code === RESPONSE.content ? textOf(message) : codeName(message.code)
}

function proxied(): { readonly origin: Origin; readonly proxy: Handler } {
  const origin = new Origin()
  return { origin, proxy: forwardProxy({ network: origin.network, allow: ['192.0.2.9'] }) }
}

describe('clients of a proxy that observe the same', () => {
  it('share one observation, of which each is told everything, until the last one goes', async () => {
    const { origin, proxy } = proxied()
    const [a, b] = await Promise.all([observe(proxy), observe(proxy)])
    await origin.tell('second')
    const late = await observe(proxy)
    await origin.tell('third')
    expect(a.texts).toEqual(['first 1', 'second', 'third'])
    expect(b.texts).toEqual(a.texts)
    expect(late.texts).toEqual(['second', 'third'])
    a.leave()
    late.leave()
    expect(late.ends).toEqual([undefined])
    await origin.tell('fourth')
    expect(b.texts.at(-1)).toBe('fourth')
    expect(a.texts.at(-1)).toBe('third')
    expect(origin.counting).toEqual([true])
    b.leave()
    expect(origin.counting).toEqual([false])
    await observe(proxy)
    expect(origin.counting).toEqual([false, true])
  })

  it('share it also where they come to two proxies before one network', async () => {
    const { origin, proxy } = proxied()
    await observe(proxy)
    const reverse = reverseProxy({ network: origin.network, routes: [{ to: 'coap://192.0.2.9' }] })
    await reverse(requestOf([textOption(OPTION.uriPath, 'light'), OBSERVE]))
    expect(origin.registered).toHaveLength(1)
  })

  it.each<[string, readonly CoapOption[], Partial<Request>]>([
    ['what OSCORE protects', [{ number: OPTION.oscore, value: Uint8Array.of(9, 1) }], {}],
    ['another format', [uintOption(OPTION.accept, 50)], {}],
    ['something by FETCH', [], { code: METHOD.FETCH, payload: Uint8Array.of(1) }],
    ['with fewer hops to go', [uintOption(OPTION.hopLimit, 3)], {}],
    ['silence', [uintOption(OPTION.noResponse, 0)], {}],
    ['with a tag of their own', [{ number: OPTION.etag, value: Uint8Array.of(1) }], {}],
  ])('do not share it with who asks for %s', async (title, options, init) => {
    const { origin, proxy } = proxied()
    await observe(proxy)
    await observe(proxy, options, init)
    await observe(proxy, options, init)
    const isShared = title !== 'what OSCORE protects' && title !== 'silence'
    expect(origin.counting).toEqual(isShared ? [true, true] : [true, true, true])
  })

  it('get as their first state what was told last, with the Max-Age that is left', async () => {
    const { origin, proxy } = proxied()
    const now = vi.spyOn(performance, 'now')
    try {
      now.mockReturnValue(1_000)
      await observe(proxy)
      now.mockReturnValue(31_000)
      const { response } = await observe(proxy)
      const [left] = optionValues(response, OPTION.maxAge)
      expect(left && readUint(left)).toBe(30)
      expect(origin.registered).toHaveLength(1)
    } finally {
      now.mockRestore()
    }
  })

  it('are registered again where the state is no longer fresh, and all are told what is there', async () => {
    const { origin, proxy } = proxied()
    const now = vi.spyOn(performance, 'now')
    try {
      now.mockReturnValue(1_000)
      const first = await observe(proxy)
      const before = origin.registered[0]?.listener
      now.mockReturnValue(61_000)
      const [second, third] = await Promise.all([observe(proxy), observe(proxy)])
      expect(origin.counting).toEqual([false, true])
      await before?.next(contentOf('of before', [OBSERVE]))
      await origin.tell('told')
      expect(first.texts).toEqual(['first 1', 'first 2', 'told'])
      expect(second.texts).toEqual(['first 2', 'told'])
      expect(third.texts).toEqual(second.texts)
      expect(first.ends).toEqual([])
    } finally {
      now.mockRestore()
    }
  })

  it('are asked for again where the state is too long to be kept', async () => {
    const { origin, proxy } = proxied()
    const long = 'x'.repeat(20_000)
    origin.answer = () => contentOf(long, [maxAge(60)])
    await observe(proxy)
    expect((await observe(proxy)).texts).toEqual([long])
    expect(origin.counting).toEqual([false, true])
  })

  it('are not told late: a state that comes before a client listens is the first it is told', async () => {
    const { origin, proxy } = proxied()
    await observe(proxy)
    const response = await proxy(requestOf([...proxyUri(TARGET), OBSERVE]))
    await origin.tell('meanwhile')
    await origin.tell('newest')
    const texts: string[] = []
    response.notifications?.({
      next: async (notification) => void texts.push(textOf(notification)),
      end: () => undefined,
    })
    expect(texts).toEqual(['newest'])
  })

  it('that gave up before they listened are told that nothing comes', async () => {
    const origin = new Origin()
    const ends: (Error | undefined)[] = []
    const giving = new AbortController()
    const request = requestOf([OBSERVE], { signal: giving.signal })
    const response = await sharingObservations(origin.network)(request)
    giving.abort()
    response.notifications?.({ next: async () => undefined, end: (error) => void ends.push(error) })
    expect(ends).toEqual([undefined])
    expect(origin.counting).toEqual([false])
  })

  it('do not wait for each other: one that acknowledges nothing holds up nobody', async () => {
    const { origin, proxy } = proxied()
    const stuck = await proxy(requestOf([...proxyUri(TARGET), OBSERVE]))
    stuck.notifications?.({ next: () => new Promise(() => {}), end: () => undefined })
    const other = await observe(proxy)
    await origin.tell('second')
    await origin.tell('third')
    expect(other.texts).toEqual(['first 1', 'second', 'third'])
  })

  it('all get an error that ends the observation, and the next one asks anew', async () => {
    const { origin, proxy } = proxied()
    const [a, b] = [await observe(proxy), await observe(proxy)]
    const listener = origin.registered[0]?.listener
    await listener?.next({ code: RESPONSE.notFound, options: [], payload: new Uint8Array(0) })
    expect((await observe(proxy)).texts).toEqual(['first 2'])
    listener?.end()
    expect(a.texts).toEqual(['first 1', '4.04'])
    expect(b.texts).toEqual(a.texts)
    expect([a.ends, b.ends]).toEqual([[undefined], [undefined]])
    expect(origin.counting, 'the server ended it: nobody takes it back').toEqual([true, true])
    await observe(proxy)
    expect(origin.registered).toHaveLength(2)
  })

  it('all learn that the server is gone, and nobody is left waiting', async () => {
    const { origin, proxy } = proxied()
    const [a, b] = [await observe(proxy), await observe(proxy)]
    const error = new WaxwingError('ERR_TIMEOUT', 'gone')
    origin.registered[0]?.listener?.end(error)
    expect([a.ends, b.ends]).toEqual([[error], [error]])
    origin.answer = () => Promise.reject(error)
    const failed = await Promise.all([observe(proxy), observe(proxy)])
    expect(failed.map(({ response }) => codeName(response.code))).toEqual(['5.04', '5.04'])
    expect(origin.registered).toHaveLength(2)
  })

  it('give up one by one while the server has not answered yet', async () => {
    const { origin, proxy } = proxied()
    const answer = Promise.withResolvers<Response>()
    origin.answer = () => answer.promise
    const [first, second] = [new AbortController(), new AbortController()]
    const asked = [first, second].map(({ signal }) => observe(proxy, [], { signal }))
    const outcomes = Promise.allSettled(asked)
    await expect.poll(() => origin.registered).toHaveLength(1)
    first.abort(new Error('enough'))
    expect(origin.counting).toEqual([true])
    answer.resolve(contentOf('at last'))
    const [gaveUp, answered] = await outcomes
    expect(gaveUp).toMatchObject({ status: 'rejected', reason: { message: 'enough' } })
    expect(answered).toMatchObject({ status: 'fulfilled', value: { texts: ['at last'] } })
    second.abort()
    expect(origin.counting).toEqual([false])
  })

  it('beyond a thousand questions have one each', async () => {
    const { origin, proxy } = proxied()
    const ask = (number: number): Promise<Observer> =>
      observe(proxy, [uintOption(OPTION.accept, number)])
    for (let number = 0; number < 1_024; number++) await ask(number)
    expect(origin.registered).toHaveLength(1_024)
    await ask(0)
    expect(origin.registered).toHaveLength(1_024)
    const [one] = [await ask(5_000), await ask(5_000)]
    expect(origin.registered).toHaveLength(1_026)
    one.leave()
    expect(origin.counting.filter((counts) => !counts)).toHaveLength(1)
  })

  it('end the question where all give up before there is an answer', async () => {
    const { origin, proxy } = proxied()
    const answer = Promise.withResolvers<Response>()
    origin.answer = () => answer.promise
    const giving = new AbortController()
    const asked = observe(proxy, [], { signal: giving.signal })
    await expect.poll(() => origin.registered).toHaveLength(1)
    giving.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
    expect(origin.counting).toEqual([false])
    answer.resolve(contentOf('too late'))
  })

  it('each get the response of a resource that cannot be observed', async () => {
    const { origin, proxy } = proxied()
    origin.answer = () => ({ code: RESPONSE.notFound, options: [], payload: new Uint8Array(0) })
    const both = await Promise.all([observe(proxy), observe(proxy)])
    expect(both.map(({ response }) => codeName(response.code))).toEqual(['4.04', '4.04'])
    expect(both[0]?.response.notifications).toBeUndefined()
    await observe(proxy)
    expect(origin.registered).toHaveLength(2)
  })
})
