// SPDX-License-Identifier: Apache-2.0
/** Every byte from outside is hostile: a broker that sends damaged packets harms nothing. */
import * as fc from 'fast-check'
import { generate, type Packet } from 'mqtt-packet'
import { expect, it, onTestFinished } from 'vitest'
import { mqttTransport } from '@waxwing/mqtt'
import { MessageLog } from '@waxwing/testkit'
import { friendly, startScriptedBroker } from './scripted-broker.js'

const PACKETS: readonly Packet[] = [
  {
    cmd: 'publish',
    topic: 'a/b',
    payload: Buffer.from('payload'),
    qos: 1,
    dup: false,
    retain: false,
    messageId: 7,
    properties: {
      contentType: 'text/plain',
      userProperties: { a: 'b' },
      subscriptionIdentifier: 9,
    },
  },
  { cmd: 'puback', messageId: 1, reasonCode: 0 },
  { cmd: 'pubrel', messageId: 7 },
  { cmd: 'suback', messageId: 1, granted: [1] },
  { cmd: 'disconnect', reasonCode: 142, properties: { reasonString: 'no reason' } },
]

const damaged = fc
  .tuple(
    fc.constantFrom(...PACKETS),
    fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }),
    fc.nat(80),
  )
  .map(([packet, changes, cut]) => {
    const bytes = new Uint8Array(generate(packet, { protocolVersion: 5 }))
    for (const [position, value] of changes) bytes[position % bytes.length] = value
    return cut < 60 ? bytes : bytes.subarray(0, cut % bytes.length)
  })
const nonsense = fc.array(fc.oneof(damaged, fc.uint8Array({ maxLength: 40 })), { maxLength: 8 })

it('survives whatever a broker sends, and works with the next one that behaves', async () => {
  let poison: readonly Uint8Array[] = []
  const broker = await startScriptedBroker(5, (packet, peer) => {
    friendly(packet, peer)
    if (packet.cmd !== 'subscribe') return
    for (const bytes of poison) peer.sendBytes(bytes)
    if (poison.length > 0) setTimeout(() => peer.destroy(), 5)
    poison = []
  })
  const transport = mqttTransport({ url: broker.url, reconnectMinMs: 1, reconnectMaxMs: 5 })
  onTestFinished(() => transport.close())
  const property = fc.asyncProperty(nonsense, async (parts) => {
    poison = parts
    const log = new MessageLog()
    const subscription = await transport.subscribe('waxwing/v1/inbox/x', log.acknowledge)
    await transport.send('a', Uint8Array.of(1))
    await subscription.close()
    expect(poison).toEqual([])
  })
  await fc.assert(property, { numRuns: 150, endOnFailure: true })
})
