// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatLinkFormat, parseLinkFormat } from '../../src/resources/index.js'

describe('links', () => {
  it('are read as RFC 6690 Section 5 shows them', () => {
    const text =
      '</sensors>;ct=40;title="Sensor Index",</sensors/temp>;rt="temperature-c";if="sensor",' +
      '<http://www.example.com/sensors/t123>;anchor="/sensors/temp";rel="describedby",</t>;obs'
    expect(parseLinkFormat(text)).toEqual([
      { href: '/sensors', attributes: { ct: '40', title: 'Sensor Index' } },
      { href: '/sensors/temp', attributes: { rt: 'temperature-c', if: 'sensor' } },
      {
        href: 'http://www.example.com/sensors/t123',
        attributes: { anchor: '/sensors/temp', rel: 'describedby' },
      },
      { href: '/t', attributes: { obs: true } },
    ])
  })

  it('may have commas, semicolons and escapes in quotes, and blanks between their parts', () => {
    expect(parseLinkFormat(' <a> ; title = "x,;>\\"\\\\y" , <b>;rt=z ')).toEqual([
      { href: 'a', attributes: { title: 'x,;>"\\y' } },
      { href: 'b', attributes: { rt: 'z' } },
    ])
    expect(parseLinkFormat('')).toEqual([])
  })

  it('keep the first attribute of a name, and give none to other objects', () => {
    const [link] = parseLinkFormat('<a>;rt=1;rt=2;__proto__=x')
    expect(link?.attributes['rt']).toBe('1')
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
    expect(Object.keys(link?.attributes ?? {})).toEqual(['rt', '__proto__'])
  })

  it.each([
    'a',
    '<a',
    '<a>b',
    '<a>,',
    ',<a>',
    '<a>;',
    '<a>;=x',
    '<a>;b=',
    '<a>;b="x',
    '<a b>',
    '<a>;;b',
  ])('are refused where they are none: %s', (text) => {
    expect(() => parseLinkFormat(text)).toThrow(expect.objectContaining({ code: 'ERR_MALFORMED' }))
  })

  it('of any text are read, or refused by the one error', () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      ';',
      ',',
      '=',
      '"',
      '\\',
      ' ',
      'a',
      'rt',
      '*',
      '\0',
      'ä',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        try {
          parseLinkFormat(parts.join(''))
        } catch (error) {
          expect(error).toBeInstanceOf(WaxwingError)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('are read as they were written', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}\*?$/)
    const value = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant(true as const))
    const links = fc.array(
      fc.record({
        href: fc.stringMatching(/^\/[a-zA-Z0-9,;=/?%]{0,20}$/),
        attributes: fc.dictionary(name, value, { noNullPrototype: false }),
      }),
    )
    fc.assert(
      fc.property(links, (given) => {
        expect(parseLinkFormat(formatLinkFormat(given))).toEqual(given)
      }),
    )
  })
})
