// SPDX-License-Identifier: Apache-2.0
/**
 * The promise of delivery over Mosquitto, which is stopped and started, and whose connections break. It
 * is stopped in order: killed, it has what it saved last, which may be nothing.
 */
import { expect, it, onTestFinished } from 'vitest'
import { mqttTransport } from '@waxwing/mqtt'
import { mosquittoAvailable, requireOrSkip, startMosquitto, startProxy } from '@waxwing/testkit'
import { runOutages, SHORT_OUTAGES, type OutageNet } from '@waxwing/testkit/outages'

requireOrSkip('mosquitto', mosquittoAvailable())('Outages of Mosquitto', () => {
  it('lose nothing that was published, and bring nothing again', async () => {
    const broker = await startMosquitto({ persistence: true })
    const proxy = await startProxy(broker.port)
    onTestFinished(async () => {
      await proxy.close()
      await broker.close()
    })
    const url = `mqtt://127.0.0.1:${proxy.port}`
    const net: OutageNet = {
      open: (clientId) => mqttTransport({ url, clientId, reconnectMinMs: 20, reconnectMaxMs: 200 }),
      cut: proxy.cut,
      stop: () => broker.stop(),
      start: () => broker.start(),
    }
    const report = await runOutages(net, SHORT_OUTAGES)
    expect(report.problems).toEqual([])
    expect(report.published + report.uncertain).toBe(SHORT_OUTAGES.messages + 2)
  }, 90_000)
})
