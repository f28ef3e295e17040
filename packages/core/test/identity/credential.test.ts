// SPDX-License-Identifier: Apache-2.0
import {
  decodeCredential,
  encodeCbor,
  issueCredential,
  signStatement,
  verifyCredential,
  type CborKey,
  type CborValue,
  type CredentialClaims,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesUpTo, mutated } from '../support/arbitraries.js'
import { enrolled, NOW, stranger } from '../support/domain.js'
import { outcomeOf } from '../support/outcome.js'

const crypto = sodiumProvider
const ANCHOR = stranger('anchor')
const PLANT = stranger('plant')

const CLAIMS: CredentialClaims = {
  name: 'Thermometer 1',
  signingKey: PLANT.key.publicKey,
  issued: NOW,
  expires: NOW + 1000,
  unit: 'Boiler house',
  roles: ['sensor', 'ä'],
  attributes: new Map([['floor', '2']]),
  produces: ['plant/1/#', 'plant/+/temperature'],
}

const verdict = (bytes: Uint8Array): string => outcomeOf(() => decodeCredential(crypto, bytes))

const COSE_KEY = new Map<CborKey, CborValue>([
  [1, 1],
  [-1, 6],
  [-2, PLANT.key.publicKey],
])
const PAYLOAD: readonly (readonly [CborKey, CborValue])[] = [
  [2, 'Thermometer 1'],
  [4, NOW + 1000],
  [6, NOW],
  [8, new Map([[1, COSE_KEY]])],
  [-65537, new Map()],
]

/** A credential with one claim changed or, where `undefined`, left out. */
function signed(change?: readonly [CborKey, CborValue | undefined]): Uint8Array {
  const payload = new Map(PAYLOAD)
  const [claim, value] = change ?? []
  if (claim !== undefined && value === undefined) payload.delete(claim)
  if (claim !== undefined && value !== undefined) payload.set(claim, value)
  const { id: author, key } = ANCHOR
  return signStatement({ type: 'credential', author, key, recipient: null, payload })
}

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `n${i}`)

