// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest'
import { decodeTrustBundle, signTrustBundle, utf8 } from '@waxwing/core'
import { fixedClock, type FixedClock } from '@waxwing/client/testing'
import type { Domain } from '../../src/domain/domain.js'
import { admitted, crypto, newDomain, START_MS, type Principal } from '../identity/fixture.js'

const ROGUE = crypto.ed25519SigningKey(crypto.sha256(utf8('a rogue anchor')))

let clock: FixedClock
let plant: Domain
let lab: Domain
/** Someone of the lab, who may produce whatever it likes at home. */
let guest: Principal

beforeEach(async () => {
  clock = fixedClock(START_MS)
  plant = await newDomain(clock)
  lab = await newDomain(clock)
  guest = await admitted(lab, clock, { name: 'guest', produces: ['#'] })
})

async function befriend(patterns: readonly string[] = ['shared/#']): Promise<Uint8Array> {
  return plant.addPartner({ ...plant.readPartnerCard(lab.partnerCard()), patterns })
}

describe('a partner domain', () => {
  it('is known by the card that it gave, with the limits that we set', async () => {
    const { trustBook } = await admitted(plant, clock)
    const { trust } = trustBook
    const { id, credential } = guest.identity
    expect(() => trust.resolve(id, credential)).toThrow(/no trusted anchor/)
    await trustBook.accept(await befriend())
    const principal = trust.resolve(id, credential)
    expect(principal).toMatchObject({ name: 'guest', domainId: lab.id })
    expect(() => trust.checkMayName(principal, lab.id, 'shared/level')).not.toThrow()
    expect(() => trust.checkMayName(principal, lab.id, 'plant/level')).toThrow(/may not use/)
  })

  it('is trusted no more once it is taken off the list', async () => {
    await befriend()
    const { trustBook } = await admitted(plant, clock)
    await trustBook.accept(await plant.removePartner(lab.id))
    const { id, credential } = guest.identity
    expect(() => trustBook.trust.resolve(id, credential)).toThrow(/no trusted anchor/)
    const { version } = decodeTrustBundle(crypto, await plant.removePartner(lab.id))
    expect(version).toBe(3)
  })

  it('may be described anew; the same again changes nothing', async () => {
    await befriend()
    const same = decodeTrustBundle(crypto, await befriend())
    expect([same.version, same.partners.length]).toEqual([2, 1])
    const wider = decodeTrustBundle(crypto, await befriend(['shared/#', 'more/#']))
    expect(wider.version).toBe(3)
    expect(wider.partners.map(({ patterns }) => patterns)).toEqual([['shared/#', 'more/#']])
  })

  it('brings its revocations and new anchors by its own bundles', async () => {
    await befriend()
    const { trustBook } = await admitted(plant, clock)
    await trustBook.accept((await lab.revoke(guest.identity.id)).bundle)
    const revoked = trustBook.trust.resolve(guest.identity.id, guest.identity.credential)
    expect(() => trustBook.trust.checkStanding(revoked, START_MS / 1000)).toThrow(/revoked/)
    const { introduction, bundle } = await lab.rotateAnchor()
    await trustBook.accept(introduction)
    await trustBook.accept(bundle)
    const { identity } = await admitted(lab, clock, { name: 'newer' })
    expect(trustBook.trust.resolve(identity.id, identity.credential).name).toBe('newer')
  })

  it('that replaced its anchors gives a card that still proves its id', async () => {
    await lab.rotateAnchor()
    await lab.rotateAnchor()
    const card = plant.readPartnerCard(lab.partnerCard())
    expect(card.domainId).toEqual(lab.id)
    expect(card.anchors).toHaveLength(1)
    const { trustBook } = await admitted(plant, clock)
    await trustBook.accept(await befriend())
    const { identity } = await admitted(lab, clock, { name: 'newer' })
    expect(trustBook.trust.resolve(identity.id, identity.credential).name).toBe('newer')
    expect(await trustBook.accept(lab.bundle)).toBe('accepted')
    expect(trustBook.trust.resolve(guest.identity.id, guest.identity.credential).name).toBe('guest')
  })

  it('is its bundle alone where no anchor was ever replaced', () => {
    expect(lab.partnerCard()).toEqual(lab.bundle)
  })
})

describe('a partner’s card is refused', () => {
  it('if someone else signed it in that domain’s name', () => {
    const anchors = [{ key: ROGUE.publicKey, from: 0, until: null }]
    const fields = { ...decodeTrustBundle(crypto, lab.bundle), anchors }
    const forged = signTrustBundle(crypto, fields, ROGUE)
    expect(() => plant.readPartnerCard(forged)).toThrow(
      expect.objectContaining({ code: 'ERR_NOT_TRUSTED' }),
    )
  })

  it('if the way from its id to its anchor is missing', async () => {
    const { bundle } = await lab.rotateAnchor()
    expect(() => plant.readPartnerCard(bundle)).toThrow(
      expect.objectContaining({ code: 'ERR_NOT_TRUSTED' }),
    )
  })

  it('if it is something else, or changed', async () => {
    const changed = lab.partnerCard().slice()
    changed[changed.length - 1]! ^= 1
    expect(() => plant.readPartnerCard(changed)).toThrow(
      expect.objectContaining({ code: 'ERR_SIGNATURE' }),
    )
    for (const junk of [new Uint8Array(), guest.identity.credential!]) {
      expect(() => plant.readPartnerCard(junk)).toThrow(
        expect.objectContaining({ code: 'ERR_MALFORMED' }),
      )
    }
  })
})

describe('a partner is not added', () => {
  const good = { domainId: new Uint8Array(32), anchors: [ROGUE.publicKey], patterns: ['a'] }

  it('if it is the domain itself', async () => {
    const adding = plant.addPartner({ ...good, domainId: plant.id })
    await expect(adding).rejects.toThrow(TypeError)
  })

  it('with an anchor that is no good key', async () => {
    const adding = plant.addPartner({ ...good, anchors: [new Uint8Array(32)] })
    await expect(adding).rejects.toMatchObject({ code: 'ERR_KEY_INVALID' })
  })

  it.each([
    { domainId: new Uint8Array(31) },
    { anchors: [] },
    { anchors: Array<Uint8Array>(17).fill(ROGUE.publicKey) },
    { patterns: Array<string>(65).fill('a') },
  ])('with %o', async (wrong) => {
    await expect(plant.addPartner({ ...good, ...wrong })).rejects.toThrow(RangeError)
  })

  it('with a pattern that is none', async () => {
    const adding = plant.addPartner({ ...good, patterns: ['a/#/b'] })
    await expect(adding).rejects.toThrow(TypeError)
  })
})
