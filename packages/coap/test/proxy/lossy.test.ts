// SPDX-License-Identifier: Apache-2.0
/** Our forward proxy where both hops lose, repeat and reorder. */
import { WaxwingError } from '@waxwing/core'
import { startLossyRelay } from '@waxwing/testkit'
import { expect, it, onTestFinished } from 'vitest'
import {
  blockwiseClient,
  type CoapClient,
  coapClient,
  coapServer,
  forwardProxy,
  type Handler,
  openUdpEndpoint,
  resources,
} from '../../src/index.js'
import { edhocEnds, type Ends, presharedEnds } from './ends.js'

const TRANSMISSION = {
  ackTimeoutMs: 20,
  ackDelayMs: 10,
  responseTimeoutMs: 1_500,
  maxRetransmit: 6,
  nstart: 8,
}
const REQUESTS = 60
const AT_ONCE = 30

interface LossyWay {
  readonly client: CoapClient
  readonly uri: string
}

async function relayed(targetPort: number, seed: number): Promise<number> {
  const share = { loss: 0.2, duplication: 0.2, reordering: 0.2, delayMs: 60 }
  const relay = await startLossyRelay({ targetPort, seed, ...share })
  onTestFinished(() => relay.close())
  return relay.port
}

async function listen(handler: Handler, seed: number): Promise<number> {
  const options = { host: '127.0.0.1', port: 0, transmission: TRANSMISSION }
  const server = await coapServer({ handler, ...options })
  onTestFinished(() => server.close())
  return relayed(server.address.port, seed)
}

async function lossyWay(handler: Handler, ends?: Ends): Promise<LossyWay> {
  const served = ends === undefined ? handler : (await ends.server()).protect(handler)
  const port = await listen(served, 1)
  const upstream = await openUdpEndpoint({ host: '127.0.0.1', transmission: TRANSMISSION })
  onTestFinished(() => upstream.close())
  const network = blockwiseClient()(upstream.network)
  const proxyPort = await listen(forwardProxy({ network, allow: ['127.0.0.1'] }), 2)
  const security = await ends?.client(`127.0.0.1:${port}`)
  const client = coapClient({
    proxy: `coap://127.0.0.1:${proxyPort}`,
    transmission: TRANSMISSION,
    ...(security && { security }),
  })
  onTestFinished(() => client.close())
  return { client, uri: `coap://127.0.0.1:${port}/count` }
}

const ALL: readonly (readonly [string, () => Ends | Promise<Ends> | undefined])[] = [
  ['plain', () => undefined],
  ['protected by a shared secret', presharedEnds],
  ['protected by EDHOC', edhocEnds],
]

it.each(ALL)(
  'a request through a proxy on a bad network is executed once: %s',
  async (_, makeEnds) => {
    const executed = new Map<string, number>()
    const handler = resources({
      count: {
        post: (request) => {
          const text = request.text()
          executed.set(text, (executed.get(text) ?? 0) + 1)
          return { payload: text }
        },
      },
    })
    const { client, uri } = await lossyWay(handler, await makeEnds())
    const ask = async (index: number): Promise<boolean> => {
      const response = await client.post(uri, `request ${index}`)
      if (!response.isSuccess) return false // 5.04, where the second hop took too long
      expect(response.text()).toBe(`request ${index}`)
      return true
    }
    const outcomes: PromiseSettledResult<boolean>[] = []
    while (outcomes.length < REQUESTS) {
      const wave = Array.from({ length: AT_ONCE }, (_one, index) => ask(outcomes.length + index))
      outcomes.push(...(await Promise.allSettled(wave)))
    }
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(WaxwingError)
    }
    const answered = outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value)
    expect([...executed].filter(([, count]) => count !== 1)).toEqual([])
    expect(executed.size).toBeGreaterThanOrEqual(answered.length)
    expect(answered.length).toBeGreaterThan(REQUESTS * 0.8)
  },
  60_000,
)
