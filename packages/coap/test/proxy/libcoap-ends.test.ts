// SPDX-License-Identifier: Apache-2.0
/** Our proxies between the client and the server of libcoap, and between either and ours. */
import { libcoapAvailable, requireOrSkip, runCoapClient, startCoapServer } from '@waxwing/testkit'
import { expect, it, onTestFinished } from 'vitest'
import {
  blockwiseClient,
  caching,
  type Caching,
  coapClient,
  forwardProxy,
  reverseProxy,
} from '../../src/index.js'
import { bodyOf, openSocket, serve } from './ends.js'

const describeWithLibcoap = requireOrSkip('libcoap', libcoapAvailable())

interface Proxies {
  readonly forward: string
  readonly reverse: string
  readonly cache: Caching
}

/** Both kinds of proxies, with one cache, before one server of libcoap. */
async function startProxies(origin: string): Promise<Proxies> {
  const endpoint = await openSocket()
  const cache = caching()
  const network = cache.layer(blockwiseClient()(endpoint.network))
  const forward = await serve(forwardProxy({ network, allow: ['127.0.0.1'], name: 'ours' }))
  const reverse = await serve(reverseProxy({ network, routes: [{ path: 'behind', to: origin }] }))
  return { forward: forward.uri.slice(0, -1), reverse: reverse.uri, cache }
}

async function setUp(): Promise<Proxies & { readonly origin: string }> {
  const server = await startCoapServer({ dynamicResources: 10 })
  onTestFinished(() => server.close())
  return { origin: server.url, ...(await startProxies(server.url)) }
}

describeWithLibcoap('between both ends of libcoap', () => {
  it('a small body and one in blocks are put and got', async () => {
    const { forward, origin } = await setUp()
    const through = ['-P', forward]
    await runCoapClient([...through, '-m', 'put', '-e', 'on', `${origin}/lamp`])
    expect((await runCoapClient([...through, `${origin}/lamp`])).text).toBe('on')
    const body = bodyOf(10_000)
    const put = ['-m', 'put', '-b', '512', '-f', '-', `${origin}/large`]
    await runCoapClient([...through, ...put], body)
    const got = await runCoapClient([...through, '-o', '-', `${origin}/large`])
    expect(Buffer.compare(got.output, body)).toBe(0)
    const direct = await runCoapClient(['-o', '-', `${origin}/large`])
    expect(Buffer.compare(direct.output, body)).toBe(0)
  })

  it('hops are counted, and errors are passed on or made', async () => {
    const { forward, origin } = await setUp()
    const ask = async (...args: readonly string[]): Promise<string> =>
      (await runCoapClient(['-P', forward, ...args])).errors
    expect(await ask(`${origin}/nothing`)).toContain('4.04')
    expect(await ask('-H', '1', `${origin}/`)).toContain('5.08 ours')
    expect(await ask('coap://127.0.0.2/')).toContain('5.05')
  })

  it('the reverse proxy stands for the server', async () => {
    const { reverse, origin } = await setUp()
    await runCoapClient(['-m', 'put', '-e', 'on', `${origin}/lamp`])
    expect((await runCoapClient([`${reverse}behind/lamp`])).text).toBe('on')
    expect((await runCoapClient([`${reverse}lamp`])).errors).toContain('4.04')
  })

  it('an observation gets what is put later', async () => {
    const { forward, origin } = await setUp()
    await runCoapClient(['-m', 'put', '-e', 'one', `${origin}/lamp`])
    const client = coapClient({ proxy: forward })
    onTestFinished(() => client.close())
    const states = client.observe(`${origin}/lamp`)
    const texts: (string | undefined)[] = []
    for (const next of ['two', 'three', undefined]) {
      const { value } = await states.next()
      texts.push(value?.text())
      if (next === undefined) break
      await runCoapClient(['-P', forward, '-m', 'put', '-e', next, `${origin}/lamp`])
    }
    await states.return()
    expect(texts).toEqual(['one', 'two', 'three'])
  })

  it('three who observe the same get what is put later, of a server that tells one of a port', async () => {
    const { forward, reverse, origin } = await setUp()
    const put = (text: string): Promise<unknown> =>
      runCoapClient(['-m', 'put', '-e', text, `${origin}/lamp`])
    await put('one')
    const clients = [{ proxy: forward }, { proxy: forward }, {}].map((one) => coapClient(one))
    onTestFinished(async () => void (await Promise.all(clients.map((one) => one.close()))))
    const uris = [`${origin}/lamp`, `${origin}/lamp`, `${reverse}behind/lamp`]
    const observations = clients.map((one, at) => one.observe(uris[at] ?? ''))
    const next = async (): Promise<readonly (string | undefined)[]> =>
      (await Promise.all(observations.map((states) => states.next()))).map(({ value }) =>
        value?.text(),
      )
    expect(await next()).toEqual(['one', 'one', 'one'])
    await put('two')
    expect(await next()).toEqual(['two', 'two', 'two'])
    await observations[0]?.return()
    observations.shift()
    await put('three')
    expect(await next()).toEqual(['three', 'three'])
  })

  it('the cache answers, until something is put through it', async () => {
    const { forward, origin, cache } = await setUp()
    const get = async (): Promise<string> =>
      (await runCoapClient(['-P', forward, `${origin}/lamp`])).text
    const put = async (text: string, ...through: readonly string[]): Promise<unknown> =>
      runCoapClient([...through, '-m', 'put', '-e', text, `${origin}/lamp`])
    await put('one')
    expect([await get(), await get()]).toEqual(['one', 'one'])
    await put('behind its back')
    expect(await get()).toBe('one')
    expect(cache.stats).toMatchObject({ misses: 1, hits: 2 })
    await put('two', '-P', forward)
    expect(await get()).toBe('two')
  })
})
