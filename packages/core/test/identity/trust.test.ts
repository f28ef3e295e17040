// SPDX-License-Identifier: Apache-2.0
import { issueCredential, signTrustBundle, Trust, type Partner } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import {
  bundleFields,
  bundleOf,
  DAY,
  enrolled,
  NOW,
  stranger,
  trustOf,
  type Member,
} from '../support/domain.js'
import { outcomeOf } from '../support/outcome.js'

const crypto = sodiumProvider
const ANCHOR = stranger('anchor')
const NEXT_ANCHOR = stranger('next anchor')
const OTHER_ANCHOR = stranger('other anchor')
const PARTNER = stranger('partner anchor')
const PARTNER_NEXT = stranger('next partner anchor')
const THIRD = stranger('third anchor')

const PLANT = enrolled(ANCHOR, 'plant', { produces: ['plant/1/#'] })
const GUEST = enrolled(PARTNER, 'guest', { produces: ['#'] })

const key = ({ key: { publicKey } }: Member): Uint8Array => publicKey
const inUse = (anchor: Member) => ({ key: key(anchor), from: 0, until: null })
const partner = (anchor: Member, ...patterns: readonly string[]): Partner => ({
  domainId: anchor.id,
  anchors: [key(anchor)],
  patterns,
})
const credentialOf = ({ credential }: Member): Uint8Array => credential ?? new Uint8Array(0)
const resolved = (trust: Trust, member: Member) => trust.resolve(member.id, member.credential)

describe('the first bundle', () => {
  it('is taken from the anchor that a person vouches for', () => {
    const trust = new Trust({ crypto })
    trust.start(bundleOf(ANCHOR), ANCHOR.id)
    expect(trust.bundle?.version).toBe(1)
    expect(resolved(trust, PLANT).domainId).toEqual(ANCHOR.id)
  })

  it('is refused from another anchor, under a forged signature, or as a second one', () => {
    const start = (bytes: Uint8Array): string =>
      outcomeOf(() => {
        new Trust({ crypto }).start(bytes, ANCHOR.id)
      })
    expect(start(bundleOf(OTHER_ANCHOR))).toBe('ERR_NOT_TRUSTED')
    const unlisted = bundleFields(ANCHOR, { anchors: [inUse(OTHER_ANCHOR)] })
    expect(start(signTrustBundle(crypto, unlisted, ANCHOR.key))).toBe('ERR_NOT_TRUSTED')
    const forged = bundleOf(ANCHOR).slice()
    forged[forged.length - 1]! ^= 1
    expect(start(forged)).toBe('ERR_SIGNATURE')
    const trust = trustOf(ANCHOR)
    const again = outcomeOf(() => {
      trust.start(bundleOf(ANCHOR), ANCHOR.id)
    })
    expect(again).toBe('ERR_CONFLICT')
  })
})

