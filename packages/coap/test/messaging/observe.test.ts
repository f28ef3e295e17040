// SPDX-License-Identifier: Apache-2.0
import { code, OPTION, optionValue } from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import type { Handler } from '../../src/handler.ts'
import { emptyDatagram, TYPE } from '../../src/messaging/datagram.ts'
import { uintOption } from '../../src/options.ts'
import {
  content,
  FAST,
  observing,
  openClient,
  openServer,
  pause,
  requestTo,
  textOf,
} from './endpoints.ts'
import { Source, listen, sequence, startObserver, startOrigin } from './observing.ts'

describe('an observation', () => {
  it('brings each notification, in order', async () => {
    const source = new Source()
    const server = await openServer(source.handler)
    const client = await openClient()
    const response = await client.network(observing(server.address))
    expect(textOf(response)).toBe('first')
    const heard = listen(response)
    await source.notify('second')
    await source.notify('third')
    expect(heard.texts).toEqual(['second', 'third'])
  })

  it('brings what came before somebody listened', async () => {
    const source = new Source()
    const server = await openServer(source.handler)
    const client = await openClient()
    const response = await client.network(observing(server.address))
    const notified = source.notify('second')
    await pause(10)
    const heard = listen(response)
    await notified
    expect(heard.texts).toEqual(['second'])
  })

  it('acknowledges a notification when the listener took it, and hands no duplicate over', async () => {
    const source = new Source()
    const server = await openServer(source.handler)
    const client = await openClient()
    const heard = listen(await client.network(observing(server.address)))
    const gate = Promise.withResolvers<void>()
    heard.gate = gate.promise
    let isAcknowledged = false
    const notified = source.notify('second').then(() => (isAcknowledged = true))
    await pause(4 * FAST.ackTimeoutMs)
    expect([heard.texts, isAcknowledged]).toEqual([['second'], false])
    gate.resolve()
    await notified
    expect(heard.texts).toEqual(['second'])
  })

  it('passes over all but the newest while one is on its way', async () => {
    const source = new Source()
    const server = await openServer(source.handler)
    const client = await openClient()
    const heard = listen(await client.network(observing(server.address)))
    await Promise.all(['2', '3', '4', '5'].map((text) => source.notify(text)))
    expect(heard.texts).toEqual(['2', '5'])
  })

  it('ends with a notification that has no Observe option', async () => {
    const source = new Source()
    const server = await openServer(source.handler)
    const client = await openClient()
    const heard = listen(await client.network(observing(server.address)))
    await source.notify('last', true)
    await expect.poll(() => heard.ends).toEqual([undefined])
    expect(heard.texts).toEqual(['last'])
    expect(client.stats.outgoingRequests).toBe(0)
    await expect.poll(() => server.stats.observations).toBe(0)
  })

  it('ends at the server when the client aborts it', async () => {
    const source = new Source()
    const server = await openServer(source.handler)
    const client = await openClient()
    const controller = new AbortController()
    const request = observing(server.address, { signal: controller.signal })
    const heard = listen(await client.network(request))
    controller.abort()
    await expect.poll(() => server.stats.observations).toBe(0)
    expect(source.signals[0]!.aborted).toBe(true)
    expect([heard.ends, client.stats.outgoingRequests]).toEqual([[undefined], 0])
  })

  it('ends at the server when notifications are no more acknowledged', async () => {
    const source = new Source()
    const server = await openServer(source.handler, {
      transmission: { ...FAST, ackTimeoutMs: 10, maxRetransmit: 1 },
    })
    const client = await openClient()
    const heard = listen(await client.network(observing(server.address)))
    heard.gate = new Promise(() => undefined)
    await source.notify('second')
    expect(source.signals[0]!.aborted).toBe(true)
    expect(server.stats.observations).toBe(0)
  })

  it('whose beginning fails is none', async () => {
    const error = new Error('no')
    const fails = (): void => {
      throw error
    }
    const handler: Handler = async () => ({
      ...content('', [uintOption(OPTION.observe, 0)]),
      notifications: fails,
    })
    const server = await openServer(handler)
    const reported: unknown[] = []
    server.onError((each) => reported.push(each))
    const client = await openClient()
    expect((await client.network(observing(server.address))).code).toBe(code(2, 5))
    expect([reported, server.stats.observations]).toEqual([[error], 0])
  })

  it('ends at either side when that is closed', async () => {
    const source = new Source()
    const server = await openServer(source.handler)
    const client = await openClient()
    const heard = listen(await client.network(observing(server.address)))
    await client.close()
    expect(heard.ends).toMatchObject([{ code: 'ERR_CLOSED' }])
    await expect.poll(() => server.stats.observations).toBe(0)
    const other = await openClient()
    listen(await other.network(observing(server.address)))
    await server.close()
    expect(source.signals.every(({ aborted }) => aborted)).toBe(true)
    expect(server.stats.observations).toBe(0)
  })

  it('is not made where there are too many', async () => {
    const source = new Source()
    const server = await openServer(source.handler, { limits: { maxObservations: 1 } })
    const client = await openClient()
    listen(await client.network(observing(server.address)))
    const second = await client.network(observing(server.address))
    expect(second.notifications).toBeUndefined()
    expect(optionValue(second, OPTION.observe)).toBeUndefined()
    expect(source.signals.at(-1)!.aborted).toBe(true)
  })

  it('goes on in messages that are not confirmable, but for every n-th', async () => {
    const source = new Source()
    const server = await openServer(source.handler, {
      transmission: { ...FAST, confirmableEvery: 3 },
    })
    const observer = await startObserver(server.address)
    const types = []
    for (const text of ['a', 'b', 'c', 'd']) {
      void source.notify(text)
      const { header } = await observer.next()
      types.push(header.type)
      if (header.type === TYPE.con) observer.send(emptyDatagram(TYPE.ack, header.messageId))
    }
    expect(types).toEqual([TYPE.con, TYPE.non, TYPE.non, TYPE.con])
  })

  it('ends when a notification is rejected, confirmable or not', async () => {
    const source = new Source()
    const server = await openServer(source.handler, {
      transmission: { ...FAST, confirmableEvery: 2 },
    })
    const observer = await startObserver(server.address)
    const first = source.notify('a')
    const { header } = await observer.next()
    observer.send(emptyDatagram(TYPE.ack, header.messageId))
    await first
    await source.notify('b')
    observer.send(emptyDatagram(TYPE.rst, (await observer.next()).header.messageId))
    await expect.poll(() => server.stats.observations).toBe(0)
    expect(source.signals.at(-1)!.aborted).toBe(true)
  })

  it('is replaced by a new one with its token, whose numbers go on', async () => {
    const source = new Source()
    const server = await openServer(source.handler)
    const observer = await startObserver(server.address)
    const numbers = [sequence(observer.first)]
    observer.register()
    numbers.push(sequence(await observer.next()))
    expect(server.stats.observations).toBe(1)
    expect(source.signals.at(-2)!.aborted).toBe(true)
    expect((numbers[1]! - numbers[0]!) & 0xffffff).toBeLessThan(10)
    observer.register(1)
    expect(optionValue((await observer.next()).message, OPTION.observe)).toBeUndefined()
    expect(server.stats.observations).toBe(0)
  })

  it('sends the newest in place of what is not acknowledged', async () => {
    const source = new Source()
    const server = await openServer(source.handler)
    const observer = await startObserver(server.address)
    void source.notify('old')
    const old = await observer.next()
    void source.notify('new')
    const next = await observer.next()
    expect([old, next].map(({ message }) => textOf(message))).toEqual(['old', 'new'])
    expect(next.header.messageId).not.toBe(old.header.messageId)
  })
})

