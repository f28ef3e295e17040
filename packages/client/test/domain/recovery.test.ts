// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest'
import {
  decodeTrustBundle,
  kemKid,
  openSealedMessage,
  sealedKid,
  sealMessage,
  utf8,
  type Recovery,
} from '@waxwing/core'
import { faultyStore, fixedClock, memoryStore, type FixedClock } from '@waxwing/client/testing'
import { Domain } from '../../src/domain/domain.js'
import {
  admitted,
  crypto,
  DAY,
  DAY_MS,
  openPrincipal,
  runtimeOn,
  START,
  START_MS,
} from '../identity/fixture.js'

let clock: FixedClock

beforeEach(() => {
  clock = fixedClock(START_MS)
})

const create = (recoveryStore = memoryStore(), store = memoryStore()): Promise<Domain> =>
  Domain.create({ store, recoveryStore, crypto, clock, name: 'works' })

const recoveryOf = (domain: Domain): Recovery => decodeTrustBundle(crypto, domain.bundle).recovery!

describe('the recovery principal', () => {
  it('is made with the domain: certified for a century, its keys in the bundle', async () => {
    const store = memoryStore()
    const domain = await create(store)
    const { identity, trustBook } = await openPrincipal(runtimeOn(store, clock))
    expect([identity.name, identity.domainId]).toEqual(['recovery', domain.id])
    expect(identity.credential).toEqual(recoveryOf(domain).credential)
    expect(identity.credentialExpires).toBe(START + 36_525 * DAY)
    expect(recoveryOf(domain).keys).toEqual(identity.card.keys)
    expect(trustBook.trust.recovery()?.id).toEqual(identity.id)
  })

  it('is seen by members, and is no member that could be found in the register', async () => {
    const domain = await create()
    const { trustBook } = await admitted(domain, clock)
    expect(trustBook.trust.recovery()?.name).toBe('recovery')
    expect(await domain.members()).toHaveLength(1)
  })

  it('opens after decades what was sealed to the keys in the bundle', async () => {
    const store = memoryStore()
    const domain = await create(store)
    const later = fixedClock(START_MS + 30_000 * DAY_MS)
    const { identity } = await openPrincipal(runtimeOn(store, later))
    for (const key of recoveryOf(domain).keys) {
      const sealed = await sealMessage(crypto, utf8('history'), { id: identity.id, key })
      const pair = identity.kemKey(sealedKid(sealed))!
      expect(pair.publicKey).toEqual(identity.kemKey(kemKid(crypto, key))?.publicKey)
      const opened = await openSealedMessage(crypto, sealed, { id: identity.id, key: pair })
      expect(opened).toEqual(utf8('history'))
    }
  })

  it('does not lie in the store of the anchor', async () => {
    const store = memoryStore()
    await create(memoryStore(), store)
    expect(await store.scan('identity')).toEqual([])
    await expect(create(store, store)).rejects.toThrow(/another store/)
  })

  it('is left out only where somebody says so', async () => {
    const options = { store: memoryStore(), crypto, clock, name: 'works' }
    await expect(Domain.create(options)).rejects.toThrow(TypeError)
    await expect(Domain.create(options)).rejects.toThrow('recovery: false')
    const both = Domain.create({ ...options, recovery: false, recoveryStore: memoryStore() })
    await expect(both).rejects.toThrow(TypeError)
    const domain = await Domain.create({ ...options, recovery: false })
    expect(decodeTrustBundle(crypto, domain.bundle).recovery).toBeNull()
  })

  it('is not that of another domain, nor an ordinary principal', async () => {
    const taken = memoryStore()
    await create(taken)
    const ordinary = memoryStore()
    await openPrincipal(runtimeOn(ordinary, clock))
    for (const unfit of [taken, ordinary]) {
      const store = memoryStore()
      await expect(create(unfit, store)).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
      const opening = Domain.open({ store, crypto, clock })
      await expect(opening).rejects.toMatchObject({ code: 'ERR_KEY_UNKNOWN' })
    }
  })

  it('can be admitted again if the power failed before its store was written', async () => {
    const recoveryStore = memoryStore()
    const store = memoryStore()
    const failing = faultyStore(recoveryStore, {
      beforeWrite(_count, changes) {
        if (changes.some(({ key }) => key === 'bundle')) throw new Error('power failure')
      },
    })
    const founding = Domain.create({ store, recoveryStore: failing, crypto, clock, name: 'works' })
    await expect(founding).rejects.toThrow('power failure')
    const domain = await Domain.open({ store, crypto, clock })
    await domain.rotateAnchor()
    const { identity, trustBook } = await openPrincipal(runtimeOn(recoveryStore, clock))
    await identity.admit(domain.recoveryAdmission!, trustBook, { domainId: domain.id })
    expect(identity.credential).toEqual(recoveryOf(domain).credential)
  })

  it('stands in the bundle through every change, until it is revoked', async () => {
    const store = memoryStore()
    const domain = await create(store)
    const { keys } = recoveryOf(domain)
    await domain.rotateAnchor()
    await domain.renewBundle()
    expect(recoveryOf(domain).keys).toEqual(keys)
    const { identity } = await openPrincipal(runtimeOn(store, clock))
    await domain.revoke(identity.id)
    expect(recoveryOf(domain)).toBeNull()
    expect(domain.recoveryAdmission).toBeNull()
  })
})
