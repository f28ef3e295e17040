// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest'
import { principalId, signKeyCard, toBase64Url, utf8, type TrustedPrincipal } from '@waxwing/core'
import { faultyStore, fixedClock, memoryStore, type FixedClock } from '@waxwing/client/testing'
import type { Domain } from '../../src/domain/domain.js'
import { makeCard, makeKemKeys } from '../../src/identity/own-cards.js'
import { MAX_KNOWN_PRINCIPALS } from '../../src/identity/memory-places.js'
import { TrustBook } from '../../src/identity/trust-book.js'
import { TrustRecords } from '../../src/identity/trust-records.js'
import {
  admitted,
  crypto,
  DAY,
  DAY_MS,
  handlesOf,
  newDomain,
  runtimeOn,
  settle,
  START,
  START_MS,
  type Principal,
} from './fixture.js'

const kemKeys = await makeKemKeys(crypto)

let clock: FixedClock
let domain: Domain

beforeEach(async () => {
  clock = fixedClock(START_MS)
  domain = await newDomain(clock)
})

/** A trust book of somebody in the domain. */
async function bookOn(store = memoryStore()): Promise<TrustBook> {
  const book = await TrustBook.open(runtimeOn(store, clock))
  if (book.trust.bundle === undefined) await book.start(domain.bundle, domain.id)
  return book
}

function cardBy({ identity }: Principal, issued = START, lifeSeconds = 30 * DAY): Uint8Array {
  const author = { id: identity.id, key: identity.signingKey }
  return makeCard(author, kemKeys, { issued, lifeSeconds }).card.bytes
}

function trusted({ identity }: Principal, book: TrustBook): TrustedPrincipal {
  return book.trust.resolve(identity.id, identity.credential)
}

describe('a key card', () => {
  it('is kept with the principal’s credential', async () => {
    const member = await admitted(domain, clock, { name: 'desk' })
    const store = memoryStore()
    const book = await bookOn(store)
    const seen: number[] = []
    book.onCard(({ issued }) => seen.push(issued))
    const kept = await book.keepCard(cardBy(member), trusted(member, book))
    expect(kept.bytes).toEqual(cardBy(member))
    const again = await bookOn(store)
    expect(again.cardOf(member.identity.id)?.bytes).toEqual(cardBy(member))
    expect(again.principalOf(member.identity.id)?.name).toBe('desk')
    expect(again.isKnown(member.identity.id)).toBe(true)
    expect(seen).toEqual([START])
  })

  it('is replaced by a newer one only', async () => {
    const member = await admitted(domain, clock)
    const book = await bookOn()
    const keep = (card: Uint8Array): Promise<unknown> => book.keepCard(card, trusted(member, book))
    await keep(cardBy(member, START - 10))
    await keep(cardBy(member, START))
    await expect(keep(cardBy(member, START - 10))).rejects.toMatchObject({ code: 'ERR_ROLLBACK' })
    const twin = cardBy(member, START, 31 * DAY)
    await expect(keep(twin)).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
    expect(book.cardOf(member.identity.id)?.bytes).toEqual(cardBy(member, START))
  })

  it('is refused when it has expired, is from the future, or by someone else', async () => {
    const member = await admitted(domain, clock)
    const other = await admitted(domain, clock)
    const book = await bookOn()
    const { identity } = member
    const inOthersName = signKeyCard(
      { issued: START, expires: START + DAY, keys: kemKeys },
      identity.id,
      other.identity.signingKey,
    )
    const refusals = [
      ['ERR_EXPIRED', cardBy(member, START - DAY, DAY)],
      ['ERR_NOT_YET_VALID', cardBy(member, START + 301)],
      ['ERR_SIGNATURE', cardBy(other)],
      ['ERR_SIGNATURE', inOthersName],
    ] as const
    for (const [code, card] of refusals) {
      const keeping = book.keepCard(card, trusted(member, book))
      await expect(keeping, code).rejects.toMatchObject({ code })
    }
    expect(book.cardOf(identity.id)).toBeUndefined()
  })

  it('from after the last time that is known counts for a device without a clock', async () => {
    const member = await admitted(domain, clock)
    const other = await admitted(domain, clock)
    const book = await bookOn()
    clock.forget()
    await book.keepCard(cardBy(member, START + 10 * DAY), trusted(member, book))
    const expired = book.keepCard(cardBy(other, START - DAY, DAY), trusted(other, book))
    await expect(expired).rejects.toMatchObject({ code: 'ERR_EXPIRED' })
  })

  it('that is known already costs nothing at the store', async () => {
    const member = await admitted(domain, clock)
    let count = 0
    const tally = (): void => void count++
    const counting = faultyStore(memoryStore(), { beforeWrite: tally, beforeRead: tally })
    const book = await TrustBook.open(runtimeOn(counting, clock))
    await book.start(domain.bundle, domain.id)
    await book.keepCard(cardBy(member), trusted(member, book))
    const before = count
    await book.keepCard(cardBy(member), trusted(member, book))
    expect(count).toBe(before)
  })

  it('is not given out once nobody vouches for its principal any more', async () => {
    const other = await newDomain(clock)
    const stranger = await admitted(other, clock)
    await domain.addPartner({ ...domain.readPartnerCard(other.partnerCard()), patterns: [] })
    const book = await bookOn()
    await book.keepCard(cardBy(stranger), trusted(stranger, book))
    expect(book.cardOf(stranger.identity.id)).toBeDefined()
    await book.accept(await domain.removePartner(other.id))
    expect(book.cardOf(stranger.identity.id)).toBeUndefined()
    expect(book.known()).toEqual([])
  })

  it('that another process kept is told of', async () => {
    const member = await admitted(domain, clock)
    const [one, other] = handlesOf(memoryStore(), 2)
    const a = await TrustBook.open(runtimeOn(one, clock))
    await a.start(domain.bundle, domain.id)
    const b = await TrustBook.open(runtimeOn(other, clock))
    const seen: number[] = []
    b.onCard(({ issued }) => seen.push(issued))
    await a.keepCard(cardBy(member), trusted(member, a))
    await settle()
    expect(seen).toEqual([START])
    expect(b.cardOf(member.identity.id)?.bytes).toEqual(cardBy(member))
  })
})

