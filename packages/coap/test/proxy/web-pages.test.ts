// SPDX-License-Identifier: Apache-2.0
import { request as httpsRequest } from 'node:https'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createAuthority } from '@waxwing/testkit'
import { describe, expect, it } from 'vitest'
import { LIGHT, startCrossProxy as start } from './cross-proxied.js'
import { askHttp } from './http-asking.js'

const PAGE = 'https://page.example'

describe('a web page', () => {
  it.each(['cross-site', 'same-site', 'nonsense'])(
    'of another site asks nobody: Sec-Fetch-Site %s',
    async (site) => {
      const { origin, ask } = await start()
      const got = await ask(LIGHT, { method: 'POST', headers: { 'Sec-Fetch-Site': site } })
      expect(got.status).toBe(403)
      expect(origin.asked).toHaveLength(0)
    },
  )

  it.each([PAGE, 'null', 'http://127.0.0.1:1', 'https://127.0.0.1'])(
    'of another origin asks nobody: %s',
    async (other) => {
      const { origin, ask, proxy } = await start()
      const headers = {
        Origin: other.replace('https://127.0.0.1', `https://127.0.0.1:${proxy.port}`),
      }
      expect((await ask(LIGHT, { method: 'POST', headers })).status).toBe(403)
      expect(origin.asked).toHaveLength(0)
    },
  )

  it('of the proxy itself may ask, and so may who types an address', async () => {
    const { ask, proxy } = await start()
    const own = { Origin: `http://127.0.0.1:${proxy.port}`, 'Sec-Fetch-Site': 'same-origin' }
    expect((await ask(LIGHT, { method: 'POST', headers: own })).status).toBe(200)
    expect((await ask(LIGHT, { headers: { 'Sec-Fetch-Site': 'none' } })).status).toBe(200)
  })

  it('of the proxy itself is of its scheme as well', async () => {
    const authority = createAuthority('root')
    const { proxy } = await start(undefined, { tls: authority.issue('localhost') })
    const statusFor = async (scheme: string): Promise<number | undefined> => {
      const headers = { Origin: `${scheme}://127.0.0.1:${proxy.port}` }
      const options = { ca: authority.ca, agent: false, headers }
      const sent = httpsRequest(`${proxy.url}${LIGHT}`, options).end()
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      response.resume()
      return response.statusCode
    }
    expect(await statusFor('https')).toBe(200)
    expect(await statusFor('http')).toBe(403)
  })

  it('that had its own name lead to the proxy asks nobody: 421', async () => {
    const { origin, ask } = await start()
    for (const host of ['page.example', 'localhost.page.example:80', '127.0.0.1.page.example']) {
      expect((await ask(LIGHT, { headers: { Host: host } })).status).toBe(421)
    }
    expect(origin.asked).toHaveLength(0)
  })

  // Browsers mark no GET that goes to these, and each leads to the loopback.
  it.each(['0.0.0.0', '[::]', '[::ffff:7f00:1]'])(
    'that goes round the marks of its browser by another address asks nobody: %s',
    async (host) => {
      const { ask } = await start()
      expect((await ask(LIGHT, { headers: { Host: host } })).status).toBe(421)
    },
  )

  it.each(['127.0.0.1', '127.0.0.1:1', 'localhost', 'LocalHost:80', 'hc.example', '[2001:db8::1]'])(
    'or whoever else may know the proxy as %s',
    async (host) => {
      const { ask } = await start(undefined, { names: ['HC.example', '2001:db8::1'] })
      expect((await ask(LIGHT, { headers: { Host: host } })).status).toBe(200)
    },
  )

  it('or whoever else may know the proxy by its address of IPv6', async () => {
    const { proxy } = await start(undefined, { host: '::1' })
    expect((await fetch(`${proxy.url}${LIGHT}`)).status).toBe(200)
  })

  it('of any site may ask where it is left to who is authorized', async () => {
    const { ask } = await start(undefined, {
      otherSites: true,
      authorize: ({ headers }) => headers.authorization === 'Bearer x',
    })
    const headers = { Origin: PAGE, 'Sec-Fetch-Site': 'cross-site', Host: 'hc.example' }
    expect((await ask(LIGHT, { headers })).status).toBe(403)
    const authorized = { ...headers, Authorization: 'Bearer x' }
    expect((await ask(LIGHT, { headers: authorized })).status).toBe(200)
  })

  it('is refused before anybody is asked whether it is authorized', async () => {
    const { proxy } = await start(undefined, {
      authorize: () => {
        throw new Error('asked')
      },
    })
    const headers = { Origin: PAGE }
    expect((await askHttp(proxy.port, '/.well-known/core', { headers })).status).toBe(403)
    expect((await askHttp(proxy.port, `/hc/${LIGHT}`, { headers })).status).toBe(403)
  })
})
