// SPDX-License-Identifier: Apache-2.0
/** What is special to RabbitMQ: both versions of AMQP meet there, over the queues that 0-9-1 makes. */
import { connect, type Channel, type ChannelModel } from 'amqplib'
import rhea from 'rhea'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { amqpTransport, type AmqpTransport, type Amqp10Options } from '@waxwing/amqp'
import { inboxAddress } from '@waxwing/core'
import {
  createAuthority,
  MessageLog,
  rabbitmqAvailable,
  requireOrSkip,
  startProxy,
  startRabbitmq,
  type Rabbitmq,
} from '@waxwing/testkit'
import { describeStories, type Net } from '@waxwing/testkit/stories'

const ONE = Uint8Array.of(1)
const MARKER = Uint8Array.of(0xee)

requireOrSkip('rabbitmq-server', rabbitmqAvailable())('AMQP 1.0 at RabbitMQ', () => {
  let broker: Rabbitmq
  let model: ChannelModel
  let channel: Channel

  beforeAll(async () => {
    const users = { guest: 'guest', jürgen: 'päßwört', low: 'low' }
    const rights = { low: { configure: '^waxwing\\.control' } }
    broker = await startRabbitmq({ plugins: ['rabbitmq_amqp1_0'], users, rights, tls: true })
    model = await connect(broker.url, { ca: broker.authority?.ca ?? '' })
    channel = await model.createChannel()
  })
  afterAll(async () => {
    await model.close()
    await broker.close()
  })

  const options = (
    more: object = {},
  ): Amqp10Options & Required<Pick<Amqp10Options, 'tls' | 'reconnectMinMs'>> => ({
    protocol: '1.0',
    nodes: 'rabbitmq',
    url: broker.url,
    tls: { ca: broker.authority?.ca ?? '' },
    reconnectMinMs: 20,
    ...more,
  })
  const open = (more: object = {}): AmqpTransport => {
    const transport = amqpTransport(options(more))
    onTestFinished(() => transport.close())
    return transport
  }
  const older = (more: object = {}): AmqpTransport => {
    const { url, tls, reconnectMinMs } = options()
    const transport = amqpTransport({ url, tls, reconnectMinMs, ...more })
    onTestFinished(() => transport.close())
    return transport
  }
  let unique = 0
  const address = (): string => `meeting/${process.pid}-${++unique}`

  describe('with 0-9-1', () => {
    it('is met in both directions, for data and for control', async () => {
      const [mine, theirs] = [open(), older()]
      const inbox = inboxAddress(crypto.getRandomValues(new Uint8Array(32)))
      for (const where of [address(), `${inbox}/grant`]) {
        for (const [from, to] of [
          [mine, theirs],
          [theirs, mine],
        ] as const) {
          const log = new MessageLog()
          const subscription = await to.subscribe(where, log.acknowledge)
          const properties = { 'content-type': 'application/cose' }
          await from.send(where, ONE, { properties })
          const message = await log.at(0)
          expect(message).toMatchObject({ address: where, payload: ONE, redelivered: false })
          expect(message.properties['content-type']).toBe('application/cose')
          await subscription.close()
        }
      }
    })

    it('goes on with a session of the other version', async () => {
      const [name, where] = [`session-${process.pid}`, address()]
      const first = older({ name })
      await first.subscribe(`${where}/#`, new MessageLog().acknowledge)
      await first.close()
      await open().send(`${where}/a`, MARKER)
      const [second, log] = [open({ name }), new MessageLog()]
      await second.subscribe(`${where}/#`, log.acknowledge)
      expect((await log.containing(MARKER)).address).toBe(`${where}/a`)
    })

    it('has inboxes that wait for readers who never connected', async () => {
      const inbox = inboxAddress(crypto.getRandomValues(new Uint8Array(32)))
      await open().send(`${inbox}/grant`, MARKER)
      const log = new MessageLog()
      await open().subscribe(`${inbox}/#`, log.acknowledge)
      expect((await log.containing(MARKER)).address).toBe(`${inbox}/grant`)
    })
  })

  it('believes, by 0-9-1 too, the authority that it was given, and no other', async () => {
    const [where, log] = [address(), new MessageLog()]
    const transport = older()
    await transport.subscribe(where, log.acknowledge)
    await transport.send(where, MARKER)
    await log.containing(MARKER)

    const errors: string[] = []
    const { ca } = createAuthority('somebody else')
    const strangers = [
      older({ tls: { ca }, closeTimeoutMs: 50 }),
      open({ tls: { ca }, closeTimeoutMs: 50 }),
    ]
    for (const stranger of strangers) {
      stranger.onStatus((status) => {
        if (status.state === 'error') errors.push(String(status.error))
        expect(status.state).not.toBe('connected')
      })
      const sent = stranger.send(where, MARKER)
      sent.catch(() => undefined)
      await expect.poll(() => errors.join()).toMatch(/connection failed: .*certificate/)
      await stranger.close()
      await expect(sent).rejects.toMatchObject({ code: 'ERR_CLOSED' })
      errors.length = 0
    }
  })

  it('takes filters, addresses and credentials with any characters', async () => {
    const transport = open({ username: 'jürgen', password: 'päßwört', name: 'any' })
    const log = new MessageLog()
    await transport.subscribe('straße/+/100%2F.x', log.acknowledge)
    await transport.send('straße/ü/100%2F.x', MARKER)
    expect((await log.containing(MARKER)).address).toBe('straße/ü/100%2F.x')
  })

  it('refuses wrong credentials for good', async () => {
    const transport = open({ username: 'guest', password: 'wrong' })
    await expect(transport.send('a', ONE)).rejects.toThrow(/refused the connection/)
  })

  it('refuses nodes of another kind, and says which to take', async () => {
    const transport = open({ nodes: 'plain' })
    await expect(transport.send('a', ONE)).rejects.toThrow(/set nodes to 'rabbitmq'/)
  })

  it('passes by what others publish and nobody can take, and says so', async () => {
    const [transport, where, log] = [open(), address(), new MessageLog()]
    const errors: unknown[] = []
    transport.onStatus((status) => status.state === 'error' && errors.push(status.error))
    await transport.subscribe(where, log.acknowledge)
    const key = where.replaceAll('/', '.')
    const bomb = Buffer.from([0, 0x53, 0x76, 0xf0, 0, 0, 0, 5, 255, 255, 255, 255, 0x40])
    channel.publish('amq.topic', key, bomb, { type: 'amqp-1.0' })
    const nowhere = rhea.message.encode({ subject: 'elsewhere', body: 'x' }).subarray(0, 0)
    channel.publish('amq.topic', key, nowhere, { headers: { 'x-amqp-1.0-properties': 'rubbish' } })
    channel.publish('amq.topic', key, Buffer.from(MARKER))
    await log.containing(MARKER)
    expect(log.messages).toHaveLength(1)
    expect(errors.length).toBeGreaterThanOrEqual(2)
  })

  it('makes a queue anew that was deleted under it, at the latest with the next connection', async () => {
    const proxy = await startProxy(broker.port)
    onTestFinished(() => proxy.close())
    const url = broker.url.replace(String(broker.port), String(proxy.port))
    const transport = open({ url, name: 'deleted', closeTimeoutMs: 50 })
    const [where, log] = [address(), new MessageLog()]
    await transport.subscribe(where, log.acknowledge)
    await channel.deleteQueue(`deleted:${where}`)
    proxy.cut() // the plugin does not always say that a queue is gone
    await expect
      .poll(() => {
        // RabbitMQ 3.10 may never answer for what it routed to a queue that goes at that moment.
        transport.send(where, MARKER).catch(() => undefined)
        return log.messages.length
      })
      .toBeGreaterThan(0)
  })

  it('closes subscriptions and itself while the broker is away', async () => {
    const proxy = await startProxy(broker.port)
    onTestFinished(() => proxy.close())
    const url = broker.url.replace(String(broker.port), String(proxy.port))
    const transport = open({ url, name: 'away', closeTimeoutMs: 50 })
    const kept = await transport.subscribe('away/1', new MessageLog().hold)
    await transport.subscribe('away/2', new MessageLog().hold)
    proxy.sever()
    const sent = transport.send('away/1', ONE).catch((error: unknown) => error)
    await kept.close()
    await transport.close()
    expect(await sent).toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('sends to an inbox whose queue it may not make where its owner has', async () => {
    const inbox = inboxAddress(crypto.getRandomValues(new Uint8Array(32)))
    const transport = open({ username: 'low', password: 'low' })
    await expect(transport.send(inbox, ONE)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    const log = new MessageLog()
    await open().subscribe(`${inbox}/#`, log.acknowledge)
    await transport.send(inbox, MARKER)
    await log.containing(MARKER)
  })

  it('sends to inboxes although connections break while their queues are made', async () => {
    const proxy = await startProxy(broker.port)
    onTestFinished(() => proxy.close())
    const url = broker.url.replace(String(broker.port), String(proxy.port))
    const transport = open({ url })
    for (let round = 0; round < 5; round++) {
      const sent = transport.send(inboxAddress(crypto.getRandomValues(new Uint8Array(32))), ONE)
      await new Promise(setImmediate)
      proxy.cut()
      await expect(sent).resolves.toBeUndefined()
    }
  })

  it('gives a rejected message back, later, where no queue takes dead letters', async () => {
    const [where, log, failures] = [address(), new MessageLog(), [] as unknown[]]
    const transport = open({ deadLetters: { exchange: 'lost', queue: 'lost' } })
    await transport.subscribe(where, async (message) => {
      log.record(message)
      if (message.redelivered) await message.acknowledge()
      else await message.reject?.('no place').catch((error: unknown) => failures.push(error))
    })
    await channel.deleteQueue('lost')
    await transport.send(where, MARKER)
    expect(await log.at(1)).toMatchObject({ redelivered: true, payload: MARKER })
    expect(failures).toMatchObject([{ code: 'ERR_TRANSPORT' }])
  })

  it('leaves no queue behind when nobody wants it, and one that was closed', async () => {
    const queues = async (): Promise<number> => {
      const found = await channel.checkQueue('mine:here').catch(() => undefined)
      return found === undefined ? 0 : 1
    }
    channel.on('error', () => undefined)
    const transport = open({ name: 'mine' })
    const subscription = await transport.subscribe('here', new MessageLog().acknowledge)
    expect(await queues()).toBe(1)
    await subscription.close()
    expect(await queues()).toBe(0)
    channel = await model.createChannel()
  })

  const openNet = async (): Promise<Net> => {
    const witness = older()
    const carried: { address: string; payload: Uint8Array }[] = []
    for (const filter of ['#', 'waxwing/v1/#']) {
      await witness.subscribe(filter, async (message) => {
        carried.push({ address: message.address, payload: message.payload })
        await message.acknowledge()
      })
    }
    return {
      transport: async (id) => open({ name: `${id.replaceAll(' ', '-')}-${++unique}` }),
      carried: () => carried,
      close: () => witness.close(),
    }
  }
  describeStories('RabbitMQ by AMQP 1.0', openNet)
})
