// SPDX-License-Identifier: Apache-2.0
/** The queues of a connection that is not there yet. */
import { expect, it } from 'vitest'
import { WaxwingError } from '@waxwing/core'
import { FilterQueues } from '../../src/amqp-0-9-1/filter-queues.js'
import { resolve091 } from '../../src/amqp-0-9-1/options.js'

it('refuses more filters than a connection of RabbitMQ has channels for', async () => {
  const options = resolve091({ url: 'amqp://127.0.0.1' })
  const queues = new FilterQueues({ options, report: () => undefined })
  const results: Promise<unknown>[] = []
  for (let count = 0; count < 2_000; count++) {
    results.push(queues.subscribe(`a/${count}`, () => Promise.resolve()))
  }
  const another = queues.subscribe('a/0', () => Promise.resolve()) // of a filter that is there
  await expect(queues.subscribe('b', () => Promise.resolve())).rejects.toMatchObject({
    code: 'ERR_LIMIT',
    details: { rule: 'filters' },
  })
  queues.stop(new WaxwingError('ERR_CLOSED', 'the test is over'))
  const outcomes = await Promise.allSettled([...results, another])
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
})
