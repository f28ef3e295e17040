// SPDX-License-Identifier: Apache-2.0
/** What is special to AMQP 0-9-1, over one RabbitMQ. */
import { afterAll, beforeAll } from 'vitest'
import { rabbitmqAvailable, requireOrSkip, startRabbitmq, type Rabbitmq } from '@waxwing/testkit'
import { describeConnections } from './connections.js'
import { describeDeadLetters } from './dead-letters.js'
import { describeExchanges } from './exchanges.js'
import { describeHostile } from './hostile.js'
import { describeMqttPlugin } from './mqtt-plugin.js'
import { describeQueues } from './queues.js'
import { describeRights, RESTRICTED, RIGHTS } from './rights.js'
import { describeStoriesByQueue } from './stories.js'
import { describeStreams } from './streams.js'

const describeWithRabbitmq = requireOrSkip('rabbitmq', rabbitmqAvailable())

describeWithRabbitmq('AMQP 0-9-1', () => {
  let rabbitmq: Rabbitmq
  const broker = (): Rabbitmq => rabbitmq

  beforeAll(async () => {
    rabbitmq = await startRabbitmq({
      plugins: ['rabbitmq_mqtt'],
      users: { guest: 'guest', [RESTRICTED]: RESTRICTED },
      rights: RIGHTS,
    })
  })

  afterAll(() => rabbitmq.close())

  describeConnections(broker)
  describeExchanges(broker)
  describeQueues(broker)
  describeRights(broker)
  describeDeadLetters(broker)
  describeStreams(broker)
  describeHostile(broker)
  describeMqttPlugin(broker)
  describeStoriesByQueue(broker)
})
