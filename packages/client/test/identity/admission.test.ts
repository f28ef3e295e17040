// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import {
  concatBytes,
  decodeCredential,
  decodeTrustBundle,
  issueCredential,
  signTrustBundle,
  utf8,
  WaxwingError,
  type TrustBundleFields,
} from '@waxwing/core'
import { faultyStore, fixedClock, memoryStore, type FixedClock } from '@waxwing/client/testing'
import type { AdmissionTerms } from '../../src/domain/admitting.js'
import type { Domain } from '../../src/domain/domain.js'
import { DomainRecords } from '../../src/domain/domain-records.js'
import { decodeAdmission, encodeAdmission } from '../../src/identity/bundle-chain.js'
import { makeEnrolment } from '../../src/identity/enrolment.js'
import {
  admitted,
  crypto,
  DAY,
  DAY_MS,
  handlesOf,
  newDomain,
  openPrincipal,
  runtimeOn,
  settle,
  START,
  START_MS,
  type Principal,
} from './fixture.js'

const ROGUE = crypto.ed25519SigningKey(crypto.sha256(utf8('a rogue anchor')))

let clock: FixedClock
let domain: Domain

beforeEach(async () => {
  clock = fixedClock(START_MS)
  domain = await newDomain(clock)
})

function newcomer(): Promise<Principal> {
  return openPrincipal(runtimeOn(memoryStore(), clock), { name: 'thermometer' })
}

async function answerTo({ identity }: Principal, terms?: AdmissionTerms): Promise<Uint8Array> {
  return domain.admit(await identity.enrolment(), terms)
}

describe('a principal that is admitted', () => {
  it('has what the anchor certified, and trusts the domain', async () => {
    const member = await newcomer()
    const { identity, trustBook } = member
    const wish = { name: 'wished', unit: 'plant', roles: ['sensor'], produces: ['plant/#'] }
    const terms = { ...wish, name: 'certified', attributes: new Map([['floor', '2']]), days: 10 }
    const admission = await domain.admit(await identity.enrolment(wish), terms)
    await identity.admit(admission, trustBook, { domainId: domain.id })
    expect([identity.name, identity.domainId]).toEqual(['certified', domain.id])
    expect(identity.credentialExpires).toBe(START + 10 * DAY)
    expect(trustBook.trust.bundle?.bytes).toEqual(domain.bundle)
    const principal = trustBook.trust.resolve(identity.id, identity.credential)
    expect(principal).toMatchObject({ unit: 'plant', roles: ['sensor'], produces: ['plant/#'] })
    expect(principal.attributes.get('floor')).toBe('2')
  })

  it('is still admitted when it is opened again', async () => {
    const { identity, runtime } = await admitted(domain, clock, { name: 'valve' })
    const again = await openPrincipal(runtimeOn(runtime.store, clock))
    expect(again.identity.credential).toEqual(identity.credential)
    expect([again.identity.name, again.identity.domainId]).toEqual(['valve', domain.id])
    expect(again.trustBook.trust.bundle?.bytes).toEqual(domain.bundle)
  })

  it('is given nothing that it wished for and the terms do not name', async () => {
    const { identity, trustBook } = await newcomer()
    const wish = { unit: 'board', roles: ['auditor'], produces: ['#'] }
    await identity.admit(await domain.admit(await identity.enrolment(wish)), trustBook)
    const principal = trustBook.trust.resolve(identity.id, identity.credential)
    expect(principal).toMatchObject({
      name: 'thermometer',
      unit: undefined,
      roles: [],
      produces: [],
    })
  })

  it('may take the same answer twice, and a newer credential later', async () => {
    const member = await newcomer()
    const { identity, trustBook } = member
    const first = await answerTo(member, { days: 10 })
    await identity.admit(first, trustBook)
    await identity.admit(first, trustBook)
    clock.advance(5 * DAY_MS)
    await identity.admit(await answerTo(member, { name: 'renamed', days: 10 }), trustBook)
    expect([identity.name, identity.credentialExpires]).toEqual(['renamed', START + 15 * DAY])
    await expect(identity.admit(first, trustBook)).rejects.toMatchObject({ code: 'ERR_ROLLBACK' })
    expect(identity.name).toBe('renamed')
  })

  it('keeps its newer bundle when a late answer brings an older one', async () => {
    const member = await newcomer()
    const { identity, trustBook } = member
    const first = await answerTo(member)
    await domain.renewBundle()
    await trustBook.start(domain.bundle, domain.id)
    await identity.admit(first, trustBook, { domainId: domain.id })
    expect(trustBook.trust.bundle?.bytes).toEqual(domain.bundle)
    expect(identity.domainId).toEqual(domain.id)
  })

  it('is admitted for the other processes on its store as well', async () => {
    const [one, other] = handlesOf(memoryStore(), 2)
    const a = await openPrincipal(runtimeOn(one, clock))
    const b = await openPrincipal(runtimeOn(other, clock))
    await a.identity.admit(await answerTo(a), a.trustBook)
    await settle()
    expect(b.identity.credential).toEqual(a.identity.credential)
    expect(b.trustBook.trust.bundle?.bytes).toEqual(domain.bundle)
  })

  it('can be admitted again after the power failed in the middle', async () => {
    const store = memoryStore()
    const failing = faultyStore(store, {
      beforeWrite(_count, changes) {
        if (changes.some(({ key }) => key === 'credential')) throw new Error('power failure')
      },
    })
    const before = await openPrincipal(runtimeOn(failing, clock))
    const admission = await answerTo(before)
    await expect(before.identity.admit(admission, before.trustBook)).rejects.toThrow('power')
    expect(before.identity.credential).toBeNull()
    const after = await openPrincipal(runtimeOn(store, clock))
    expect(after.identity.domainId).toBeNull()
    await after.identity.admit(admission, after.trustBook, { domainId: domain.id })
    expect(after.identity.domainId).toEqual(domain.id)
  })
})

