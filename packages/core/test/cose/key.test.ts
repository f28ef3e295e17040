// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/bytes.js'
import { type CborKey, type CborValue, decodeCbor, encodeCbor } from '../../src/cbor/cbor.js'
import {
  coseKeyThumbprint,
  coseKeyToCbor,
  encodeCoseKey,
  type KeyKind,
  parseCoseKey,
  PUBLIC_KEY_BYTES,
} from '../../src/cose/key.js'
import { providers } from '../crypto/providers.js'

const kinds: readonly KeyKind[] = ['ed25519', 'x25519', 'x-wing']
const keyOf = (kind: KeyKind): { kind: KeyKind; publicKey: Uint8Array } => ({
  kind,
  publicKey: Uint8Array.from({ length: PUBLIC_KEY_BYTES[kind] }, (_, i) => i),
})
const parse = (...entries: readonly [CborKey, CborValue][]): unknown =>
  parseCoseKey(new Map(entries), 'card')
const x = new Uint8Array(32)

describe('COSE_Key', () => {
  it.each([
    ['ed25519', 'a30101200621582000010203'],
    ['x25519', 'a30101200421582000010203'],
    ['x-wing', 'a30107033a00010002205904c000010203'],
  ] as const)('encodes an %s key with its required parameters only', (kind, start) => {
    expect(toHex(encodeCoseKey(keyOf(kind))).slice(0, start.length)).toBe(start)
  })

  it.each(kinds)('reads an %s key back', (kind) => {
    const decoded = decodeCbor(encodeCoseKey(keyOf(kind)), 'key')
    expect(parseCoseKey(decoded, 'card')).toStrictEqual(keyOf(kind))
  })

  it('copies the key that it reads', () => {
    const map = coseKeyToCbor(keyOf('x25519'))
    const parsed = parseCoseKey(map, 'card')
    ;(map.get(-2) as Uint8Array).fill(9)
    expect(parsed.publicKey[1]).toBe(1)
  })

  it.each(kinds)('refuses to encode an %s key of a wrong length', (kind) => {
    const publicKey = new Uint8Array(31)
    expect(() => encodeCoseKey({ kind, publicKey })).toThrow(RangeError)
  })

  it('refuses private parts and every other parameter', () => {
    const malformed = expect.objectContaining({ code: 'ERR_MALFORMED' })
    for (const extra of [
      [-4, x],
      [2, x],
      [3, -19],
      [4, [1]],
      ['x', 0],
    ] as [CborKey, CborValue][]) {
      expect(() => parse([1, 1], [-1, 6], [-2, x], extra)).toThrow(malformed)
    }
    expect(() => parse([1, 7], [3, -65_539], [-1, new Uint8Array(1216)], [-2, x])).toThrow(
      malformed,
    )
  })

  it('refuses wrong lengths, wrong types and missing parameters', () => {
    const malformed = expect.objectContaining({ code: 'ERR_MALFORMED' })
    expect(() => parse([1, 1], [-1, 6], [-2, new Uint8Array(31)])).toThrow(malformed)
    expect(() => parse([1, 1], [-1, 6], [-2, new Uint8Array(33)])).toThrow(malformed)
    expect(() => parse([1, 1], [-1, 6], [-2, 'x'])).toThrow(malformed)
    expect(() => parse([1, 1], [-1, 6])).toThrow(malformed)
    expect(() => parse([-1, 6], [-2, x])).toThrow(malformed)
    expect(() => parse([1, 7], [3, -65_539], [-1, x])).toThrow(malformed)
    expect(() => parseCoseKey(x, 'card')).toThrow(malformed)
  })

  it('tells what is not supported from what is wrong', () => {
    const unsupported = expect.objectContaining({ code: 'ERR_UNSUPPORTED' })
    expect(() => parse([1, 2], [-1, 1], [-2, x], [-3, x])).toThrow(unsupported)
    expect(() => parse([1, 2], [-1, 6], [-2, x])).toThrow(unsupported)
    expect(() => parse([1, 1], [-1, 7], [-2, new Uint8Array(57)])).toThrow(unsupported)
    expect(() => parse([1, 7], [3, -49], [-1, x])).toThrow(unsupported)
  })
})

describe.each(providers)('COSE Key Thumbprint with $name', (crypto) => {
  it('is the hash of the required parameters: the example of RFC 9679 Section 6', () => {
    const key = new Map<CborKey, CborValue>([
      [-3, fromHex('1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c')],
      [-2, fromHex('65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d')],
      [-1, 1],
      [1, 2],
    ])
    expect(toHex(crypto.sha256(encodeCbor(key)))).toBe(
      '496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec',
    )
  })

  it('covers kty, crv and x of an OKP key, and kty, alg and pub of an AKP key', () => {
    const { publicKey } = keyOf('ed25519')
    const okp = Buffer.concat([fromHex('a301012006215820'), publicKey])
    expect(coseKeyThumbprint(crypto, keyOf('ed25519'))).toStrictEqual(crypto.sha256(okp))
    const akp = Buffer.concat([fromHex('a30107033a00010002205904c0'), keyOf('x-wing').publicKey])
    expect(coseKeyThumbprint(crypto, keyOf('x-wing'))).toStrictEqual(crypto.sha256(akp))
  })

  it('differs for the same bytes as a key of another kind', () => {
    const [signing, exchange] = [keyOf('ed25519'), keyOf('x25519')]
    expect(coseKeyThumbprint(crypto, signing)).not.toStrictEqual(
      coseKeyThumbprint(crypto, exchange),
    )
  })
})
