// SPDX-License-Identifier: Apache-2.0
/** The stories over multicast on the loopback interface. */
import { udpTransport } from '@waxwing/udp'
import { describeStories, type Net } from '@waxwing/testkit/stories'
import { loopbackOptions } from './loopback.ts'

describeStories('UDP multicast', openNet)

/** A group of its own for each story, with a neighbour that keeps what is retained. */
async function openNet(): Promise<Net> {
  // Who closes leaves others this long to fetch what is new: enough on a machine that is busy.
  const options = { ...loopbackOptions(), discoveryMs: 2_000, leisureMs: 20 }
  const carried: { address: string; payload: Uint8Array }[] = []
  const neighbour = await udpTransport({ ...options, record: { serve: true } })
  return {
    transport: async () => {
      const transport = await udpTransport(options)
      const send = transport.send.bind(transport)
      transport.send = async (address, payload, how) => {
        carried.push({ address, payload: Uint8Array.from(payload) })
        await send(address, payload, how)
      }
      return transport
    },
    carried: () => carried,
    close: () => neighbour.close(),
  }
}
