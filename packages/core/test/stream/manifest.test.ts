// SPDX-License-Identifier: Apache-2.0
import {
  decodeManifest,
  encodeCbor,
  generationId,
  kidOf,
  signStatement,
  verifyManifest,
  type CborKey,
  type CborValue,
  type ContentAlgorithm,
  type Ed25519SigningKey,
  type Manifest,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, bytesUpTo, mutated } from '../support/arbitraries.js'
import { stranger } from '../support/domain.js'
import { fieldOf, outcomeOf } from '../support/outcome.js'
import { manifestFields, manifestOf } from '../support/stream.js'

const crypto = sodiumProvider
const PLANT = stranger('plant')
const DOMAIN = stranger('anchor')
const verdict = (bytes: Uint8Array): string => outcomeOf(() => decodeManifest(crypto, bytes))

const FIELDS: readonly (readonly [CborKey, CborValue])[] = [
  [1, DOMAIN.id],
  [2, PLANT.id],
  [3, 'plant/1'],
  [4, new Uint8Array(16)],
  [5, 3600],
  [6, 24],
  [7, 8],
  [8, 0],
  [9, 1],
  [10, 0],
  [11, null],
]

/** The plant's manifest with one field changed or, where `undefined`, left out. */
function signed(change?: readonly [CborKey, CborValue | undefined], signer?: Signer): Uint8Array {
  const payload = new Map(FIELDS)
  const [field, value] = change ?? []
  if (field !== undefined && value === undefined) payload.delete(field)
  if (field !== undefined && value !== undefined) payload.set(field, value)
  const { author, key } = { author: PLANT.id, key: PLANT.key, ...signer }
  return signStatement({ type: 'manifest', author, key, recipient: null, payload })
}

interface Signer {
  readonly author: Uint8Array
  readonly key: Ed25519SigningKey
}

