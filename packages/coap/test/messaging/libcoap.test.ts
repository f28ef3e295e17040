// SPDX-License-Identifier: Apache-2.0
import { OPTION } from '@waxwing/oscore'
import { libcoapAvailable, requireOrSkip, runCoapClient, startCoapServer } from '@waxwing/testkit'
import { expect, it, onTestFinished } from 'vitest'
import type { Handler, NotificationListener, Peer } from '../../src/handler.ts'
import { optionValues, readText, uintOption } from '../../src/options.ts'
import {
  content,
  observing,
  openClient,
  openServer,
  path,
  pause,
  requestTo,
  textOf,
} from './endpoints.ts'

const describeWithLibcoap = requireOrSkip('libcoap', libcoapAvailable())
const OBSERVE = uintOption(OPTION.observe, 0)
const LARGE = 'x'.repeat(1_000)

/** Resources in the manner of libcoap's examples. */
const handler: Handler = async (request) => {
  const name = optionValues(request, OPTION.uriPath).map(readText).join('/')
  if (name === 'large') return content(LARGE)
  if (name === 'slow') await pause(50)
  if (name !== 'ticks') return content(name)
  return {
    ...content('0,', [OBSERVE]),
    notifications: (listener) => void tick(listener),
  }
}

async function tick(listener: NotificationListener): Promise<void> {
  for (const text of ['1,', '2,', '3,']) await listener.next(content(text, [OBSERVE]))
  await listener.next(content('last'))
  listener.end()
}

async function startLibcoap(): Promise<Peer> {
  const server = await startCoapServer()
  onTestFinished(() => server.close())
  return { address: '127.0.0.1', port: Number(new URL(server.url).port) }
}

describeWithLibcoap('with libcoap', () => {
  it.each(['quick', 'slow', 'large'])(
    'its client is answered, confirmable or not: %s',
    async (name) => {
      const server = await openServer(handler)
      const uri = `coap://127.0.0.1:${server.address.port}/${name}`
      const expected = name === 'large' ? LARGE : name // which asks for a proof of the address first
      expect((await runCoapClient(['-m', 'get', uri])).text).toBe(expected)
      expect((await runCoapClient(['-N', '-m', 'get', uri])).text).toBe(expected)
    },
  )

  it('its client observes', async () => {
    const server = await openServer(handler)
    const uri = `coap://127.0.0.1:${server.address.port}/ticks`
    const { text } = await runCoapClient(['-s', '1', '-m', 'get', uri])
    expect(text).toBe('0,1,2,3,last')
  })

  it.each([true, false])(
    'its server answers and is observed, confirmable: %s',
    async (confirmable) => {
      const peer = await startLibcoap()
      const client = await openClient({ transmission: {} }) // a process of its own takes its time
      const root = await client.network(requestTo(peer, { confirmable }))
      expect(textOf(root)).toContain('libcoap')
      const options = [OBSERVE, path('time')]
      const controller = new AbortController()
      const { signal } = controller
      const time = await client.network(observing(peer, { confirmable, options, signal }))
      const changed = Promise.withResolvers<void>()
      const ended = Promise.withResolvers<void>()
      time.notifications!({
        // The first one may tell of the very second that the response told of.
        next: async (notification) => {
          if (textOf(notification) !== textOf(time)) changed.resolve()
        },
        end: () => ended.resolve(),
      })
      await changed.promise
      controller.abort()
      await ended.promise
      expect(client.stats.outgoingRequests).toBe(0)
    },
  )
})