describe('a credential', () => {
  it('makes its principal known, and an older one does not replace a newer', async () => {
    const member = await admitted(domain, clock, { name: 'before' })
    const { identity } = member
    const older = identity.credential!
    clock.advance(1000)
    const renewal = await domain.admit(await identity.enrolment(), { name: 'after' })
    await identity.admit(renewal, member.trustBook)
    const store = memoryStore()
    const book = await bookOn(store)
    expect((await book.learn(older)).name).toBe('before')
    expect((await book.learn(identity.credential!)).name).toBe('after')
    expect((await book.learn(older)).name).toBe('after')
    expect((await bookOn(store)).principalOf(identity.id)?.name).toBe('after')
  })

  it('leaves the card alone, and comes with one as well', async () => {
    const member = await admitted(domain, clock, { name: 'before' })
    const { identity } = member
    const book = await bookOn()
    await book.keepCard(cardBy(member), trusted(member, book))
    clock.advance(1000)
    const renewal = await domain.admit(await identity.enrolment(), { name: 'after' })
    await identity.admit(renewal, member.trustBook)
    await book.learn(identity.credential!)
    expect(book.cardOf(identity.id)?.bytes).toEqual(cardBy(member))
    expect(book.principalOf(identity.id)?.name).toBe('after')
  })

  it('is not learnt when it has expired, was revoked, or is of nobody that is trusted', async () => {
    const shortLived = await admitted(domain, clock, { days: 1 })
    const revoked = await admitted(domain, clock)
    const stranger = await admitted(await newDomain(clock), clock)
    await domain.revoke(revoked.identity.id)
    clock.advance(DAY_MS)
    const book = await bookOn()
    const refusals = [
      ['ERR_EXPIRED', shortLived],
      ['ERR_REVOKED', revoked],
      ['ERR_NOT_TRUSTED', stranger],
    ] as const
    for (const [code, { identity }] of refusals) {
      await expect(book.learn(identity.credential!)).rejects.toMatchObject({ code })
    }
    expect(book.known()).toEqual([])
  })
})

