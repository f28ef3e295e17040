// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatEntityTag, parseEntityTags } from '../../src/proxy/http-entity-tags.js'
import { contentFormatFor, isCoapPayload, mediaTypeOf } from '../../src/proxy/media-types.js'

describe('a Content-Format', () => {
  it('comes back from its media type, whichever it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65_535 }), (format) => {
        const { contentType, contentEncoding } = mediaTypeOf(format)
        expect(contentFormatFor(contentType, contentEncoding)).toBe(format)
      }),
      { numRuns: 2000, examples: [0, 16, 50, 60, 11_050, 11_060].map((format) => [format]) },
    )
  })

  it.each([
    ['text/plain; charset=utf-8', '', 0],
    ['Text/Plain;Charset="UTF-8"', '', 0],
    ['text/plain', '', 0],
    ['application/cose; cose-type="cose-encrypt0"', '', 16],
    ['application/cose;cose-type=cose-sign1', 'identity', 18],
    ['application/json', 'deflate', 11_050],
    ['text/css', '', 20_000],
    ['application/json', '', 50],
    ['application/coap-payload;cf=61000', '', 61_000],
    ['application/coap-payload; CF="60"', '', 60],
  ])('of %s with coding "%s" is %i', (type, encoding, format) => {
    expect(contentFormatFor(type, encoding)).toBe(format)
  })

  it.each([
    ['text/plain; charset=latin1', ''],
    ['application/cose', ''],
    ['application/json', 'gzip'],
    ['application/soap+xml', ''],
    ['application/oscore', ''],
    ['application/coap-payload', ''],
    ['application/coap-payload;cf=65536', ''],
    ['application/coap-payload;cf=-1', ''],
    ['', ''],
    ['*/*', ''],
  ])('is not there for %s with coding "%s"', (type, encoding) => {
    expect(contentFormatFor(type, encoding)).toBeUndefined()
  })

  it('of a protected message is no media type that HTTP would take for one', () => {
    expect(mediaTypeOf(10_001)).toEqual({ contentType: 'application/coap-payload;cf=10001' })
  })

  it('that the table lacks is application/coap-payload', () => {
    expect(mediaTypeOf(61_000)).toEqual({ contentType: 'application/coap-payload;cf=61000' })
    expect(isCoapPayload('application/CoAP-payload; cf=1')).toBe(true)
    expect(isCoapPayload('application/coap-payloads')).toBe(false)
  })
})

describe('an entity-tag', () => {
  it('comes back from HTTP, alone and in a list', () => {
    const tag = fc.uint8Array({ minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(fc.array(tag, { minLength: 1, maxLength: 5 }), (tags) => {
        const field = tags.map(formatEntityTag).join(' , ')
        expect(parseEntityTags(field, 'strong')).toEqual({ any: false, tags, hasOthers: false })
      }),
    )
  })

  it('that CoAP cannot have matches nothing, and a weak one only where weak ones may', () => {
    const field = 'W/"0a", "0b", "xyzzy", "00112233445566778899"'
    const strong = { any: false, tags: [Uint8Array.of(0xb)], hasOthers: true }
    expect(parseEntityTags(field, 'strong')).toEqual(strong)
    const weak = { any: false, tags: [Uint8Array.of(0xa), Uint8Array.of(0xb)], hasOthers: true }
    expect(parseEntityTags(field, 'weak')).toEqual(weak)
    expect(parseEntityTags(' * ', 'weak')).toEqual({ any: true, tags: [], hasOthers: false })
  })

  it.each(['', '0a', '"0a', '"0a" "0b"', '"0a",', '*, "0a"', ','])(
    'is not read from %s',
    (field) => {
      expect(parseEntityTags(field, 'weak')).toBeUndefined()
    },
  )
})
