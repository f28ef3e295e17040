// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { fromHex, toHex, utf8 } from '../../src/bytes.js'
import { type CborKey, CborTag, type CborValue, encodeCbor } from '../../src/cbor/cbor.js'
import { countersign0Structure } from '../../src/cose/countersign.js'
import { decodeEncrypt0, encodeEncrypt0, encStructure } from '../../src/cose/encrypt0.js'
import { encodeProtected } from '../../src/cose/header.js'

const ciphertext = fromHex('00112233445566778899aabbccddeeff')
const protectedHeader = new Map<CborKey, CborValue>([[1, 24]])
const unprotectedHeader = new Map<CborKey, CborValue>([[5, new Uint8Array(12)]])
const malformed: unknown = expect.objectContaining({ code: 'ERR_MALFORMED' })
const message = (...elements: readonly CborValue[]): Uint8Array =>
  encodeCbor(new CborTag(16, elements))

describe('COSE_Encrypt0', () => {
  it('reads back what it encodes', () => {
    const bytes = encodeEncrypt0({ protectedHeader, unprotectedHeader, ciphertext })
    expect(toHex(bytes.subarray(0, 7))).toBe('d08344a1011818')
    expect(decodeEncrypt0(bytes, 'test')).toStrictEqual({
      protectedBytes: fromHex('a1011818'),
      protectedHeader,
      unprotectedHeader,
      ciphertext,
    })
  })

  it('leaves the unprotected header empty unless it is given', () => {
    const bytes = encodeEncrypt0({ protectedHeader: new Map(), ciphertext })
    expect(toHex(bytes)).toBe(`d08340a050${toHex(ciphertext)}`)
  })

  it('encodes the Enc_structure of RFC 9052 Section 5.3', () => {
    expect(toHex(encStructure(encodeProtected(protectedHeader), utf8('aad')))).toBe(
      '8368456e63727970743044a101181843616164',
    )
    expect(toHex(encStructure(encodeProtected(new Map()), new Uint8Array()))).toBe(
      '8368456e6372797074304040',
    )
  })

  it('wants its tag, or no tag where that was agreed', () => {
    const tagged = encodeEncrypt0({ protectedHeader, ciphertext })
    const decoded = decodeEncrypt0(tagged, 'test')
    expect(() => decodeEncrypt0(tagged.subarray(1), 'test')).toThrow(malformed)
    expect(decodeEncrypt0(tagged.subarray(1), 'test', { tagged: false })).toStrictEqual(decoded)
    expect(() => decodeEncrypt0(tagged, 'test', { tagged: false })).toThrow(malformed)
  })

  it.each<readonly [string, Uint8Array]>([
    ['two elements', message(new Uint8Array(), new Map())],
    ['four elements', message(new Uint8Array(), new Map(), ciphertext, [])],
    ['a detached ciphertext', message(new Uint8Array(), new Map(), null)],
    [
      'the tag of another message',
      encodeCbor(new CborTag(96, [new Uint8Array(), new Map(), ciphertext])),
    ],
    ['an array that is none', message(new Uint8Array(), new Map(), [ciphertext])],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeEncrypt0(bytes, 'test')).toThrow(malformed)
  })
})

describe('countersign0Structure', () => {
  it('has the context of RFC 9338 Section 3.3 without V2, and neither sign_protected nor other_fields', () => {
    const structure = countersign0Structure(fromHex('a1011818'), utf8('aad'), fromHex('0102'))
    expect(toHex(structure)).toBe(`8471${toHex(utf8('CounterSignature0'))}44a101181843616164420102`)
  })
})
