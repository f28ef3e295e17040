// SPDX-License-Identifier: Apache-2.0
import {
  decodeCbor,
  decodeLink,
  signLink,
  signStatement,
  type CborKey,
  type CborValue,
  type LinkFields,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, bytesUpTo, mutated } from '../support/arbitraries.js'
import { NOW, stranger } from '../support/domain.js'
import { outcomeOf } from '../support/outcome.js'

const crypto = sodiumProvider
const PLANT = stranger('plant')
const verdict = (bytes: Uint8Array): string => outcomeOf(() => decodeLink(crypto, bytes))

const FIELDS: LinkFields = {
  generationId: new Uint8Array(32).fill(1),
  grantId: new Uint8Array(16).fill(2),
  issuer: PLANT.id,
  grantee: new Uint8Array(32).fill(3),
  kemKey: new Uint8Array(32).fill(4),
  span: { first: 1, last: 2 },
  rights: 'share',
  depth: 3,
  issued: NOW,
  end: null,
  parent: null,
  nodesDigest: new Uint8Array(32).fill(5),
  credential: null,
}

describe('a link', () => {
  it('comes back as it was signed', () => {
    const arbitrary = fc.record({
      generationId: bytesOf(32),
      grantId: bytesOf(16),
      issuer: fc.constant(PLANT.id),
      grantee: bytesOf(32),
      kemKey: bytesOf(32),
      span: fc.constantFrom(
        { first: 0, last: 0 },
        { first: 7, last: 2 ** 32 - 1 },
        { first: 2 ** 32 - 1, last: 2 ** 32 - 1 },
      ),
      rights: fc.constant('share' as const),
      depth: fc.integer({ min: 1, max: 3 }),
      issued: fc.maxSafeNat(),
      end: fc.option(fc.maxSafeNat()),
      parent: fc.option(bytesOf(32)),
      nodesDigest: bytesOf(32),
      credential: fc.option(bytesUpTo(50)),
    })
    fc.assert(
      fc.property(arbitrary, fc.boolean(), (drawn, reading) => {
        const fields: LinkFields = reading ? { ...drawn, rights: 'read', depth: 0 } : drawn
        const bytes = signLink(fields, PLANT.key)
        expect(decodeLink(crypto, bytes)).toMatchObject({ ...fields, digest: crypto.sha256(bytes) })
      }),
      { numRuns: 200 },
    )
  })

  const refused: readonly [string, readonly [CborKey, CborValue | undefined]][] = [
    ['with a generation id of 31 bytes', [1, new Uint8Array(31)]],
    ['with a grant id of 17 bytes', [2, new Uint8Array(17)]],
    ['without an issuer', [3, undefined]],
    ['with a grantee that is text', [4, 'desk']],
    ['with a KEM key of 8 bytes', [5, new Uint8Array(8)]],
    ['with a span that runs backwards', [6, [2, 1]]],
    ['with a span beyond the last epoch', [6, [0, 2 ** 32]]],
    ['with a span of three', [6, [0, 1, 2]]],
    ['with a negative epoch', [6, [-1, 1]]],
    ['with no rights', [7, 0]],
    ['with unknown rights', [7, 3]],
    ['with a right to read that may be shared', [7, 1]],
    ['with a right to share to nobody', [8, 0]],
    ['with a depth of 4', [8, 4]],
    ['with a time before 1970', [9, -1]],
    ['without an end, not even a null', [10, undefined]],
    ['with a parent of 8 bytes', [11, new Uint8Array(8)]],
    ['without the digest of the nodes', [12, undefined]],
    ['with a credential that is a map', [13, new Map()]],
    ['with a field more', [14, 0]],
  ]
  it.each(refused)('is refused %s', (_, [field, value]) => {
    const { statement } = decodeLink(crypto, signLink(FIELDS, PLANT.key))
    const payload = new Map(decodeCbor(statement.payload, 'link') as Map<CborKey, CborValue>)
    if (value === undefined) payload.delete(field)
    else payload.set(field, value)
    const input = { type: 'link', author: PLANT.id, key: PLANT.key, recipient: null } as const
    expect(verdict(signStatement({ ...input, payload }))).toBe('ERR_MALFORMED')
  })

  it('fails to decode with its documented errors alone', () => {
    const valid = signLink(FIELDS, PLANT.key)
    fc.assert(
      fc.property(fc.oneof(mutated([valid]), bytesUpTo(200)), (bytes) => {
        expect(['valid', 'ERR_MALFORMED', 'ERR_UNSUPPORTED']).toContain(verdict(bytes))
      }),
      { numRuns: 500 },
    )
  })
})
