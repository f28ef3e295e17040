// SPDX-License-Identifier: Apache-2.0
/** The contract over the broker in memory, with each kind of history. */
import { memoryBroker, memoryTransport, type MemoryTransport } from '@waxwing/client/testing'
import { describeTransport, type TransportFixture } from '@waxwing/testkit'

const RECEIVE_MAXIMUM = 64

for (const history of ['all', 'newest'] as const) {
  const broker = memoryBroker({ history, deadLetters: true })
  const opened = new Set<MemoryTransport>()
  const fixture: TransportFixture = {
    maxUnacknowledged: RECEIVE_MAXIMUM,
    open(session) {
      const clientId = session === undefined ? {} : { clientId: session }
      const transport = memoryTransport(broker, { receiveMaximum: RECEIVE_MAXIMUM, ...clientId })
      opened.add(transport)
      const close = transport.close.bind(transport)
      transport.close = () => {
        opened.delete(transport)
        return close()
      }
      return transport
    },
    interrupt() {
      for (const transport of opened) transport.disconnect()
      for (const transport of opened) transport.reconnect()
    },
    vanish: (transport) => (transport as MemoryTransport).disconnect(),
    deadLetters: async () =>
      broker.rejected.map(({ message, reason }) => ({ payload: message.payload, reason })),
  }
  describeTransport(`memory: history of ${history}`, async () => fixture, {
    restart: 'a broker in memory is never away',
    'bound-acknowledgement':
      'the broker in memory knows its message whatever the connection: a late acknowledgement settles it',
  })
}
