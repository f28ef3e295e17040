// SPDX-License-Identifier: Apache-2.0
import { verifyGrant, type VerifiedManifest } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import { enrolled, NOW, stranger, trustOf } from '../support/domain.js'
import { outcomeOf } from '../support/outcome.js'
import { grantOf, kemKeyOf, manifestOf, type Step } from '../support/stream.js'

const crypto = sodiumProvider
const ANCHOR = stranger('anchor')
const PLANT = enrolled(ANCHOR, 'plant')
const KEEPER = enrolled(ANCHOR, 'keeper')
const DEPUTY = enrolled(ANCHOR, 'deputy')
const DESK = enrolled(ANCHOR, 'desk')
/** Two generations of one producer. */
const SHARED = manifestOf(PLANT, ANCHOR)
const CLOSED = manifestOf(PLANT, ANCHOR, { nonce: new Uint8Array(16).fill(9) })

const of = ({ generationId }: VerifiedManifest): Pick<Step, 'fields'> => {
  return { fields: { generationId } }
}

function verdict(manifest: VerifiedManifest, steps: readonly Step[]): string {
  const inputs = { crypto, trust: trustOf(ANCHOR), now: NOW, issued: NOW }
  const reader = { grantee: DESK.id, kemKey: kemKeyOf(DESK) }
  return outcomeOf(() => verifyGrant(grantOf(manifest, steps), { ...inputs, ...reader }))
}

describe('a chain', () => {
  it('stays in one generation from its first link to its last', () => {
    const chain = (...manifests: readonly [VerifiedManifest, VerifiedManifest, VerifiedManifest]) =>
      verdict(SHARED, [
        { issuer: PLANT, grantee: KEEPER, ...of(manifests[0]) },
        { issuer: KEEPER, grantee: DEPUTY, ...of(manifests[1]) },
        { issuer: DEPUTY, grantee: DESK, ...of(manifests[2]) },
      ])
    expect(chain(SHARED, SHARED, SHARED)).toBe('valid')
    expect(chain(SHARED, CLOSED, SHARED)).toBe('ERR_CHAIN generation id')
    expect(chain(CLOSED, CLOSED, SHARED)).toBe('ERR_CHAIN generation id')
  })

  it('gives a delegate nothing of another generation of its producer', () => {
    const share: Step = { issuer: PLANT, grantee: KEEPER, ...of(SHARED) }
    const taken: Step = { issuer: KEEPER, grantee: DESK, ...of(CLOSED) }
    expect(verdict(CLOSED, [share, taken])).toBe('ERR_CHAIN generation id')
    expect(verdict(CLOSED, [{ ...share, ...of(CLOSED) }, taken])).toBe('valid')
  })
})
