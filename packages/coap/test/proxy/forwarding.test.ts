// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import type { CoapOption } from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import {
  codeName,
  forwardProxy,
  type Handler,
  METHOD,
  OPTION,
  optionValues,
  type Response,
  RESPONSE,
  uintOption,
} from '../../src/index.js'
import { contentOf, observable, proxyUri, requestOf, textOf } from './exchanges.js'
import { TARGET, codeFor, content, proxyBefore } from './forwarded.js'

describe('a response through a proxy', () => {
  it('passes with its safe options, known or not', async () => {
    const options = [4, 12, 14, 2048, 28].map((number) => ({ number, value: Uint8Array.of(1) }))
    const { proxy } = proxyBefore(async () => contentOf('on', options))
    const response = await proxy(requestOf(proxyUri(TARGET)))
    expect(response.options).toEqual(options)
  })

  it('becomes 5.02 if it has an unknown option that is unsafe, or is no response', async () => {
    const unsafe = { number: 65_003, value: new Uint8Array(0) }
    const { proxy } = proxyBefore(async () => contentOf('on', [unsafe]))
    expect(await codeFor(proxy, proxyUri(TARGET))).toBe('5.02')
    const { proxy: other } = proxyBefore(async () => ({ ...contentOf(''), code: METHOD.GET }))
    expect(await codeFor(other, proxyUri(TARGET))).toBe('5.02')
  })

  it.each([
    ['ERR_TIMEOUT', '5.04'],
    ['ERR_TRANSPORT', '5.02'],
    ['ERR_MALFORMED', '5.02'],
    ['ERR_CLOSED', '5.03'],
  ] as const)('that does not come for %s is %s', async (reason, expected) => {
    const { proxy } = proxyBefore(async () => {
      throw new WaxwingError(reason, 'no')
    })
    expect(await codeFor(proxy, proxyUri(TARGET))).toBe(expected)
  })

  it('is not made up where the proxy has a bug', async () => {
    const { proxy } = proxyBefore(async () => {
      throw new TypeError('bug')
    })
    await expect(proxy(requestOf(proxyUri(TARGET)))).rejects.toThrow(TypeError)
  })

  it('is not waited for when nobody waits for it', async () => {
    const controller = new AbortController()
    const { origin, proxy } = proxyBefore(
      ({ signal }) =>
        new Promise<Response>((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')))
        }),
    )
    const asked = proxy(requestOf(proxyUri(TARGET), { signal: controller.signal }))
    await expect.poll(() => origin.asked.length).toBe(1)
    controller.abort(new Error('gone'))
    await expect(asked).rejects.toThrow('gone')
    expect(origin.asked[0]?.signal.aborted).toBe(true)
  })

  it('does not carry who asked the proxy', async () => {
    const { origin, proxy } = proxyBefore(content)
    await proxy(requestOf(proxyUri(TARGET), { security: { name: 'anna' } }))
    expect(origin.asked[0]?.security).toBeUndefined()
  })
})

describe('Hop-Limit', () => {
  const limited = (limit: number): readonly CoapOption[] => [
    ...proxyUri(TARGET),
    uintOption(OPTION.hopLimit, limit),
  ]

  it('is one less at each proxy, and begins with 16', async () => {
    const { origin, proxy } = proxyBefore(content)
    await proxy(requestOf(limited(255)))
    await proxy(requestOf(limited(2)))
    await proxy(requestOf(proxyUri(TARGET)))
    await proxy(requestOf([...limited(9), uintOption(OPTION.hopLimit, 200)]))
    const limits = origin.asked.flatMap((request) => optionValues(request, OPTION.hopLimit))
    expect(limits.map(([limit]) => limit)).toEqual([254, 1, 16, 8])
  })

  it('begins with what the proxy was told', async () => {
    const { origin, proxy } = proxyBefore(content, { hopLimit: 3 })
    await proxy(requestOf(proxyUri(TARGET)))
    const [asked] = origin.asked
    expect(asked && optionValues(asked, OPTION.hopLimit)).toEqual([Uint8Array.of(3)])
    for (const hopLimit of [0, 256, 1.5]) {
      expect(() => proxyBefore(content, { hopLimit })).toThrow('hopLimit')
    }
  })

  it('ends a request that has no hop left, and says where', async () => {
    const { origin, proxy } = proxyBefore(content, { name: 'p1.example' })
    const response = await proxy(requestOf(limited(1)))
    expect(codeName(response.code)).toBe('5.08')
    expect(textOf(response)).toBe('p1.example')
    expect(origin.asked).toHaveLength(0)
  })

  it.each([0, 256, 70_000])('of %s is a bad request', async (limit) => {
    const { proxy } = proxyBefore(content)
    expect(await codeFor(proxy, limited(limit))).toBe('4.00')
  })

  it('that two proxies without names come to is no loop', async () => {
    const second = forwardProxy({ network: content, allow: () => true })
    const first = forwardProxy({
      network: (request) =>
        second({ ...request, options: [...again(request.options), ...proxyUri(TARGET)] }),
      allow: () => true,
    })
    expect(codeName((await first(requestOf(limited(2)))).code)).toBe('5.08')
  })

  it('ends a loop of proxies, and tells the way', async () => {
    const uri = proxyUri(TARGET)
    // Two proxies that each put the whole request to the other one.
    const first: Handler = forwardProxy({
      network: (request) => second({ ...request, options: [...again(request.options), ...uri] }),
      allow: () => true,
      name: 'a',
    })
    const second: Handler = forwardProxy({
      network: (request) => first({ ...request, options: [...again(request.options), ...uri] }),
      allow: () => true,
      name: 'b',
    })
    const response = await first(requestOf(limited(2)))
    expect(codeName(response.code)).toBe('5.08')
    expect(textOf(response)).toBe('a b')
    const longer = await first(requestOf(uri))
    expect(codeName(longer.code)).toBe('5.02') // its own name stands there already
  })
})

