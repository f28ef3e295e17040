// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest'
import { decodeCredential, decodeTrustBundle, type TrustBundle } from '@waxwing/core'
import { faultyStore, fixedClock, memoryStore, type FixedClock } from '@waxwing/client/testing'
import { Domain } from '../../src/domain/domain.js'
import { decodeAdmission } from '../../src/identity/bundle-chain.js'
import {
  admitted,
  crypto,
  DAY,
  DAY_MS,
  newDomain,
  openPrincipal,
  runtimeOn,
  START,
  START_MS,
} from '../identity/fixture.js'

let clock: FixedClock

beforeEach(() => {
  clock = fixedClock(START_MS)
})

const decoded = (bytes: Uint8Array): TrustBundle => decodeTrustBundle(crypto, bytes)

describe('a domain', () => {
  it('is founded with one anchor, whose thumbprint is its id, and a bundle for 30 days', async () => {
    const domain = await newDomain(clock)
    const bundle = decoded(domain.bundle)
    expect(bundle).toMatchObject({ version: 1, issued: START, expires: START + 30 * DAY })
    expect(bundle).toMatchObject({ keepers: [], partners: [], revoked: [], recovery: null })
    expect([domain.id, bundle.anchorId]).toEqual([domain.anchorId, domain.anchorId])
    expect([domain.name, domain.bundleExpires]).toEqual(['works', bundle.expires])
    expect(domain.recoveryAdmission).toBeNull()
  })

  it('is the same when it is opened again', async () => {
    const store = memoryStore()
    const made = await newDomain(clock, store)
    const found = await Domain.open({ store, crypto, clock })
    expect([found.id, found.name, found.bundle]).toEqual([made.id, 'works', made.bundle])
    const member = await admitted(found, clock)
    expect(member.identity.domainId).toEqual(made.id)
  })

  it('is not founded twice in one store, not even at once', async () => {
    const store = memoryStore()
    const founding = await Promise.allSettled([newDomain(clock, store), newDomain(clock, store)])
    expect(founding.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await expect(newDomain(clock, store)).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
  })

  it('is not opened where there is none', async () => {
    const opening = Domain.open({ store: memoryStore(), crypto, clock })
    await expect(opening).rejects.toMatchObject({ code: 'ERR_KEY_UNKNOWN' })
  })

  it('chooses its cryptography itself where nobody says which', async () => {
    const store = memoryStore()
    const made = await Domain.create({ store, name: 'works', recovery: false })
    expect((await Domain.open({ store })).id).toEqual(made.id)
  })

  it.each([{ name: '' }, { bundleDays: 0 }, { bundleDays: 3651 }, { bundleDays: 1.5 }])(
    'is not founded with %o',
    async (wrong) => {
      const options = { store: memoryStore(), crypto, clock, name: 'works', recovery: false }
      await expect(Domain.create({ ...options, ...wrong })).rejects.toThrow(RangeError)
    },
  )

  it('signs nothing while its clock is unknown or behind its newest bundle', async () => {
    const domain = await newDomain(clock)
    clock.set(START_MS - 301_000)
    await expect(domain.renewBundle()).rejects.toMatchObject({ code: 'ERR_CLOCK' })
    clock.forget()
    await expect(domain.renewBundle()).rejects.toMatchObject({ code: 'ERR_CLOCK' })
    const founding = newDomain(clock)
    await expect(founding).rejects.toMatchObject({ code: 'ERR_CLOCK' })
    clock.set(START_MS - 300_000)
    const bundle = decoded(await domain.renewBundle())
    expect([bundle.version, bundle.issued]).toEqual([2, START])
  })

  it('signs its bundle again with what was in it', async () => {
    const domain = await newDomain(clock)
    await domain.requireXWing(true)
    clock.advance(20 * DAY_MS)
    const bundle = decoded(await domain.renewBundle())
    expect(bundle).toMatchObject({ version: 3, requireXWing: true, expires: START + 50 * DAY })
    expect(domain.bundle).toEqual(bundle.bytes)
  })

  it('demands X-Wing, or no more; saying the same again changes nothing', async () => {
    const domain = await newDomain(clock)
    expect(decoded(await domain.requireXWing(false)).version).toBe(1)
    expect(decoded(await domain.requireXWing(true))).toMatchObject({
      version: 2,
      requireXWing: true,
    })
    expect(decoded(await domain.requireXWing(true)).version).toBe(2)
    expect(decoded(await domain.requireXWing(false)).requireXWing).toBe(false)
  })

  it('admits with a fresh bundle when its own has expired', async () => {
    const domain = await newDomain(clock)
    clock.advance(30 * DAY_MS)
    const { trustBook } = await admitted(domain, clock)
    expect(trustBook.trust.bundle).toMatchObject({ version: 2, expires: START + 60 * DAY })
  })

  it('says that its store was emptied under it', async () => {
    const store = memoryStore()
    const domain = await newDomain(clock, store)
    await store.write([{ table: 'domain', key: 'domain', value: null }])
    await expect(domain.renewBundle()).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
  })
})

describe('two owners of one domain', () => {
  it('never sign two bundles of one version', async () => {
    const store = memoryStore()
    const one = await newDomain(clock, store)
    const other = await Domain.open({ store, crypto, clock })
    const bundles = await Promise.all([
      one.renewBundle(),
      other.renewBundle(),
      one.requireXWing(true),
      other.renewBundle(),
    ])
    expect(bundles.map((bytes) => decoded(bytes).version).toSorted((a, b) => a - b)).toEqual([
      2, 3, 4, 5,
    ])
    await one.refresh()
    await other.refresh()
    expect(one.bundle).toEqual(other.bundle)
    expect(decoded(one.bundle)).toMatchObject({ version: 5, requireXWing: true })
  })

  it('do not admit whom the other has revoked meanwhile', async () => {
    const store = memoryStore()
    const fast = await newDomain(clock, store)
    const { identity } = await openPrincipal(runtimeOn(memoryStore(), clock))
    let revoking: Promise<unknown> | undefined
    const late = faultyStore(store, {
      async beforeWrite() {
        await (revoking ??= fast.revoke(identity.id))
      },
    })
    const slow = await Domain.open({ store: late, crypto, clock })
    const admitting = slow.admit(await identity.enrolment())
    await expect(admitting).rejects.toMatchObject({ code: 'ERR_REVOKED' })
    expect(await fast.members()).toEqual([])
  })
})

describe('the register of members', () => {
  it('has the newest credential of each, and what became of it', async () => {
    const domain = await newDomain(clock)
    const terms = {
      name: 'desk',
      unit: 'hall',
      roles: ['dashboard'],
      produces: ['desk/#'],
      days: 7,
    }
    const { identity, trustBook } = await admitted(domain, clock, terms)
    expect(await domain.members()).toEqual([
      {
        id: identity.id,
        name: 'desk',
        unit: 'hall',
        roles: ['dashboard'],
        attributes: new Map(),
        produces: ['desk/#'],
        issued: START,
        expires: START + 7 * DAY,
        credential: identity.credential,
        isKeeper: false,
        revokedSince: undefined,
      },
    ])
    clock.advance(DAY_MS)
    const renewal = await domain.admit(await identity.enrolment(), { name: 'desk 2' })
    await identity.admit(renewal, trustBook)
    await domain.revoke(identity.id)
    const [member, ...others] = await domain.members()
    expect(others).toEqual([])
    expect(member).toMatchObject({ name: 'desk 2', revokedSince: START + DAY })
  })
})

describe('keepers', () => {
  it('are members that the bundle names, until they are taken off the list', async () => {
    const domain = await newDomain(clock)
    const { identity, trustBook } = await admitted(domain, clock, { name: 'keeper' })
    await trustBook.accept(await domain.addKeeper(identity.id))
    expect(trustBook.trust.keepers().map(({ id }) => id)).toEqual([identity.id])
    expect((await domain.members())[0]?.isKeeper).toBe(true)
    expect(decoded(await domain.addKeeper(identity.id)).version).toBe(2)
    await trustBook.accept(await domain.removeKeeper(identity.id))
    expect(trustBook.trust.keepers()).toEqual([])
    expect(decoded(await domain.removeKeeper(identity.id)).version).toBe(3)
  })

  it('stand in the bundle with their newest credential', async () => {
    const domain = await newDomain(clock)
    const { identity } = await admitted(domain, clock, { name: 'keeper' })
    await domain.addKeeper(identity.id)
    clock.advance(DAY_MS)
    const admission = await domain.admit(await identity.enrolment(), { name: 'keeper 2' })
    const { credential } = decodeAdmission(admission)
    expect(decoded(domain.bundle).keepers).toEqual([credential])
    expect(decodeCredential(crypto, credential).name).toBe('keeper 2')
  })

  it('are neither strangers, nor revoked, nor expired', async () => {
    const domain = await newDomain(clock)
    const stranger = await openPrincipal(runtimeOn(memoryStore(), clock))
    const revoked = await admitted(domain, clock)
    const expired = await admitted(domain, clock, { days: 1 })
    await domain.revoke(revoked.identity.id)
    clock.advance(DAY_MS)
    const refusals = [
      ['ERR_NOT_TRUSTED', stranger],
      ['ERR_REVOKED', revoked],
      ['ERR_EXPIRED', expired],
    ] as const
    for (const [code, { identity }] of refusals) {
      await expect(domain.addKeeper(identity.id)).rejects.toMatchObject({ code })
    }
    await expect(domain.addKeeper(new Uint8Array(31))).rejects.toThrow(RangeError)
    expect(decoded(domain.bundle).keepers).toEqual([])
  })

  it('are at most as many as a bundle holds', async () => {
    const domain = await newDomain(clock)
    for (let count = 0; count < 64; count++) {
      const { identity } = await admitted(domain, clock)
      await domain.addKeeper(identity.id)
    }
    const { identity } = await admitted(domain, clock)
    const before = domain.bundle
    await expect(domain.addKeeper(identity.id)).rejects.toMatchObject({
      code: 'ERR_LIMIT',
      details: { rule: 'keepers' },
    })
    expect(domain.bundle).toEqual(before)
  })
})
