// SPDX-License-Identifier: Apache-2.0
import {
  coseKeyToCbor,
  decodeCredential,
  decodeKeyCard,
  decodeTrustBundle,
  signKeyCard,
  type CborKey,
  type CborValue,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import { bundleOf, DAY, enrolled, NOW, seedOf, stranger } from '../support/domain.js'
import { withField } from '../support/messages.js'
import { fieldOf } from '../support/outcome.js'

const crypto = sodiumProvider
const ANCHOR = stranger('anchor')
const DESK = enrolled(ANCHOR, 'desk')
/** What no field may be. */
const BAD = -1
const ID = new Uint8Array(32)
const SIGNING_KEY = coseKeyToCbor({ kind: 'ed25519', publicKey: ANCHOR.key.publicKey })
const KEM_KEY = coseKeyToCbor({ kind: 'x25519', publicKey: seedOf('desk') })

type Row = readonly [change: readonly [CborKey, CborValue | undefined], name: string]

function expectNames(
  decode: (bytes: Uint8Array) => unknown,
  valid: Uint8Array,
  rows: readonly Row[],
): void {
  expect(fieldOf(() => decode(valid))).toBeUndefined()
  for (const [change, name] of rows) {
    const changed = withField(valid, ANCHOR, change)
    expect(
      fieldOf(() => decode(changed)),
      name,
    ).toBe(name)
  }
}

const own = (key: number, value: CborValue): readonly [CborKey, CborValue] => [
  -65537,
  new Map([[key, value]]),
]
const confirmation = (key: number, value: CborValue): readonly [CborKey, CborValue] => [
  8,
  new Map([[key, value]]),
]

describe('what is refused of', () => {
  it('a credential is named', () => {
    const decode = (bytes: Uint8Array): unknown => decodeCredential(crypto, bytes)
    expectNames(decode, DESK.credential ?? ID, [
      [[2, BAD], 'sub'],
      [[4, BAD], 'exp'],
      [[6, BAD], 'iat'],
      [[8, undefined], 'cnf'],
      [confirmation(2, SIGNING_KEY), 'COSE_Key'],
      [confirmation(1, KEM_KEY), 'COSE_Key'],
      [[-65537, undefined], 'waxwing'],
      [own(1, BAD), 'unit'],
      [own(2, BAD), 'roles'],
      [own(2, [BAD]), 'roles'],
      [own(3, BAD), 'attributes'],
      [own(3, new Map([[BAD, 'x']])), 'attributes'],
      [own(3, new Map([['x', BAD]])), 'attributes'],
      [own(4, BAD), 'produces'],
      [own(4, [BAD]), 'produces'],
      [own(4, ['a//b']), 'produces'],
    ])
  })

  it('a key card is named', () => {
    const keys = [{ kind: 'x25519', publicKey: seedOf('desk') }] as const
    const card = signKeyCard({ issued: NOW, expires: NOW + DAY, keys }, ANCHOR.id, ANCHOR.key)
    expectNames(decodeKeyCard, card, [
      [[1, BAD], 'issued'],
      [[2, BAD], 'expires'],
      [[2, NOW], 'expires'],
      [[3, BAD], 'keys'],
      [[3, [SIGNING_KEY]], 'keys'],
      [[3, [KEM_KEY, KEM_KEY]], 'keys'],
    ])
  })

  it('a trust bundle is named', () => {
    const decode = (bytes: Uint8Array): unknown => decodeTrustBundle(crypto, bytes)
    expectNames(decode, bundleOf(ANCHOR), [
      [[1, BAD], 'domain id'],
      [[2, BAD], 'version'],
      [[3, BAD], 'issued'],
      [[4, BAD], 'expires'],
      [[4, NOW - DAY], 'expires'],
      [[5, BAD], 'anchors'],
      [[5, [[]]], 'anchor'],
      [[5, [[KEM_KEY, 0, null]]], 'anchors'],
      [[5, [[SIGNING_KEY, BAD, null]]], 'from'],
      [[5, [[SIGNING_KEY, 0, BAD]]], 'until'],
      [[6, BAD], 'keepers'],
      [[6, [BAD]], 'keepers'],
      [[7, BAD], 'recovery'],
      [[7, [BAD, [KEM_KEY]]], 'recovery credential'],
      [[7, [ID, BAD]], 'recovery keys'],
      [[7, [ID, [SIGNING_KEY]]], 'recovery keys'],
      [[7, [ID, [KEM_KEY, KEM_KEY]]], 'recovery keys'],
      [[8, BAD], 'partners'],
      [[8, [[BAD, [SIGNING_KEY], []]]], 'partner domain'],
      [[8, [[ID, BAD, []]]], 'partner anchors'],
      [[8, [[ID, [SIGNING_KEY], BAD]]], 'partner patterns'],
      [[8, [[ID, [SIGNING_KEY], ['a//b']]]], 'patterns'],
      [[9, BAD], 'revoked'],
      [[9, [[BAD, 0]]], 'revoked'],
      [[9, [[ID, BAD]]], 'since'],
      [[10, BAD], 'require X-Wing'],
    ])
  })
})