describe('a key that is pinned by hand', () => {
  const { publicKey } = crypto.ed25519SigningKey(crypto.sha256(utf8('pinned')))
  const id = principalId(crypto, publicKey)

  it('is trusted without any domain, also when the store is opened again', async () => {
    const store = memoryStore()
    const book = await TrustBook.open(runtimeOn(store, clock))
    const principal = await book.pin({ publicKey, name: 'friend', produces: ['a/+'] })
    expect(principal).toMatchObject({ id, name: 'friend', produces: ['a/+'], domainId: null })
    const again = await TrustBook.open(runtimeOn(store, clock))
    expect(again.principalOf(id)).toMatchObject({ name: 'friend', produces: ['a/+'] })
    expect(again.known()).toHaveLength(1)
    expect(again.findPrincipal('friend')?.id).toEqual(id)
  })

  it('is trusted no more after it was taken back, and its card goes with it', async () => {
    const store = memoryStore()
    const book = await TrustBook.open(runtimeOn(store, clock))
    const key = crypto.ed25519SigningKey(crypto.sha256(utf8('pinned')))
    const principal = await book.pin({ publicKey, name: 'friend', produces: [] })
    const { card } = makeCard({ id, key }, kemKeys, { issued: START, lifeSeconds: DAY })
    await book.keepCard(card.bytes, principal)
    expect(book.cardOf(id)?.bytes).toEqual(card.bytes)
    await book.unpin(id)
    expect([book.principalOf(id), book.cardOf(id)]).toEqual([undefined, undefined])
    const again = await TrustBook.open(runtimeOn(store, clock))
    expect(again.isKnown(id)).toBe(false)
    expect(await store.scan('principal')).toEqual([])
  })

  it('counts for less than what an anchor says of it', async () => {
    const member = await admitted(domain, clock, { name: 'certified' })
    const { identity } = member
    const book = await bookOn()
    await book.learn(identity.credential!)
    const { publicKey: memberKey } = identity.signingKey
    const pinned = await book.pin({ publicKey: memberKey, name: 'by hand', produces: [] })
    await book.keepCard(cardBy(member), pinned)
    const found = book.principalOf(identity.id)
    expect(found).toMatchObject({ name: 'certified', domainId: domain.id })
    expect(book.findPrincipal('by hand')).toBe(found)
    await book.unpin(identity.id)
    expect(book.principalOf(identity.id)?.name).toBe('certified')
    expect(book.cardOf(identity.id)?.bytes).toEqual(cardBy(member))
  })

  it('does not undo that its own domain, a partner of ours, revoked it', async () => {
    const lab = await newDomain(clock)
    const { identity } = await admitted(lab, clock, { name: 'guest' })
    const book = await bookOn()
    await book.accept(
      await domain.addPartner({ ...domain.readPartnerCard(lab.partnerCard()), patterns: [] }),
    )
    await book.learn(identity.credential!)
    const { publicKey: guestKey } = identity.signingKey
    await book.pin({ publicKey: guestKey, name: 'by hand', produces: [] })
    await book.accept((await lab.revoke(identity.id)).bundle)
    const guest = book.principalOf(identity.id)
    expect(() => book.trust.checkStanding(guest!, START)).toThrow(/revoked/)
  })

  it('counts where no anchor does any more', async () => {
    const lab = await newDomain(clock)
    const { identity } = await admitted(lab, clock, { name: 'guest' })
    const book = await bookOn()
    await book.accept(
      await domain.addPartner({ ...domain.readPartnerCard(lab.partnerCard()), patterns: [] }),
    )
    await book.learn(identity.credential!)
    const { publicKey: guestKey } = identity.signingKey
    await book.pin({ publicKey: guestKey, name: 'by hand', produces: [] })
    await book.accept(await domain.removePartner(lab.id))
    expect(book.principalOf(identity.id)).toMatchObject({ name: 'by hand', domainId: null })
  })

  it('is taken over by other processes, and given up with them', async () => {
    const [one, other] = handlesOf(memoryStore(), 2)
    const a = await TrustBook.open(runtimeOn(one, clock))
    const b = await TrustBook.open(runtimeOn(other, clock))
    await a.pin({ publicKey, name: 'friend', produces: [] })
    await settle()
    expect(b.isKnown(id)).toBe(true)
    await a.unpin(id)
    await settle()
    expect(b.isKnown(id)).toBe(false)
  })

  it('has to be a good key, a name and patterns', async () => {
    const book = await TrustBook.open(runtimeOn())
    const small = new Uint8Array(32)
    small[0] = 1
    const bad = book.pin({ publicKey: small, name: 'small order', produces: [] })
    await expect(bad).rejects.toMatchObject({ code: 'ERR_KEY_INVALID' })
    await expect(book.pin({ publicKey, name: '', produces: [] })).rejects.toThrow(TypeError)
    const pattern = book.pin({ publicKey, name: 'friend', produces: ['#/a'] })
    await expect(pattern).rejects.toThrow(TypeError)
    expect(book.known()).toEqual([])
  })
})

