// SPDX-License-Identifier: Apache-2.0
/** RabbitMQ stops and connections break, again and again; nothing that was published is lost or comes twice. */
import { expect, it, onTestFinished } from 'vitest'
import { amqpTransport } from '@waxwing/amqp'
import { ProxiedEndpoints } from '@waxwing/testkit'
import { runOutages, SHORT_OUTAGES } from '@waxwing/testkit/outages'
import type { Broker } from './stage.js'

export function describeOutages(broker: Broker): void {
  it('keeps the promise of delivery through outages', { timeout: 240_000 }, async () => {
    const endpoints = new ProxiedEndpoints(broker().port, (port, name = 'nobody') =>
      amqpTransport({
        url: `amqp://127.0.0.1:${port}`,
        name,
        reconnectMinMs: 20,
        reconnectMaxMs: 200,
      }),
    )
    onTestFinished(() => endpoints.close())
    const net = {
      open: endpoints.open,
      cut: endpoints.interrupt,
      stop: () => broker().leave(),
      start: () => broker().comeBack(),
    }
    const report = await runOutages(net, SHORT_OUTAGES)
    expect(report.problems).toEqual([])
    expect(report.published + report.uncertain).toBe(SHORT_OUTAGES.messages + 2)
  })
}
