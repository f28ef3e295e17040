// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { type CoapOption, protectRequest } from '../../src/index.js'
import { accept, messageOf, option, pairOf } from '../support/contexts.js'

const PROXY_URI = 35
const URI_PATH = 11
const URI_QUERY = 15

/** What a proxy sees, and what the server gets, as `number=text`. */
function split(...options: readonly CoapOption[]): readonly [string[], string[]] {
  const { client, server } = pairOf()
  const { message } = protectRequest(client, messageOf(1, options))
  const { request } = accept(server, message)
  const texts = (all: readonly CoapOption[]): string[] =>
    all
      .filter(({ number }) => number !== 9)
      .map(({ number, value }) => `${number}=${new TextDecoder().decode(value)}`)
  const inner = request.options.filter(({ number }) => number !== PROXY_URI)
  return [texts(message.options), texts(inner)]
}

describe('Proxy-Uri', () => {
  it.each([
    // The example of RFC 8613 Section 4.1.3.3.
    ['coap://example.com/resource?q=1', 'coap://example.com', ['11=resource', '15=q=1']],
    ['coap://example.com', 'coap://example.com', []],
    ['coap://example.com/', 'coap://example.com', []],
    ['coap://example.com:5683/a', 'coap://example.com', ['11=a']],
    ['coaps://example.com:5683/a', 'coaps://example.com:5683', ['11=a']],
    ['COAP://Example.COM:61616//a/', 'coap://example.com:61616', ['11=', '11=a', '11=']],
    [
      'http://[2001:db8::1]:80/%7Ea/b%2Fc?x&y=%C3%A9&',
      'http://[2001:db8::1]',
      ['11=~a', '11=b/c', '15=x', '15=y=é', '15='],
    ],
  ])('%s leaves %s outside', (uri, outside, inside) => {
    expect(split(option(PROXY_URI, uri))).toEqual([[`35=${outside}`], inside])
  })

  it('leaves other options where they belong', () => {
    const [outside, inside] = split(
      option(PROXY_URI, 'coap://h/a'),
      option(1, 'm'),
      option(39, 's'),
    )
    expect(outside).toEqual(['35=coap://h', '39=s'])
    expect(inside).toEqual(['1=m', '11=a', '39=s'])
  })

  it.each([
    ['no scheme', [option(PROXY_URI, '//example.com/a')]],
    ['no host', [option(PROXY_URI, 'coap:///a')]],
    ['user information', [option(PROXY_URI, 'http://me@example.com/a')]],
    ['a fragment', [option(PROXY_URI, 'coap://example.com/a#b')]],
    ['a dot segment', [option(PROXY_URI, 'coap://example.com/a/../b')]],
    ['a dot segment in disguise', [option(PROXY_URI, 'coap://example.com/%2e/b')]],
    ['a broken escape', [option(PROXY_URI, 'coap://example.com/%zz')]],
    ['an escape that is not UTF-8', [option(PROXY_URI, 'coap://example.com/?%ff')]],
    ['bytes that are not UTF-8', [{ number: PROXY_URI, value: Uint8Array.of(0xff) }]],
    ['a second one', [option(PROXY_URI, 'coap://a'), option(PROXY_URI, 'coap://b')]],
    ['Uri-Host beside it', [option(PROXY_URI, 'coap://a'), option(3, 'a')]],
    ['Uri-Path beside it', [option(PROXY_URI, 'coap://a'), option(URI_PATH, 'a')]],
    ['Uri-Query beside it', [option(PROXY_URI, 'coap://a'), option(URI_QUERY, 'a')]],
  ])('is refused with %s', (_, options) => {
    expect(() => split(...options)).toThrow(RangeError)
  })
})