describe('a credential', () => {
  it('comes back as it was issued, and names principal and anchor by their thumbprints', () => {
    const credential = decodeCredential(crypto, issueCredential(crypto, CLAIMS, ANCHOR.key))
    expect(credential).toMatchObject({ ...CLAIMS, id: PLANT.id, anchorId: ANCHOR.id })
  })

  it('leaves out what is empty', () => {
    const { unit: _, ...claims } = CLAIMS
    const bare = { ...claims, roles: [], attributes: new Map(), produces: [] }
    const bytes = issueCredential(crypto, bare, ANCHOR.key)
    expect(decodeCredential(crypto, bytes)).toMatchObject(bare)
    expect(decodeCredential(crypto, bytes)).not.toHaveProperty('unit')
    expect(decodeCredential(crypto, bytes).statement.payload).toEqual(encodeCbor(new Map(PAYLOAD)))
  })

  it('verifies under the key of its anchor alone', () => {
    const credential = decodeCredential(crypto, issueCredential(crypto, CLAIMS, ANCHOR.key))
    const verify = (publicKey: Uint8Array): string =>
      outcomeOf(() => verifyCredential(credential, crypto.ed25519VerifyingKey(publicKey)))
    expect(verify(ANCHOR.key.publicKey)).toBe('valid')
    expect(verify(PLANT.key.publicKey)).toBe('ERR_SIGNATURE')
  })

  const own = (key: number, value: CborValue): readonly [CborKey, CborValue] => [
    -65537,
    new Map([[key, value]]),
  ]
  const key = (...changes: readonly (readonly [CborKey, CborValue])[]): [CborKey, CborValue] => [
    8,
    new Map([[1, new Map([...COSE_KEY, ...changes])]]),
  ]
  const refused: readonly [string, readonly [CborKey, CborValue | undefined], string][] = [
    ['without a name', [2, undefined], 'ERR_MALFORMED'],
    ['with an empty name', [2, ''], 'ERR_MALFORMED'],
    ['with a name of 256 bytes', [2, 'ä'.repeat(128)], 'ERR_MALFORMED'],
    ['without an end', [4, undefined], 'ERR_MALFORMED'],
    ['with an end before 1970', [4, -1], 'ERR_MALFORMED'],
    ['without a time of issue', [6, undefined], 'ERR_MALFORMED'],
    ['without a key', [8, undefined], 'ERR_MALFORMED'],
    ['with its key under another confirmation', [8, new Map([[3, COSE_KEY]])], 'ERR_MALFORMED'],
    [
      'with its key under two confirmations',
      [
        8,
        new Map([
          [1, COSE_KEY],
          [3, COSE_KEY],
        ]),
      ],
      'ERR_MALFORMED',
    ],
    ['with a KEM key', key([-1, 4]), 'ERR_MALFORMED'],
    ['with a key on an unknown curve', key([-1, 7]), 'ERR_UNSUPPORTED'],
    ['with a private key', key([-4, new Uint8Array(32)]), 'ERR_MALFORMED'],
    ['with a key of 31 bytes', key([-2, new Uint8Array(31)]), 'ERR_MALFORMED'],
    ['with an audience', [3, 'everyone'], 'ERR_MALFORMED'],
    ['with an unknown claim of our own', own(5, 0), 'ERR_MALFORMED'],
    ['with a unit of 256 bytes', own(1, 'ä'.repeat(128)), 'ERR_MALFORMED'],
    ['with an empty role', own(2, ['']), 'ERR_MALFORMED'],
    ['with a role of 256 bytes', own(2, ['ä'.repeat(128)]), 'ERR_MALFORMED'],
    [
      'with 33 roles',
      own(
        2,
        Array.from({ length: 33 }, () => 'r'),
      ),
      'ERR_MALFORMED',
    ],
    ['with 33 attributes', own(3, new Map(names(33).map((name) => [name, 'a']))), 'ERR_MALFORMED'],
    ['with 33 patterns', own(4, names(33)), 'ERR_MALFORMED'],
    ['with an attribute that is a number', own(3, new Map([['floor', 2]])), 'ERR_MALFORMED'],
    ['with an attribute named by a number', own(3, new Map([[2, 'floor']])), 'ERR_MALFORMED'],
    ['with what is no name pattern', own(4, ['plant/#/1']), 'ERR_MALFORMED'],
    ['with a pattern that is a number', own(4, [1]), 'ERR_MALFORMED'],
  ]
  it.each(refused)('is refused %s', (_, change, code) => {
    expect(verdict(signed())).toBe('valid')
    expect(verdict(signed(change))).toBe(code)
  })

  it('may have 32 roles, attributes and patterns', () => {
    const attributes = new Map(names(32).map((name) => [name, 'a']))
    expect(verdict(signed(own(2, names(32))))).toBe('valid')
    expect(verdict(signed(own(3, attributes)))).toBe('valid')
    expect(verdict(signed(own(4, names(32))))).toBe('valid')
  })

  it('may have texts of 255 bytes', () => {
    const longest = 'ä'.repeat(127)
    expect(verdict(signed([2, `${longest}x`]))).toBe('valid')
    expect(verdict(signed(own(2, [`${longest}x`])))).toBe('valid')
  })

  it('fails to decode with its documented errors alone', () => {
    const valid = enrolled(ANCHOR, 'plant', { ...CLAIMS, name: 'p' }).credential
    const arbitrary = fc.oneof(mutated([valid ?? signed()]), bytesUpTo(200))
    fc.assert(
      fc.property(arbitrary, (bytes) => {
        expect(['valid', 'ERR_MALFORMED', 'ERR_UNSUPPORTED']).toContain(verdict(bytes))
      }),
      { numRuns: 500 },
    )
  })
})
