// SPDX-License-Identifier: Apache-2.0
/** The driver of outages over the broker in memory: that it sees what it is there to see. */
import { describe, expect, it } from 'vitest'
import { memoryBroker, memoryTransport, type MemoryTransport } from '@waxwing/client/testing'
import { runOutages, type OutageNet, type OutagePlan } from '@waxwing/testkit/outages'

const PLAN: OutagePlan = { messages: 200, stops: 2, cuts: 4, patienceMs: 500 }

describe('outages', () => {
  it('are no problem where nothing is lost', async () => {
    const report = await runOutages(memoryNet(), PLAN)
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ published: 202, different: 202, stops: 3, cuts: 4 })
  })

  it('show a message that was taken and is lost', async () => {
    let count = 0
    const report = await runOutages(
      memoryNet((transport) => {
        const send = transport.send.bind(transport)
        transport.send = async (address, ...rest) => {
          if (address.startsWith('outages/') && ++count === 100) return
          await send(address, ...rest)
        }
      }),
      PLAN,
    )
    expect(report.problems).toEqual([
      expect.stringMatching(/^'message \d+' was published and is lost$/),
    ])
  })

  it('are refused where there are more of them than messages', async () => {
    await expect(runOutages(memoryNet(), { ...PLAN, messages: 20 })).rejects.toThrow(RangeError)
  })
})

function memoryNet(change: (transport: MemoryTransport) => void = () => undefined): OutageNet {
  const broker = memoryBroker()
  const transports: MemoryTransport[] = []
  const leave = (): void => transports.forEach((transport) => transport.disconnect())
  const comeBack = (): void => transports.forEach((transport) => transport.reconnect())
  return {
    open(clientId) {
      const transport = memoryTransport(broker, { clientId })
      change(transport)
      transports.push(transport)
      return transport
    },
    cut() {
      leave()
      comeBack()
    },
    stop: async () => leave(),
    start: async () => comeBack(),
  }
}