function again(options: readonly CoapOption[]): readonly CoapOption[] {
  return options.filter(({ number }) => number === OPTION.hopLimit)
}

describe('an observation through a proxy', () => {
  it('passes notifications on, in their order, and its end', async () => {
    const origin = observable(contentOf('1'))
    const { proxy } = proxyBefore(origin.handler)
    const observe = uintOption(OPTION.observe, 0)
    const response = await proxy(requestOf([...proxyUri(TARGET), observe]))
    const got: string[] = []
    response.notifications?.({
      next: async (notification) => void got.push(textOf(notification)),
      end: (error) => void got.push(error?.message ?? 'end'),
    })
    await origin.listener().next(contentOf('2', [uintOption(OPTION.observe, 2)]))
    await origin.listener().next(contentOf('3', [uintOption(OPTION.observe, 3)]))
    origin.listener().end(new WaxwingError('ERR_TIMEOUT', 'silent'))
    expect(got).toEqual(['2', '3', 'silent'])
  })

  it('acknowledges to the server what its own client acknowledged', async () => {
    const origin = observable(contentOf('1'))
    const { proxy } = proxyBefore(origin.handler)
    const response = await proxy(requestOf([...proxyUri(TARGET), uintOption(OPTION.observe, 0)]))
    const taken = Promise.withResolvers<void>()
    response.notifications?.({ next: () => taken.promise, end: () => undefined })
    let isAcknowledged = false
    const passed = origin
      .listener()
      .next(contentOf('2'))
      .then(() => (isAcknowledged = true))
    await Promise.resolve()
    expect(isAcknowledged).toBe(false)
    taken.resolve()
    await passed
  })

  it('ends when its client goes', async () => {
    const origin = observable(contentOf('1'))
    const controller = new AbortController()
    const { proxy } = proxyBefore(origin.handler)
    const { signal } = controller
    const options = [...proxyUri(TARGET), uintOption(OPTION.observe, 0)]
    const response = await proxy(requestOf(options, { signal }))
    response.notifications?.({ next: async () => undefined, end: () => undefined })
    expect(origin.signal().aborted).toBe(false)
    controller.abort()
    expect(origin.signal().aborted).toBe(true)
  })

  it('ends with 5.02 at a notification that may not pass', async () => {
    const origin = observable(contentOf('1'))
    const { proxy } = proxyBefore(origin.handler)
    const response = await proxy(requestOf([...proxyUri(TARGET), uintOption(OPTION.observe, 0)]))
    const got: string[] = []
    response.notifications?.({
      next: async (notification) => void got.push(codeName(notification.code)),
      end: () => void got.push('end'),
    })
    const unsafe = { number: 65_003, value: new Uint8Array(0) }
    await origin.listener().next(contentOf('2', [unsafe]))
    await origin.listener().next(contentOf('3'))
    origin.listener().end()
    expect(got).toEqual(['5.02', 'end'])
    expect(origin.signal().aborted).toBe(true)
  })

  it('of which the first response may not pass is none', async () => {
    const origin = observable(contentOf('1', [{ number: 65_003, value: new Uint8Array(0) }]))
    const { proxy } = proxyBefore(origin.handler)
    const response = await proxy(requestOf([...proxyUri(TARGET), uintOption(OPTION.observe, 0)]))
    expect(response.code).toBe(RESPONSE.badGateway)
    expect(response.notifications).toBeUndefined()
    expect(origin.signal().aborted).toBe(true)
  })
})