describe('finding a principal', () => {
  it('goes by id, a beginning of it of six characters or more, or name', async () => {
    const { identity } = await admitted(domain, clock, { name: 'desk' })
    const book = await bookOn()
    await book.learn(identity.credential!)
    const id = toBase64Url(identity.id)
    for (const text of [id, id.slice(0, 6), id.slice(0, 20), 'desk']) {
      expect(book.findPrincipal(text)?.id, text).toEqual(identity.id)
    }
    for (const text of [id.slice(0, 5), `${id}A`, 'des', 'Desk', '']) {
      expect(book.findPrincipal(text), text).toBeUndefined()
    }
  })

  it('finds nobody by a name that two bear, except where one of them was revoked', async () => {
    const one = await admitted(domain, clock, { name: 'door' })
    const other = await admitted(domain, clock, { name: 'door' })
    const book = await bookOn()
    await book.learn(one.identity.credential!)
    await book.learn(other.identity.credential!)
    expect(book.findPrincipal('door')).toBeUndefined()
    expect(book.findPrincipal(toBase64Url(one.identity.id))?.id).toEqual(one.identity.id)
    await book.accept((await domain.revoke(one.identity.id)).bundle)
    expect(book.findPrincipal('door')?.id).toEqual(other.identity.id)
  })

  it('finds nobody where one bears the beginning of another’s id as its name', async () => {
    const one = await admitted(domain, clock)
    const prefix = toBase64Url(one.identity.id).slice(0, 8)
    const liar = await admitted(domain, clock, { name: prefix })
    const book = await bookOn()
    await book.learn(one.identity.credential!)
    await book.learn(liar.identity.credential!)
    expect(book.findPrincipal(prefix)).toBeUndefined()
  })

  it('knows keepers and the recovery principal by the bundle alone', async () => {
    const keeper = await admitted(domain, clock, { name: 'keeper' })
    await domain.addKeeper(keeper.identity.id)
    const book = await bookOn()
    expect(book.findPrincipal('keeper')?.id).toEqual(keeper.identity.id)
    expect(book.known().map(({ name }) => name)).toEqual(['keeper'])
    await book.accept(await domain.removeKeeper(keeper.identity.id))
    expect(book.isKnown(keeper.identity.id)).toBe(false)
  })
})

describe('when too many principals are known', () => {
  async function fill(
    lifeSeconds: number,
    credentialOf: (i: number) => Uint8Array | null = () => null,
  ): Promise<{ book: TrustBook; member: Principal }> {
    const member = await admitted(domain, clock)
    const store = memoryStore()
    const records = new TrustRecords(store)
    const card = cardBy(member, START, lifeSeconds)
    const changes = Array.from({ length: MAX_KNOWN_PRINCIPALS }, (_, i) => {
      const id = crypto.sha256(utf8(`principal ${i}`))
      return records.putPrincipal({ id, name: `${i}`, credential: credentialOf(i), card })
    })
    await records.write(changes, 0)
    return { book: await bookOn(store), member }
  }

  it('those are forgotten whose cards have expired', async () => {
    const { book, member } = await fill(DAY)
    clock.advance(DAY_MS)
    await book.learn(member.identity.credential!)
    expect(book.known().map(({ id }) => id)).toEqual([member.identity.id])
  })

  it('one of a partner gives way to one of our own', async () => {
    const other = await newDomain(clock)
    const stranger = await admitted(other, clock)
    const own = await admitted(domain, clock)
    await domain.addPartner({ ...domain.readPartnerCard(other.partnerCard()), patterns: [] })
    const { book, member } = await fill(2 * DAY, (i) => {
      const { identity } = i < 100 ? stranger : own
      return identity.credential
    })
    for (const newcomer of [member, own, stranger]) {
      await book.keepCard(cardBy(newcomer), trusted(newcomer, book))
    }
    for (const { identity } of [member, own, stranger]) {
      expect(book.isKnown(identity.id)).toBe(true)
    }
  })

  it('no more are taken while all cards are valid', async () => {
    const { book, member } = await fill(2 * DAY)
    const learning = book.learn(member.identity.credential!)
    await expect(learning).rejects.toMatchObject({
      code: 'ERR_LIMIT',
      details: { rule: 'MAX_KNOWN_PRINCIPALS' },
    })
  })
})
