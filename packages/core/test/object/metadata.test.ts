// SPDX-License-Identifier: Apache-2.0
import {
  concatBytes,
  decodeMetadata,
  encodeCbor,
  encodeMetadata,
  MAX_METADATA_BYTES,
  type CborKey,
  type CborValue,
  type Metadata,
  type Trail,
} from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesUpTo, metadata } from '../support/arbitraries.js'
import { outcomeOf } from '../support/outcome.js'

const TWO_MONTHS_MS = 5_270_400_000
const ID = new Uint8Array(16)
const PIECE = { transfer: ID, index: 0, last: false }
const TOO_LONG = 'x'.repeat(MAX_METADATA_BYTES)
const NO_TRAIL = { sessionCount: 0, objectCount: 0, latest: [] }

function manyHeaders(count: number): ReadonlyMap<string, string> {
  return new Map(Array.from({ length: count }, (_, i) => [`h${i}`, '']))
}

type TrailSession = Trail['latest'][number]

function trail(count: number, session: Partial<TrailSession>): { readonly trail: Trail } {
  const latest = Array.from({ length: count }, () => {
    return { session: new Uint8Array(7), lastCounter: 0, ...session }
  })
  return { trail: { ...NO_TRAIL, latest } }
}

describe('the metadata of an object', () => {
  it('comes back as it was, in front of any payload', () => {
    fc.assert(
      fc.property(metadata, bytesUpTo(40), (fields, payload) => {
        const encoded = encodeMetadata(fields)
        const decoded = decodeMetadata(concatBytes(encoded, payload))
        expect(decoded.metadata).toEqual(fields)
        expect(decoded.payloadAt).toBe(encoded.length)
      }),
      { numRuns: 500 },
    )
  })

  it('is what the general codec makes of the same map', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 31_536_000_000 }), (offsetMs) => {
        expect(encodeMetadata({ offsetMs })).toEqual(encodeCbor(new Map([[1, offsetMs]])))
      }),
    )
    expect(encodeMetadata({})).toEqual(encodeCbor(new Map()))
  })

  it.each([0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, TWO_MONTHS_MS])(
    'keeps a time offset of %d ms',
    (offsetMs) => {
      expect(decodeMetadata(encodeMetadata({ offsetMs })).metadata).toEqual({ offsetMs })
    },
  )

  it('is longer by the padding and its framing, and otherwise the same', () => {
    for (const [padding, framing] of [
      [0, 2],
      [24, 3],
      [1000, 4],
    ] as const) {
      const encoded = encodeMetadata({ offsetMs: 7 }, padding)
      expect(encoded.length - encodeMetadata({ offsetMs: 7 }).length).toBe(padding + framing)
      expect(decodeMetadata(encoded).metadata).toEqual({ offsetMs: 7 })
    }
  })

  /** Sealed, these would be messages that nobody can open. */
  const unacceptable: readonly [string, Metadata, string][] = [
    ['an offset below 0', { offsetMs: -1 }, 'offsetMs'],
    ['an offset that is no integer', { offsetMs: 1.5 }, 'offsetMs'],
    ['an offset longer than the longest epoch', { offsetMs: 31_536_000_001 }, 'offsetMs'],
    ['a content type of 256 bytes', { contentType: 'ä'.repeat(128) }, 'contentType'],
    ['65 headers', { headers: manyHeaders(65) }, 'number of headers'],
    ['a trail of five sessions', trail(5, {}), 'number of sessions'],
    ['a session id of 6 bytes', trail(1, { session: new Uint8Array(6) }), 'session'],
    ['a last counter of 2^40', trail(1, { lastCounter: 2 ** 40 }), 'lastCounter'],
    [
      'a negative session count',
      { trail: { ...NO_TRAIL, sessionCount: -1 } },
      'trail.sessionCount',
    ],
    ['half an object', { trail: { ...NO_TRAIL, objectCount: 0.5 } }, 'trail.objectCount'],
    [
      'a transfer id of 15 bytes',
      { piece: { ...PIECE, transfer: ID.subarray(1) } },
      'piece.transfer',
    ],
    ['more than 2^24 pieces', { piece: { ...PIECE, index: 2 ** 24 } }, 'piece.index'],
    ['a size below 0', { piece: { ...PIECE, size: -1 } }, 'piece.size'],
    ['a size above 2^53 - 1', { piece: { ...PIECE, size: 2 ** 53 } }, 'piece.size'],
    ['a size in its second piece', { piece: { ...PIECE, index: 1, size: 5 } }, 'piece.size'],
    ['more than 65,535 bytes', { headers: new Map([['h', TOO_LONG]]) }, 'metadata'],
  ]
  it.each(unacceptable)('is not encoded with %s', (_, fields, name) => {
    expect(() => encodeMetadata(fields)).toThrow(RangeError)
    expect(() => encodeMetadata(fields)).toThrow(new RegExp(`^${name}`))
  })

  it('may have 64 headers and four sessions, and has what it was given alone', () => {
    const most = { headers: manyHeaders(64), ...trail(4, { lastCounter: 2 ** 40 - 1 }) }
    expect(decodeMetadata(encodeMetadata(most)).metadata).toStrictEqual(most)
    const beating: Metadata = { heartbeat: true }
    expect(decodeMetadata(encodeMetadata(beating)).metadata).toStrictEqual(beating)
  })

  const map = (...entries: readonly [CborKey, CborValue][]): Uint8Array =>
    encodeCbor(new Map(entries))
  const malformed: readonly [string, Uint8Array][] = [
    ['nothing at all', Uint8Array.of()],
    ['an array', Uint8Array.of(0x80)],
    ['a map cut off', Uint8Array.of(0xa1, 0x01)],
    ['an offset cut off', Uint8Array.of(0xa1, 0x01, 0x19, 0x01)],
    ['an offset in more bytes than it needs', Uint8Array.of(0xa1, 0x01, 0x18, 0x17)],
    ['an offset below 256 in two bytes', Uint8Array.of(0xa1, 0x01, 0x19, 0x00, 0xff)],
    ['an offset below 2^16 in four', Uint8Array.of(0xa1, 0x01, 0x1a, 0x00, 0x00, 0xff, 0xff)],
    ['a negative offset before a payload', concatBytes(map([1, -1]), new Uint8Array(8).fill(255))],
    ['an indefinite length', Uint8Array.of(0xbf, 0xff)],
    ['keys out of order', Uint8Array.of(0xa2, 0x07, 0xf5, 0x01, 0x00)],
    ['an unknown key', map([8, 0])],
    ['a text key', map(['x', 0])],
    ['a negative offset', map([1, -1])],
    ['an offset longer than the longest epoch', map([1, 31_536_000_001])],
    ['a content type of 256 bytes', map([2, 'x'.repeat(256)])],
    ['a header that is no text', map([3, new Map([['a', 1]])])],
    ['a header with a number for a name', map([3, new Map([[1, 'a']])])],
    [
      '65 headers',
      map([3, new Map(Array.from({ length: 65 }, (_, i): [string, string] => [`h${i}`, '']))]),
    ],
    ['a trail of two fields', map([4, [0, 0]])],
    ['a trail of four fields', map([4, [0, 0, [], 0]])],
    ['a session of the trail with a third field', map([4, [0, 0, [[new Uint8Array(7), 0, 0]]]])],
    ['a session id of 8 bytes', map([4, [0, 0, [[new Uint8Array(8), 0]]]])],
    ['a piece of two fields', map([5, [ID, 0]])],
    ['a piece of five fields', map([5, [ID, 0, true, 0, 0]])],
    ['a transfer that is a number', map([5, [0, 0, true]])],
    ['a transfer id of 15 bytes', map([5, [ID.subarray(1), 0, true]])],
    ['a transfer id of 17 bytes', map([5, [new Uint8Array(17), 0, true]])],
    ['a negative index', map([5, [ID, -1, true]])],
    ['an index of 2^24', map([5, [ID, 2 ** 24, true]])],
    ['an end mark that is a number', map([5, [ID, 0, 1]])],
    ['a negative size', map([5, [ID, 0, true, -1]])],
    ['a size of 2^53', map([5, [ID, 0, true, 2n ** 53n]])],
    ['a size in the second piece', map([5, [ID, 1, true, 5]])],
    ['padding that is no byte string', map([6, 0])],
    ['a heartbeat that is false', map([7, false])],
  ]
  it.each(malformed)('is not read from %s', (_, bytes) => {
    expect(outcomeOf(() => decodeMetadata(bytes))).toBe('ERR_MALFORMED')
  })

  it('may take 65,535 bytes', () => {
    const headers = new Map([['h', 'x'.repeat(MAX_METADATA_BYTES - 8)]])
    const encoded = encodeMetadata({ headers })
    expect(encoded).toHaveLength(MAX_METADATA_BYTES)
    expect(decodeMetadata(encoded).metadata).toEqual({ headers })
  })

  it.each([
    { ...PIECE, index: 2 ** 24 - 1, last: true },
    { ...PIECE, size: 0 },
    { ...PIECE, size: 2 ** 53 - 1 },
  ])('keeps a piece at the limits: $index, $size', (piece) => {
    expect(decodeMetadata(encodeMetadata({ piece })).metadata).toStrictEqual({ piece })
  })

  it('is not read beyond 65,535 bytes', () => {
    const bytes = map([6, new Uint8Array(MAX_METADATA_BYTES)])
    expect(outcomeOf(() => decodeMetadata(bytes))).toBe('ERR_LIMIT item size')
  })
})