describe('a device that knows no time', () => {
  it('says so instead of sending an enrolment that nobody would accept', async () => {
    const unknown = fixedClock(START_MS)
    unknown.forget()
    const { identity } = await openPrincipal(runtimeOn(memoryStore(), unknown))
    await expect(identity.enrolment()).rejects.toMatchObject({ code: 'ERR_CLOCK' })
  })

  it('learns it from its admission, and has a valid card from then on', async () => {
    const store = memoryStore()
    const known = await openPrincipal(runtimeOn(store, clock))
    clock.advance(21 * DAY_MS)
    const admission = await answerTo(known)
    const unknown = fixedClock(START_MS)
    unknown.forget()
    const { identity, trustBook, runtime } = await openPrincipal(runtimeOn(store, unknown))
    await identity.admit(admission, trustBook, { domainId: domain.id })
    expect(runtime.time.now()).toBe(START_MS + 21 * DAY_MS)
    expect(identity.card.expires).toBeGreaterThan(START + 45 * DAY)
  })
})

describe('an admission is refused, and changes nothing,', () => {
  async function refused(
    member: Principal,
    admission: Uint8Array,
    options?: { domainId?: Uint8Array },
  ): Promise<string> {
    const before = await contentOf(member)
    const failure: unknown = await member.identity
      .admit(admission, member.trustBook, options)
      .then(() => undefined)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(WaxwingError)
    expect(await contentOf(member)).toEqual(before)
    return failure instanceof WaxwingError ? failure.code : 'none'
  }

  async function contentOf({ runtime, identity, trustBook }: Principal): Promise<unknown> {
    const tables = ['identity', 'trust', 'bundle', 'principal', 'pin']
    const content = await Promise.all(tables.map((table) => runtime.store.scan(table)))
    return [content, identity.credential, trustBook.trust.bundle?.version]
  }

  it('if another domain answered than the one that was expected', async () => {
    const member = await newcomer()
    const { id } = await newDomain(clock)
    expect(await refused(member, await answerTo(member), { domainId: id })).toBe('ERR_NOT_TRUSTED')
  })

  it('if its credential is for another key', async () => {
    const other = await newcomer()
    expect(await refused(await newcomer(), await answerTo(other))).toBe('ERR_RECIPIENT')
  })

  it('if the principal belongs to another domain already', async () => {
    const member = await admitted(domain, clock)
    const other = await newDomain(clock)
    const answer = await other.admit(await member.identity.enrolment())
    expect(await refused(member, answer)).toBe('ERR_CONFLICT')
  })

  it('if someone else issued the credential', async () => {
    const member = await newcomer()
    const { bundles } = decodeAdmission(await answerTo(member))
    const credential = rogueCredential(member)
    expect(await refused(member, encodeAdmission({ credential, bundles }))).toBe('ERR_NOT_TRUSTED')
  })

  it('if a partner of the domain issued the credential', async () => {
    const partner = await newDomain(clock)
    await domain.addPartner({ ...domain.readPartnerCard(partner.partnerCard()), patterns: ['#'] })
    const member = await newcomer()
    const { bundles } = decodeAdmission(await answerTo(member))
    const enrol = await member.identity.enrolment()
    const { credential } = decodeAdmission(await partner.admit(enrol))
    expect(await refused(member, encodeAdmission({ credential, bundles }))).toBe('ERR_NOT_TRUSTED')
  })

  it('if someone else signed the bundle in the name of the domain', async () => {
    const member = await newcomer()
    const anchors = [{ key: ROGUE.publicKey, from: 0, until: null }]
    const fields: TrustBundleFields = { ...decodeTrustBundle(crypto, domain.bundle), anchors }
    const bundles = [signTrustBundle(crypto, fields, ROGUE)]
    const forged = encodeAdmission({ credential: rogueCredential(member), bundles })
    expect(await refused(member, forged, { domainId: domain.id })).toBe('ERR_NOT_TRUSTED')
    expect(await refused(member, forged)).toBe('ERR_NOT_TRUSTED')
  })

  it('if its credential has expired', async () => {
    const member = await newcomer()
    const admission = await answerTo(member, { days: 1 })
    clock.advance(DAY_MS)
    expect(await refused(member, admission)).toBe('ERR_EXPIRED')
  })

  it('if it comes from the future', async () => {
    const member = await newcomer()
    const admission = await answerTo(member)
    clock.set(START_MS - 301_000)
    expect(await refused(member, admission)).toBe('ERR_NOT_YET_VALID')
  })

  it('if the principal was revoked meanwhile', async () => {
    const member = await newcomer()
    const { credential } = decodeAdmission(await answerTo(member))
    const { bundle } = await domain.revoke(member.identity.id)
    const admission = encodeAdmission({ credential, bundles: [bundle] })
    expect(await refused(member, admission)).toBe('ERR_REVOKED')
  })

  it('if something is missing, double or foreign in it', async () => {
    const member = await newcomer()
    const admission = await answerTo(member)
    const { credential, bundles } = decodeAdmission(admission)
    const [bundle = credential] = bundles
    const bad = {
      nothing: new Uint8Array(),
      'no bundle': credential,
      'no credential': bundle,
      'two credentials': concatBytes(credential, admission),
      'a key card': concatBytes(admission, member.identity.card.bytes),
      'a cut end': admission.subarray(0, -1),
      'more bundles than anchors': concatBytes(credential, ...Array<Uint8Array>(18).fill(bundle)),
    }
    for (const [what, bytes] of Object.entries(bad)) {
      expect(await refused(member, bytes), what).toBe('ERR_MALFORMED')
    }
  })

  it('wherever a byte of it was changed', async () => {
    const member = await newcomer()
    const admission = await answerTo(member)
    const positions = fc.integer({ min: 0, max: admission.length - 1 })
    const masks = fc.integer({ min: 1, max: 255 })
    await fc.assert(
      fc.asyncProperty(positions, masks, async (at, mask) => {
        const changed = admission.slice()
        changed[at]! ^= mask
        await refused(member, changed, { domainId: domain.id })
      }),
      { numRuns: 100 },
    )
  })

  function rogueCredential({ identity }: Principal): Uint8Array {
    const honest = {
      name: 'forged',
      signingKey: identity.signingKey.publicKey,
      issued: START,
      expires: START + DAY,
      roles: [],
      attributes: new Map(),
      produces: ['#'],
    }
    return issueCredential(crypto, honest, ROGUE)
  }
})

