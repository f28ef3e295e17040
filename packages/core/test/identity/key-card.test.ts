// SPDX-License-Identifier: Apache-2.0
import {
  coseKeyToCbor,
  decodeKeyCard,
  kemKeyThumbprint,
  MAX_CARD_SECONDS,
  newerKeyCard,
  signKeyCard,
  signStatement,
  verifyKeyCard,
  type CborKey,
  type CborValue,
  type KemPublicKey,
  type KeyCard,
  type KeyCardFields,
  type PublicKey,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesUpTo, mutated } from '../support/arbitraries.js'
import { DAY, NOW, seedOf, stranger, type Member } from '../support/domain.js'
import { outcomeOf } from '../support/outcome.js'

const crypto = sodiumProvider
const DESK = stranger('desk')
const OTHER = stranger('someone else')
const X25519: KemPublicKey = { kind: 'x25519', publicKey: seedOf('card') }
const X_WING: KemPublicKey = { kind: 'x-wing', publicKey: new Uint8Array(1216).fill(5) }
const FIELDS: KeyCardFields = { issued: NOW, expires: NOW + 30 * DAY, keys: [X25519, X_WING] }

function cardOf(fields: Partial<KeyCardFields> = {}, author: Member = DESK): KeyCard {
  return decodeKeyCard(signKeyCard({ ...FIELDS, ...fields }, author.id, author.key))
}

const verifierOf = ({ id, key }: Member) => ({
  id,
  key: crypto.ed25519VerifyingKey(key.publicKey),
})
const verdict = (bytes: Uint8Array): string => outcomeOf(() => decodeKeyCard(bytes))

describe('a key card', () => {
  it('comes back as it was signed', () => {
    for (const keys of [[X25519], [X25519, X_WING], [X_WING, X25519]]) {
      expect(cardOf({ keys })).toMatchObject({ ...FIELDS, keys, principalId: DESK.id })
    }
  })

  it('lasts a year at most', () => {
    const expires = NOW + MAX_CARD_SECONDS
    expect(cardOf({ expires }).expires).toBe(expires)
  })

  it('names its keys by thumbprints that differ', () => {
    const [one, two] = [X25519, X_WING].map((key) => kemKeyThumbprint(crypto, key))
    expect(one).toHaveLength(32)
    expect(one).not.toEqual(two)
  })

  const verify = (card: KeyCard, member: Member, now: number): string =>
    outcomeOf(() => verifyKeyCard(card, verifierOf(member), now))

  it('is valid from its issue until its expiry, for clocks that differ by five minutes', () => {
    const card = cardOf()
    expect(verify(card, DESK, NOW)).toBe('valid')
    expect(verify(card, DESK, NOW - 300)).toBe('valid')
    expect(verify(card, DESK, NOW - 301)).toBe('ERR_NOT_YET_VALID')
    expect(verify(card, DESK, FIELDS.expires - 1)).toBe('valid')
    expect(verify(card, DESK, FIELDS.expires)).toBe('ERR_EXPIRED')
  })

  it('is refused from anybody but the principal whose card it is', () => {
    const forged = decodeKeyCard(signKeyCard(FIELDS, DESK.id, OTHER.key))
    expect(verify(forged, DESK, NOW)).toBe('ERR_SIGNATURE')
    expect(verify(cardOf({}, OTHER), DESK, NOW)).toBe('ERR_SIGNATURE')
  })

  it("is refused where somebody signed it with his own key in another's name", () => {
    // Kept under the name that it claims, it would turn the other's grants to its author.
    const claimed = decodeKeyCard(signKeyCard(FIELDS, DESK.id, OTHER.key))
    expect(verify(claimed, OTHER, NOW)).toBe('ERR_SIGNATURE')
  })

  it('gives way to a newer one only', () => {
    const held = cardOf()
    const newer = cardOf({ issued: NOW + 1 })
    expect(newerKeyCard(undefined, held)).toBe(held)
    expect(newerKeyCard(held, newer)).toBe(newer)
    expect(newerKeyCard(held, cardOf())).toBe(held)
    expect(outcomeOf(() => newerKeyCard(newer, held))).toBe('ERR_ROLLBACK')
    expect(outcomeOf(() => newerKeyCard(held, cardOf({ keys: [X25519] })))).toBe('ERR_CONFLICT')
  })

  const coseKey = (key: PublicKey): CborValue => coseKeyToCbor(key)
  const refused: readonly [string, readonly [CborKey, CborValue], string][] = [
    ['with a negative time', [1, -1], 'ERR_MALFORMED'],
    ['that ends when it begins', [2, NOW], 'ERR_MALFORMED'],
    ['that is to last longer than a year', [2, NOW + MAX_CARD_SECONDS + 1], 'ERR_MALFORMED'],
    ['without keys', [3, []], 'ERR_MALFORMED'],
    ['without an X25519 key', [3, [coseKey(X_WING)]], 'ERR_MALFORMED'],
    ['with two keys of one kind', [3, [coseKey(X25519), coseKey(X25519)]], 'ERR_MALFORMED'],
    [
      'with a signing key among the KEM keys',
      [3, [coseKey(X25519), coseKey({ kind: 'ed25519', publicKey: new Uint8Array(32) })]],
      'ERR_MALFORMED',
    ],
    ['with three keys', [3, [coseKey(X25519), coseKey(X_WING), coseKey(X25519)]], 'ERR_MALFORMED'],
    ['with a key of an unknown type', [3, [new Map([[1, 2]])]], 'ERR_UNSUPPORTED'],
    ['with a field more', [4, 0], 'ERR_MALFORMED'],
  ]
  it.each(refused)('is refused %s', (_, [field, value], code) => {
    const payload = new Map<CborKey, CborValue>([
      [1, NOW],
      [2, NOW + 1],
      [3, [coseKey(X25519)]],
    ])
    const sign = (): Uint8Array =>
      signStatement({
        type: 'key-card',
        author: DESK.id,
        key: DESK.key,
        recipient: null,
        payload,
      })
    expect(verdict(sign())).toBe('valid')
    payload.set(field, value)
    expect(verdict(sign())).toBe(code)
  })

  it('fails to decode with its documented errors alone', () => {
    fc.assert(
      fc.property(
        fc.oneof(mutated([cardOf({ keys: [X25519] }).bytes]), bytesUpTo(200)),
        (bytes) => {
          expect(['valid', 'ERR_MALFORMED', 'ERR_UNSUPPORTED']).toContain(verdict(bytes))
        },
      ),
      { numRuns: 500 },
    )
  })
})
