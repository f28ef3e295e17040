// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { createAuthority } from '@waxwing/testkit'
import { describe, expect, it } from 'vitest'
import type { Handler, Response } from '../../src/index.js'
import { LIGHT, startCrossProxy as start } from './cross-proxied.js'
import { contentOf } from './exchanges.js'
import { askHttp } from './http-asking.js'

describe('a proxy over HTTP', () => {
  it('asks nobody for whom it does not know', async () => {
    const { origin, ask } = await start(undefined, {
      authorize: async ({ headers }) => headers.authorization === 'Bearer x',
    })
    expect((await ask(LIGHT)).status).toBe(403)
    expect(origin.asked).toHaveLength(0)
    expect((await ask(LIGHT, { headers: { Authorization: 'Bearer x' } })).status).toBe(200)
  })

  it('speaks TLS', async () => {
    const authority = createAuthority('root')
    const { proxy } = await start(undefined, { tls: authority.issue('localhost') })
    expect(proxy.url).toMatch(/^https:/)
    const sent = httpsRequest(`${proxy.url}${LIGHT}`, { ca: authority.ca, agent: false }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    expect(await text(response)).toBe('on')
  })

  it('ends TLS that a client does not go on with: in time, and when it is closed', async () => {
    const authority = createAuthority('root')
    const tls = authority.issue('localhost')
    const { proxy: hasty } = await start(undefined, { tls, requestTimeoutMs: 50 })
    const { proxy } = await start(undefined, { tls })
    const sockets = [hasty, proxy].map(({ port }) => connect(port, '127.0.0.1').resume())
    const gone = sockets.map((socket) => once(socket, 'close'))
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    await gone[0]
    await proxy.close()
    await gone[1]
    expect(sockets.every(({ destroyed }) => destroyed)).toBe(true)
  })

  it('gives up where a server says nothing, or the client goes', async () => {
    const hanging: Handler = ({ signal }) =>
      new Promise<Response>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('ended')))
      })
    const deaf: Handler = () => new Promise<Response>(() => undefined)
    for (const silent of [hanging, deaf]) {
      const { ask } = await start(silent, { responseTimeoutMs: 50 })
      expect((await ask(LIGHT)).status).toBe(504)
    }

    const { origin, proxy } = await start(hanging)
    const socket = connect(proxy.port, '127.0.0.1')
    socket.end(`GET /hc/${LIGHT} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await expect.poll(() => origin.asked.length).toBe(1)
    socket.destroy()
    await expect.poll(() => origin.asked[0]?.signal.aborted).toBe(true)
  })

  it('ends clients that do not go on with what they began', async () => {
    const { origin, proxy } = await start(undefined, { requestTimeoutMs: 100 })
    const beginnings = [
      'GET /hc/',
      'GET / HTTP/1.1\r\nHost: localhost\r\n',
      `PUT /hc/${LIGHT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc`,
    ]
    const ends = beginnings.map(async (beginning) => {
      const socket = connect(proxy.port, '127.0.0.1')
      socket.write(beginning)
      return text(socket)
    })
    for (const said of await Promise.all(ends)) expect(said).toMatch(/^HTTP\/1\.1 408|^$/)
    expect(origin.asked).toHaveLength(0)
  })

  it('has no more than so many requests under way', async () => {
    const waiting = Promise.withResolvers<Response>()
    const { origin, ask } = await start(() => waiting.promise, { maxRequests: 2 })
    const first = [ask(LIGHT), ask(LIGHT)]
    await expect.poll(() => origin.asked.length).toBe(2)
    const refused = await ask(LIGHT)
    expect(refused.status).toBe(503)
    expect(refused.headers['retry-after']).toBe('1')
    waiting.resolve(contentOf('on'))
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200])
    expect((await ask(LIGHT)).status).toBe(200)
  })

  it('counts requests until their answers are taken, for which there is a time', async () => {
    const payload = new Uint8Array(16 * 1024 * 1024) // more than sockets hold
    const large: Handler = async () => ({ ...contentOf(''), payload })
    const { ask, proxy } = await start(large, { maxRequests: 4, requestTimeoutMs: 200 })
    const socket = connect(proxy.port, '127.0.0.1').pause()
    socket.on('error', () => undefined)
    socket.write(`GET /hc/${LIGHT} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(4))
    await expect.poll(async () => (await ask(LIGHT)).status).toBe(503)
    await expect.poll(async () => (await ask(LIGHT)).status).toBe(200)
    socket.destroy()
  })

  it('leaves nothing open when it is closed', async () => {
    const hanging: Handler = ({ signal }) =>
      new Promise<Response>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('ended')))
      })
    const { origin, proxy } = await start(hanging)
    const idle = connect(proxy.port, '127.0.0.1')
    const busy = connect(proxy.port, '127.0.0.1')
    for (const socket of [idle, busy]) socket.on('error', () => undefined)
    busy.write(`GET /hc/${LIGHT} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await expect.poll(() => origin.asked.length).toBe(1)
    const gone = Promise.all([once(idle, 'close'), once(busy, 'close')])
    idle.resume()
    busy.resume()
    await proxy.close()
    await proxy.close()
    await gone
    expect(origin.asked[0]?.signal.aborted).toBe(true)
    await expect(askHttp(proxy.port, '/')).rejects.toThrow()
  })

  it.each([
    ['requestTimeoutMs', Number.NaN],
    ['responseTimeoutMs', Infinity],
    ['responseTimeoutMs', 2 ** 31],
    ['maxConnections', 0],
    ['maxRequests', 0.5],
    ['maxBodyBytes', Number.NaN],
  ])('has no limit %s of %d', async (name, value) => {
    await expect(start(undefined, { [name]: value })).rejects.toThrow(new RegExp(`^${name} must`))
  })

  it('says that what devices answer is neither to be guessed at nor run', async () => {
    const { ask } = await start(async () => contentOf('<script>'))
    const { headers } = await ask(LIGHT)
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['content-security-policy']).toContain('sandbox')
  })
})