describe('a newer bundle', () => {
  const offered = (trust: Trust, bytes: Uint8Array): string => {
    let result = ''
    const failed = outcomeOf(() => (result = trust.accept(bytes, NOW)))
    return failed === 'valid' ? result : failed
  }

  it('replaces the one that is held, and is known when it comes again', () => {
    const trust = trustOf(ANCHOR)
    const newer = bundleOf(ANCHOR, { version: 2 })
    expect(offered(trust, newer)).toBe('accepted')
    expect(offered(trust, newer)).toBe('known')
    expect(trust.bundle?.version).toBe(2)
  })

  it('is refused if it is older, or another of the same version', () => {
    const trust = trustOf(ANCHOR, { version: 5 })
    expect(offered(trust, bundleOf(ANCHOR, { version: 4 }))).toBe('ERR_ROLLBACK')
    expect(offered(trust, bundleOf(ANCHOR, { version: 5, requireXWing: true }))).toBe(
      'ERR_CONFLICT',
    )
    expect(trust.bundle?.requireXWing).toBe(false)
  })

  it('is refused if it is dated in the future, unless nobody knows the time', () => {
    const early = bundleOf(ANCHOR, { version: 2, issued: NOW + 301 })
    expect(offered(trustOf(ANCHOR), early)).toBe('ERR_NOT_YET_VALID')
    expect(trustOf(ANCHOR).accept(early, undefined)).toBe('accepted')
    const skewed = bundleOf(ANCHOR, { version: 2, issued: NOW + 300 })
    expect(offered(trustOf(ANCHOR), skewed)).toBe('accepted')
  })

  it('is refused from an anchor that is not listed, or no longer in use', () => {
    const retired = { key: key(OTHER_ANCHOR), from: 0, until: NOW }
    const trust = trustOf(ANCHOR, { anchors: [inUse(ANCHOR), retired] })
    const fields = bundleFields(ANCHOR, { version: 2 })
    const by = (anchor: Member): Uint8Array => signTrustBundle(crypto, fields, anchor.key)
    expect(offered(trust, by(OTHER_ANCHOR))).toBe('ERR_NOT_TRUSTED')
    expect(offered(trust, by(NEXT_ANCHOR))).toBe('ERR_NOT_TRUSTED')
    expect(offered(trust, by(ANCHOR))).toBe('accepted')
  })

  it('is refused where none is held to begin with', () => {
    expect(offered(new Trust({ crypto }), bundleOf(ANCHOR))).toBe('ERR_NOT_TRUSTED')
  })

  it('hands over from one anchor to the next, and is still known after that', () => {
    const trust = trustOf(ANCHOR)
    const retiring = { key: key(ANCHOR), from: 0, until: NOW }
    const handover = bundleOf(ANCHOR, { version: 2, anchors: [retiring, inUse(NEXT_ANCHOR)] })
    expect(offered(trust, handover)).toBe('accepted')
    // The broker keeps it as a retained message: it comes again with every connection.
    expect(offered(trust, handover)).toBe('known')
    const third = bundleFields(ANCHOR, { version: 3, anchors: [retiring, inUse(NEXT_ANCHOR)] })
    expect(offered(trust, signTrustBundle(crypto, third, ANCHOR.key))).toBe('ERR_NOT_TRUSTED')
    expect(offered(trust, signTrustBundle(crypto, third, NEXT_ANCHOR.key))).toBe('accepted')
  })

  it('takes back what was concluded from the one before', () => {
    const trust = trustOf(ANCHOR)
    expect(resolved(trust, PLANT).name).toBe('plant')
    const anchors = [inUse(ANCHOR), { key: key(NEXT_ANCHOR), from: 0, until: null }]
    trust.accept(bundleOf(ANCHOR, { version: 2, anchors }), NOW)
    const without = bundleFields(ANCHOR, { version: 3, anchors: [inUse(NEXT_ANCHOR)] })
    trust.accept(signTrustBundle(crypto, without, NEXT_ANCHOR.key), NOW)
    expect(outcomeOf(() => resolved(trust, PLANT))).toBe('ERR_NOT_TRUSTED')
  })

  it('that expired long ago freezes what is new', () => {
    const trust = trustOf(ANCHOR, { expires: NOW })
    expect(trust.isFrozen(NOW + 604_799)).toBe(false)
    expect(trust.isFrozen(NOW + 604_800)).toBe(true)
    expect(trust.isFrozen(NOW, 0)).toBe(true)
    expect(new Trust({ crypto }).isFrozen(NOW)).toBe(false)
  })
})

