// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { libcoapAvailable, requireOrSkip, runCoapClient, startCoapServer } from '@waxwing/testkit'
import { expect, it, onTestFinished } from 'vitest'
import type { BlockSize } from '../../src/blockwise/index.js'
import { coapClient, type CoapClient, type CoapClientOptions } from '../../src/client/client.js'
import { resources } from '../../src/resources/index.js'
import { coapServer, type CoapServer } from '../../src/server.js'

const describeWithLibcoap = requireOrSkip('libcoap', libcoapAvailable())

/** 64 KiB that no block of which is like another. */
const BODY = randomBytes(65_536)

interface Store {
  readonly server: CoapServer
  readonly bodies: Uint8Array[]
}

/** Takes bodies, and gives the last one. */
async function startStore(): Promise<Store> {
  const bodies: Uint8Array[] = []
  const take = ({ payload }: { readonly payload: Uint8Array }): void => void bodies.push(payload)
  const server = await coapServer({
    host: '127.0.0.1',
    port: 0,
    handler: resources({
      body: {
        get: () => ({ payload: bodies.at(-1) ?? BODY }),
        put: take,
        post: ({ payload }) => {
          take({ payload })
          return { payload }
        },
        fetch: ({ payload }) => ({ payload: Buffer.concat([payload, BODY]) }),
        attributes: { rt: 'body' },
      },
    }),
  })
  onTestFinished(() => server.close())
  return { server, bodies }
}

function fileOf(body: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-body-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'body')
  writeFileSync(file, body)
  return file
}

function client(options: CoapClientOptions = {}): CoapClient {
  const made = coapClient(options)
  onTestFinished(() => made.close())
  return made
}

function expectSame(bytes: Uint8Array | undefined, expected: Uint8Array): void {
  expect(bytes?.length).toBe(expected.length)
  expect(Buffer.compare(bytes ?? Buffer.alloc(0), expected)).toBe(0)
}

/** The client ends what it prints with a line feed. */
function expectPrinted(output: Uint8Array, expected: Uint8Array): void {
  expectSame(output, Buffer.concat([expected, Buffer.from('\n')]))
}

describeWithLibcoap('block-wise transfer with libcoap', () => {
  it.each(['64', '1024'])('its client puts and gets a body in blocks of %s', async (size) => {
    const { server, bodies } = await startStore()
    const uri = `${server.uri}body`
    const put = await runCoapClient(['-b', size, '-m', 'put', '-f', fileOf(BODY), uri])
    expect(put.errors).toBe('')
    expect(bodies).toHaveLength(1)
    expectSame(bodies[0], BODY)
    const got = await runCoapClient(['-b', size, '-m', 'get', uri])
    expectPrinted(got.output, BODY)
  })

  it('its client posts a body, and gets it in the response, without a second execution', async () => {
    const { server, bodies } = await startStore()
    const uri = `${server.uri}body`
    const { output } = await runCoapClient(['-b', '256', '-m', 'post', '-f', fileOf(BODY), uri])
    expect(bodies).toHaveLength(1)
    expectPrinted(output, BODY)
  })

  it('its client fetches', async () => {
    const { server } = await startStore()
    const { output } = await runCoapClient(['-m', 'fetch', '-e', 'what', `${server.uri}body`])
    expectPrinted(output, Buffer.concat([Buffer.from('what'), BODY]))
  })

  it('its client discovers', async () => {
    const { server } = await startStore()
    const { text } = await runCoapClient(['-m', 'get', `${server.uri}.well-known/core?rt=body`])
    expect(text).toBe('</body>;rt="body"')
  })

  it.each([64, 1024] as const)(
    'its server takes a body in blocks of %i, gives it back and lists it',
    async (blockSize: BlockSize) => {
      const server = await startCoapServer({ dynamicResources: 10 })
      onTestFinished(() => server.close())
      const one = client({ blockSize })
      expect((await one.put(`${server.url}/body`, BODY)).codeName).toBe('2.01')
      expectSame((await one.get(`${server.url}/body`)).payload, BODY)
      const links = await one.discover(server.url, { href: '/bo*' })
      expect(links.map(({ href }) => href)).toEqual(['/body'])
    },
  )

  it('its server tells of large states, and of one after the other', async () => {
    const server = await startCoapServer({ dynamicResources: 10 })
    onTestFinished(() => server.close())
    const one = client()
    const uri = `${server.url}/state`
    const states = [1_000, 3_000, 70_000, 10].map((size) => randomBytes(size))
    await one.put(uri, states[0] ?? BODY)
    let count = 0
    for await (const { payload } of one.observe(uri)) {
      expectSame(payload, states[count++] ?? BODY)
      const next = states[count]
      if (next === undefined) break
      await one.put(uri, next)
    }
    expect(count).toBe(states.length)
  })
})