describe('an observing client', () => {
  it('passes over what is older than what it has, unless it is protected', async () => {
    const origin = await startOrigin()
    const client = await openClient()
    const response = client.network(observing(origin.address))
    const { token } = await origin.answer(5)
    const heard = listen(await response)
    const oscore = { number: OPTION.oscore, value: new Uint8Array(0) }
    const notify = (text: string, number: number, options = [uintOption(OPTION.observe, number)]) =>
      origin.send(TYPE.non, token, content(text, options))
    notify('7', 7)
    notify('6', 6)
    notify('protected 6', 6, [uintOption(OPTION.observe, 6), oscore])
    notify('too far ahead', 7 + 2 ** 23)
    notify('far ahead', 7 + 2 ** 23 - 1)
    notify('around', 2)
    notify('8', 8)
    await expect.poll(() => heard.texts).toEqual(['7', 'protected 6', 'far ahead', 'around', '8'])
  })

  it('rejects notifications that it does not want any more', async () => {
    const origin = await startOrigin()
    const client = await openClient()
    const controller = new AbortController()
    const response = client.network(observing(origin.address, { signal: controller.signal }))
    const { token } = await origin.answer(5)
    listen(await response)
    controller.abort()
    const farewell = await origin.next()
    expect([farewell.token, sequence(farewell)]).toEqual([token, 1])
    for (const type of [TYPE.con, TYPE.non]) {
      origin.send(type, token, content('more', [uintOption(OPTION.observe, 9)]))
      expect((await origin.next()).header).toMatchObject({ type: TYPE.rst, code: 0 })
    }
  })

  it('takes an observation that was refused for a response', async () => {
    const server = await openServer(async () => content('no'))
    const client = await openClient()
    const response = await client.network(observing(server.address))
    expect([textOf(response), response.notifications]).toEqual(['no', undefined])
    expect(client.stats.outgoingRequests).toBe(0)
  })

  it('takes no response for an observation that it did not ask for', async () => {
    const origin = await startOrigin()
    const client = await openClient()
    const response = client.network(requestTo(origin.address))
    await origin.answer(5)
    expect((await response).notifications).toBeUndefined()
  })
})
