// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { concatBytes, fromHex, toHex, utf8 } from '../../src/bytes.js'
import {
  type CborKey,
  CborTag,
  type CborValue,
  decodeCbor,
  encodeCbor,
} from '../../src/cbor/cbor.js'
import { decodeSign1, encodeSign1, verifySign1 } from '../../src/cose/sign1.js'
import { providers } from '../crypto/providers.js'

const [crypto] = providers as [(typeof providers)[number]]
const key = crypto.ed25519SigningKey(new Uint8Array(32).fill(7))
const verifyingKey = crypto.ed25519VerifyingKey(key.publicKey)
const payload = utf8('payload')
const externalAad = utf8('aad')
const header = new Map<CborKey, CborValue>([
  [1, -19],
  [16, 'test'],
])
const sign = (bytes: Uint8Array): Uint8Array => key.sign(bytes)
const signed = encodeSign1({ protectedHeader: header, payload, externalAad }, sign)
const code = (wanted: string): unknown => expect.objectContaining({ code: wanted })

/** A COSE_Sign1 of any four elements. */
const message = (...elements: readonly CborValue[]): Uint8Array =>
  encodeCbor(new CborTag(18, elements))

describe('COSE_Sign1', () => {
  it('signs the Sig_structure, and what it encodes verifies', () => {
    const asked: Uint8Array[] = []
    const bytes = encodeSign1({ protectedHeader: header, payload, externalAad }, (toBeSigned) => {
      asked.push(toBeSigned)
      return key.sign(toBeSigned)
    })
    expect(asked.map((one) => decodeCbor(one, 'Sig_structure'))).toStrictEqual([
      ['Signature1', encodeCbor(header), externalAad, payload],
    ])
    const decoded = decodeSign1(bytes, 'test')
    expect(decoded.protectedHeader).toStrictEqual(header)
    expect(decoded.unprotectedHeader).toStrictEqual(new Map())
    expect(decoded.payload).toStrictEqual(payload)
    expect(verifySign1(decoded, verifyingKey, externalAad)).toBe(true)
  })

  it('does not verify with other external_aad, another key or other contents', () => {
    const decoded = decodeSign1(signed, 'test')
    const other = crypto.ed25519VerifyingKey(crypto.ed25519SigningKey(new Uint8Array(32)).publicKey)
    expect(verifySign1(decoded, verifyingKey)).toBe(false)
    expect(verifySign1(decoded, verifyingKey, utf8('AAD'))).toBe(false)
    expect(verifySign1(decoded, other, externalAad)).toBe(false)
    const moved = { ...decoded, payload: utf8('Payload') }
    expect(verifySign1(moved, verifyingKey, externalAad)).toBe(false)
    const protectedBytes = encodeCbor(new Map<CborKey, CborValue>([...header, [17, 0]]))
    expect(verifySign1({ ...decoded, protectedBytes }, verifyingKey, externalAad)).toBe(false)
    const signature = decoded.signature.subarray(0, 63)
    expect(verifySign1({ ...decoded, signature }, verifyingKey, externalAad)).toBe(false)
  })

  it('changes nothing that is not noticed, but for the unprotected header', () => {
    for (let i = 0; i < 8 * signed.length; i++) {
      const changed = signed.slice()
      changed[i >> 3]! ^= 1 << (i & 7)
      expect(verdict(changed), `bit ${i}`).toBeOneOf([false, 'ERR_MALFORMED', 'ERR_UNSUPPORTED'])
    }
  })

  it('verifies EdDSA as well, and no message of another algorithm or none', () => {
    const withAlg = (alg: CborValue): boolean => {
      const bytes = encodeSign1({ protectedHeader: new Map([[1, alg]]), payload }, sign)
      return verifySign1(decodeSign1(bytes, 'test'), verifyingKey)
    }
    expect(withAlg(-19)).toBe(true)
    expect(withAlg(-8)).toBe(true)
    expect(withAlg(-7)).toBe(false)
    expect(withAlg(-53)).toBe(false)
    expect(withAlg('Ed25519')).toBe(false)
    const bytes = encodeSign1({ protectedHeader: new Map([[3, 0]]), payload }, sign)
    expect(verifySign1(decodeSign1(bytes, 'test'), verifyingKey)).toBe(false)
  })

  it('believes no algorithm in the unprotected header', () => {
    const unprotectedHeader = new Map([[1, -19]])
    const input = { protectedHeader: new Map(), unprotectedHeader, payload }
    const decoded = decodeSign1(encodeSign1(input, sign), 'test')
    expect(verifySign1(decoded, verifyingKey)).toBe(false)
  })

  it('writes an empty protected header as the empty byte string, and reads both forms of it', () => {
    const bytes = encodeSign1({ protectedHeader: new Map(), payload }, sign)
    expect(toHex(bytes.subarray(0, 5))).toBe('d28440a047')
    const signature = key.sign(
      encodeCbor(['Signature1', new Uint8Array(), new Uint8Array(), payload]),
    )
    expect(decodeSign1(bytes, 'test').signature).toStrictEqual(signature)
    const encodedMap = decodeSign1(message(fromHex('a0'), new Map(), payload, signature), 'test')
    expect(encodedMap.protectedBytes).toStrictEqual(new Uint8Array())
    expect(encodedMap).toStrictEqual(decodeSign1(bytes, 'test'))
  })

  it('keeps the protected header as it stood, to be authenticated as it stood', () => {
    expect(decodeSign1(signed, 'test').protectedBytes).toStrictEqual(encodeCbor(header))
  })

  it('wants its tag, or no tag where that was agreed', () => {
    const untagged = signed.subarray(1)
    expect(() => decodeSign1(untagged, 'test')).toThrow(code('ERR_MALFORMED'))
    expect(decodeSign1(untagged, 'test', { tagged: false })).toStrictEqual(
      decodeSign1(signed, 'test'),
    )
    expect(() => decodeSign1(signed, 'test', { tagged: false })).toThrow(code('ERR_MALFORMED'))
    const nested = concatBytes(fromHex('d2'), signed)
    expect(() => decodeSign1(nested, 'test')).toThrow(code('ERR_MALFORMED'))
    const otherTag = concatBytes(fromHex('d1'), untagged)
    expect(() => decodeSign1(otherTag, 'test')).toThrow(code('ERR_MALFORMED'))
  })

  const empty = new Uint8Array()
  const unprotected = new Map<CborKey, CborValue>()
  it.each<readonly [string, Uint8Array]>([
    ['three elements', message(empty, unprotected, payload)],
    ['five elements', message(empty, unprotected, payload, empty, empty)],
    ['a detached payload', message(empty, unprotected, null, empty)],
    ['a payload of text', message(empty, unprotected, 'payload', empty)],
    ['a signature of text', message(empty, unprotected, payload, 'x')],
    [
      'a protected header that is no byte string',
      message(unprotected, unprotected, payload, empty),
    ],
    ['a protected header that is no map', message(fromHex('80'), unprotected, payload, empty)],
    ['a protected header cut short', message(fromHex('a101'), unprotected, payload, empty)],
    ['keys out of order', message(fromHex('a20400010f'), unprotected, payload, empty)],
    ['bytes behind the protected map', message(fromHex('a000'), unprotected, payload, empty)],
    ['an unprotected header that is no map', message(empty, [], payload, empty)],
    ['one label in both headers', message(fromHex('a10400'), new Map([[4, 0]]), payload, empty)],
    ['IV and Partial IV', message(fromHex('a10540'), new Map([[6, empty]]), payload, empty)],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeSign1(bytes, 'test')).toThrow(code('ERR_MALFORMED'))
  })

  it('does not support critical header parameters, wherever they are named', () => {
    const critical = encodeCbor(new Map<CborKey, CborValue>([[2, [99]]]))
    const inProtected = message(critical, new Map(), payload, new Uint8Array(64))
    expect(() => decodeSign1(inProtected, 'test')).toThrow(code('ERR_UNSUPPORTED'))
    const inUnprotected = message(empty, new Map([[2, [99]]]), payload, new Uint8Array(64))
    expect(() => decodeSign1(inUnprotected, 'test')).toThrow(code('ERR_UNSUPPORTED'))
  })
})

function verdict(bytes: Uint8Array): unknown {
  try {
    return verifySign1(decodeSign1(bytes, 'test'), verifyingKey, externalAad)
  } catch (error) {
    return (error as { code?: string }).code ?? error
  }
}
