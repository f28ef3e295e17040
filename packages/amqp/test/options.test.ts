// SPDX-License-Identifier: Apache-2.0
/** What is refused before anything is connected. */
import { describe, expect, it } from 'vitest'
import { assertSendOptions, resolveConnection } from '../src/options.js'

const url = 'amqp://127.0.0.1:1'

describe('options of both versions', () => {
  it('have defaults', () => {
    const { heartbeatSeconds, maxPayloadBytes, endpoint } = resolveConnection({ url })
    expect([heartbeatSeconds, maxPayloadBytes, endpoint.port]).toEqual([30, 1_048_576, '1'])
  })

  it.each([
    ['a url of another protocol', { url: 'mqtt://host' }, 'url must begin with amqp://'],
    ['a url that is none', { url: 'nonsense' }, 'url must begin with amqp://'],
    ['a url without a host', { url: 'amqp:///v' }, 'url must name a host'],
    ['credentials in the url', { url: 'amqp://u:p@host' }, 'must not contain credentials'],
    ['TLS without amqps', { url, tls: {} }, 'tls needs an amqps:// url'],
    ['a password for nobody', { url, password: 'x' }, 'password needs a username'],
    ['a name with other signs', { url, name: 'a/b' }, 'name must be 1 to 64'],
    ['an empty name', { url, name: '' }, 'name must be 1 to 64'],
  ])('refuse %s', (_what, options, message) => {
    expect(() => resolveConnection(options)).toThrow(TypeError)
    expect(() => resolveConnection(options)).toThrow(message)
  })

  it.each(['maxUnacknowledged', 'maxInFlight', 'heartbeatSeconds', 'reconnectMinMs'])(
    'refuse %s of 0, naming it',
    (name) => {
      expect(() => resolveConnection({ url, [name]: 0 })).toThrow(RangeError)
      expect(() => resolveConnection({ url, [name]: 0 })).toThrow(name)
    },
  )

  it('refuse a priority above 255 and an expiry that is no number of seconds', () => {
    expect(() => assertSendOptions({ priority: 256 })).toThrow('priority')
    expect(() => assertSendOptions({ expiresAfterSeconds: 0.5 })).toThrow('expiresAfterSeconds')
  })
})
