// SPDX-License-Identifier: Apache-2.0
import {
  decodeMetadata,
  decodeObject,
  encodeCbor,
  fromHex,
  toHex,
  type CborKey,
  type CborValue,
} from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { fieldOf, outcomeOf } from '../support/outcome.js'

/** A byte string in hex, its head in the shortest form. */
const bstr = (hex: string): string => toHex(encodeCbor(fromHex(hex)))
const bytes = (length: number): string => '07'.repeat(length)

const HEADER = {
  map: 'a5',
  alg: '011818',
  kid: `04${bstr(bytes(8))}`,
  partialIv: `06${bstr(bytes(10))}`,
  kidContext: `0a${bstr(bytes(4))}`,
  clearPart: `3a00010000${bstr(bytes(5))}`,
  more: '',
}
const SIGNATURE = bstr(bytes(64))
const OBJECT = {
  tag: 'd0',
  array: '83',
  unprotected: `a10c${SIGNATURE}`,
  ciphertext: bstr(bytes(40)),
  more: '',
}
type Change = Partial<typeof OBJECT> & { readonly header?: Partial<typeof HEADER> }

function objectOf({ header, ...change }: Change): Uint8Array {
  const { tag, array, unprotected, ciphertext, more } = { ...OBJECT, ...change }
  const protectedBytes = bstr(Object.values({ ...HEADER, ...header }).join(''))
  return fromHex([tag, array, protectedBytes, unprotected, ciphertext, more].join(''))
}

/** The header of a batch signature in front of what is given. */
const batch = (rest: string, signature = SIGNATURE): Change => ({
  unprotected: `a13a0001000184${signature}${rest}`,
})
const PATH = bstr(bytes(32))

const NOTHING = { kid: '', partialIv: '', kidContext: '', clearPart: '' }
const ALG_2: Change = { header: { alg: '0102' } }

const malformed: readonly (readonly [string, string, Change])[] = [
  ['tag', 'no tag', { tag: '00' }],
  ['array', 'an array of four', { array: '84' }],
  ['unprotected header', 'an array for its unprotected header', { unprotected: '80' }],
  [
    'unprotected header',
    'two unprotected headers',
    { unprotected: `a20c${SIGNATURE}3a0001000100` },
  ],
  ['array', 'an array of four with an unknown alg', { array: '84', more: '00', ...ALG_2 }],
  ['unprotected header', 'an array of one', { unprotected: '8100' }],
  ['unprotected header', 'half a label', { unprotected: 'a13a000100ff' }],
  ['signature', 'a text for a signature', { unprotected: 'a10c60' }],
  ['signature', 'a signature of 63 bytes', { unprotected: `a10c${bstr(bytes(63))}` }],
  ['signature', 'a batch signature of 65 bytes', batch(`0002${PATH}`, bstr(bytes(65)))],
  ['batch signature', 'a batch signature of three fields', { unprotected: 'a13a0001000183' }],
  ['batch index', 'a text for the index', batch(`6002${PATH}`)],
  ['batch index', 'an index with too long a head', batch(`180002${PATH}`)],
  ['batch index', 'an index in two bytes', batch(`1900ff190100${bstr(bytes(256))}`)],
  ['batch index', 'an index of 2^16', batch(`1a0001000002${PATH}`)],
  ['batch count', 'a text for the count', batch(`0060${PATH}`)],
  ['batch count', 'as many as its index', batch(`0202${PATH}`)],
  ['batch count', 'more objects than one signature is for', batch(`00191001${PATH}`)],
  ['batch path', 'a text for the path', batch('000260')],
  ['batch path', 'a path that is a node too long', batch(`0002${bstr(bytes(64))}`)],
  ['ciphertext', 'a text for a ciphertext', { ciphertext: '60' }],
  ['ciphertext', 'a ciphertext that is cut off', { ciphertext: '41' }],
  ['trailing bytes', 'a byte behind it', { more: '00' }],
  ['protected header', 'a header of six', { header: { map: 'a6' } }],
  ['alg', 'nothing behind its label', { header: { ...NOTHING, map: 'a4', alg: '01' } }],
  ['alg', 'no alg first', { header: { alg: '' } }],
  ['alg', 'an alg in too long a form', { header: { alg: '011801' } }],
  ['kid', 'no kid', { header: { kid: '' } }],
  ['kid', 'a kid of 5 bytes', { header: { kid: `04${bstr(bytes(5))}` } }],
  ['Partial IV', 'no Partial IV', { header: { partialIv: '' } }],
  ['Partial IV', 'a Partial IV of 6 bytes', { header: { partialIv: `06${bstr(bytes(6))}` } }],
  ['Partial IV', 'a leading zero', { header: { partialIv: `06${bstr(`00${bytes(1)}`)}` } }],
  ['kid context', 'no kid context', { header: { kidContext: '' } }],
  ['kid context', 'an epoch of 3 bytes', { header: { kidContext: `0a${bstr(bytes(3))}` } }],
  ['kid context', 'an epoch cut off', { header: { kidContext: '0a4407', clearPart: '' } }],
  ['clear part', 'a clear part under another label', { header: { clearPart: '3a00010001' } }],
  ['clear part', 'a text for a clear part', { header: { clearPart: '3a0001000060' } }],
  ['clear part', '2^16 bytes', { header: { clearPart: `3a00010000${bstr(bytes(65_536))}` } }],
  ['trailing bytes', 'a byte behind its header', { header: { more: '00' } }],
]

