// SPDX-License-Identifier: Apache-2.0
/** The stories over NATS with JetStream. */
import { connect } from '@nats-io/transport-node'
import { natsTransport } from '@waxwing/nats'
import { natsAvailable, requireOrSkip, startNats } from '@waxwing/testkit'
import { describeStories, type Net } from '@waxwing/testkit/stories'

requireOrSkip('nats-server', natsAvailable())('NATS', () => {
  describeStories('NATS with JetStream', openNet)
})

/** A server of its own for each story, with a client that writes down all that it carries. */
async function openNet(): Promise<Net> {
  const server = await startNats()
  const carried: { address: string; payload: Uint8Array }[] = []
  const witness = await connect({ servers: server.url })
  witness.subscribe('waxwing.>', {
    callback: (_error, { subject, data }) => {
      const address = subject.replace(/^waxwing\.data\./, '').replaceAll('.', '/')
      carried.push({ address, payload: new Uint8Array(data) })
    },
  })
  await witness.flush()
  return {
    transport: async (name) => natsTransport({ url: server.url, name: name.replaceAll(' ', '-') }),
    carried: () => carried,
    close: async () => {
      await witness.close()
      await server.close()
    },
  }
}