describe('a manifest', () => {
  it('comes back as it was signed', () => {
    const arbitrary = fc.record({
      nonce: bytesOf(16),
      epochSeconds: fc.integer({ min: 1, max: 31_536_000 }),
      alg: fc.constantFrom(1, 3, 10, 24),
      kidBytes: fc.constantFrom(4, 8),
      counterMode: fc.constantFrom('session', 'durable'),
      signatureMode: fc.constantFrom('none', 'each'),
      historyMode: fc.constantFrom('keep', 'forget'),
      predecessor: fc.option(
        fc.record({
          generationId: bytesOf(32),
          closingEpoch: fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 })),
        }),
      ),
    })
    fc.assert(
      fc.property(arbitrary, fc.boolean(), (changes, pinned) => {
        const fields = manifestFields(PLANT, pinned ? null : DOMAIN, changes)
        const manifest = manifestOf(PLANT, pinned ? null : DOMAIN, changes)
        expect(manifest).toMatchObject(fields)
        expect(kidOf(manifest)).toEqual(manifest.generationId.slice(0, fields.kidBytes))
      }),
      { numRuns: 100 },
    )
  })

  it('is not signed with an algorithm that is none of contents', () => {
    const sign = (alg: number) => () => manifestOf(PLANT, DOMAIN, { alg: alg as ContentAlgorithm })
    expect(outcomeOf(sign(10))).toBe('valid')
    for (const alg of [2, 30]) expect(outcomeOf(sign(alg))).toBe('ERR_UNSUPPORTED')
  })

  it('has a generation id that follows from its producer and its payload alone', () => {
    const manifest = manifestOf(PLANT, DOMAIN)
    expect(manifest.generationId).toEqual(
      crypto.sha256(
        encodeCbor(['waxwing generation v1', PLANT.id, crypto.sha256(manifest.statement.payload)]),
      ),
    )
    expect(generationId(crypto, PLANT.id, manifest.payloadDigest)).toEqual(manifest.generationId)
    const renamed = manifestOf(PLANT, DOMAIN, { streamName: 'plant/2/temperature' })
    expect(renamed.generationId).not.toEqual(manifest.generationId)
  })

  const refused: readonly [string, readonly [CborKey, CborValue | undefined], string][] = [
    ['without its domain', [1, undefined], 'ERR_MALFORMED'],
    ['with a producer id of 31 bytes', [2, new Uint8Array(31)], 'ERR_MALFORMED'],
    ['with a wildcard in its name', [3, 'plant/+'], 'ERR_MALFORMED'],
    ['with an empty level in its name', [3, 'plant//1'], 'ERR_MALFORMED'],
    ['with a name of 256 bytes', [3, 'x'.repeat(256)], 'ERR_MALFORMED'],
    ['with a name that is not in NFC', [3, 'u\u0308ber'], 'ERR_MALFORMED'],
    ['with a nonce of 15 bytes', [4, new Uint8Array(15)], 'ERR_MALFORMED'],
    ['with epochs of no length', [5, 0], 'ERR_MALFORMED'],
    ['with epochs longer than a year', [5, 31_536_001], 'ERR_MALFORMED'],
    ['with an unknown algorithm', [6, 2], 'ERR_UNSUPPORTED'],
    ['with an algorithm of EDHOC and OSCORE alone', [6, 30], 'ERR_UNSUPPORTED'],
    ['with a kid of 5 bytes', [7, 5], 'ERR_MALFORMED'],
    ['with an unknown counter mode', [8, 2], 'ERR_UNSUPPORTED'],
    ['with an unknown signature mode', [9, 3], 'ERR_UNSUPPORTED'],
    ['with an unknown history mode', [10, 2], 'ERR_UNSUPPORTED'],
    ['with a predecessor of 31 bytes', [11, [new Uint8Array(31), 0]], 'ERR_MALFORMED'],
    ['with a predecessor of three fields', [11, [new Uint8Array(32), 0, 0]], 'ERR_MALFORMED'],
    ['with half a predecessor', [11, [new Uint8Array(32)]], 'ERR_MALFORMED'],
    ['with a closing epoch above 2^32 - 1', [11, [new Uint8Array(32), 2 ** 32]], 'ERR_MALFORMED'],
    ['with a field more', [12, 0], 'ERR_MALFORMED'],
  ]
  it.each(refused)('is refused %s', (_, change, code) => {
    expect(verdict(signed())).toBe('valid')
    expect(verdict(signed(change))).toBe(code)
  })

  const names: readonly [string, readonly [CborKey, CborValue | undefined]][] = [
    ['domain id', [1, -1]],
    ['producer id', [2, -1]],
    ['stream name', [3, -1]],
    ['stream name', [3, 'plant/+']],
    ['nonce', [4, -1]],
    ['epoch length', [5, -1]],
    ['epoch length', [5, 0]],
    ['alg', [6, 'A256GCM']],
    ['alg', [6, 2]],
    ['kid length', [7, -1]],
    ['kid length', [7, 5]],
    ['counter mode', [8, -1]],
    ['signature mode', [9, -1]],
    ['history mode', [10, -1]],
    ['predecessor', [11, undefined]],
    ['predecessor', [11, [-1, 0]]],
    ['closing epoch', [11, [new Uint8Array(32), -1]]],
  ]
  it.each(names)('says that its %s is refused', (name, change) => {
    expect(fieldOf(() => decodeManifest(crypto, signed(change)))).toBe(name)
  })

  it('is refused if another than its producer signed it', () => {
    const other = stranger('someone else')
    const key = crypto.ed25519VerifyingKey(other.key.publicKey)
    const forge = (author: Uint8Array): Manifest =>
      decodeManifest(crypto, signed(undefined, { author, key: other.key }))
    expect(outcomeOf(() => verifyManifest(forge(other.id), key))).toBe('ERR_SIGNATURE')
    for (const at of [0, 31]) {
      const similar = PLANT.id.with(at, PLANT.id[at]! ^ 1)
      expect(outcomeOf(() => verifyManifest(forge(similar), key))).toBe('ERR_SIGNATURE')
    }
    const plantKey = crypto.ed25519VerifyingKey(PLANT.key.publicKey)
    expect(outcomeOf(() => verifyManifest(forge(PLANT.id), plantKey))).toBe('ERR_SIGNATURE')
    expect(outcomeOf(() => verifyManifest(manifestOf(PLANT, null), plantKey))).toBe('valid')
  })

  it('fails to decode with its documented errors alone', () => {
    const valid = manifestOf(PLANT, DOMAIN, {
      predecessor: { generationId: new Uint8Array(32), closingEpoch: 5 },
    }).bytes
    fc.assert(
      fc.property(fc.oneof(mutated([valid]), bytesUpTo(300)), (bytes) => {
        expect(['valid', 'ERR_MALFORMED', 'ERR_UNSUPPORTED']).toContain(verdict(bytes))
      }),
      { numRuns: 500 },
    )
  })
})
