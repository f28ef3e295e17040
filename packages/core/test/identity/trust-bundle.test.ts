// SPDX-License-Identifier: Apache-2.0
import {
  coseKeyToCbor,
  decodeTrustBundle,
  encodeBundleFields,
  signStatement,
  signTrustBundle,
  toHex,
  type CborKey,
  type CborValue,
  type TrustBundleFields,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesUpTo, mutated } from '../support/arbitraries.js'
import { bundleFields, enrolled, NOW, seedOf, stranger } from '../support/domain.js'
import { outcomeOf } from '../support/outcome.js'

const crypto = sodiumProvider
const ANCHOR = stranger('anchor')
const FORMER = stranger('former anchor')
const PARTNER = stranger('partner anchor')
const KEEPER = enrolled(ANCHOR, 'keeper')
const RECOVERY = enrolled(ANCHOR, 'recovery')

const credentialOf = ({ credential }: typeof KEEPER): Uint8Array => credential ?? new Uint8Array(0)

const FULL: TrustBundleFields = bundleFields(ANCHOR, {
  version: 7,
  anchors: [
    { key: FORMER.key.publicKey, from: 0, until: NOW - 1 },
    { key: ANCHOR.key.publicKey, from: NOW, until: null },
  ],
  keepers: [credentialOf(KEEPER)],
  recovery: {
    credential: credentialOf(RECOVERY),
    keys: [
      { kind: 'x25519', publicKey: seedOf('recovery') },
      { kind: 'x-wing', publicKey: new Uint8Array(1216) },
    ],
  },
  partners: [
    { domainId: PARTNER.id, anchors: [PARTNER.key.publicKey], patterns: ['shared/#', 'x/+'] },
  ],
  revoked: [{ principalId: KEEPER.id, since: NOW }],
  requireXWing: true,
})

const verdict = (bytes: Uint8Array): string => outcomeOf(() => decodeTrustBundle(crypto, bytes))

