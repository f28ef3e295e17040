// SPDX-License-Identifier: Apache-2.0
import { type CborValue, decodeCbor, encodeCbor, fromHex, toHex } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import {
  ccsCredential,
  cwtCredential,
  EdhocKey,
  type EdhocPublicKey,
  encodeBareCcs,
  type IdCred,
  x509Credential,
  x5tOf,
} from '../../src/edhoc/index.js'
import { encodeIdCred, idCredFromPlaintext, idCredToPlaintext } from '../../src/edhoc/id-cred.js'
import { identifierFromCbor, identifierToCbor } from '../../src/edhoc/sequence.js'

const malformed = expect.objectContaining({ code: 'ERR_MALFORMED' }) as Error

describe('an identifier', () => {
  it.each([
    ['', '40'],
    ['00', '00'],
    ['17', '17'],
    ['18', '4118'],
    ['1f', '411f'],
    ['20', '20'],
    ['2d', '2d'],
    ['37', '37'],
    ['38', '4138'],
    ['ff', '41ff'],
    ['0000', '420000'],
    ['2020', '422020'],
  ])('%s stands in messages as %s', (identifier, encoded) => {
    expect(toHex(encodeCbor(identifierToCbor(fromHex(identifier))))).toBe(encoded)
    const decoded = decodeCbor(fromHex(encoded), 'identifier')
    expect(toHex(identifierFromCbor(decoded, 'message', 'C_I'))).toBe(identifier)
  })

  it('is of one form for each byte', () => {
    for (let byte = 0; byte < 256; byte++) {
      const encoded = encodeCbor(identifierToCbor(Uint8Array.of(byte)))
      expect(encoded.length === 1).toBe(byte < 0x18 || (byte >= 0x20 && byte < 0x38))
      const decoded = decodeCbor(encoded, 'identifier')
      expect(identifierFromCbor(decoded, 'message', 'C_I')).toEqual(Uint8Array.of(byte))
    }
  })

  it.each<readonly [string, CborValue | undefined]>([
    ['a byte string that would be an integer', Uint8Array.of(0x27)],
    ['an integer of two bytes', 24],
    ['a negative one', -25],
    ['text', 'a'],
    ['nothing', undefined],
  ])('is not %s', (_, value) => {
    expect(() => identifierFromCbor(value, 'message', 'C_I')).toThrow(malformed)
  })
})

const CERTIFICATE = fromHex('300130')
const CLAIMS = encodeBareCcs({ curve: 'x25519', x: new Uint8Array(32).fill(9) })
const TOKEN = encodeCbor([new Uint8Array(0), new Map(), CLAIMS, new Uint8Array(64)])

const ID_CREDS: readonly (readonly [IdCred, map: string, plaintext: string])[] = [
  [{ kind: 'kid', kid: fromHex('ff') }, 'a10441ff', '41ff'],
  [{ kind: 'kid', kid: fromHex('21') }, 'a1044121', '21'],
  [{ kind: 'kid', kid: fromHex('') }, 'a10440', '40'],
  [
    { kind: 'x5t', algorithm: -15, hash: fromHex('0102030405060708') },
    'a11822822e480102030405060708',
    'a11822822e480102030405060708',
  ],
  [{ kind: 'x5chain', certificates: [CERTIFICATE] }, 'a1182143300130', 'a1182143300130'],
  [
    { kind: 'x5chain', certificates: [CERTIFICATE, CERTIFICATE] },
    'a1182182' + '43300130'.repeat(2),
    'a1182182' + '43300130'.repeat(2),
  ],
  [{ kind: 'x5u', uri: 'a:b' }, 'a11823d82063613a62', 'a11823d82063613a62'],
  [{ kind: 'kccs', claims: CLAIMS }, `a10e${toHex(CLAIMS)}`, `a10e${toHex(CLAIMS)}`],
  [{ kind: 'kcwt', token: TOKEN }, `a10d${toHex(TOKEN)}`, `a10d${toHex(TOKEN)}`],
  [
    {
      kind: 'other',
      header: new Map<number, CborValue>([
        [4, fromHex('21')],
        [10, fromHex('01')],
      ]),
    },
    'a20441210a4101',
    'a20441210a4101',
  ],
]

