/** The stories over the memory broker. */
import { memoryBroker, memoryTransport } from '@waxwing/client/testing'
import { describeStories } from '@waxwing/testkit/stories'

describeStories('the memory broker', async () => {
  const broker = memoryBroker()
  return {
    transport: async (clientId) => memoryTransport(broker, { clientId }),
    carried: () => broker.carried,
    close: async () => {
      await broker.idle()
    },
  }
})
