// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { coapTransport } from '@waxwing/coap'
import { inboxAddress } from '@waxwing/core'
import { MessageLog } from '@waxwing/testkit'
import { METHOD, RESPONSE } from '../../src/codes.js'
import { MemoryBroker } from './memory-broker.js'
import { errorsOf, eventually, expectCode, stageBroker } from './stage.js'

const ONE = Uint8Array.of(1)
const INBOX = inboxAddress(new Uint8Array(32))

describe('the transport over a CoAP broker', () => {
  it('says that the broker has no room', async () => {
    const { open } = stageBroker(new MemoryBroker({ maxResources: 0 }))
    await expectCode(open().send('plant/1', ONE), 'ERR_TRANSPORT')
    await expectCode(open().send(INBOX, ONE), 'ERR_TRANSPORT')
  })

  it('says that the broker does not tell what it has', async () => {
    const { broker, open } = stageBroker()
    broker.refuse = (_method, path) =>
      path === '/.well-known/core' ? RESPONSE.unauthorized : undefined
    await expectCode(open().subscribe('plant/1', new MessageLog().hold), 'ERR_TRANSPORT')
  })

  it('reports a resource that may not be observed', async () => {
    const { broker, open } = stageBroker()
    broker.set('/plant/1', ONE)
    broker.refuse = (_method, path) => (path === '/plant/1' ? RESPONSE.forbidden : undefined)
    const transport = open()
    const errors = errorsOf(transport)
    await transport.subscribe('plant/#', new MessageLog().hold)
    await eventually(() => errors.length > 0)
    expect(errors[0]).toMatchObject({
      code: 'ERR_TRANSPORT',
      message: expect.stringContaining('4.03'),
    })
  })

  it('goes on where nobody may ring the bell', async () => {
    const { broker, open } = stageBroker()
    broker.refuse = (method, path) =>
      method === METHOD.PUT && path.endsWith('/~') ? RESPONSE.forbidden : undefined
    const log = new MessageLog()
    await open({ discoverMs: 10 }).subscribe('plant/#', log.acknowledge)
    const sender = open()
    await sender.send('plant/1', ONE)
    expect((await log.at(0)).address).toBe('plant/1')
  })

  it('writes again what the broker kept only the last block of', async () => {
    const { broker, open } = stageBroker()
    let writeCount = 0
    broker.keep = (payload) => {
      const isDamaged = payload.length > 1024 && ++writeCount < 3
      return isDamaged ? payload.subarray(1024) : payload
    }
    const [log, payload] = [new MessageLog(), new Uint8Array(1500).map((_, index) => index)]
    await open().subscribe(INBOX, log.acknowledge)
    await open().send(INBOX, payload)
    expect((await log.at(0)).payload).toEqual(payload)
    expect(writeCount).toBe(3)
  })

  it('goes on where a listing cannot be read, and reports it', async () => {
    const { broker, open } = stageBroker()
    const receiver = open({ discoverMs: 10 })
    const [errors, log] = [errorsOf(receiver), new MessageLog()]
    await receiver.subscribe('plant/#', log.acknowledge)
    broker.listing = 'no <links'
    await eventually(() => errors.length > 1)
    expect(errors[0]).toMatchObject({ code: 'ERR_MALFORMED' })
    broker.listing = undefined
    await open().send('plant/1', ONE)
    await log.at(0)
  })

  it('listens to as many addresses as it may, and says that there are more', async () => {
    const { broker, open } = stageBroker()
    const receiver = open({ maxAddresses: 2 })
    const [errors, log] = [errorsOf(receiver), new MessageLog()]
    for (const name of ['a', 'b', 'c', 'd']) broker.set(`/plant/${name}`, ONE)
    await receiver.subscribe('plant/+', log.acknowledge)
    await log.at(1)
    expect(errors).toMatchObject([{ code: 'ERR_LIMIT', details: { rule: 'maxAddresses' } }])
    expect(log.messages).toHaveLength(2)
  })

  it.each([9, 40_000])(
    'drops %d bytes that are too many, and takes what replaces them',
    async (bytes) => {
      const { broker, open } = stageBroker()
      const receiver = open({ maxPayloadBytes: 8, discoverMs: 10 })
      const [errors, log] = [errorsOf(receiver), new MessageLog()]
      broker.set('/plant/1', new Uint8Array(bytes))
      await receiver.subscribe('plant/1', log.acknowledge)
      await eventually(() => errors.length > 0)
      expect(errors[0]).toMatchObject({ code: 'ERR_LIMIT', details: { rule: 'maxPayloadBytes' } })
      await open().send('plant/1', ONE)
      expect((await log.at(0)).payload).toEqual(ONE)
    },
  )

  it('gives a request up that is never answered where others are', async () => {
    const { broker, open } = stageBroker()
    broker.ignore = (path) => path === '/plant/1'
    const sender = open()
    await expectCode(sender.send('plant/1', ONE), 'ERR_TRANSPORT')
    await expect(sender.send('plant/2', ONE)).resolves.toBeUndefined()
  })

  it('believes a broker to be there that never answers one request, and repeats no message', async () => {
    const { broker, open } = stageBroker()
    const [receiver, log] = [open({ renewMs: 60_000 }), new MessageLog()]
    await receiver.subscribe(INBOX, log.hold)
    await receiver.send(INBOX, ONE)
    await log.at(0)
    const states: string[] = []
    receiver.onStatus(({ state }) => states.push(state))
    broker.ignore = (path) => path === '/plant/1'
    await expectCode(receiver.send('plant/1', ONE), 'ERR_TRANSPORT')
    expect(states).toEqual([])
    expect(log.messages).toHaveLength(1)
  })

  it('says that it cannot read what the broker lists', async () => {
    const { broker, open } = stageBroker()
    broker.listing = 'no <links'
    await expectCode(open().subscribe('plant/#', new MessageLog().hold), 'ERR_MALFORMED')
  })

  it('refuses what waits beyond its limits', async () => {
    const { broker, open } = stageBroker()
    const sender = open({ maxWaitingSends: 2, maxWaitingBytes: 16 })
    await sender.send('plant/1', ONE)
    broker.leave()
    const sends = Array.from({ length: 10 }, () => sender.send('plant/1', ONE))
    sends.push(sender.send('plant/1', ONE), sender.send('plant/2', ONE))
    const outcomes = Promise.allSettled(sends)
    await expectCode(sender.send('plant/1', ONE), 'ERR_LIMIT')
    broker.comeBack()
    const refused = (await outcomes).filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(9)
  })

  it('refuses properties, and data without bytes', async () => {
    const transport = stageBroker().open()
    await expectCode(transport.send('a', ONE, { properties: { a: 'b' } }), 'ERR_UNSUPPORTED')
    await expectCode(transport.send('a', new Uint8Array(0)), 'ERR_UNSUPPORTED')
    await expect(transport.send(INBOX, new Uint8Array(0))).resolves.toBeUndefined()
  })

  it('ends what waits for a broker that is away when it is closed', async () => {
    const { broker, open } = stageBroker()
    broker.leave()
    const transport = open({ closeTimeoutMs: 10 })
    const sent = transport.send('plant/1', ONE)
    const subscribed = transport.subscribe('plant/1', new MessageLog().hold)
    const outcomes = Promise.allSettled([sent, subscribed])
    await transport.close()
    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'ERR_CLOSED' } },
      { status: 'rejected', reason: { code: 'ERR_CLOSED' } },
    ])
  })

  it('calls no handler again once it is closed', async () => {
    const { open } = stageBroker()
    const transport = open({ retryHandlerMs: 5 })
    const log = new MessageLog()
    await transport.subscribe('plant/1', (message) => {
      log.record(message)
      return Promise.reject(new Error('not now'))
    })
    await open().send('plant/1', ONE)
    await log.at(0)
    await transport.close()
    const callCount = log.messages.length
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(log.messages).toHaveLength(callCount)
  })

  it('reports that the broker cannot be reached, and goes on trying', async () => {
    const { broker, open } = stageBroker()
    broker.leave()
    const transport = open()
    const errors = errorsOf(transport)
    const sent = transport.send('plant/1', ONE)
    await eventually(() => errors.length > 0)
    expect(errors).toMatchObject([{ code: 'ERR_TIMEOUT' }])
    broker.comeBack()
    await sent
  })
})