describe('a principal', () => {
  it('is trusted by the credential of an anchor', () => {
    expect(resolved(trustOf(ANCHOR), PLANT)).toMatchObject({
      id: PLANT.id,
      domainId: ANCHOR.id,
      name: 'plant',
      produces: ['plant/1/#'],
      partnerPatterns: undefined,
    })
  })

  const resolve = (trust: Trust, id: Uint8Array, credential: Uint8Array | null): string =>
    outcomeOf(() => trust.resolve(id, credential))

  it("is not trusted without a credential, by a stranger's, or by somebody else's", () => {
    const trust = trustOf(ANCHOR)
    const outsider = enrolled(OTHER_ANCHOR, 'outsider')
    expect(resolve(trust, PLANT.id, null)).toBe('ERR_NOT_TRUSTED')
    expect(resolve(trust, outsider.id, outsider.credential)).toBe('ERR_NOT_TRUSTED')
    expect(resolve(trust, GUEST.id, PLANT.credential)).toBe('ERR_NOT_TRUSTED')
    expect(resolve(new Trust({ crypto }), PLANT.id, PLANT.credential)).toBe('ERR_NOT_TRUSTED')
  })

  it('is not trusted by a credential that was changed, or that names a bad key', () => {
    const trust = trustOf(ANCHOR)
    const forged = credentialOf(PLANT).slice()
    forged[forged.length - 1]! ^= 1
    expect(resolve(trust, PLANT.id, forged)).toBe('ERR_SIGNATURE')
    const signingKey = new Uint8Array(32).with(0, 1) // the identity: of small order
    const weak = enrolled(ANCHOR, 'weak', { signingKey })
    expect(resolve(trust, PLANT.id, weak.credential)).toBe('ERR_KEY_INVALID prime order')
    expect(resolve(trust, PLANT.id, Uint8Array.of(0xa0))).toBe('ERR_MALFORMED')
  })

  it('is trusted by an anchor only for what that issued while it was in use', () => {
    const anchors = [{ key: key(ANCHOR), from: NOW - 10, until: NOW }]
    const trust = trustOf(ANCHOR, { anchors })
    for (const [issued, expected] of [
      [NOW - 11, 'ERR_NOT_TRUSTED'],
      [NOW - 10, 'valid'],
      [NOW, 'valid'],
      [NOW + 1, 'ERR_NOT_TRUSTED'],
    ] as const) {
      const member = enrolled(ANCHOR, 'plant', { issued })
      expect(resolve(trust, member.id, member.credential), String(issued)).toBe(expected)
    }
  })

  it('may be trusted by hand, without any bundle', () => {
    const trust = new Trust({ crypto })
    const lone = stranger('lone')
    const pinned = trust.pin({ publicKey: key(lone), name: 'Lone', produces: ['a/#'] })
    expect(trust.resolve(lone.id, null)).toBe(pinned)
    expect(pinned).toMatchObject({ id: lone.id, domainId: null, name: 'Lone', credential: null })
    const name = (domainId: Uint8Array | null): string =>
      outcomeOf(() => {
        trust.checkMayName(pinned, domainId, 'a/b')
      })
    expect(name(null)).toBe('valid')
    expect(name(ANCHOR.id)).toBe('ERR_NOT_AUTHORIZED')
    trust.unpin(lone.id)
    expect(resolve(trust, lone.id, null)).toBe('ERR_NOT_TRUSTED')
    const weak = { publicKey: new Uint8Array(32), name: 'weak', produces: [] }
    expect(outcomeOf(() => trust.pin(weak))).toBe('ERR_KEY_INVALID prime order')
  })

  it('is what an anchor says of its own, even if somebody pinned its key', () => {
    const trust = trustOf(ANCHOR)
    const outsider = enrolled(OTHER_ANCHOR, 'outsider')
    for (const member of [PLANT, outsider]) {
      trust.pin({ publicKey: key(member), name: 'by hand', produces: ['#'] })
    }
    expect(resolved(trust, PLANT)).toMatchObject({ name: 'plant', domainId: ANCHOR.id })
    expect(trust.resolve(PLANT.id, null).name).toBe('by hand')
    expect(resolved(trust, outsider)).toMatchObject({ name: 'by hand', domainId: null })
    const forged = credentialOf(PLANT).with(-1 + credentialOf(PLANT).length, 0)
    expect(resolve(trust, PLANT.id, forged)).toBe('ERR_SIGNATURE')
  })

  it('that is pinned by hand can be revoked by our own bundle, and by no other', () => {
    const lone = stranger('lone')
    const pinned = [{ publicKey: key(lone), name: 'Lone', produces: ['#'] }]
    const revoked = [{ principalId: lone.id, since: NOW }]
    const since = (trust: Trust): number | undefined =>
      trust.revokedSince(trust.resolve(lone.id, null))
    expect(since(new Trust({ crypto, pinned }))).toBeUndefined()
    expect(since(trustOf(ANCHOR, {}, { pinned }))).toBeUndefined()
    expect(since(trustOf(ANCHOR, { revoked }, { pinned }))).toBe(NOW)
    const trust = trustOf(ANCHOR, { partners: [partner(PARTNER, '#')] }, { pinned })
    trust.accept(bundleOf(PARTNER, { revoked }), NOW)
    expect(since(trust)).toBeUndefined()
  })

  it('is in good standing from its issue until its expiry, unless it is revoked', () => {
    const standing = (trust: Trust, now: number): string =>
      outcomeOf(() => {
        trust.checkStanding(resolved(trust, PLANT), now)
      })
    const trust = trustOf(ANCHOR)
    const { issued, expires } = resolved(trust, PLANT)
    expect(standing(trust, issued - 301)).toBe('ERR_NOT_YET_VALID')
    expect(standing(trust, issued - 300)).toBe('valid')
    expect(standing(trust, expires - 1)).toBe('valid')
    expect(standing(trust, expires)).toBe('ERR_EXPIRED')
    const revoking = trustOf(ANCHOR, { revoked: [{ principalId: PLANT.id, since: NOW }] })
    expect(standing(revoking, NOW - 301)).toBe('valid')
    expect(standing(revoking, NOW - 300)).toBe('ERR_REVOKED')
  })

  it('may produce the names that its credential allows, in its own domain only', () => {
    const trust = trustOf(ANCHOR)
    const plant = resolved(trust, PLANT)
    const name = (domainId: Uint8Array | null, streamName: string): string =>
      outcomeOf(() => {
        trust.checkMayName(plant, domainId, streamName)
      })
    expect(name(ANCHOR.id, 'plant/1/temperature')).toBe('valid')
    expect(name(ANCHOR.id, 'plant/1')).toBe('valid')
    expect(name(ANCHOR.id, 'door/lock')).toBe('ERR_NOT_AUTHORIZED')
    expect(name(OTHER_ANCHOR.id, 'plant/1')).toBe('ERR_NOT_AUTHORIZED')
    expect(name(null, 'plant/1')).toBe('ERR_NOT_AUTHORIZED')
  })

  it('counts for the epochs that begin before its credential expires and it is revoked', () => {
    const plant = enrolled(ANCHOR, 'plant', { expires: NOW + DAY })
    const trust = trustOf(ANCHOR, {
      revoked: [
        { principalId: GUEST.id, since: NOW - DAY },
        { principalId: plant.id, since: NOW + 20 },
        { principalId: plant.id, since: NOW + 10 },
      ],
    })
    const at = (checked: Trust, epochStart: number): string =>
      outcomeOf(() => {
        checked.checkEpoch(resolved(checked, plant), epochStart)
      })
    expect(at(trust, NOW + 9)).toBe('valid')
    expect(at(trust, NOW + 10)).toBe('ERR_REVOKED')
    expect(at(trustOf(ANCHOR), NOW + DAY - 1)).toBe('valid')
    expect(at(trustOf(ANCHOR), NOW + DAY)).toBe('ERR_EXPIRED')
    // Long after both: what was sealed in time stays readable.
    expect(at(trust, NOW)).toBe('valid')
  })
})

