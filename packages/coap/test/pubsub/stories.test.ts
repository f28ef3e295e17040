/** The stories over libcoap's server as a broker. */
import { coapTransport } from '@waxwing/coap'
import type { Transport } from '@waxwing/core'
import { libcoapAvailable, requireOrSkip, startCoapServer } from '@waxwing/testkit'
import { describeStories, type Net } from '@waxwing/testkit/stories'

const describeWithLibcoap = requireOrSkip('libcoap', libcoapAvailable())

// Each tells of several messages that follow each other at once, and of what becomes of each.
describeWithLibcoap('libcoap', () => {
  describeStories('libcoap', openNet)
})

/** A broker of its own for each story; what is sent is written down on its way to the broker. */
async function openNet(): Promise<Net> {
  const broker = await startCoapServer({ dynamicResources: 10_000 })
  const carried: { address: string; payload: Uint8Array }[] = []
  return {
    transport: () => {
      const transport = coapTransport({ url: broker.url, delivery: 'every' })
      return Promise.resolve(recording(transport, carried))
    },
    carried: () => carried,
    close: () => broker.close(),
  }
}

function recording(
  transport: Transport,
  carried: { address: string; payload: Uint8Array }[],
): Transport {
  const send = transport.send.bind(transport)
  transport.send = async (address, payload, options) => {
    carried.push({ address, payload: new Uint8Array(payload) })
    await send(address, payload, options)
  }
  return transport
}
