// SPDX-License-Identifier: Apache-2.0
/** What is special to JetStream, over a real server. */
import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { TransportStatus } from '@waxwing/core'
import {
  natsTransport,
  type NatsReplaySpan,
  type NatsTransport,
  type NatsTransportOptions,
} from '@waxwing/nats'
import {
  expectReceived,
  MessageLog,
  natsAvailable,
  requireOrSkip,
  startNats,
  startProxy,
  type Nats,
} from '@waxwing/testkit'
import { deadLettersAt, rawClient } from './raw.js'

const ONE = Uint8Array.of(1)
const TWO = Uint8Array.of(2)
const THREE = Uint8Array.of(3)

requireOrSkip('nats-server', natsAvailable())('JetStream', () => {
  let server: Nats

  beforeAll(async () => {
    server = await startNats({ maxPayload: 300_000 })
  })

  afterAll(() => server.close())

  const open = (options: Partial<NatsTransportOptions> = {}): NatsTransport => {
    const transport = natsTransport({ url: server.url, reconnectMinMs: 50, ...options })
    onTestFinished(() => transport.close())
    return transport
  }
  const raw = async (): Promise<{ client: NatsConnection; manager: JetStreamManager }> => {
    const client = await rawClient({ servers: server.url })
    return { client, manager: await jetstreamManager(client) }
  }

  describe('streams', () => {
    it('of one’s own have addresses as subjects', async () => {
      const { client, manager } = await raw()
      const stream = { name: 'PLANT', subjects: ['plant.>'] }
      const [transport, log] = [open({ stream }), new MessageLog()]
      await transport.subscribe('plant/#', log.acknowledge)
      await transport.send('plant/1/t', ONE)
      await jetstream(client).publish('plant.2.t', TWO)
      await expectReceived(log, ONE, TWO)
      expect(log.messages.map(({ address }) => address).toSorted()).toEqual([
        'plant/1/t',
        'plant/2/t',
      ])
      const stored = await manager.streams.getMessage('PLANT', { last_by_subj: 'plant.1.t' })
      expect(new Uint8Array(stored?.data ?? [])).toEqual(ONE)
    })

    it('are declared once by many that begin on a new server at once', async () => {
      for (let round = 0; round < 3; round++) {
        const fresh = await startNats()
        const members = Array.from({ length: 12 }, (_, index) =>
          natsTransport({ url: fresh.url, name: `member-${index}` }),
        )
        try {
          const sent = await Promise.allSettled(members.map((one) => one.send('plant/1', ONE)))
          expect(sent.filter(({ status }) => status === 'rejected')).toEqual([])
        } finally {
          await Promise.all(members.map((member) => member.close()))
          await fresh.close()
        }
      }
    })

    it('refuse what lies outside of them, and name the option', async () => {
      const transport = open({ stream: { name: 'PLANT', subjects: ['plant.>'] } })
      await expect(transport.send('office/1', ONE)).rejects.toMatchObject({
        code: 'ERR_TRANSPORT',
        message: expect.stringContaining('stream.subjects are plant.>') as string,
      })
      await expect(transport.subscribe('office/1', async () => undefined)).rejects.toMatchObject({
        code: 'ERR_TRANSPORT',
      })
    })

    it.each<[string, NatsTransportOptions['stream'] & object, string]>([
      ['that are not there', { name: 'ABSENT' }, 'ABSENT is not there'],
      ['that may not be declared', { name: 'NONE', declare: false }, 'set stream.declare'],
      ['that keep no history', { name: 'WORK', subjects: ['work.>'] }, 'has to be limits'],
      ['that take something else', { name: 'OTHER', subjects: ['this.>'] }, 'not take this.>'],
      ['whose subjects are taken', { name: 'NEW', subjects: ['other.x'] }, 'another stream takes'],
    ])('%s are an error that says so', async (_what, stream, message) => {
      const { manager } = await raw()
      await manager.streams.add({ name: 'WORK', subjects: ['work.>'], retention: 'workqueue' })
      await manager.streams.add({ name: 'OTHER', subjects: ['other.>'] })
      await expect(open({ stream }).send('x', ONE)).rejects.toMatchObject({
        code: 'ERR_TRANSPORT',
        message: expect.stringContaining(message) as string,
      })
    })

    it('that are deleted are declared anew, reported, and lose no later message', async () => {
      const { manager } = await raw()
      const stream = { name: 'BRIEF', subjects: ['brief.>'] }
      const [transport, log] = [open({ stream }), new MessageLog()]
      const errors: TransportStatus[] = []
      transport.onStatus((status) => void (status.state === 'error' && errors.push(status)))
      await transport.subscribe('brief/1', log.acknowledge)
      await transport.send('brief/1', ONE)
      await expectReceived(log, ONE)
      await manager.streams.delete('BRIEF')
      await transport.send('brief/1', TWO)
      await transport.send('brief/1', THREE)
      await expectReceived(log, TWO, THREE)
      expect(errors.length).toBeGreaterThan(0)
    })
  })

  describe('messages', () => {
    it('in the hands of a slow handler do not go to another of the group', async () => {
      const options = { ackWaitMs: 1_200 }
      const [first, second, sender] = [open(options), open(options), open()]
      const [slow, other] = [new MessageLog(), new MessageLog()]
      await first.subscribe('$share/slow/slow/1', slow.hold)
      await sender.send('slow/1', ONE)
      const held = await slow.at(0)
      await second.subscribe('$share/slow/slow/1', other.acknowledge)
      // Longer than the server waits for somebody who is not heard.
      const since = performance.now()
      await expect.poll(() => performance.now() - since > 2_500).toBe(true)
      await held.acknowledge()
      await sender.send('slow/1', TWO)
      await expect.poll(() => slow.messages.length + other.messages.length).toBe(2)
      expect(other.payloads()).not.toContain('01')
    })

    it('that somebody leaves when it closes, or when its connection breaks, come again at once', async () => {
      const proxy = await startProxy(server.port)
      onTestFinished(() => proxy.close())
      const url = `nats://127.0.0.1:${proxy.port}`
      const [first, second, log] = [open({ url }), open(), new MessageLog()]
      await first.subscribe('$share/left/left/1', log.hold)
      await second.send('left/1', ONE)
      await log.at(0)
      proxy.cut()
      await log.at(1) // long before the server waits for nobody any more, which is half a minute
      await second.subscribe('$share/left/left/1', log.acknowledge)
      await first.close()
      expect(await log.at(2)).toMatchObject({ redelivered: true })
    }, 20_000)

    it('of a group whose consumer is removed come all, also those that a vanished member held', async () => {
      const { manager } = await raw()
      const proxy = await startProxy(server.port)
      onTestFinished(() => proxy.close())
      const options = { ackWaitMs: 400 }
      const [sender, staying] = [open(), open(options)]
      const url = `nats://127.0.0.1:${proxy.port}`
      const leaving = open({ ...options, url, maxUnacknowledged: 1 })
      const [held, done] = [new MessageLog(), new MessageLog()]
      await leaving.subscribe('$share/removed/removed/1', held.hold)
      await sender.send('removed/1', ONE)
      await held.at(0)
      await staying.subscribe('$share/removed/removed/1', done.acknowledge)
      for (const payload of [TWO, THREE]) await sender.send('removed/1', payload)
      await expectReceived(done, TWO, THREE)
      await proxy.close()
      await manager.consumers.delete('WAXWING_DATA', await consumerOf(manager, 'removed.1'))
      await expectReceived(done, ONE)
    })

    it('of a group are not skipped by a consumer that begins later than the one before', async () => {
      const { manager } = await raw()
      const [member, log] = [open({ ackWaitMs: 400, maxUnacknowledged: 1 }), new MessageLog()]
      await member.subscribe('$share/later/later/1', log.hold)
      for (const payload of [ONE, TWO]) await member.send('later/1', payload)
      const first = await log.at(0)
      const name = await consumerOf(manager, 'later.1')
      const { config, created } = await manager.consumers.info('WAXWING_DATA', name)
      // Sooner it might be the same one, of a server that was started again.
      await expect.poll(() => Date.now() - Date.parse(created)).toBeGreaterThan(1_500)
      await manager.consumers.delete('WAXWING_DATA', name)
      await manager.consumers.add('WAXWING_DATA', { ...config, deliver_policy: 'new' })
      await first.acknowledge().catch(() => undefined)
      await expect
        .poll(async () => {
          await log.messages
            .at(-1)
            ?.acknowledge()
            .catch(() => undefined)
          return log.payloads()
        })
        .toContain('02')
    })

    it('that are sent again after a broken connection are stored once', async () => {
      const { manager } = await raw()
      const proxy = await startProxy(server.port)
      onTestFinished(() => proxy.close())
      const sender = open({ url: `nats://127.0.0.1:${proxy.port}` })
      await sender.send('once/0', ONE)
      const sends = Array.from({ length: 300 }, (_, index) => {
        if (index % 100 === 50) proxy.cut()
        return sender.send(`once/${index % 3}`, Uint8Array.of(index >> 8, index & 255))
      })
      proxy.cut()
      await Promise.all(sends)
      const info = await manager.streams.info('WAXWING_DATA', {
        subjects_filter: 'waxwing.data.once.>',
      })
      const counts = Object.values(info.state.subjects ?? {})
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(301)
    })

    it('larger than the server takes are ERR_LIMIT, and those behind them are sent', async () => {
      const transport = open({ maxPayloadBytes: 400_000 })
      const large = transport.send('large', new Uint8Array(300_000))
      await expect(large).rejects.toMatchObject({ code: 'ERR_LIMIT' })
      await transport.send('large', ONE)
    })

    it('with an address longer than the server reads are ERR_LIMIT', async () => {
      await expect(open().send('x'.repeat(3_000), ONE)).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    })

    it('of anybody, whatever they are, are handed over or dropped, and nothing stops', async () => {
      const { client } = await raw()
      const [transport, log] = [open({ maxPayloadBytes: 1_000 }), new MessageLog()]
      const errors: TransportStatus[] = []
      transport.onStatus((status) => void (status.state === 'error' && errors.push(status)))
      await transport.subscribe('odd/#', log.acknowledge)
      const rubbish = headers()
      rubbish.append('KV-Operation', 'DEL')
      rubbish.append('%GG', '%')
      rubbish.append('x', '%E4%FF')
      const publish = (subject: string, data?: Uint8Array, options?: object): Promise<unknown> =>
        jetstream(client).publish(`waxwing.data.${subject}`, data, options)
      await publish('odd.empty')
      await publish('odd.headers', TWO, { headers: rubbish })
      await publish('odd.%zz', ONE)
      await publish('odd.large', new Uint8Array(2_000))
      await publish('odd.last', THREE)
      await expectReceived(log, new Uint8Array(), TWO, THREE)
      expect(log.messages).toHaveLength(3)
      expect(errors).toHaveLength(2)
    })

    it('that are rejected are kept with the reason, and their properties', async () => {
      const { manager } = await raw()
      const [transport, log] = [open(), new MessageLog()]
      await transport.subscribe('bad/1', async (message) => {
        await message.reject?.('of no use')
        log.record(message)
      })
      await transport.send('bad/1', ONE, { properties: { trace: 'abc' } })
      await log.at(0)
      expect(await deadLettersAt({ servers: server.url })).toContainEqual({
        payload: ONE,
        reason: 'of no use',
      })
      const last_by_subj = 'waxwing.dead.waxwing.data.bad.1'
      const letter = await manager.streams.getMessage('WAXWING_DEAD', { last_by_subj })
      expect(letter?.header.get('trace')).toBe('abc')
    })

    it('are rejected and retained at once although somebody else listens there', async () => {
      const own = await startNats()
      onTestFinished(() => own.close())
      const client = await rawClient({ servers: own.url })
      client.subscribe('waxwing.>')
      client.subscribe('$KV.>')
      await client.flush()
      const [transport, log] = [open({ url: own.url, answerTimeoutMs: 60_000 }), new MessageLog()]
      await transport.subscribe('bad/3', async (message) => {
        await message.reject?.('of no use')
        log.record(message)
      })
      await transport.send('bad/3', ONE, { retained: true })
      expect((await log.at(0)).payload).toEqual(ONE)
    })

    it('have no reject where dead letters are off', async () => {
      const [transport, log] = [open({ deadLetters: false }), new MessageLog()]
      await transport.subscribe('bad/2', log.acknowledge)
      await transport.send('bad/2', ONE)
      expect((await log.at(0)).reject).toBeUndefined()
    })
  })

  describe('history', () => {
    const replayed = async (
      transport: NatsTransport,
      filter: string,
      span: NatsReplaySpan,
    ): Promise<(readonly [number, string | undefined])[]> => {
      const messages = await Array.fromAsync(transport.replay?.(filter, span) ?? [])
      return messages.map(({ payload, properties }) => [
        payload[0] ?? -1,
        properties['nats-sequence'],
      ])
    }

    it('goes on behind the message at which a reading ended', async () => {
      const transport = open()
      for (const each of [1, 2, 3, 4]) {
        const properties = { 'nats-sequence': 'forged' }
        await transport.send(each % 2 === 0 ? 'log' : 'log/x', Uint8Array.of(each), { properties })
      }
      const whole = await replayed(transport, 'log/#', {})
      expect(whole.map(([number]) => number)).toEqual([1, 2, 3, 4])
      const fromSequence = Number(whole[1]?.[1]) + 1
      expect(await replayed(transport, 'log/#', { fromSequence })).toEqual(whole.slice(2))
      expect(await replayed(transport, 'log/#', { fromSequence: fromSequence + 99 })).toEqual([])
      expect(await replayed(transport, 'log/#', { fromSequence: 1 })).toEqual(whole)
    })

    it('begins where both a sequence and a time say, which is at the later of them', async () => {
      const transport = open()
      await transport.send('log2', ONE)
      const [[, sequence] = []] = await replayed(transport, 'log2', {})
      const fromSequence = Number(sequence)
      const day = 86_400_000
      const [past, future] = [new Date(Date.now() - day), new Date(Date.now() + day)]
      expect(await replayed(transport, 'log2', { fromSequence, from: past })).toHaveLength(1)
      expect(await replayed(transport, 'log2', { fromSequence, from: future })).toEqual([])
    })

    it.each([0, -1, 1.5, NaN, 2 ** 60])('refuses the sequence %s', async (fromSequence) => {
      const reading = replayed(open(), 'log', { fromSequence })
      await expect(reading).rejects.toThrow(/fromSequence/)
    })
  })

  describe('retained messages', () => {
    it('are values of a bucket that anybody’s tools read', async () => {
      const { client } = await raw()
      await open().send('plant/ä/t.1', TWO, { retained: true })
      const bucket = await new Kvm(client).open('waxwing_retained')
      const entry = await bucket.get('plant.=C3=A4.t/1')
      expect(new Uint8Array(entry?.value ?? [])).toEqual(TWO)
    })

    it('are taken away by one of no bytes', async () => {
      const [transport, log] = [open(), new MessageLog()]
      await transport.send('gone/1', ONE, { retained: true })
      await transport.send('gone/2', TWO, { retained: true })
      await transport.send('gone/1', new Uint8Array(), { retained: true })
      await transport.subscribe('gone/+', log.acknowledge)
      await transport.send('gone/3', THREE)
      await expectReceived(log, TWO, THREE)
      expect(log.messages.map(({ address }) => address)).toEqual(['gone/2', 'gone/3'])
    })

    it('keep their order among others that one sender sends', async () => {
      const [transport, log] = [open(), new MessageLog()]
      await transport.subscribe('order/#', log.acknowledge)
      const sends = Array.from({ length: 50 }, (_, index) =>
        transport.send('order/1', Uint8Array.of(index), { retained: index % 3 === 0 }),
      )
      await Promise.all(sends)
      await expectReceived(log, Uint8Array.of(49))
      expect(log.messages.map(({ payload }) => payload[0])).toEqual([...sends.keys()])
    })
  })

  describe('inboxes', () => {
    it('keep what was sent before their owner ever connected, and bring it once', async () => {
      const [sender, owner, log] = [open(), open(), new MessageLog()]
      const inbox = 'waxwing/v1/inbox/nobody-yet'
      await sender.send(inbox, ONE)
      await sender.send(`${inbox}/left`, TWO, { retained: true })
      await owner.subscribe(`${inbox}/#`, log.acknowledge)
      await expectReceived(log, ONE, TWO)
      await sender.send(`${inbox}/left`, THREE)
      await expectReceived(log, THREE)
      expect(log.messages).toHaveLength(3)
    })
  })
})

/** The name of the consumer of one subject of data. */
async function consumerOf(manager: JetStreamManager, subject: string): Promise<string> {
  for await (const { name, config } of manager.consumers.list('WAXWING_DATA')) {
    if (config.filter_subject === `waxwing.data.${subject}`) return name
  }
  throw new Error(`there is no consumer of ${subject}`)
}
