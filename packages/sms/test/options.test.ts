// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { smsTransport, type SmsTransportOptions } from '@waxwing/sms'
import { resolveOptions } from '../src/options.js'
import { validityOf } from '../src/smpp/validity.js'

const RIGHT = { url: 'smpp://name:secret@127.0.0.1:1', source: '+4915100000001' }

const REFUSED: readonly [why: string, options: object, message: RegExp][] = [
  ['no centre', { url: 'smsc.example' }, /url must begin with smpp/],
  ['another protocol', { url: 'mqtt://h' }, /url must begin with smpp/],
  ['no name', { url: 'smpp://h' }, /url or systemId must have a name/],
  ['a long name', { systemId: 'x'.repeat(16) }, /url or systemId must have a name/],
  ['a long password', { password: '123456789' }, /password must be at most 8/],
  ['a long type', { systemType: 'x'.repeat(13) }, /systemType must be/],
  ['a number that is none', { source: '+49 151' }, /source has what is no number/],
  ['a long number', { source: '1234567890123456' }, /source has what is no number/],
  ['a number of nobody', { numbers: { abc: '12' } }, /numbers has what is no number/],
  ['a principal that is none', { numbers: { abc: '+49151' } }, /numbers has what is no principal/],
  ['a name that is not encoded', { url: 'smpp://%zz:%zz@h' }, /not percent-encoded/],
  ['a route to nobody', { routes: { 'plant/#': ['+49151', 'x'] } }, /routes has what is no number/],
  ['a route of no filter', { routes: { 'a#': '+49151' } }, /wildcard/],
  ['another bind', { bind: 'outbind' }, /bind must be one of/],
  ['another coding', { coding: 'ucs2' }, /coding must be one of/],
  ['another alphabet', { alphabet: 'ebcdic' }, /alphabet must be one of/],
  ['another concatenation', { concatenation: '4-bit' }, /concatenation must be one of/],
  ['too few segments', { maxSegments: 3 }, /maxSegments must be/],
  ['too many segments', { maxSegments: 256 }, /maxSegments must be/],
  ['a fraction', { messagesPerSecond: 0.5 }, /messagesPerSecond must be/],
  ['no time for an answer', { holdMs: 0 }, /holdMs must be/],
]

describe('options', () => {
  it.each(REFUSED)('refuse %s, and name the option', (_why, options, message) => {
    const wrong = { ...RIGHT, ...options } as SmsTransportOptions
    expect(() => smsTransport(wrong)).toThrow(message)
  })

  it('take the centre, the name and the password from the URL, or beside it', () => {
    expect(resolveOptions(RIGHT)).toMatchObject({
      host: '127.0.0.1',
      port: 1,
      isSecure: false,
      systemId: 'name',
      password: 'secret',
      source: { ton: 1, npi: 1, digits: '4915100000001' },
    })
    const other = { url: 'smpps://[::1]', systemId: 'n', password: 'p', source: 'Waxwing' }
    expect(resolveOptions(other)).toMatchObject({
      host: '::1',
      port: 3550,
      isSecure: true,
      systemId: 'n',
      password: 'p',
      source: { ton: 5, digits: 'Waxwing' },
    })
    expect(resolveOptions({ ...RIGHT, source: '12345' }).source).toMatchObject({ ton: 0 })
    expect(resolveOptions({ ...RIGHT, url: 'smpp://a%40b:%3A@h' })).toMatchObject({
      systemId: 'a@b',
      password: ':',
      port: 2775,
    })
    expect(resolveOptions({ ...RIGHT, tls: {} }).isSecure).toBe(true)
  })
})

describe('an expiry', () => {
  it.each([
    [undefined, ''],
    [0, ''],
    [1, '000000000001000R'],
    [3_600, '000000010000000R'],
    [40 * 86_400, '000110000000000R'],
    [10 * 365 * 86_400, '001204000000000R'],
  ])('of %s seconds is %s', (seconds, text) => {
    expect(validityOf(seconds)).toBe(text)
  })
})
