// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OPTION, readText } from '../src/options.js'
import {
  authorityOf,
  type CoapUri,
  formatCoapUri,
  parseCoapUri,
  proxiedUriOptions,
  uriOf,
  uriOptions,
} from '../src/uri.js'
import { requestTo } from './support/in-memory.js'

function shownOptions(uri: string): string[] {
  return uriOptions(parseCoapUri(uri)).map(({ number, value }) => `${number} ${readText(value)}`)
}

describe('a coap URI', () => {
  it('is taken apart as RFC 7252 Section 6.4 and Appendix B say', () => {
    expect(shownOptions('coap://example.net/.well-known/core')).toEqual([
      '3 example.net',
      '11 .well-known',
      '11 core',
    ])
    expect(
      shownOptions('coap://xn--18j4d.example/%E3%81%93%E3%82%93%E3%81%AB%E3%81%A1%E3%81%AF'),
    ).toEqual(['3 xn--18j4d.example', '11 こんにちは'])
    // RFC 7252 Figure 29: //  and an encoded slash are segments and characters of their own.
    expect(shownOptions('coap://198.51.100.1:61616//%2F//?%2F%2F&?%26')).toEqual([
      '11 ',
      '11 /',
      '11 ',
      '11 ',
      '15 //',
      '15 ?&',
    ])
  })

  it('has the default port, no path and no query where it names none', () => {
    const bare = { host: 'host', port: 5683, path: [], query: [] }
    expect(parseCoapUri('coap://host')).toEqual(bare)
    expect(parseCoapUri('COAP://HOST:/')).toEqual(bare)
    expect(parseCoapUri('coap://host?').query).toEqual([''])
    expect(parseCoapUri('coap://[FE80::1%25eth0]:61616/a/').host).toBe('fe80::1%eth0')
    expect(parseCoapUri('coap://h/a/').path).toEqual(['a', ''])
  })

  it('has one text for an IPv6 address, however it is written', () => {
    for (const text of ['[::1]', '[0:0::0:1]', '[0000:0:0:0:0:0:0:0001]', '[::0.0.0.1]']) {
      expect(parseCoapUri(`coap://${text}`).host).toBe('::1')
    }
    expect(parseCoapUri('coap://[2001:DB8::0:1%25Eth0]').host).toBe('2001:db8::1%eth0')
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const { host } = parseCoapUri(`coap://[${address}]`)
        expect(parseCoapUri(`coap://[${host}]`).host).toBe(host)
      }),
    )
  })

  it('has its dot segments resolved, also those that are percent-encoded', () => {
    expect(parseCoapUri('coap://h/a/./b/../c').path).toEqual(['a', 'c'])
    expect(parseCoapUri('coap://h/a/%2E%2e/%2e').path).toEqual([])
    expect(parseCoapUri('coap://h/../../a/..').path).toEqual([])
    expect(parseCoapUri('coap://h/a/b/..').path).toEqual(['a', ''])
  })

  it.each([
    '',
    'host/path',
    'coap:/path',
    'coap://',
    'coap:///path',
    'coap://user@host/',
    'coap://host/#fragment',
    'coap://host:0/',
    'coap://host:65536/',
    'coap://host:x/',
    'coap://[::1/',
    'coap://[127.0.0.1]/',
    'coap://host/%',
    'coap://host/%FF',
    'coap://host/a b',
    'coap://host/\u{7}',
    `coap://host/${'a'.repeat(256)}`,
    `coap://host/?${'%20'.repeat(256)}`,
    'coap://host/\uD800',
  ])('is refused where it is none: %j', (uri) => {
    expect(() => parseCoapUri(uri)).toThrow(expect.objectContaining({ code: 'ERR_MALFORMED' }))
  })

  it('without a scheme is refused by saying what one looks like', () => {
    expect(() => parseCoapUri('127.0.0.1/state')).toThrow('coap://host/path')
  })

  it('of another scheme is not supported', () => {
    for (const uri of ['coaps://host/', 'http://host/', 'coap+tcp://host/']) {
      expect(() => parseCoapUri(uri)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }))
    }
  })

  it('never makes anything but a typed error of a text', () => {
    const codeUnit = fc.nat(0xffff).map((unit) => String.fromCharCode(unit))
    fc.assert(
      fc.property(fc.string({ unit: codeUnit }), (text) => {
        try {
          parseCoapUri(`coap://${text}`)
        } catch (error) {
          expect(error).toBeInstanceOf(WaxwingError)
        }
      }),
    )
  })
})

describe('a URI from options', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((some) => some.isWellFormed())
  const segment = text.filter((some) => some !== '.' && some !== '..')
  const uris: fc.Arbitrary<CoapUri> = fc.record({
    host: fc.constantFrom('host.example', '192.0.2.1', '2001:db8::1', 'fe80::1%eth0'),
    port: fc.integer({ min: 1, max: 65_535 }),
    path: fc.array(segment, { maxLength: 4 }).filter((path) => path.length !== 1 || path[0] !== ''),
    query: fc.array(text, { maxLength: 3 }),
  })

  it('is the one that the options were made of, also through its text', () => {
    fc.assert(
      fc.property(uris, (uri) => {
        expect(parseCoapUri(formatCoapUri(uri))).toEqual(uri)
        const peer = { address: uri.host, port: uri.port }
        expect(uriOf({ ...requestTo({ options: uriOptions(uri) }), peer })).toEqual(uri)
      }),
    )
  })

  it('is the one for the server where the request goes to a proxy', () => {
    fc.assert(
      fc.property(uris, (uri) => {
        const request = requestTo({ options: proxiedUriOptions(uri) })
        expect(uriOf(request)).toEqual(uri)
        const host = uri.host.includes(':') ? `[${uri.host.replace('%', '%25')}]` : uri.host
        expect(authorityOf(request)).toBe(`${host}:${uri.port}`)
      }),
    )
  })

  it('is refused where a segment is dots or a value is not UTF-8', () => {
    for (const value of [Uint8Array.of(0x2e), Uint8Array.of(0x2e, 0x2e), Uint8Array.of(0xff)]) {
      const request = requestTo({ options: [{ number: OPTION.uriPath, value }] })
      expect(() => uriOf(request)).toThrow(expect.objectContaining({ code: 'ERR_MALFORMED' }))
    }
    const request = requestTo({ options: [{ number: OPTION.uriPort, value: new Uint8Array(0) }] })
    expect(() => authorityOf(request)).toThrow(expect.objectContaining({ code: 'ERR_MALFORMED' }))
  })
})
