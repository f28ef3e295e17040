// SPDX-License-Identifier: Apache-2.0
/** Inboxes at nodes of the broker's making, and the hints by which others find them. */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { amqpTransport, type AmqpTransport } from '@waxwing/amqp'
import { inboxAddress } from '@waxwing/core'
import {
  MessageLog,
  protonAvailable,
  requireOrSkip,
  startProtonBroker,
  startProxy,
  type CuttingProxy,
  type ProtonBroker,
} from '@waxwing/testkit'
import { Collector, waitForEvent, World } from '@waxwing/testkit/stories'

const inboxFor = (byte: number): string => inboxAddress(new Uint8Array(32).fill(byte))
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

requireOrSkip('proton', protonAvailable())('an inbox at a node of the broker’s making', () => {
  let broker: ProtonBroker
  let proxy: CuttingProxy

  beforeAll(async () => {
    broker = await startProtonBroker()
    proxy = await startProxy(broker.port)
  })
  afterAll(async () => {
    await proxy.close()
    await broker.close()
  })

  const open = (port = broker.port): AmqpTransport => {
    const transport = amqpTransport({
      protocol: '1.0',
      nodes: 'plain',
      inbox: 'dynamic',
      url: `amqp://127.0.0.1:${port}`,
      reconnectMinMs: 10,
    })
    onTestFinished(() => transport.close())
    return transport
  }

  /** Sends to the other side until what it says tells that an answer would reach this node. */
  const ask = async (asker: AmqpTransport, to: string, text: string): Promise<void> =>
    asker.send(to, bytes(text))

  it('gets the answers of those who were asked, past the usual node', async () => {
    const [asker, grantor, thief] = [open(), open(), open()]
    const [asked, answered, stolen] = [new MessageLog(), new MessageLog(), new MessageLog()]
    await asker.subscribe(`${inboxFor(1)}/#`, answered.acknowledge)
    await grantor.subscribe(`${inboxFor(2)}/#`, asked.acknowledge)
    // Shares the usual node, and would get every other message.
    await thief.subscribe(inboxFor(1), stolen.acknowledge)
    await expect
      .poll(async () => {
        await ask(asker, inboxFor(2), 'who?')
        return asked.messages.at(-1)?.properties['waxwing-inbox']
      })
      .toBe(inboxFor(1))
    for (let index = 0; index < 6; index++) await grantor.send(inboxFor(1), bytes(`${index}`))
    await answered.containing(bytes('5'))
    expect(answered.messages).toHaveLength(6)
    expect(answered.messages[0]?.address).toBe(inboxFor(1))
    expect(stolen.messages).toHaveLength(0)
  })

  it('is another one after a break: what goes to the old one comes by the usual node', async () => {
    const [asker, grantor] = [open(proxy.port), open()]
    const [asked, answered] = [new MessageLog(), new MessageLog()]
    await asker.subscribe(`${inboxFor(3)}/#`, answered.tolerant)
    await grantor.subscribe(`${inboxFor(4)}/#`, asked.acknowledge)
    await expect
      .poll(async () => {
        await ask(asker, inboxFor(4), 'who?')
        return asked.messages.at(-1)?.properties['waxwing-inbox']
      })
      .toBe(inboxFor(3))
    await grantor.send(inboxFor(3), bytes('before'))
    await answered.containing(bytes('before'))
    const isBack = new Promise<void>((resolve) => {
      asker.onStatus(({ state }) => state === 'connected' && resolve())
    })
    proxy.cut()
    await isBack
    await grantor.send(inboxFor(3), bytes('after'))
    await answered.containing(bytes('after'))
  })

  it('is not believed of others by who does not have one', async () => {
    const asker = open()
    const grantor = amqpTransport({ protocol: '1.0', nodes: 'plain', url: broker.url })
    onTestFinished(() => grantor.close())
    const [asked, answered] = [new MessageLog(), new MessageLog()]
    await asker.subscribe(`${inboxFor(5)}/#`, new MessageLog().acknowledge)
    await grantor.subscribe(`${inboxFor(6)}/#`, asked.acknowledge)
    await expect
      .poll(async () => {
        await ask(asker, inboxFor(6), 'who?')
        return asked.messages.at(-1)?.properties['waxwing-inbox']
      })
      .toBe(inboxFor(5))
    await asker.close()
    await grantor.send(inboxFor(5), bytes('by the usual way'))
    await open().subscribe(inboxFor(5), answered.acknowledge)
    await answered.containing(bytes('by the usual way'))
  })

  it('serves two endpoints: what was published is read when access is given later', async () => {
    const world = new World({
      transport: async () => open(),
      carried: () => [],
      close: () => Promise.resolve(),
    })
    onTestFinished(() => world.close())
    const { domain } = await world.domain('plant')
    const plant = await world.device(domain, 'thermometer', { produces: ['plant/1/#'] })
    const desk = await world.device(domain, 'dashboard')
    const collector = await Collector.start(desk.endpoint.reader('plant/1/temperature'))
    const producer = await plant.endpoint.producer('plant/1/temperature')
    const from = world.clock.date
    for (const text of ['21.5', '21.6']) await producer.publish(text)
    const { requestId } = await waitForEvent(plant.events, 'request')
    expect(collector.texts).toEqual([])
    await plant.endpoint.decide(requestId, { kind: 'grant', terms: { from } })
    expect(await collector.until(2)).toEqual(['21.5', '21.6'])
  })
})
