// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest'
import { decodeTrustBundle, signTrustBundle, toHex, type Ed25519SigningKey } from '@waxwing/core'
import { fixedClock, memoryStore, type FixedClock, type MemoryStore } from '@waxwing/client/testing'
import { Domain } from '../../src/domain/domain.js'
import { DomainRecords } from '../../src/domain/domain-records.js'
import { decodeAdmission, encodeAdmission } from '../../src/identity/bundle-chain.js'
import { TrustBook } from '../../src/identity/trust-book.js'
import {
  admitted,
  crypto,
  DAY_MS,
  newDomain,
  openPrincipal,
  runtimeOn,
  START_MS,
} from '../identity/fixture.js'

let clock: FixedClock
let store: MemoryStore
let domain: Domain

beforeEach(async () => {
  clock = fixedClock(START_MS)
  store = memoryStore()
  domain = await newDomain(clock, store)
})

async function anchorSeed(): Promise<Uint8Array> {
  return (await new DomainRecords(crypto, store).read())!.seed
}

/** A bundle that a thief of an anchor's key makes: newer than all. */
function stolenBundle(key: Ed25519SigningKey): Uint8Array {
  return signTrustBundle(crypto, { ...decodeTrustBundle(crypto, domain.bundle), version: 99 }, key)
}

describe('after the anchor was replaced', () => {
  it('old members follow from the old anchor to the new one', async () => {
    const { trustBook } = await admitted(domain, clock)
    clock.advance(DAY_MS)
    const { introduction, bundle } = await domain.rotateAnchor()
    await expect(trustBook.accept(bundle)).rejects.toMatchObject({ code: 'ERR_NOT_TRUSTED' })
    expect(await trustBook.accept(introduction)).toBe('accepted')
    expect(await trustBook.accept(bundle)).toBe('accepted')
    expect(trustBook.trust.bundle).toMatchObject({ domainId: domain.id, version: 3 })
    expect(trustBook.trust.bundle?.anchorId).toEqual(domain.anchorId)
    expect(domain.anchorId).not.toEqual(domain.id)
    expect(await trustBook.accept(await domain.renewBundle())).toBe('accepted')
  })

  it('the domain’s id stays, and newcomers trust it by that id alone', async () => {
    const { id } = domain
    await domain.rotateAnchor()
    await domain.rotateAnchor()
    expect(domain.id).toEqual(id)
    expect(domain.introductions).toHaveLength(2)
    const member = await admitted(domain, clock)
    expect(member.identity.domainId).toEqual(id)
    expect(member.trustBook.trust.bundle?.bytes).toEqual(domain.bundle)
  })

  it('a newcomer refuses an admission from which the way there is missing', async () => {
    await domain.rotateAnchor()
    const { identity, trustBook } = await openPrincipal(runtimeOn(memoryStore(), clock))
    const { credential } = decodeAdmission(await domain.admit(await identity.enrolment()))
    const admission = encodeAdmission({ credential, bundles: [domain.bundle] })
    const admitting = identity.admit(admission, trustBook)
    await expect(admitting).rejects.toMatchObject({ code: 'ERR_NOT_TRUSTED' })
  })

  it('credentials of the former anchor still verify', async () => {
    const before = await admitted(domain, clock, { name: 'before' })
    clock.advance(DAY_MS)
    await domain.rotateAnchor()
    clock.advance(DAY_MS)
    const after = await admitted(domain, clock, { name: 'after' })
    const { trust } = after.trustBook
    expect(trust.resolve(before.identity.id, before.identity.credential).name).toBe('before')
    await before.trustBook.follow([...domain.introductions, domain.bundle], domain.id)
    const back = before.trustBook.trust.resolve(after.identity.id, after.identity.credential)
    expect(back.name).toBe('after')
  })

  it('bundles by the former anchor are refused', async () => {
    const former = crypto.ed25519SigningKey(await anchorSeed())
    const { introduction, bundle } = await domain.rotateAnchor()
    const { trustBook } = await admitted(domain, clock)
    const refused = trustBook.accept(stolenBundle(former))
    await expect(refused).rejects.toMatchObject({ code: 'ERR_NOT_TRUSTED' })
    const old = await TrustBook.open(runtimeOn(memoryStore(), clock))
    await old.start(introduction, domain.id)
    await old.accept(bundle)
    const late = old.accept(stolenBundle(former))
    await expect(late).rejects.toMatchObject({ code: 'ERR_NOT_TRUSTED' })
    expect(trustBook.trust.anchorKey(domain.id)).toBeUndefined()
  })

  it('credentials that the former anchor signs from then on are refused', async () => {
    const copy = memoryStore({ from: store.snapshot() })
    clock.advance(DAY_MS)
    const { introduction, bundle } = await domain.rotateAnchor()
    clock.advance(DAY_MS)
    const stolen = await Domain.open({ store: copy, crypto, clock })
    const { identity } = await admitted(stolen, clock)
    const { trustBook } = await admitted(domain, clock)
    expect(decodeTrustBundle(crypto, introduction).version).toBe(2)
    expect(trustBook.trust.bundle?.bytes).toEqual(bundle)
    expect(() => trustBook.trust.resolveCredential(identity.credential!)).toThrow(/not in use/)
  })

  it('the former seed is gone from the store', async () => {
    const seed = await anchorSeed()
    expect(contents()).toContain(toHex(seed))
    await domain.rotateAnchor()
    expect(contents()).not.toContain(toHex(seed))
    expect(await anchorSeed()).not.toEqual(seed)
  })

  it('everything goes on when the store is opened again', async () => {
    await domain.rotateAnchor()
    const again = await Domain.open({ store, crypto, clock })
    expect([again.id, again.anchorId]).toEqual([domain.id, domain.anchorId])
    const { trustBook } = await admitted(again, clock)
    expect(await trustBook.accept(await again.requireXWing(true))).toBe('accepted')
  })

  it('and again, there is an end once a bundle holds no more anchors', async () => {
    const { trustBook } = await admitted(domain, clock)
    for (let count = 0; count < 15; count++) await domain.rotateAnchor()
    await expect(domain.rotateAnchor()).rejects.toMatchObject({
      code: 'ERR_LIMIT',
      details: { rule: 'anchors' },
    })
    await trustBook.follow([...domain.introductions, domain.bundle], domain.id)
    expect(trustBook.trust.bundle?.bytes).toEqual(domain.bundle)
    const { identity } = await admitted(domain, clock)
    expect(identity.domainId).toEqual(domain.id)
  })
})

function contents(): string {
  const tables = [...store.snapshot().tables.values()]
  return tables.flatMap((table) => [...table.values()].map(toHex)).join(' ')
}