describe('a trust bundle', () => {
  it('comes back as it was signed', () => {
    for (const fields of [FULL, bundleFields(ANCHOR)]) {
      const bytes = signTrustBundle(crypto, fields, ANCHOR.key)
      const bundle = decodeTrustBundle(crypto, bytes)
      expect(bundle).toMatchObject({ ...fields, anchorId: ANCHOR.id })
      expect(toHex(bundle.digest)).toBe(toHex(crypto.sha256(bytes)).slice(0, 16))
      expect(encodeBundleFields(bundle)).toEqual(bundle.statement.payload)
    }
  })

  const key = (publicKey: Uint8Array): CborValue => coseKeyToCbor({ kind: 'ed25519', publicKey })
  const anchorKey = key(ANCHOR.key.publicKey)
  const kem = coseKeyToCbor({ kind: 'x25519', publicKey: seedOf('recovery') })
  const wing = coseKeyToCbor({ kind: 'x-wing', publicKey: new Uint8Array(1216) })
  const id = new Uint8Array(32)
  const short = new Uint8Array(31)
  const many = (count: number, item: CborValue): CborValue =>
    Array.from({ length: count }, () => item)
  const anchor = [anchorKey, 0, null]

  const refused: readonly [string, readonly [CborKey, CborValue], string][] = [
    ['with a domain id of 31 bytes', [1, new Uint8Array(31)], 'ERR_MALFORMED'],
    ['with a negative version', [2, -1], 'ERR_MALFORMED'],
    ['that expires when it is issued', [4, NOW], 'ERR_MALFORMED'],
    ['without anchors', [5, []], 'ERR_MALFORMED'],
    ['with 17 anchors', [5, many(17, anchor)], 'ERR_MALFORMED'],
    ['with an anchor without its times', [5, [[anchorKey]]], 'ERR_MALFORMED'],
    ['with an anchor of four fields', [5, [[anchorKey, 0, null, 0]]], 'ERR_MALFORMED'],
    ['with a KEM key for an anchor', [5, [[kem, 0, null]]], 'ERR_MALFORMED'],
    ['with a keeper that is text', [6, ['keeper']], 'ERR_MALFORMED'],
    ['with 65 keepers', [6, many(65, id)], 'ERR_MALFORMED'],
    ['with a recovery principal without keys', [7, [id, []]], 'ERR_MALFORMED'],
    ['with three recovery keys', [7, [id, [kem, wing, kem]]], 'ERR_MALFORMED'],
    ['with a recovery principal of three fields', [7, [id, [kem], 0]], 'ERR_MALFORMED'],
    ['with two recovery keys of one kind', [7, [id, [kem, kem]]], 'ERR_MALFORMED'],
    ['with a signing key for recovery', [7, [id, [anchorKey]]], 'ERR_MALFORMED'],
    ['with a partner of four fields', [8, [[id, [anchorKey], [], 0]]], 'ERR_MALFORMED'],
    ['with a partner id of 31 bytes', [8, [[short, [anchorKey], []]]], 'ERR_MALFORMED'],
    ['with a pattern that is a number', [8, [[id, [anchorKey], [1]]]], 'ERR_MALFORMED'],
    ['with somebody revoked by 31 bytes', [9, [[short, 0]]], 'ERR_MALFORMED'],
    ['with somebody revoked in three fields', [9, [[id, 0, 0]]], 'ERR_MALFORMED'],
    ['with a partner without anchors', [8, [[id, [], ['a']]]], 'ERR_MALFORMED'],
    ['with a partner limited by no pattern', [8, [[id, [anchorKey], ['a#']]]], 'ERR_MALFORMED'],
    ['with 65 patterns', [8, [[id, [anchorKey], many(65, 'a')]]], 'ERR_MALFORMED'],
    ['with 257 partners', [8, many(257, [id, [anchorKey], []])], 'ERR_MALFORMED'],
    ['with a revocation without time', [9, [[id]]], 'ERR_MALFORMED'],
    ['with 10,001 revocations', [9, many(10_001, [id, 0])], 'ERR_MALFORMED'],
    ['with a number for a flag', [10, 1], 'ERR_MALFORMED'],
    ['with an anchor on an unknown curve', [5, [[curve(7), 0, null]]], 'ERR_UNSUPPORTED'],
    ['with a field more', [11, null], 'ERR_MALFORMED'],
  ]
  it.each(refused)('is refused %s', (_, [field, value], code) => {
    const payload = new Map<CborKey, CborValue>([
      [1, ANCHOR.id],
      [2, 1],
      [3, NOW],
      [4, NOW + 1],
      [5, [anchor]],
      [6, []],
      [7, null],
      [8, []],
      [9, []],
      [10, false],
    ])
    const input = { type: 'trust-bundle', author: ANCHOR.id, key: ANCHOR.key } as const
    expect(verdict(signStatement({ ...input, recipient: null, payload }))).toBe('valid')
    payload.set(field, value)
    expect(verdict(signStatement({ ...input, recipient: null, payload }))).toBe(code)
  })

  it('keeps what it says when its buffer is used again', () => {
    const bytes = signTrustBundle(crypto, FULL, ANCHOR.key)
    const bundle = decodeTrustBundle(crypto, bytes)
    bytes.fill(0)
    expect(bundle).toMatchObject({ ...FULL })
  })

  it('fails to decode with its documented errors alone', () => {
    const { recovery: _, ...small } = FULL
    const valid = signTrustBundle(crypto, { ...small, recovery: null }, ANCHOR.key)
    fc.assert(
      fc.property(fc.oneof(mutated([valid]), bytesUpTo(200)), (bytes) => {
        expect(['valid', 'ERR_MALFORMED', 'ERR_UNSUPPORTED']).toContain(verdict(bytes))
      }),
      { numRuns: 300 },
    )
  })
})

function curve(crv: number): CborValue {
  return new Map<CborKey, CborValue>([
    [1, 1],
    [-1, crv],
    [-2, new Uint8Array(32)],
  ])
}
