// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { memoryBroker, memoryTransport } from '@waxwing/client/testing'
import { mosquittoAvailable, requireOrSkip, startMosquitto } from '@waxwing/testkit'
import { runAnyBytes } from '../src/any-bytes.ts'
import { mosquittoNet } from '../src/mosquitto-net.ts'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())

describe('any bytes on any topic of the memory broker', () => {
  it('leave one event each that says what was wrong', async () => {
    const broker = memoryBroker()
    const net = {
      transport: async (clientId: string) => memoryTransport(broker, { clientId }),
      carried: () => broker.carried,
    }
    const report = await runAnyBytes(net, 2_000, 1)
    expect(report.problems).toEqual([])
    expect(Object.keys(report.events)).toEqual(
      expect.arrayContaining(['malformed', 'not-authentic', 'parked', 'control-refused']),
    )
  }, 60_000)
})

describeWithMosquitto('any bytes on any topic', () => {
  it('leave one event each that says what was wrong', async () => {
    const broker = await startMosquitto()
    const net = await mosquittoNet(broker.url)
    try {
      const report = await runAnyBytes(net, 500, 2)
      expect(report.problems).toEqual([])
    } finally {
      await net.close()
      await broker.close()
    }
  }, 60_000)
})