const unsupported: readonly (readonly [string, string, Change])[] = [
  ['type', 'another tag', { tag: 'd1' }],
  ['crit', 'crit', { header: { alg: '0118180281187b', clearPart: '' } }],
  ['label 3', 'a content type', { header: { alg: '0118180300', clearPart: '' } }],
  ['label', 'a label that is text', { header: { clearPart: '616100' } }],
  ['label 13', 'another unprotected header', { unprotected: 'a10d00' }],
  ['alg', 'an unknown alg', ALG_2],
  ['alg', 'the text of a known alg', { header: { alg: '01623234' } }],
  ['alg', 'an alg that is text', { header: { alg: '0160' } }],
]

describe('of an object it is said what is refused, and what is not known:', () => {
  it.each(malformed)('its %s, for %s', (field, _, change) => {
    expect(outcomeOf(() => decodeObject(objectOf({})))).toBe('valid')
    expect(outcomeOf(() => decodeObject(objectOf(change)))).toBe('ERR_MALFORMED')
    expect(fieldOf(() => decodeObject(objectOf(change)))).toBe(field)
  })

  it.each(unsupported)('its %s, for %s', (field, _, change) => {
    expect(outcomeOf(() => decodeObject(objectOf(change)))).toBe('ERR_UNSUPPORTED')
    expect(fieldOf(() => decodeObject(objectOf(change)))).toBe(field)
  })

  it('and where reading it ended', () => {
    const cut = objectOf({}).subarray(0, 20)
    expect(() => decodeObject(cut)).toThrow(
      expect.objectContaining({ details: { field: 'protected header', offset: 4 } }),
    )
  })
})

describe('of metadata it is said what is refused:', () => {
  const SESSION = new Uint8Array(7)
  const TRANSFER = new Uint8Array(16)
  const rows: readonly (readonly [string, CborKey, CborValue])[] = [
    ['time offset', 1, -1],
    ['content type', 2, -1],
    ['headers', 3, -1],
    ['headers', 3, new Map([[1, 'a']])],
    ['headers', 3, new Map([['a', 1]])],
    ['headers', 3, new Map(Array.from({ length: 65 }, (_, i): [string, string] => [`h${i}`, '']))],
    ['trail', 4, -1],
    ['session count', 4, [-1, 0, []]],
    ['object count', 4, [0, -1, []]],
    ['latest', 4, [0, 0, -1]],
    ['latest', 4, [0, 0, Array.from({ length: 5 }, () => [SESSION, 0])]],
    ['trail', 4, [0, 0, [], 0]],
    ['session', 4, [0, 0, [[-1, 0]]]],
    ['last counter', 4, [0, 0, [[SESSION, -1]]]],
    ['last counter', 4, [0, 0, [[SESSION, 2 ** 40]]]],
    ['piece', 5, -1],
    ['piece', 5, [TRANSFER, 0, true, 0, 0]],
    ['field 3', 5, [TRANSFER, 1, true, 0]],
    ['transfer', 5, [-1, 0, true]],
    ['transfer', 5, [SESSION, 0, true]],
    ['index', 5, [TRANSFER, -1, true]],
    ['index', 5, [TRANSFER, 2 ** 24, true]],
    ['last', 5, [TRANSFER, 0, 1]],
    ['size', 5, [TRANSFER, 0, true, -1]],
    ['padding', 6, -1],
    ['heartbeat', 7, -1],
    ['heartbeat', 7, false],
  ]
  it.each(rows)('its %s', (field, key, value) => {
    const encoded = encodeCbor(new Map([[key, value]]))
    expect(fieldOf(() => decodeMetadata(encoded))).toBe(field)
  })

  it('its length, where it is cut off', () => {
    expect(fieldOf(() => decodeMetadata(Uint8Array.of(0xa1)))).toBe('length')
  })
})