describe('keepers and recovery', () => {
  const keeper = enrolled(ANCHOR, 'keeper')
  const recovery = enrolled(ANCHOR, 'recovery')
  const keys = [{ kind: 'x25519', publicKey: new Uint8Array(32).fill(9) }] as const
  const fields = {
    keepers: [credentialOf(keeper), credentialOf(enrolled(OTHER_ANCHOR, 'false keeper'))],
    recovery: { credential: credentialOf(recovery), keys },
  }

  it('are those whose credentials an anchor issued', () => {
    const trust = trustOf(ANCHOR, fields)
    expect(trust.keepers().map(({ name }) => name)).toEqual(['keeper'])
    expect(trust.recovery()?.id).toEqual(recovery.id)
    expect(trustOf(ANCHOR).recovery()).toBeUndefined()
  })

  it('are none any more once they are revoked', () => {
    const revoked = [keeper, recovery].map(({ id }) => ({ principalId: id, since: NOW }))
    const trust = trustOf(ANCHOR, { ...fields, revoked })
    expect(trust.keepers()).toEqual([])
    expect(trust.recovery()).toBeUndefined()
  })

  it('have an anchor whose key is known while it is in use', () => {
    const anchors = [inUse(ANCHOR), { key: key(OTHER_ANCHOR), from: 0, until: NOW }]
    const trust = trustOf(ANCHOR, { anchors })
    expect(trust.anchorKey(ANCHOR.id)?.publicKey).toEqual(key(ANCHOR))
    expect(trust.anchorKey(OTHER_ANCHOR.id)).toBeUndefined()
    expect(trust.anchorKey(THIRD.id)).toBeUndefined()
  })
})

