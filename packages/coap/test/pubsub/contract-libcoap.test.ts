/** The contract over libcoap's server as a broker, through a relay that can be severed. */
import { afterAll, beforeAll } from 'vitest'
import {
  describeTransport,
  libcoapAvailable,
  requireOrSkip,
  startCoapServer,
  startLossyRelay,
  type LibcoapServer,
  type LossyRelay,
} from '@waxwing/testkit'
import { FEATURES } from './features.js'
import { IMPATIENT, Opened } from './opened.js'

const describeWithLibcoap = requireOrSkip('libcoap', libcoapAvailable())

for (const delivery of ['newest', 'every'] as const) {
  describeWithLibcoap(`libcoap, ${delivery}`, () => describeDelivery(delivery))
}

function describeDelivery(delivery: 'newest' | 'every'): void {
  let broker: LibcoapServer
  let relay: LossyRelay
  beforeAll(async () => {
    broker = await startCoapServer({ dynamicResources: 10_000 })
    relay = await startLossyRelay({ targetPort: broker.port })
  })
  afterAll(async () => {
    await relay.close()
    await broker.close()
  })

  const opened = new Opened()
  describeTransport(
    `coap: ${delivery}, over libcoap`,
    () =>
      Promise.resolve({
        open: () => opened.open({ url: `coap://127.0.0.1:${relay.port}`, delivery, ...IMPATIENT }),
        async interrupt() {
          relay.sever()
          await opened.noticed()
          relay.heal()
        },
      }),
    FEATURES[delivery],
  )
}