describe('ID_CRED_x', () => {
  it.each(ID_CREDS)(
    '%o is a header map, and in a plaintext as short as it may be',
    (...expected) => {
      const [idCred, map, plaintext] = expected
      expect(toHex(encodeIdCred(idCred))).toBe(map)
      expect(toHex(encodeCbor(idCredToPlaintext(idCred)))).toBe(plaintext)
      const decoded = decodeCbor(fromHex(plaintext), 'PLAINTEXT_2')
      expect(idCredFromPlaintext(decoded, 'PLAINTEXT_2')).toEqual(idCred)
    },
  )

  it.each([
    ['a10442abcd', 'a lone kid in a map'],
    ['a0', 'an empty map'],
    ['80', 'an array'],
    ['a1182280', 'x5t without its parts'],
    ['a11822812e', 'x5t without a hash'],
    ['a11822822e6161', 'x5t with a hash that is text'],
    ['a1182282404101', 'x5t with an algorithm of bytes'],
    ['a1182180', 'an x5chain of none'],
    ['a118218143300130', 'an x5chain of one in an array'],
    ['a1182182433001306161', 'an x5chain with text in it'],
    ['a118236161', 'an x5u without its tag'],
    ['a11823d8204161', 'an x5u of bytes'],
    ['a10da0', 'a kcwt that is a map'],
    ['a10e80', 'a kccs that is an array'],
  ])('is not %s: %s', (hex) => {
    const value = decodeCbor(fromHex(hex), 'PLAINTEXT_2')
    expect(() => idCredFromPlaintext(value, 'PLAINTEXT_2')).toThrow(malformed)
  })

  it('is written of what there is, or not at all', () => {
    expect(() => encodeIdCred({ kind: 'x5chain', certificates: [] })).toThrow(RangeError)
    expect(() => encodeIdCred({ kind: 'other', header: new Map() })).toThrow(RangeError)
    const bad = fromHex('1801')
    for (const idCred of [
      { kind: 'kccs', claims: bad },
      { kind: 'kcwt', token: bad },
    ] as const) {
      expect(() => encodeIdCred(idCred)).toThrow(malformed)
    }
  })

  it('keeps parameters that it does not know', () => {
    const idCred = idCredFromPlaintext(new Map([['name', 'me']]), 'PLAINTEXT_2')
    expect(idCred).toEqual({ kind: 'other', header: new Map([['name', 'me']]) })
  })

  it('is the start of a hash for a certificate', () => {
    const hash = nodeProvider.sha256(CERTIFICATE).slice(0, 8)
    expect(x5tOf(nodeProvider, CERTIFICATE)).toEqual({ kind: 'x5t', algorithm: -15, hash })
  })
})

const X = new Uint8Array(32).fill(1)
const Y = new Uint8Array(32).fill(2)

