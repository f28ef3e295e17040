// SPDX-License-Identifier: Apache-2.0
/** What others send that this library never would, and brokers that refuse. */
import { createServer, type AddressInfo } from 'node:net'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { amqpTransport } from '@waxwing/amqp'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import { bytes, open, rawChannel, unique, type Broker } from './stage.js'

export function describeHostile(broker: Broker): void {
  describe('messages of others', () => {
    it('may have no body, odd headers and odd properties', async () => {
      const [address, log] = [unique(), new MessageLog()]
      const { transport } = open(broker)
      await transport.subscribe(address, log.acknowledge)
      const channel = await rawChannel(broker)
      const headers = {
        text: 'text',
        number: -1.5,
        truth: true,
        nothing: null,
        list: ['a', { deep: [1] }],
        table: { x: 1 },
        bytes: Buffer.from([0xff, 0xfe]),
        when: { '!': 'timestamp', value: 2 ** 52 },
        constructor: 'own',
        long: 'y'.repeat(40_000),
      }
      channel.publish('amq.topic', address, Buffer.alloc(0), { headers, expiration: '60000' })
      channel.publish('amq.topic', address, Buffer.from([1]), { contentType: 'a/b', priority: 255 })
      await expectReceived(log, bytes(), bytes(1))
      const [odd, plain] = log.messages
      expect(odd?.properties).toMatchObject({ text: 'text', number: '-1.5', truth: 'true' })
      expect(Object.keys(odd?.properties ?? {})).not.toContain('table')
      expect(Object.hasOwn(odd?.properties ?? {}, 'constructor')).toBe(true)
      expect(plain?.properties).toEqual({ 'content-type': 'a/b' })
    })

    it('that are too long are dropped unread, and reported; what follows is whole', async () => {
      const [address, log] = [unique(), new MessageLog()]
      const { transport, errors } = open(broker, { maxPayloadBytes: 1_000 })
      await transport.subscribe(address, log.acknowledge)
      const channel = await rawChannel(broker)
      const whole = randomBytes(1_000)
      for (const body of [Buffer.alloc(3_000_000, 1), Buffer.alloc(1_001, 2), whole]) {
        channel.publish('amq.topic', address, body)
      }
      await expectReceived(log, whole)
      expect(log.messages).toHaveLength(1)
      expect(errors.join()).toMatch(/3000000 bytes is dropped.*1001 bytes is dropped/s)
    })
  })

  describe('brokers', () => {
    it('that do not know the password refuse everything for good', async () => {
      const { transport, states } = open(broker, { username: 'guest', password: 'wrong' })
      await expect(transport.send('a', bytes(1))).rejects.toMatchObject({
        code: 'ERR_TRANSPORT',
        message: expect.stringContaining('Login was refused') as string,
      })
      await expect(transport.subscribe('a', new MessageLog().hold)).rejects.toMatchObject({
        code: 'ERR_TRANSPORT',
      })
      expect(states).toEqual(['error'])
    })

    it('that do not open the virtual host are asked again, and it is reported', async () => {
      const url = `${broker().url}/nowhere`
      const { transport, errors } = open(broker, { url, closeTimeoutMs: 10 })
      const sent = transport.send('a', bytes(1))
      await expect.poll(() => errors.length).toBeGreaterThan(1)
      expect(errors[1]).toContain('the virtual host is not there')
      await transport.close()
      await expect(sent).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    })

    it('are asked with what the function for the password gives', async () => {
      const { transport } = open(broker, {
        username: 'guest',
        password: () => Promise.resolve('guest'),
      })
      await expect(transport.send('a', bytes(1))).resolves.toBeUndefined()
    })

    it.each([
      ['rubbish', () => randomBytes(100_000)],
      ['nothing, and close', () => Buffer.alloc(0)],
      ['a frame that never ends', () => Buffer.from([1, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0])],
      ['another version of the protocol', () => Buffer.from('AMQP\0\x01\0\0', 'latin1')],
    ])('that send %s are reported, and left alone at the end', async (_what, rubbish) => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined)
        const words = rubbish()
        if (words.length === 0) socket.destroy()
        else socket.write(words)
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      onTestFinished(() => void server.close())
      const { port } = server.address() as AddressInfo
      const errors: unknown[] = []
      const transport = amqpTransport({
        url: `amqp://127.0.0.1:${port}`,
        connectTimeoutMs: 200,
        reconnectMinMs: 10,
        reconnectMaxMs: 10,
        closeTimeoutMs: 10,
      })
      transport.onStatus((status) => {
        if (status.state === 'error') errors.push(status.error)
      })
      const sent = transport.send('a', bytes(1))
      sent.catch(() => undefined)
      await expect.poll(() => errors.length).toBeGreaterThan(1)
      await transport.close()
      await expect(sent).rejects.toMatchObject({ code: 'ERR_CLOSED' })
      expect(errors[0]).toMatchObject({ code: 'ERR_TRANSPORT' })
    })
  })
}
