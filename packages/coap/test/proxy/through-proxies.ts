// SPDX-License-Identifier: Apache-2.0
/**
 * What has to be the same through any forward proxy, ours or another: the same tests for each.
 *
 * @module
 */

import { describe, expect, it, onTestFinished } from 'vitest'
import {
  coapClient,
  type CoapClient,
  type CoapClientOptions,
  type CoapResponse,
  type CoapServer,
} from '../../src/index.js'
import { bodyOf, edhocEnds, type Ends, type Held, held, presharedEnds, serve } from './ends.js'

const LARGE_BYTES = 65_536

/** A forward proxy on loopback. */
export interface ProxyUnderTest {
  readonly url: string
  /** All bytes that it can have seen, as text of one byte a character. */
  readonly seen: () => string
}

/** Starts a proxy that is gone when the test is finished. */
export type StartProxy = () => Promise<ProxyUnderTest>

interface Way {
  readonly proxy: ProxyUnderTest
  readonly client: CoapClient
  /** The same on a socket of its own. */
  readonly other: CoapClient
  readonly server: CoapServer
  readonly lamp: Held
  readonly uri: string
  readonly restart: () => Promise<void>
}

async function plainWay(start: StartProxy): Promise<Way> {
  const proxy = await start()
  const lamp = held()
  const server = await serve(lamp.handler)
  const [client, other] = clientsOf({ proxy: proxy.url })
  return {
    proxy,
    client,
    other,
    server,
    lamp,
    uri: `${server.uri}state`,
    restart: async () => undefined,
  }
}

async function protectedWay(start: StartProxy, ends: Ends): Promise<Way> {
  const proxy = await start()
  const lamp = held('very-secret-path')
  let current = (await ends.server()).protect(lamp.handler)
  const server = await serve((request) => current(request))
  const security = await ends.client(`127.0.0.1:${server.address.port}`)
  const [client, other] = clientsOf({ proxy: proxy.url, security })
  const restart = async (): Promise<void> => {
    current = (await ends.server()).protect(lamp.handler)
  }
  return { proxy, client, other, server, lamp, uri: `${server.uri}very-secret-path`, restart }
}

function clientsOf(options: CoapClientOptions): readonly [CoapClient, CoapClient] {
  const [client, other] = [coapClient(options), coapClient(options)]
  onTestFinished(async () => {
    await client.close()
    await other.close()
  })
  return [client, other]
}

const WAYS: readonly (readonly [string, (start: StartProxy) => Promise<Way>])[] = [
  ['a plain exchange', plainWay],
  ['an exchange protected by a shared secret', (start) => protectedWay(start, presharedEnds())],
  ['an exchange protected by EDHOC', async (start) => protectedWay(start, await edhocEnds())],
]

/** Describes what exchanges through a proxy do. */
export function describeThroughProxy(start: StartProxy): void {
  describe.each(WAYS)('%s', (_, open) => {
    it('gets and puts', async () => {
      const { client, lamp, uri, server } = await open(start)
      expect((await client.get(uri)).text()).toBe('on')
      expect((await client.put(uri, 'off')).codeName).toBe('2.04')
      expect(lamp.putCount()).toBe(1)
      expect((await client.get(`${server.uri}nothing`)).codeName).toBe('4.04')
    })

    it('carries 64 KiB both ways, block by block, and puts them once', async () => {
      const { client, other, lamp, uri } = await open(start)
      const body = bodyOf(LARGE_BYTES)
      expect((await client.put(uri, body)).codeName).toBe('2.04')
      expect(lamp.putCount()).toBe(1)
      const got = await other.get(uri)
      expect(got.payload.length).toBe(LARGE_BYTES)
      expect(Buffer.compare(got.payload, body)).toBe(0)
    })

    it('observes: each state that is waited for comes, and nothing after the end', async () => {
      const { client, lamp, uri } = await open(start)
      const states = client.observe(uri)
      expect(await textOfNext(states)).toBe('on')
      for (const state of ['one', 'two', 'three', 'four']) {
        const next = textOfNext(states)
        lamp.hold(state)
        expect(await next).toBe(state)
      }
      await states.return()
    })

    it('goes on with several requests at one time', async () => {
      const { client, uri } = await open(start)
      await client.get(uri)
      const all = await Promise.all(Array.from({ length: 10 }, () => client.get(uri)))
      expect(all.map((response) => response.text())).toEqual(all.map(() => 'on'))
    })
  })

  describe.each(WAYS.slice(1))('%s', (_, open) => {
    it('shows the proxy neither path nor payload', async () => {
      const { client, proxy, uri } = await open(start)
      await client.put(uri, 'the lamp is off')
      expect((await client.get(uri)).text()).toBe('the lamp is off')
      const seen = proxy.seen()
      expect(seen.length).toBeGreaterThan(0)
      expect(seen).not.toContain('secret')
      expect(seen).not.toContain('lamp is')
    })

    it('comes to new keys after the server lost its own', async () => {
      const { client, uri, restart } = await open(start)
      expect((await client.get(uri)).text()).toBe('on')
      await restart()
      expect((await client.get(uri)).text()).toBe('on')
    })
  })
}

async function textOfNext(states: AsyncGenerator<CoapResponse, void>): Promise<string | undefined> {
  const { value } = await states.next()
  return value?.text()
}