describe('an enrolment', () => {
  it('is read with what its author wishes and the id of its key', async () => {
    const { identity } = await newcomer()
    const token = crypto.randomBytes(16)
    const enrol = await identity.enrolment({
      unit: 'plant',
      roles: ['a'],
      produces: ['b/+'],
      token,
    })
    expect(domain.readEnrolment(enrol)).toEqual({
      id: identity.id,
      publicKey: identity.signingKey.publicKey,
      name: 'thermometer',
      unit: 'plant',
      roles: ['a'],
      produces: ['b/+'],
      token,
      issued: START,
    })
  })

  it('is refused wherever a byte of it was changed', async () => {
    const enrol = await (await newcomer()).identity.enrolment({ roles: ['sensor'] })
    for (let at = 0; at < enrol.length; at += 3) {
      const changed = enrol.slice()
      changed[at]! ^= 1
      await expect(domain.admit(changed), `byte ${at}`).rejects.toBeInstanceOf(WaxwingError)
    }
    const signature = enrol.slice()
    signature[signature.length - 1]! ^= 1
    await expect(domain.admit(signature)).rejects.toMatchObject({ code: 'ERR_SIGNATURE' })
    expect(await domain.members()).toEqual([])
  })

  it('is refused when it is too old, or from the future', async () => {
    const enrol = await (await newcomer()).identity.enrolment()
    clock.advance(31 * DAY_MS)
    await expect(domain.admit(enrol)).rejects.toMatchObject({ code: 'ERR_EXPIRED' })
    const ahead = await openPrincipal(runtimeOn(memoryStore(), fixedClock(START_MS + 40 * DAY_MS)))
    const early = await ahead.identity.enrolment()
    await expect(domain.admit(early)).rejects.toMatchObject({ code: 'ERR_NOT_YET_VALID' })
  })

  it('has to show the token where one is asked for', async () => {
    const { identity } = await newcomer()
    const token = crypto.randomBytes(16)
    const other = crypto.randomBytes(16)
    const bare = await identity.enrolment()
    const wrong = await identity.enrolment({ token: other })
    const right = await identity.enrolment({ token })
    for (const enrol of [bare, wrong]) {
      await expect(domain.admit(enrol, { token })).rejects.toMatchObject({
        code: 'ERR_NOT_AUTHORIZED',
      })
    }
    const { credential } = decodeAdmission(await domain.admit(right, { token }))
    expect(decodeCredential(crypto, credential).id).toEqual(identity.id)
  })

  it('by the key of the anchor is refused: that key is for nothing else', async () => {
    const store = memoryStore()
    const own = await newDomain(clock, store)
    const record = await new DomainRecords(crypto, store).read()
    const author = { id: own.id, key: crypto.ed25519SigningKey(record!.seed) }
    const enrol = makeEnrolment(runtimeOn(store, clock), author, { name: 'anchor' })
    await expect(own.admit(enrol)).rejects.toMatchObject({ code: 'ERR_KEY_INVALID' })
  })

  it.each([
    { unit: '' },
    { name: '' },
    { roles: [''] },
    { token: new Uint8Array(15) },
    { token: new Uint8Array(65) },
  ])('cannot be made with %o', async (wish) => {
    const { identity } = await newcomer()
    await expect(identity.enrolment(wish)).rejects.toThrow(RangeError)
  })

  it('cannot be made with a pattern that is none', async () => {
    const { identity } = await newcomer()
    await expect(identity.enrolment({ produces: ['a/#/b'] })).rejects.toThrow(TypeError)
  })
})

describe('terms of admission', () => {
  it.each([
    { name: '' },
    { unit: 'u'.repeat(256) },
    { roles: [''] },
    { roles: Array<string>(33).fill('r') },
    { attributes: new Map([['', 'x']]) },
    { days: 0 },
    { days: 0.5 },
    { days: 36_526 },
  ])('cannot be %o', async (terms) => {
    const enrol = await (await newcomer()).identity.enrolment()
    await expect(domain.admit(enrol, terms)).rejects.toThrow(RangeError)
  })

  it('cannot have a pattern that is none', async () => {
    const enrol = await (await newcomer()).identity.enrolment()
    await expect(domain.admit(enrol, { produces: ['+a'] })).rejects.toThrow(TypeError)
  })
})
