// SPDX-License-Identifier: Apache-2.0
import { formatShortId, Trust, type Partner } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import { bundleOf, enrolled, NOW, stranger, trustOf, type Member } from '../support/domain.js'
import { outcomeOf } from '../support/outcome.js'

const crypto = sodiumProvider
const ANCHOR = stranger('anchor')
const PARTNER = stranger('partner anchor')
const PARTNER_NEXT = stranger('next partner anchor')
const GUEST = enrolled(PARTNER, 'guest')

const key = ({ key: { publicKey } }: Member): Uint8Array => publicKey
const partner = (...anchors: readonly Member[]): Partner => {
  return { domainId: PARTNER.id, anchors: anchors.map(key), patterns: ['#'] }
}

describe('without a bundle', () => {
  it('there are no keepers, no recovery and no anchors', () => {
    const trust = new Trust({ crypto })
    expect(trust.keepers()).toEqual([])
    expect(trust.recovery()).toBeUndefined()
    expect(trust.anchorKey(ANCHOR.id)).toBeUndefined()
    expect(trust.domainOfAnchor(ANCHOR.id)).toBeUndefined()
    expect(trust.partnerBundles).toEqual([])
  })

  it('a pinned key says what the person said of it, and nothing more', () => {
    const trust = new Trust({ crypto })
    const lone = stranger('lone')
    const pinned = trust.pin({ publicKey: key(lone), name: 'Lone', produces: ['a'] })
    expect(pinned).toMatchObject({ roles: [], attributes: new Map(), unit: undefined, issued: 0 })
  })
})

describe('a first bundle', () => {
  it('revokes whom it names at once, though the key counted before', () => {
    const lone = stranger('lone')
    const trust = new Trust({ crypto })
    const pinned = trust.pin({ publicKey: key(lone), name: 'Lone', produces: ['#'] })
    const epochAt = (start: number): string =>
      outcomeOf(() => {
        trust.checkEpoch(pinned, start)
      })
    expect(epochAt(NOW)).toBe('valid')
    trust.start(bundleOf(ANCHOR, { revoked: [{ principalId: lone.id, since: NOW }] }), ANCHOR.id)
    expect(epochAt(NOW)).toBe('ERR_REVOKED')
    expect(epochAt(NOW - 1)).toBe('valid')
  })
})

describe('an anchor', () => {
  it('is of our domain, of a partner, or of none', () => {
    const trust = trustOf(ANCHOR, { partners: [partner(PARTNER)] })
    expect(trust.domainOfAnchor(ANCHOR.id)).toEqual(ANCHOR.id)
    expect(trust.domainOfAnchor(PARTNER.id)).toEqual(PARTNER.id)
    expect(trust.domainOfAnchor(GUEST.id)).toBeUndefined()
  })

  it('that a partner lists for two times is no rival of itself', () => {
    const trust = trustOf(ANCHOR, { partners: [partner(PARTNER)] })
    const anchors = [
      { key: key(PARTNER), from: 0, until: null },
      { key: key(PARTNER), from: NOW, until: null },
    ]
    trust.accept(bundleOf(PARTNER, { anchors }), NOW)
    expect(trust.resolve(GUEST.id, GUEST.credential).domainId).toEqual(PARTNER.id)
  })

  it('that our bundle names beside another vouches for a partner alone', () => {
    const trust = trustOf(ANCHOR, { partners: [partner(PARTNER_NEXT, PARTNER)] })
    trust.accept(bundleOf(PARTNER), NOW)
    expect(trust.partnerBundles).toHaveLength(1)
    expect(trust.resolve(GUEST.id, GUEST.credential).domainId).toEqual(PARTNER.id)
  })
})

describe('a principal that two domains revoke', () => {
  it.each([
    [NOW, NOW + 10],
    [NOW + 10, NOW],
  ])('is revoked from the earlier time on (%i, %i)', (ours, theirs) => {
    const revokedFrom = (since: number) => ({ revoked: [{ principalId: GUEST.id, since }] })
    const trust = trustOf(ANCHOR, { partners: [partner(PARTNER)], ...revokedFrom(ours) })
    trust.accept(bundleOf(PARTNER, revokedFrom(theirs)), NOW)
    expect(trust.revokedSince(trust.resolve(GUEST.id, GUEST.credential))).toBe(NOW)
  })
})

describe('a principal id', () => {
  it('is shown to people by its first twelve characters', () => {
    expect(formatShortId(new Uint8Array(32).fill(0xff))).toBe('____________')
    expect(formatShortId(new Uint8Array(32))).toBe('AAAAAAAAAAAA')
  })
})
