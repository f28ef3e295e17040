// SPDX-License-Identifier: Apache-2.0
import { kemKeyThumbprint, packedReference, type KeyCard } from '@waxwing/core'
import { faultyStore, fixedClock, memoryStore, type FixedClock } from '@waxwing/client/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { FirstTries } from '../../src/control/first-tries.js'
import { Holdings } from '../../src/control/holdings.js'
import { lifeOver, mediumOf, pausesOver } from '../../src/control/medium.js'
import type { Domain } from '../../src/domain/domain.js'
import {
  admitted,
  crypto,
  DAY_MS,
  newDomain,
  START_MS,
  type Principal,
} from '../identity/fixture.js'

const COSTLY = { answerMs: 60_000, isCostly: true }
const HOUR = 3_600_000

let clock: FixedClock
let domain: Domain
let plant: Principal
let desk: Principal
beforeEach(async () => {
  clock = fixedClock(START_MS)
  domain = await newDomain(clock)
  plant = await admitted(domain, clock, { name: 'plant' })
  desk = await admitted(domain, clock, { name: 'desk' })
})

const open = (isCostly = true): Promise<Holdings> =>
  Holdings.open(plant.runtime, plant.identity, { isCostly })
const keyOf = ({ keys }: KeyCard): Uint8Array => kemKeyThumbprint(crypto, keys[0]!)

describe('what somebody surely holds of ours', () => {
  it('is our card and credential, once it sealed to a key of that card, for any process', async () => {
    const holdings = await open()
    expect(holdings.areWith(desk.identity.id)).toBe(false)
    await holdings.note(desk.identity.id, keyOf(plant.identity.card))
    expect(holdings.areWith(desk.identity.id)).toBe(true)
    expect(holdings.areWith(plant.identity.id)).toBe(false)
    expect((await open()).areWith(desk.identity.id)).toBe(true)
  })

  it('is forgotten where it did not answer, for any process', async () => {
    const holdings = await open()
    await holdings.note(desk.identity.id, keyOf(plant.identity.card))
    await holdings.forget(desk.identity.id)
    expect(holdings.areWith(desk.identity.id)).toBe(false)
    expect((await open()).areWith(desk.identity.id)).toBe(false)
  })

  it('is relied on by one process, and by the next one only when it was shown anew', async () => {
    const holdings = await open()
    const key = keyOf(plant.identity.card)
    await holdings.note(desk.identity.id, key)
    await holdings.spend(desk.identity.id)
    expect(holdings.areWith(desk.identity.id)).toBe(true)
    expect((await open()).areWith(desk.identity.id)).toBe(false)
    await holdings.note(desk.identity.id, key)
    expect((await open()).areWith(desk.identity.id)).toBe(true)
  })

  it('is not a card that came after the one whose key it used', async () => {
    const holdings = await open()
    const old = keyOf(plant.identity.card)
    await holdings.note(desk.identity.id, old)
    clock.advance(25 * DAY_MS)
    await plant.identity.renewCardIfDue()
    expect(holdings.areWith(desk.identity.id)).toBe(false)
    await holdings.note(desk.identity.id, old)
    expect(holdings.areWith(desk.identity.id)).toBe(false)
    await holdings.note(desk.identity.id, keyOf(plant.identity.card))
    expect(holdings.areWith(desk.identity.id)).toBe(true)
  })

  it('is not a credential that came after its card was heard of', async () => {
    const holdings = await open()
    const key = keyOf(plant.identity.card)
    await holdings.note(desk.identity.id, key)
    clock.advance(DAY_MS)
    const admission = await domain.admit(await plant.identity.enrolment(), { name: 'plant' })
    await plant.identity.admit(admission, plant.trustBook, { domainId: domain.id })
    expect(holdings.areWith(desk.identity.id)).toBe(false)
    await holdings.note(desk.identity.id, key)
    expect(holdings.areWith(desk.identity.id)).toBe(false)
  })

  it('is not noted where bytes cost nothing', async () => {
    const store = faultyStore(plant.runtime.store, {
      beforeWrite() {
        throw new Error('nothing is to be written')
      },
    })
    const cheap = await Holdings.open({ ...plant.runtime, store }, plant.identity, {
      isCostly: false,
    })
    await cheap.note(desk.identity.id, keyOf(plant.identity.card))
    expect(cheap.areWith(desk.identity.id)).toBe(false)
  })

  it('is not read from a damaged record', async () => {
    const store = memoryStore()
    await store.write([{ table: 'held-of-ours', key: 'a', value: Uint8Array.of(1) }])
    await expect(
      Holdings.open({ ...plant.runtime, store }, plant.identity, { isCostly: true }),
    ).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
  })
})

