// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { natsTransport, type NatsTransportOptions } from '@waxwing/nats'
import { resolveOptions } from '../src/options.js'

const URL = 'nats://127.0.0.1:1'

const REFUSED: readonly [why: string, options: object, message: RegExp][] = [
  ['no server', {}, /url or servers/],
  ['both ways to name servers', { url: URL, servers: [URL] }, /url or servers/],
  ['no server at all', { servers: [] }, /servers must not be empty/],
  ['another protocol', { url: 'mqtt://h' }, /url must begin with nats/],
  ['a url that is none', { servers: ['h:4222'] }, /servers must begin with nats/],
  ['credentials in the url', { url: 'nats://u:p@h' }, /must not contain credentials/],
  ['a password of nobody', { url: URL, password: 'p' }, /password needs a username/],
  ['two ways to log in', { url: URL, username: 'u', token: 't' }, /pass one of/],
  ['a name that is none', { url: URL, name: 'a b' }, /name must be/],
  ['another delivery', { url: URL, delivery: 'kafka' }, /delivery must be/],
  ['a session in core NATS', { url: URL, delivery: 'core', name: 'n' }, /name needs delivery/],
  ['a stream in core NATS', { url: URL, delivery: 'core', stream: {} }, /stream needs delivery/],
  ['a number out of range', { url: URL, maxUnacknowledged: 0 }, /maxUnacknowledged must be/],
  ['a fraction', { url: URL, ackWaitMs: 1500.5 }, /ackWaitMs must be/],
  ['a stream with a dot', { url: URL, stream: { name: 'a.b' } }, /stream.name must be/],
  ['a stream of a bad age', { url: URL, stream: { maxAgeSeconds: -1 } }, /maxAgeSeconds must be/],
  ['a prefix with a wildcard', { url: URL, stream: { prefix: 'a.>' } }, /stream.prefix must be/],
  ['the prefix of control', { url: URL, stream: { prefix: 'waxwing.v1' } }, /prefix is taken/],
  ['a subject that is none', { url: URL, stream: { subjects: ['a..b'] } }, /stream.subjects has/],
  ['another storage', { url: URL, stream: { storage: 'tape' } }, /stream.storage must be/],
]

describe('options', () => {
  it.each(REFUSED)('refuse %s, and name the option', (_why, options, message) => {
    expect(() => natsTransport(options as NatsTransportOptions)).toThrow(message)
  })

  it('put data below a prefix where no stream is named, and nowhere else', () => {
    expect(resolveOptions({ url: URL }).stream).toMatchObject({
      name: 'WAXWING_DATA',
      subjects: ['waxwing.data.>'],
      prefix: 'waxwing.data.',
    })
    const stream = { name: 'PLANT', subjects: ['plant.>'] }
    expect(resolveOptions({ url: URL, stream }).stream).toMatchObject({ ...stream, prefix: '' })
  })

  it('make TLS a must by the scheme of any server, or by its options', () => {
    expect(resolveOptions({ url: URL }).needsTls).toBe(false)
    expect(resolveOptions({ servers: [URL, 'tls://h'] }).needsTls).toBe(true)
    expect(resolveOptions({ url: URL, tls: {} }).needsTls).toBe(true)
  })
})
