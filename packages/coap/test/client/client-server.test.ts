// SPDX-License-Identifier: Apache-2.0
import { getRandomValues } from 'node:crypto'
import { WaxwingError } from '@waxwing/core'
import { afterEach, describe, expect, it } from 'vitest'
import { coapClient, type CoapClient, type CoapClientOptions } from '../../src/client/client.js'
import { RESPONSE } from '../../src/codes.js'
import type { Handler } from '../../src/handler.js'
import { Changes, resources } from '../../src/resources/index.js'
import { coapServer, type CoapServer } from '../../src/server.js'

const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]()
})

async function serve(handler: Handler): Promise<CoapServer> {
  const server = await coapServer({ handler, host: '127.0.0.1', port: 0 })
  open.push(server)
  return server
}

function client(options?: CoapClientOptions): CoapClient {
  const made = coapClient(options)
  open.push(made)
  return made
}

function randomBody(size: number): Uint8Array {
  const body = new Uint8Array(size)
  for (let at = 0; at < size; at += 65_536) getRandomValues(body.subarray(at, at + 65_536))
  return body
}

/** A store of one body. */
function holding(changes = new Changes()): Handler {
  let body = new Uint8Array(0)
  return resources({
    body: {
      get: () => ({ payload: body }),
      put: ({ payload }) => {
        body = payload.slice()
        changes.changed()
      },
      changes,
    },
  })
}

describe('client and server over UDP', () => {
  it('speak with each other, by address and by name', async () => {
    const server = await serve(
      resources({ temperature: { get: ({ options }) => ({ payload: `${options.length}` }) } }),
    )
    const response = await client().get(`${server.uri}temperature`)
    expect(response.codeName).toBe('2.05')
    expect(response.text()).toBe('1')
    const named = client({ lookup: async () => '127.0.0.1' })
    const uri = `coap://sensor.example:${server.address.port}/temperature`
    expect((await named.get(uri)).text()).toBe('2')
  })

  it('speak with each other by the URI of a server that listens on all addresses', async () => {
    for (const host of ['0.0.0.0', '::']) {
      const handler = resources({ a: { get: () => undefined } })
      const server = await coapServer({ handler, host, port: 0 })
      open.push(server)
      expect((await client().get(`${server.uri}a`)).codeName).toBe('2.05')
    }
  })

  it('are refused a handler that is none', async () => {
    const handler = { a: {} } as never
    await expect(coapServer({ handler, port: 0 })).rejects.toThrow('handler must be a function')
  })

  it.each([64, 100, 300, 1_000, 1_151])(
    'carry bodies in messages of at most %i bytes, without being told the size of blocks',
    async (maxMessageBytes) => {
      const limits = { maxMessageBytes }
      const handler = holding()
      const server = await coapServer({ handler, host: '127.0.0.1', port: 0, limits })
      open.push(server)
      for (const size of [maxMessageBytes, 3_000]) {
        const body = randomBody(size)
        const { put, get } = await asked(client({ limits }), `${server.uri}body`, body)
        expect([put.codeName, get.codeName]).toEqual(['2.04', '2.05'])
        expect(Buffer.compare(get.payload, body)).toBe(0)
      }
    },
  )

  it('carry a mebibyte both ways, the same', async () => {
    const server = await serve(holding())
    const body = randomBody(1024 * 1024)
    const { put, get } = await asked(client(), `${server.uri}body`, body)
    expect(put.codeName).toBe('2.04')
    expect(get.payload.length).toBe(body.length)
    expect(Buffer.compare(get.payload, body)).toBe(0)
  })

  it('discover what there is', async () => {
    const server = await serve(
      resources({
        a: { get: () => undefined, attributes: { rt: 'sensor' } },
        b: { get: () => undefined, attributes: { rt: 'lamp' } },
      }),
    )
    const links = await client().discover(server.uri)
    expect(links.map(({ href }) => href)).toEqual(['/a', '/b'])
    const some = await client().discover(server.uri, { rt: 'lamp' })
    expect(some.map(({ href }) => href)).toEqual(['/b'])
  })

  it('take error codes as responses, and refuse what is no URI', async () => {
    const server = await serve(resources({ a: { get: () => ({ code: RESPONSE.forbidden }) } }))
    expect((await client().get(`${server.uri}a`)).codeName).toBe('4.03')
    await expect(client().get('coaps://x/')).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_UNSUPPORTED' }),
    )
    await expect(client().get('nothing')).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }),
    )
  })

  it('end what is under way when the client is closed or the signal aborted', async () => {
    const server = await serve(
      resources({ never: { get: () => new Promise<undefined>(() => {}) } }),
    )
    const aborting = new AbortController()
    const uri = `${server.uri}never`
    const one = client()
    const aborted = one.get(uri, { signal: aborting.signal })
    const closed = one.get(uri)
    const reason = new Error('enough')
    aborting.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    await one.close()
    await expect(closed).rejects.toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
    await expect(one.get(uri)).rejects.toThrow(WaxwingError)
  })

  it('observe, also what comes in blocks', async () => {
    const server = await serve(holding())
    const uri = `${server.uri}body`
    const one = client()
    const bodies = [randomBody(10), randomBody(5_000), randomBody(20_000)]
    const seen: Uint8Array[] = []
    for await (const { payload } of one.observe(uri)) {
      seen.push(payload)
      const body = bodies[seen.length - 1]
      if (body === undefined) break
      await one.put(uri, body)
    }
    expect(seen.slice(1).map((body) => Buffer.from(body).toString('hex'))).toEqual(
      bodies.map((body) => Buffer.from(body).toString('hex')),
    )
  })
})

async function asked(
  one: CoapClient,
  uri: string,
  body: Uint8Array,
): Promise<Record<'put' | 'get', Awaited<ReturnType<CoapClient['get']>>>> {
  return { put: await one.put(uri, body), get: await one.get(uri) }
}
