// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { makeTransport, protocolOf } from '../../src/broker/broker.js'
import { openBroker } from '../../src/broker/transports.js'
import { brokersText, checkedBroker, parseBroker } from '../../src/broker/url.js'
import { UsageError } from '../../src/exit-codes.js'

/** Nobody listens there: what begins to connect is closed again. */
const NOBODY = '127.0.0.1:1'

describe('the URL of a broker', () => {
  it.each([
    ['mqtt', 'MQTT 5'],
    ['mqtts', 'MQTT 5'],
    ['ws', 'MQTT 5'],
    ['wss', 'MQTT 5'],
    ['coap', 'CoAP'],
    ['amqp', 'AMQP 0-9-1'],
    ['amqps', 'AMQP 0-9-1'],
    ['amqp1', 'AMQP 1.0'],
    ['amqp1s', 'AMQP 1.0'],
    ['nats', 'NATS'],
    ['tls', 'NATS'],
  ])('%s:// means %s', (scheme, protocol) => {
    const broker = checkedBroker(`${scheme}://host:1234`)
    expect(protocolOf({ broker })).toBe(protocol)
    expect(brokersText()).toMatch(new RegExp(`\\b${scheme}\\b`))
  })

  it('of MQTT means 3.1.1 where the settings say 4', () => {
    expect(protocolOf({ broker: 'mqtt://host', protocolVersion: 4 })).toBe('MQTT 3.1.1')
  })

  it.each(['host', 'http://host', 'amqp', '//host', '', 'mqtt:/'])('is none: %j', (text) => {
    const parse = (): unknown => parseBroker(text)
    if (text === 'mqtt:/') expect(parse).not.toThrow()
    else expect(parse).toThrow(UsageError)
  })

  it.each(['mqtt://u:p@host', 'amqp://u@host', 'nats://:p@host'])(
    'holds no user name and no password: %s',
    (text) => expect(() => checkedBroker(text)).toThrow('WAXWING_BROKER_PASSWORD'),
  )

  it('has its settings in its query, and what is left is the address', () => {
    const url = parseBroker('amqp://host:5672/v?exchange=e&history=h#x')
    expect(url.address).toBe('amqp://host:5672/v')
    expect([...url.settings]).toEqual([
      ['exchange', 'e'],
      ['history', 'h'],
    ])
  })

  it.each([
    ['amqp://host?stream=x', 'history='],
    ['nats://host?exchange=x', 'replicas='],
    ['amqp1://host?history=x', 'nodes='],
    ['nats://host?constructor=x', 'stream='],
  ])('with a setting that there is not names those that there are: %s', (text, known) => {
    expect(() => parseBroker(text)).toThrow(known)
  })

  it('of MQTT over WebSocket keeps its query, which belongs to the server', () => {
    expect(parseBroker('wss://host/path?token=x').address).toBe('wss://host/path?token=x')
  })
})

describe('the settings of a URL', () => {
  it.each([
    'amqp://H?exchange=e&type=direct&queues=classic&dead=d&history=h',
    'amqp://H?type=topic',
    'amqp1://H?nodes=plain&inbox=dynamic',
    'amqp1://H?nodes=rabbitmq&exchange=e&type=fanout&queues=quorum&dead=d&inbox=node',
    'nats://H?stream=s',
    'nats://H?replicas=1',
    'nats://H?delivery=core',
    'nats://H?delivery=jetstream',
  ])('are taken: %s', async (text) => {
    const transport = openBroker({ url: text.replace('H', NOBODY), session: 'waxwing-x-sub-1' })
    expect(transport.limits.maxPayloadBytes).toBeGreaterThan(100_000)
    await transport.close()
  })

  it.each([
    ['amqp://H?type=x', 'type= is topic or direct'],
    ['amqp://H?queues=x', 'queues= is quorum or classic'],
    ['amqp1://H', 'nodes=rabbitmq'],
    ['amqp1://H?nodes=x', 'nodes= is rabbitmq or plain'],
    ['amqp1://H?nodes=plain&inbox=x', 'inbox= is node or dynamic'],
    ['nats://H?delivery=x', 'delivery= is jetstream or core'],
    ['nats://H?replicas=0', 'replicas is a whole number'],
    ['nats://H?replicas=x', 'replicas is a whole number'],
  ])('are refused where they are wrong: %s', (text, message) => {
    expect(() => openBroker({ url: text.replace('H', NOBODY) })).toThrow(message)
    expect(() => openBroker({ url: text.replace('H', NOBODY) })).toThrow(UsageError)
  })

  it.each(['mqtt', 'amqp', 'nats'])(
    'of %s do not hold the password: it must be said',
    async (scheme) => {
      const config = { broker: `${scheme}://${NOBODY}`, username: 'anna' }
      const errors: string[] = []
      const transport = makeTransport(config)
      transport.onStatus((status) => {
        if (status.state === 'error') errors.push(String(status.error))
      })
      await expect.poll(() => errors.join()).not.toBe('')
      await transport.close()
    },
  )
})
