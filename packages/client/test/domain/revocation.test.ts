// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest'
import { decodeMessage, decodeTrustBundle, verifyStatement, type Trust } from '@waxwing/core'
import { fixedClock, memoryStore, type FixedClock } from '@waxwing/client/testing'
import { Domain } from '../../src/domain/domain.js'
import { admitted, crypto, DAY, DAY_MS, newDomain, START, START_MS } from '../identity/fixture.js'

let clock: FixedClock
let domain: Domain

beforeEach(async () => {
  clock = fixedClock(START_MS)
  domain = await newDomain(clock)
})

const version = (bundle: Uint8Array): number => decodeTrustBundle(crypto, bundle).version

/** Reads a revocation as a member does that grants. */
function verified(trust: Trust, revocation: Uint8Array): { id: Uint8Array; since: number } {
  const message = decodeMessage(crypto, revocation)
  if (message.type !== 'revocation') throw new TypeError(`a ${message.type} is no revocation`)
  verifyStatement(message.statement, trust.anchorKey(message.author)!, null)
  expect(message.body.generationId).toBeNull()
  return { id: message.body.principalId, since: message.body.since }
}

describe('a revocation', () => {
  it('is an order that the anchor signed, and a bundle by which members stop believing', async () => {
    const { identity } = await admitted(domain, clock)
    const { trustBook } = await admitted(domain, clock)
    const { trust } = trustBook
    const { bundle, revocation } = await domain.revoke(identity.id)
    expect(bundle).toEqual(domain.bundle)
    expect(verified(trust, revocation)).toEqual({ id: identity.id, since: START })
    await trustBook.accept(bundle)
    const principal = trust.resolve(identity.id, identity.credential)
    expect(() => trust.checkStanding(principal, START)).toThrow(/revoked/)
    expect(() => trust.checkEpoch(principal, START)).toThrow(/revoked/)
    expect(() => trust.checkEpoch(principal, START - 1)).not.toThrow()
  })

  it('is given back unchanged when it is ordered again, whoever asks', async () => {
    const store = memoryStore()
    const own = await newDomain(clock, store)
    const { identity } = await admitted(own, clock)
    const first = await own.revoke(identity.id)
    clock.advance(DAY_MS)
    expect(await own.revoke(identity.id)).toEqual(first)
    expect(await own.revoke(identity.id, new Date(START_MS + DAY_MS))).toEqual(first)
    const again = await Domain.open({ store, crypto, clock })
    expect(await again.revoke(identity.id)).toEqual(first)
  })

  it('gives way to one from an earlier time', async () => {
    const { identity } = await admitted(domain, clock)
    const { trustBook } = await admitted(domain, clock)
    const first = await domain.revoke(identity.id)
    const earlier = await domain.revoke(identity.id, new Date(START_MS - DAY_MS))
    expect(version(earlier.bundle)).toBe(version(first.bundle) + 1)
    expect(verified(trustBook.trust, earlier.revocation).since).toBe(START - DAY)
    expect(decodeTrustBundle(crypto, domain.bundle).revoked).toEqual([
      { principalId: identity.id, since: START - DAY },
    ])
  })

  it('is signed anew when the order grows old, or its anchor was replaced', async () => {
    const { identity } = await admitted(domain, clock)
    const { trustBook } = await admitted(domain, clock)
    const first = await domain.revoke(identity.id)
    clock.advance(300 * DAY_MS)
    const later = await domain.revoke(identity.id)
    expect(later.bundle).toEqual(first.bundle)
    expect(later.revocation).not.toEqual(first.revocation)
    const { introduction, bundle } = await domain.rotateAnchor()
    await trustBook.accept(introduction)
    await trustBook.accept(bundle)
    expect(
      trustBook.trust.anchorKey(decodeMessage(crypto, later.revocation).author),
    ).toBeUndefined()
    const { revocation } = await domain.revoke(identity.id)
    expect(verified(trustBook.trust, revocation)).toEqual({ id: identity.id, since: START })
  })

  it('takes a keeper off the list', async () => {
    const { identity, trustBook } = await admitted(domain, clock)
    await domain.addKeeper(identity.id)
    await trustBook.accept((await domain.revoke(identity.id)).bundle)
    expect(trustBook.trust.bundle?.keepers).toEqual([])
  })

  it('is for good: the key is never admitted again', async () => {
    const { identity } = await admitted(domain, clock)
    await domain.revoke(identity.id)
    const enrol = await identity.enrolment()
    await expect(domain.admit(enrol)).rejects.toMatchObject({ code: 'ERR_REVOKED' })
  })

  it('may strike a principal that was never a member', async () => {
    const stranger = await admitted(await newDomain(clock), clock)
    const { trustBook } = await admitted(domain, clock)
    const { revocation } = await domain.revoke(stranger.identity.id)
    expect(verified(trustBook.trust, revocation).id).toEqual(stranger.identity.id)
  })

  it('needs an id and a time', async () => {
    await expect(domain.revoke(new Uint8Array(16))).rejects.toThrow(RangeError)
    const id = new Uint8Array(32)
    await expect(domain.revoke(id, new Date(Number.NaN))).rejects.toThrow(RangeError)
    await expect(domain.revoke(id, new Date(-1))).rejects.toThrow(RangeError)
    expect(version(domain.bundle)).toBe(1)
  })
})
