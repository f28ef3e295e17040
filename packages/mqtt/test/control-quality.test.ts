// SPDX-License-Identifier: Apache-2.0
/** With which quality of service control messages travel, as brokers see it. */
import { connectAsync } from 'mqtt'
import type { Packet } from 'mqtt-packet'
import { describe, expect, it, onTestFinished } from 'vitest'
import { inboxAddress, requestAddress, trustAddress, type Transport } from '@waxwing/core'
import { mqttTransport, mqttTransportOver } from '@waxwing/mqtt'
import {
  MessageLog,
  mosquittoAvailable,
  requireOrSkip,
  startAedes,
  startMosquitto,
} from '@waxwing/testkit'
import { friendly, startScriptedBroker } from './scripted-broker.js'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())
const BYTES = Uint8Array.of(1)
const ID = Uint8Array.of(1, 2, 3)
const CONTROL = [requestAddress(ID), inboxAddress(ID), trustAddress(ID)] as const
const INBOX = inboxAddress(ID)
const handler = new MessageLog().acknowledge

type Version = 4 | 5
type Open = (url: string, qos: 0 | 1 | 2, protocolVersion: Version) => Promise<Transport>

/** Over connections of its own, and over a client that the application lends. */
const kinds: readonly [name: string, open: Open][] = [
  [
    'a transport of its own',
    async (url, qos, protocolVersion) => ending(mqttTransport({ url, qos, protocolVersion })),
  ],
  [
    'a lent client',
    async (url, qos, protocolVersion) => {
      const client = await connectAsync(url, { protocolVersion })
      onTestFinished(() => void client.end(true))
      return ending(mqttTransportOver(client, { qos }))
    },
  ],
]

function ending(transport: Transport): Transport {
  onTestFinished(() => transport.close())
  return transport
}

describe.each(kinds)('control messages over %s', (_, open) => {
  it.each([
    [0, 1],
    [1, 1],
    [2, 2],
  ] as const)('opened with QoS %i have QoS %i, and data the former', async (qos, wanted) => {
    for (const protocolVersion of [4, 5] as const) {
      const broker = await startScriptedBroker(protocolVersion, friendly)
      const transport = await open(broker.url, qos, protocolVersion)
      for (const address of ['data', ...CONTROL]) {
        await transport.subscribe(`${address}/#`, handler)
        await transport.send(address, BYTES)
      }
      const packets = broker.received.map(({ packet }) => packet)
      for (const address of CONTROL) {
        expect(qosOf(packets, address)).toEqual({ subscribed: wanted, published: wanted })
      }
      expect(qosOf(packets, 'data')).toEqual({ subscribed: qos, published: qos })
    }
  })

  it('have QoS 1 where a single send asks for less', async () => {
    const broker = await startScriptedBroker(5, friendly)
    const transport = await open(broker.url, 2, 5)
    await transport.send(INBOX, BYTES, { qos: 0 } as object)
    const packets = broker.received.map(({ packet }) => packet)
    expect(qosOf(packets, INBOX)).toMatchObject({ published: 1 })
  })

  it('have QoS 1 with the embedded broker', async () => {
    const { broker, url, close } = await startAedes()
    onTestFinished(close)
    const seen: unknown[] = []
    broker.on('subscribe', (made) => seen.push(...made.map(({ topic, qos }) => [topic, qos])))
    broker.on('publish', ({ topic, qos }, client) => {
      if (client !== null) seen.push([topic, qos])
    })
    const transport = await open(url, 0, 4)
    await transport.subscribe(INBOX, handler)
    await transport.subscribe('data', handler)
    await transport.send(INBOX, BYTES)
    await transport.send('data', BYTES)
    await transport.send(INBOX, BYTES) // answered, so what went before it has come
    const expected = [
      [INBOX, 1],
      ['data', 0],
    ]
    expect(seen).toEqual(expect.arrayContaining(expected))
    expect(seen).not.toContainEqual([INBOX, 0])
  })
})

describeWithMosquitto('control messages', () => {
  it.each(kinds)('have QoS 1 with Mosquitto over %s', async (_, open) => {
    const broker = await startMosquitto()
    onTestFinished(() => broker.close())
    for (const protocolVersion of [4, 5] as const) {
      const transport = await open(broker.url, 0, protocolVersion)
      await transport.subscribe(`${INBOX}/#`, handler)
      await transport.send(INBOX, BYTES)
    }
    const subscribed = [...broker.log().matchAll(/\t(\S+) \(QoS (\d)\)/g)]
    expect(subscribed.map(([, filter, qos]) => [filter, qos])).toEqual([
      [`${INBOX}/#`, '1'],
      [`${INBOX}/#`, '1'],
    ])
    const published = [...broker.log().matchAll(/Received PUBLISH from .* q(\d), .*'(.*)'/g)]
    expect(published.map(([, qos, topic]) => [topic, qos])).toEqual([
      [INBOX, '1'],
      [INBOX, '1'],
    ])
  })
})

describe('a broker that grants less', () => {
  it('to a control address is reported, though data were opened with QoS 0', async () => {
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd !== 'subscribe') friendly(packet, peer)
      else peer.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [0] })
    })
    const errors: unknown[] = []
    const transport = ending(mqttTransport({ url: broker.url, qos: 0 }))
    transport.onStatus((status) => void (status.state === 'error' && errors.push(status.error)))
    await transport.subscribe('data', handler)
    expect(errors).toEqual([])
    await transport.subscribe(INBOX, handler)
    expect(errors).toHaveLength(1)
    expect(String(errors[0])).toMatch(/QoS 0 .* asked for 1/)
  })
})

/** With what QoS an address was published to and a filter for everything below it subscribed to. */
function qosOf(
  packets: readonly Packet[],
  address: string,
): { subscribed: unknown; published: unknown } {
  let [subscribed, published]: unknown[] = []
  for (const packet of packets) {
    if (packet.cmd === 'publish' && packet.topic === address) published = packet.qos
    if (packet.cmd !== 'subscribe') continue
    for (const { topic, qos } of packet.subscriptions) {
      if (topic === `${address}/#`) subscribed = qos
    }
  }
  return { subscribed, published }
}