describe('the options of the transport over a CoAP broker', () => {
  it.each(['', 'broker', 'http://broker', 'coap://', 'coap://broker/path', 'coap://broker?a', 'x'])(
    'refuse the url %j',
    (url) => {
      expect(() => coapTransport({ url })).toThrow(TypeError)
    },
  )

  it.each([
    ['maxPayloadBytes', 0],
    ['maxUnacknowledged', 65_536],
    ['maxAddresses', 0],
    ['maxWaitingSends', Number.NaN],
    ['maxWaitingBytes', 1.5],
    ['slotLifetimeMs', 0],
    ['requestLifetimeMs', -1],
    ['renewMs', 2 ** 31],
    ['discoverMs', 0],
    ['retryMinMs', 0],
    ['retryMaxMs', 0],
    ['retryHandlerMs', 0],
    ['closeTimeoutMs', -1],
  ])('refuse %s of %d', (name, value) => {
    const options = { url: 'coap://127.0.0.1', [name]: value }
    expect(() => coapTransport(options)).toThrow(new RegExp(name))
  })

  it('refuse a way of delivery that there is not', () => {
    const delivery = 'some' as 'every'
    expect(() => coapTransport({ url: 'coap://127.0.0.1', delivery })).toThrow(/delivery/)
  })
})