describe('a credential', () => {
  it.each<EdhocPublicKey>([
    { curve: 'ed25519', x: X },
    { curve: 'x25519', x: X },
    { curve: 'p256', x: X, y: Y },
    { curve: 'p256', x: X, y: true },
    { curve: 'p256', x: X, y: false },
    { curve: 'p256', x: X },
  ])('of a bare key holds that key, in claims and in a token: %o', (publicKey) => {
    const claims = encodeBareCcs(publicKey)
    expect(toHex(claims)).toMatch(/^a108a101a/)
    expect(ccsCredential(claims)).toEqual({ encoded: claims, publicKey })
    const token = encodeCbor([new Uint8Array(0), new Map(), claims, X])
    expect(cwtCredential(token)).toEqual({ encoded: token, publicKey })
  })

  it('of a certificate is a byte string around it', () => {
    const publicKey = { curve: 'ed25519', x: X } as const
    expect(x509Credential(CERTIFICATE, publicKey)).toEqual({
      encoded: fromHex('43300130'),
      publicKey,
    })
  })

  it('of a key has coordinates of 32 bytes', () => {
    const short = X.subarray(1)
    expect(() => encodeBareCcs({ curve: 'x25519', x: short })).toThrow(RangeError)
    expect(() => encodeBareCcs({ curve: 'p256', x: X, y: short })).toThrow(RangeError)
  })

  const claimsWith = (key: readonly (readonly [number, CborValue])[]): Uint8Array =>
    encodeCbor(new Map([[8, new Map([[1, new Map(key)]])]]))

  it.each<readonly [string, string, Uint8Array]>([
    ['no map', 'ERR_MALFORMED', encodeCbor([])],
    ['no cnf', 'ERR_MALFORMED', encodeCbor(new Map([[2, 'me']]))],
    ['a cnf without a key', 'ERR_MALFORMED', encodeCbor(new Map([[8, new Map()]]))],
    [
      'a key without a type',
      'ERR_MALFORMED',
      claimsWith([
        [-1, 4],
        [-2, X],
      ]),
    ],
    [
      'a private key',
      'ERR_MALFORMED',
      claimsWith([
        [1, 1],
        [-1, 4],
        [-2, X],
        [-4, X],
      ]),
    ],
    [
      'a short coordinate',
      'ERR_MALFORMED',
      claimsWith([
        [1, 1],
        [-1, 4],
        [-2, X.subarray(1)],
      ]),
    ],
    [
      'a short y',
      'ERR_MALFORMED',
      claimsWith([
        [1, 2],
        [-1, 1],
        [-2, X],
        [-3, X.subarray(1)],
      ]),
    ],
    [
      'another curve',
      'ERR_UNSUPPORTED',
      claimsWith([
        [1, 1],
        [-1, 7],
        [-2, X],
      ]),
    ],
    [
      'a curve of another type',
      'ERR_UNSUPPORTED',
      claimsWith([
        [1, 2],
        [-1, 4],
        [-2, X],
      ]),
    ],
    ['bytes behind it', 'ERR_MALFORMED', Uint8Array.of(...CLAIMS, 0)],
    ['a tag', 'ERR_MALFORMED', Uint8Array.of(0xd8, 0x3d, ...CLAIMS)],
  ])('is not made of claims with %s', (_, code, claims) => {
    expect(() => ccsCredential(claims)).toThrow(expect.objectContaining({ code }))
    const token = encodeCbor([new Uint8Array(0), new Map(), claims, X])
    expect(() => cwtCredential(token)).toThrow(expect.objectContaining({ code }))
  })

  it.each(['80', '8340a040', '8440a0f640', 'd28440a04040'])('is not the token %s', (hex) => {
    expect(() => cwtCredential(fromHex(hex))).toThrow(malformed)
  })
})

describe('an own key', () => {
  it('does what its kind does, and nothing else', () => {
    const secretKey = new Uint8Array(32).fill(7)
    for (const kind of ['ed25519', 'es256'] as const) {
      const key = new EdhocKey(nodeProvider, kind, secretKey)
      expect(key.sign(X)).toHaveLength(64)
      expect(() => key.agree(X)).toThrow(TypeError)
    }
    for (const kind of ['x25519', 'p256'] as const) {
      const key = new EdhocKey(nodeProvider, kind, secretKey)
      expect(key.agree(key.publicKey.x)).toHaveLength(32)
      expect(() => key.sign(X)).toThrow(TypeError)
    }
  })

  it('is 32 bytes, and a scalar of its curve', () => {
    for (const kind of ['ed25519', 'es256', 'x25519', 'p256'] as const) {
      for (const length of [0, 31, 33]) {
        expect(() => new EdhocKey(nodeProvider, kind, new Uint8Array(length))).toThrow(RangeError)
      }
    }
    for (const kind of ['es256', 'p256'] as const) {
      expect(() => new EdhocKey(nodeProvider, kind, new Uint8Array(32))).toThrow(RangeError)
    }
  })
})
