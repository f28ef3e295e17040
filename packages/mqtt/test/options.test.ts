// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { mqttTransport } from '@waxwing/mqtt'
import { clientOptions, resolveOptions, type MqttTransportOptions } from '../src/options.js'

const url = 'mqtt://127.0.0.1:1'

describe('the options of the MQTT transport', () => {
  it.each(['', 'broker', 'http://broker', 'mqtt://', 'tcp://broker'])(
    'refuse the url %j',
    (bad) => {
      expect(() => mqttTransport({ url: bad })).toThrow(TypeError)
    },
  )

  it('refuse a url with credentials, and do not repeat them', () => {
    const attempt = (): unknown => mqttTransport({ url: 'mqtt://me:secret@broker' })
    expect(attempt).toThrow(TypeError)
    expect(attempt).not.toThrow(/secret/)
  })

  const wrong: readonly [name: string, options: Partial<MqttTransportOptions>][] = [
    ['qos', { qos: 3 as 2 }],
    ['protocolVersion', { protocolVersion: 3 as 4 }],
    ['keepAliveSeconds', { keepAliveSeconds: 65_536 }],
    ['maxUnacknowledged', { maxUnacknowledged: 0 }],
    ['maxPayloadBytes', { maxPayloadBytes: 1.5 }],
    ['maxWaitingSends', { maxWaitingSends: Number.NaN }],
    ['reconnectMinMs', { reconnectMinMs: 0 }],
    ['will.payload', { will: { address: 'a', payload: new Uint8Array(65_536) } }],
    ['will.qos', { will: { address: 'a', payload: new Uint8Array(), qos: 3 as 2 } }],
  ]
  it.each(wrong)('name %s when it is out of range', (name, options) => {
    expect(() => mqttTransport({ url, ...options })).toThrow(RangeError)
    expect(() => mqttTransport({ url, ...options })).toThrow(name)
  })

  it.each([
    ['an empty clientId', { clientId: '' }],
    ['a password without a username', { password: 'x' }],
    ['tls on a url without TLS', { tls: { ca: 'x' } }],
    ['a will to a wildcard', { will: { address: 'a/#', payload: new Uint8Array() } }],
  ])('refuse %s', (_, options) => {
    expect(() => mqttTransport({ url, ...options })).toThrow(TypeError)
  })

  it('never hand the url to MQTT.js, whose query it would obey', () => {
    const options = resolveOptions({ url: 'mqtt://broker:1884/?clientId=other', clientId: 'mine' })
    expect(clientOptions(options, 'data')).toMatchObject({
      protocol: 'mqtt',
      hostname: 'broker',
      port: 1884,
      clientId: 'mine',
      clean: false,
    })
    expect(clientOptions(options, 'data')).not.toHaveProperty('query')
    expect(clientOptions(options, 'control').clientId).toBe('mine-control')
  })

  it('keep path and query of a WebSocket, and the brackets of IPv6 only there', () => {
    const socket = resolveOptions({ url: 'wss://[::1]:8084/mqtt?token=x' })
    expect(clientOptions(socket, 'data')).toMatchObject({
      hostname: '[::1]',
      path: '/mqtt?token=x',
    })
    const tcp = resolveOptions({ url: 'mqtt://[::1]' })
    expect(clientOptions(tcp, 'data')).toMatchObject({ hostname: '::1' })
  })

  it('begin a session anew under a random name where none is given', () => {
    const [one, other] = [resolveOptions({ url }), resolveOptions({ url })]
    expect(one.clientName).not.toBe(other.clientName)
    expect(one.clientName).toMatch(/^waxwing[0-9a-f]{16}$/) // 23 characters: all brokers take them
    expect(clientOptions(one, 'data').clean).toBe(true)
  })

  it('say nothing of MQTT 5 to a broker of MQTT 3.1.1', () => {
    const options = resolveOptions({ url, protocolVersion: 4 })
    expect(clientOptions(options, 'data')).not.toHaveProperty('properties')
  })
})