describe('what a packed message may refer to', () => {
  const find = (bytes: Uint8Array): Uint8Array | undefined =>
    plant.trustBook.referredTo(packedReference(crypto, bytes))

  it('is the credential and newest card of everybody who is remembered, and our bundle', async () => {
    const { identity } = desk
    const { credential, card } = identity
    expect(find(card.bytes)).toBeUndefined()
    const principal = await plant.trustBook.learn(credential!)
    await plant.trustBook.keepCard(card.bytes, principal)
    expect(find(credential!)).toEqual(credential)
    expect(find(card.bytes)).toEqual(card.bytes)
    const bundle = plant.trustBook.trust.bundle!.bytes
    expect(find(bundle)).toEqual(bundle)
    clock.advance(25 * DAY_MS)
    await identity.renewCardIfDue()
    await plant.trustBook.keepCard(identity.card.bytes, principal)
    expect(find(card.bytes)).toBeUndefined()
    expect(find(identity.card.bytes)).toEqual(identity.card.bytes)
    expect(find(credential!)).toEqual(credential)
  })
})

describe('answers to the same', () => {
  it('are whole every other time, and a first try again much later', () => {
    const tries = new FirstTries(clock, COSTLY)
    expect([1, 2, 3, 4].map(() => tries.take('grant/a'))).toEqual([true, false, true, false])
    expect(tries.take('grant/b')).toBe(true)
    clock.advance(2 * HOUR)
    expect(tries.take('grant/b')).toBe(true)
    clock.advance(HOUR)
    expect(tries.take('grant/b')).toBe(false)
  })

  it('are remembered in bounded space', () => {
    const tries = new FirstTries(clock, COSTLY)
    for (let i = 0; i < 5000; i++) tries.take(`grant/${i}`)
    expect(tries.take('grant/0')).toBe(true)
    expect(tries.take('grant/4999')).toBe(false)
  })
})

describe('a medium', () => {
  const limits = { maxPayloadBytes: 1000, binary: true, retained: false }
  const usual = { firstMs: 2000, lastMs: HOUR }

  it('costs nothing and answers at once, if it does not say', () => {
    expect(mediumOf(undefined)).toEqual({ answerMs: 0, isCostly: false })
    expect(mediumOf({ limits })).toEqual({ answerMs: 0, isCostly: false })
    expect(pausesOver(mediumOf({ limits }), usual)).toEqual(usual)
    expect(lifeOver(mediumOf({ limits }), 3600)).toBe(3600)
  })

  it('makes pauses longer, and never shorter', () => {
    const mail = mediumOf({ limits: { ...limits, answerSeconds: 14_400 } })
    expect(pausesOver(mail, usual)).toEqual({ firstMs: 4 * HOUR, lastMs: 96 * HOUR })
    expect(lifeOver(mail, 3600)).toBe(96 * 3600)
    const quick = mediumOf({ limits: { ...limits, answerSeconds: 1, costly: true } })
    expect(pausesOver(quick, usual)).toEqual(usual)
    expect(quick.isCostly).toBe(true)
  })
})
