// SPDX-License-Identifier: Apache-2.0
/** The promise of delivery over a NATS server that is stopped and started, and whose connections break. */
import { expect, it, onTestFinished } from 'vitest'
import { natsTransport } from '@waxwing/nats'
import { natsAvailable, requireOrSkip, startNats, startProxy } from '@waxwing/testkit'
import { runOutages, SHORT_OUTAGES } from '@waxwing/testkit/outages'

requireOrSkip('nats-server', natsAvailable())('Outages of NATS', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'lose nothing that was published, and bring nothing again (%s)',
    async (signal) => {
      const server = await startNats()
      const proxy = await startProxy(server.port)
      onTestFinished(async () => {
        await proxy.close()
        await server.close()
      })
      const url = `nats://127.0.0.1:${proxy.port}`
      const report = await runOutages(
        {
          open: (name) => natsTransport({ url, name, reconnectMinMs: 50, ackWaitMs: 3_000 }),
          cut: proxy.cut,
          stop: () => server.stop(signal),
          start: () => server.start(),
        },
        SHORT_OUTAGES,
      )
      expect(report.problems).toEqual([])
      expect(report.published + report.uncertain).toBe(SHORT_OUTAGES.messages + 2)
    },
    90_000,
  )
})
