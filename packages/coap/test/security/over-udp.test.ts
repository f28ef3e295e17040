// SPDX-License-Identifier: Apache-2.0
import { memoryStore } from '@waxwing/client'
import { nodeProvider as crypto } from '@waxwing/core/node'
import { startLossyRelay } from '@waxwing/testkit'
import { describe, expect, it } from 'vitest'
import { coapClient, type CoapClient } from '../../src/client/client.js'
import type { Handler } from '../../src/handler.js'
import type { TransmissionParameters } from '../../src/messaging/index.js'
import { type CoapServer, coapServer } from '../../src/server.js'
import {
  type CoapSecurity,
  openCoapSecurity,
  ownEdhocCredential,
} from '../../src/security/index.js'
import { CHANGED, CONTENT, EMPTY, messageOf, POST } from './world.js'

const HOST = '127.0.0.1'
const FAST: Partial<TransmissionParameters> = {
  ackTimeoutMs: 60,
  ackDelayMs: 20,
  maxRetransmit: 12,
  ackRandomFactor: 1.2,
}

interface Ends extends AsyncDisposable {
  readonly client: CoapClient
  readonly server: CoapServer
  readonly uri: string
  restartServer(): Promise<void>
}

interface EndsOptions {
  readonly handler: Handler
  readonly transmission?: Partial<TransmissionParameters>
  /** What stands between; returns the port to ask. */
  readonly between?: (port: number) => Promise<number>
}

/** A client and a server on loopback with keys by EDHOC. */
async function endsOf({ handler, transmission = {}, between }: EndsOptions): Promise<Ends> {
  const stores = [memoryStore(), memoryStore()] as const
  const [desk, lamp] = await Promise.all(
    stores.map((store) => ownEdhocCredential({ store, crypto })),
  )
  const openServer = (): Promise<CoapSecurity> => {
    const peers = [{ name: 'desk', credential: desk!.credential.encoded }]
    return openCoapSecurity({ store: stores[1], crypto, edhoc: { own: lamp!, peers } })
  }
  let current = (await openServer()).protect(handler)
  const server = await coapServer({
    host: HOST,
    port: 0,
    transmission,
    handler: (request) => current(request),
  })
  const port = (await between?.(server.address.port)) ?? server.address.port
  const authorities = [`${HOST}:${port}`]
  const peers = [{ name: 'lamp', credential: lamp!.credential.encoded, authorities }]
  const security = await openCoapSecurity({
    store: stores[0],
    crypto,
    edhoc: { own: desk!, peers },
  })
  const client = coapClient({ security, transmission })
  return {
    client,
    server,
    uri: `coap://${HOST}:${port}`,
    restartServer: async () => {
      current = (await openServer()).protect(handler)
    },
    async [Symbol.asyncDispose]() {
      await client.close()
      await server.close()
    },
  }
}

/** Keeps what is put, and gives it back. */
function keeper(): { readonly handler: Handler; readonly kept: () => Uint8Array } {
  let kept = EMPTY
  return {
    kept: () => kept,
    handler: ({ code, payload }) => {
      if (code !== 3) return Promise.resolve({ ...messageOf(CONTENT), payload: kept })
      kept = payload.slice()
      return Promise.resolve(messageOf(CHANGED))
    },
  }
}

describe('over UDP', () => {
  it('large bodies go both ways, protected block by block', async () => {
    const { handler, kept } = keeper()
    await using ends = await endsOf({ handler })
    const body = Uint8Array.from({ length: 50_000 }, (_, i) => (i * 7919) >> 3)
    const response = await ends.client.put(`${ends.uri}/body`, body)
    expect(response.codeName).toBe('2.04')
    expect(kept()).toEqual(body)
    expect((await ends.client.get(`${ends.uri}/body`)).payload).toEqual(body)
  })

  it('a server that starts again is reached as if nothing had been', async () => {
    const { handler } = keeper()
    await using ends = await endsOf({ handler })
    await ends.client.put(`${ends.uri}/body`, 'a')
    for (let i = 0; i < 3; i++) {
      await ends.restartServer()
      expect((await ends.client.get(`${ends.uri}/body`)).text()).toBe('a')
    }
  })

  it('observations go on, protected', async () => {
    let tell: ((text: string) => void) | undefined
    const observe = { number: 6, value: EMPTY }
    await using ends = await endsOf({
      handler: () =>
        Promise.resolve({
          ...messageOf(CONTENT, [observe], '0'),
          notifications: (listener) => {
            tell = (text) => void listener.next(messageOf(CONTENT, [observe], text))
          },
        }),
    })
    const texts: string[] = []
    for await (const state of ends.client.observe(`${ends.uri}/state`)) {
      texts.push(state.text())
      if (texts.length === 4) break
      await expect.poll(() => tell).toBeDefined()
      tell!(`${texts.length}`)
    }
    expect(texts).toEqual(['0', '1', '2', '3'])
  })

  it('nothing is done twice where a fifth of all is lost, repeated and overtaken', async () => {
    let [relay, done] = [undefined as Awaited<ReturnType<typeof startLossyRelay>> | undefined, 0]
    await using ends = await endsOf({
      handler: ({ code, payload }) => {
        if (code === POST) done++ // keys may be proven by a GET of nothing
        return Promise.resolve({ ...messageOf(CHANGED), payload })
      },
      transmission: { ...FAST, nstart: 4 },
      between: async (targetPort) => {
        relay = await startLossyRelay({
          targetPort,
          seed: 7,
          loss: 0.2,
          duplication: 0.2,
          reordering: 0.2,
        })
        return relay.port
      },
    })
    const asking = Array.from({ length: 60 }, (_, i) =>
      ends.client.post(`${ends.uri}/count`, `${i}`),
    )
    const responses = await Promise.all(asking)
    expect(responses.map((response) => response.text())).toEqual(
      Array.from({ length: 60 }, (_, i) => `${i}`),
    )
    expect(done).toBe(60)
    await relay!.close()
  })
})