describe('a partner', () => {
  const partners = [partner(PARTNER, 'shared/#')]

  it('has its principals trusted, for the names that both sides allow', () => {
    const trust = trustOf(ANCHOR, { partners })
    const guest = resolved(trust, GUEST)
    expect(guest).toMatchObject({ domainId: PARTNER.id, partnerPatterns: ['shared/#'] })
    const name = (domainId: Uint8Array, streamName: string): string =>
      outcomeOf(() => {
        trust.checkMayName(guest, domainId, streamName)
      })
    expect(name(PARTNER.id, 'shared/1')).toBe('valid')
    expect(name(PARTNER.id, 'plant/1/temperature')).toBe('ERR_NOT_AUTHORIZED')
    expect(name(ANCHOR.id, 'shared/1')).toBe('ERR_NOT_AUTHORIZED')
    const narrow = enrolled(PARTNER, 'narrow', { produces: ['shared/2'] })
    const check = outcomeOf(() => {
      trust.checkMayName(resolved(trust, narrow), PARTNER.id, 'shared/1')
    })
    expect(check).toBe('ERR_NOT_AUTHORIZED')
  })

  it('brings its own bundle, which its named anchor has to have signed', () => {
    const trust = trustOf(ANCHOR, { partners })
    const accept = (bytes: Uint8Array): string => outcomeOf(() => trust.accept(bytes, NOW))
    expect(accept(bundleOf(OTHER_ANCHOR))).toBe('ERR_NOT_TRUSTED')
    const forged = bundleFields(PARTNER, { anchors: [inUse(OTHER_ANCHOR)] })
    expect(accept(signTrustBundle(crypto, forged, OTHER_ANCHOR.key))).toBe('ERR_NOT_TRUSTED')
    expect(accept(bundleOf(PARTNER, { version: 3 }))).toBe('valid')
    expect(accept(bundleOf(PARTNER, { version: 2 }))).toBe('ERR_ROLLBACK')
    expect(accept(bundleOf(PARTNER, { version: 3, requireXWing: true }))).toBe('ERR_CONFLICT')
    expect(trust.partnerBundles.map(({ version }) => version)).toEqual([3])
  })

  it('revokes its own principals, and nobody else', () => {
    const trust = trustOf(ANCHOR, { partners })
    const revoked = [PLANT, GUEST].map(({ id }) => ({ principalId: id, since: NOW }))
    trust.accept(bundleOf(PARTNER, { revoked }), NOW)
    expect(trust.revokedSince(resolved(trust, GUEST))).toBe(NOW)
    expect(trust.revokedSince(resolved(trust, PLANT))).toBeUndefined()
    const own = trustOf(ANCHOR, { partners, revoked: revoked.slice(1) })
    expect(own.revokedSince(resolved(own, GUEST))).toBe(NOW)
  })

  it('changes its anchors by its own bundle', () => {
    const trust = trustOf(ANCHOR, { partners })
    const anchors = [{ key: key(PARTNER), from: 0, until: NOW }, inUse(PARTNER_NEXT)]
    trust.accept(bundleOf(PARTNER, { anchors }), NOW)
    expect(resolved(trust, GUEST).domainId).toEqual(PARTNER.id)
    expect(resolved(trust, enrolled(PARTNER_NEXT, 'new')).domainId).toEqual(PARTNER.id)
    const late = enrolled(PARTNER, 'late', { issued: NOW + 1 })
    expect(outcomeOf(() => resolved(trust, late))).toBe('ERR_NOT_TRUSTED')
  })

  it('is none any more when our own bundle leaves it out', () => {
    const trust = trustOf(ANCHOR, { partners })
    trust.accept(bundleOf(PARTNER), NOW)
    trust.accept(bundleOf(ANCHOR, { version: 2 }), NOW)
    expect(trust.partnerBundles).toEqual([])
    expect(outcomeOf(() => resolved(trust, GUEST))).toBe('ERR_NOT_TRUSTED')
  })

  it('loses the anchors of its own bundle when ours names only others', () => {
    const trust = trustOf(ANCHOR, { partners })
    trust.accept(bundleOf(PARTNER), NOW)
    const moved = { ...partner(PARTNER, 'shared/#'), anchors: [key(PARTNER_NEXT)] }
    trust.accept(bundleOf(ANCHOR, { version: 2, partners: [moved] }), NOW)
    expect(outcomeOf(() => resolved(trust, GUEST))).toBe('ERR_NOT_TRUSTED')
    expect(resolved(trust, enrolled(PARTNER_NEXT, 'new')).domainId).toEqual(PARTNER.id)
  })

  it('cannot make our anchor, or that of another partner, its own', () => {
    const both = [partner(PARTNER, 'shared/#'), partner(THIRD, 'third/#')]
    const trust = trustOf(ANCHOR, { partners: both })
    const greedy = [PARTNER, THIRD, ANCHOR].map(inUse)
    const victim = enrolled(THIRD, 'victim')
    const revoked = [PLANT, victim].map(({ id }) => ({ principalId: id, since: 0 }))
    trust.accept(bundleOf(PARTNER, { anchors: greedy, revoked }), NOW)
    for (const [member, domain] of [
      [PLANT, ANCHOR],
      [victim, THIRD],
      [GUEST, PARTNER],
    ] as const) {
      const principal = resolved(trust, member)
      expect(principal.domainId).toEqual(domain.id)
      expect(trust.revokedSince(principal)).toBeUndefined()
    }
    // An anchor that two partners claim and our bundle names for neither is believed for neither.
    const claimed = [THIRD, NEXT_ANCHOR].map(inUse)
    trust.accept(bundleOf(THIRD, { anchors: claimed }), NOW)
    const disputed = enrolled(NEXT_ANCHOR, 'disputed')
    expect(resolved(trust, disputed).domainId).toEqual(THIRD.id)
    const anchors = [...greedy, inUse(NEXT_ANCHOR)]
    trust.accept(bundleOf(PARTNER, { version: 2, anchors }), NOW)
    expect(outcomeOf(() => resolved(trust, disputed))).toBe('ERR_NOT_TRUSTED')
  })

  it('restored from a store says the same as before', () => {
    const bundle = bundleOf(ANCHOR, { partners })
    const partnerBundles = [bundleOf(PARTNER, { revoked: [{ principalId: GUEST.id, since: NOW }] })]
    const trust = new Trust({ crypto, bundle, partnerBundles })
    expect(trust.revokedSince(resolved(trust, GUEST))).toBe(NOW)
    expect(trust.partnerBundles).toHaveLength(1)
  })
})

describe('a credential', () => {
  it('is verified once and remembered until a bundle changes', () => {
    const trust = trustOf(ANCHOR)
    const claims = { name: 'n', signingKey: key(PLANT), issued: NOW, expires: NOW + 1 }
    const rest = { roles: [], attributes: new Map(), produces: [] }
    const bytes = issueCredential(crypto, { ...claims, ...rest }, ANCHOR.key)
    const first = trust.resolveCredential(bytes)
    expect(trust.resolveCredential(bytes.slice())).toBe(first)
    trust.accept(bundleOf(ANCHOR, { version: 2 }), NOW)
    expect(trust.resolveCredential(bytes)).not.toBe(first)
  })
})
