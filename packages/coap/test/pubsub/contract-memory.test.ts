/** The contract over a broker in memory, in both ways of delivery. */
import { describeTransport } from '@waxwing/testkit'
import { FEATURES } from './features.js'
import { MemoryBroker } from './memory-broker.js'
import { IMPATIENT, Opened } from './opened.js'

for (const delivery of ['newest', 'every'] as const) {
  const broker = new MemoryBroker()
  const options = { url: 'coap://127.0.0.1', network: broker.handler, delivery, ...IMPATIENT }
  const opened = new Opened()
  describeTransport(
    `coap: ${delivery}, over a broker in memory`,
    () =>
      Promise.resolve({
        open: () => opened.open(options),
        async interrupt() {
          broker.leave()
          await opened.noticed()
          broker.comeBack()
        },
      }),
    FEATURES[delivery],
  )
}
