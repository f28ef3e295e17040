// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import {
  decodeKeyCard,
  equalBytes,
  kemKid,
  openSealedMessage,
  sealedKid,
  sealMessage,
  toHex,
  utf8,
  verifyKeyCard,
} from '@waxwing/core'
import { faultyStore, fixedClock, memoryStore, type MemoryStore } from '@waxwing/client/testing'
import { OwnIdentity } from '../../src/identity/own-identity.js'
import { CARD_GRACE_SECONDS } from '../../src/identity/own-cards.js'
import { crypto, DAY, DAY_MS, handlesOf, runtimeOn, settle, START, START_MS } from './fixture.js'

const GRACE_MS = CARD_GRACE_SECONDS * 1000

describe('an identity', () => {
  it('is made on first use and found again afterwards', async () => {
    const store = memoryStore()
    const made = await OwnIdentity.open(runtimeOn(store), { name: 'thermometer' })
    const found = await OwnIdentity.open(runtimeOn(store), { name: 'another' })
    expect(found.id).toEqual(made.id)
    expect(found.name).toBe('thermometer')
    expect(found.card.bytes).toEqual(made.card.bytes)
    expect(found.signingKey.publicKey).toEqual(made.signingKey.publicKey)
    expect([found.credential, found.domainId]).toEqual([null, null])
  })

  it('is another one in every store', async () => {
    const one = await OwnIdentity.open(runtimeOn())
    const other = await OwnIdentity.open(runtimeOn())
    expect(one.id).not.toEqual(other.id)
    expect(one.name).toBe('unnamed')
  })

  it('is one and the same for two processes that open an empty store at once', async () => {
    const store = memoryStore()
    const [a, b] = await Promise.all([
      OwnIdentity.open(runtimeOn(store)),
      OwnIdentity.open(runtimeOn(store)),
    ])
    expect(a.id).toEqual(b.id)
    expect(a.card.bytes).toEqual(b.card.bytes)
    for (const key of a.card.keys) {
      expect(b.kemKey(kemKid(crypto, key))).toEqual(a.kemKey(kemKid(crypto, key)))
    }
  })

  it('is the one of the process that wrote first, however late the other comes', async () => {
    const store = memoryStore()
    let first: OwnIdentity | undefined
    const late = faultyStore(store, {
      async beforeWrite() {
        first ??= await OwnIdentity.open(runtimeOn(store))
      },
    })
    const second = await OwnIdentity.open(runtimeOn(late))
    expect(second.id).toEqual(first?.id)
    expect(second.card.bytes).toEqual(first?.card.bytes)
  })

  it('is not made up anew where the store is damaged', async () => {
    const store = memoryStore()
    await OwnIdentity.open(runtimeOn(store))
    await store.write([{ table: 'identity', key: 'self', value: utf8('nonsense') }])
    await expect(OwnIdentity.open(runtimeOn(store))).rejects.toMatchObject({
      code: 'ERR_STORE_CORRUPT',
    })
  })

  it.each(['self', 'cards'])('is not made over another of which %s is lost', async (key) => {
    const store = memoryStore()
    await OwnIdentity.open(runtimeOn(store))
    await store.write([{ table: 'identity', key, value: null }])
    await expect(OwnIdentity.open(runtimeOn(store))).rejects.toMatchObject({
      code: 'ERR_STORE_CORRUPT',
    })
  })

  it.each([
    { name: '' },
    { name: 'n'.repeat(256) },
    { cardDays: 0 },
    { cardDays: 366 },
    { cardDays: 1.5 },
  ])('refuses %o', async (options) => {
    await expect(OwnIdentity.open(runtimeOn(), options)).rejects.toThrow(RangeError)
  })
})

describe('a key card', () => {
  it('lists an X25519 and an X-Wing key, is signed by the principal and lives 30 days', async () => {
    const identity = await OwnIdentity.open(runtimeOn())
    const card = decodeKeyCard(identity.card.bytes)
    const key = crypto.ed25519VerifyingKey(identity.signingKey.publicKey)
    verifyKeyCard(card, { id: identity.id, key }, START)
    expect(card.keys.map(({ kind }) => kind)).toEqual(['x25519', 'x-wing'])
    expect([card.issued, card.expires - card.issued]).toEqual([START, 30 * DAY])
  })

  it('is renewed with new keys when less than a third of its life is left, and not before', async () => {
    const runtime = runtimeOn()
    const identity = await OwnIdentity.open(runtime, { cardDays: 3 })
    const first = identity.card
    runtime.clock.advance(2 * DAY_MS)
    expect(await identity.renewCardIfDue()).toBe(false)
    expect(identity.card).toBe(first)
    runtime.clock.advance(1000)
    expect(await identity.renewCardIfDue()).toBe(true)
    expect(identity.card.issued).toBe(START + 2 * DAY + 1)
    for (const { publicKey } of identity.card.keys) {
      expect(first.keys.some((key) => equalBytes(key.publicKey, publicKey))).toBe(false)
    }
  })

  it('is renewed when the identity is opened, if that is due', async () => {
    const store = memoryStore()
    await OwnIdentity.open(runtimeOn(store))
    const later = await OwnIdentity.open(runtimeOn(store, fixedClock(START_MS + 25 * DAY_MS)))
    expect(later.card.issued).toBe(START + 25 * DAY)
  })

  it('leaves what was sealed to the one before openable until its grace is over', async () => {
    const runtime = runtimeOn()
    const identity = await OwnIdentity.open(runtime, { cardDays: 3 })
    const sealed = await Promise.all(
      identity.card.keys.map((key) => sealMessage(crypto, utf8('grant'), { id: identity.id, key })),
    )
    runtime.clock.advance(3 * DAY_MS + GRACE_MS - 1000)
    await identity.renewCardIfDue()
    for (const message of sealed) {
      const key = identity.kemKey(sealedKid(message))
      const opened = await openSealedMessage(crypto, message, { id: identity.id, key: key! })
      expect(opened).toEqual(utf8('grant'))
    }
    runtime.clock.advance(1000)
    await identity.renewCardIfDue()
    for (const message of sealed) expect(identity.kemKey(sealedKid(message))).toBeUndefined()
  })

  it('takes its private keys out of the store with it', async () => {
    const store = memoryStore()
    const runtime = runtimeOn(store)
    const identity = await OwnIdentity.open(runtime, { cardDays: 3 })
    const secrets = identity.card.keys.map((key) => identity.kemKey(kemKid(crypto, key))!.secretKey)
    expect(secrets.map((secret) => holds(store, secret))).toEqual([true, true])
    runtime.clock.advance(3 * DAY_MS + GRACE_MS)
    await identity.renewCardIfDue()
    expect(secrets.map((secret) => holds(store, secret))).toEqual([false, false])
  })

  it('deletes keys also when no new card is due', async () => {
    const runtime = runtimeOn()
    const identity = await OwnIdentity.open(runtime, { cardDays: 3 })
    const [first] = identity.card.keys
    runtime.clock.advance(3 * DAY_MS + GRACE_MS - DAY_MS)
    expect(await identity.renewCardIfDue()).toBe(true)
    runtime.clock.advance(DAY_MS)
    expect(await identity.renewCardIfDue()).toBe(false)
    expect(identity.kemKey(kemKid(crypto, first!))).toBeUndefined()
  })

  it('keeps old keys while a clock that jumped ahead is not borne out', async () => {
    const runtime = runtimeOn()
    runtime.time.confirm(START_MS)
    const identity = await OwnIdentity.open(runtime, { cardDays: 3 })
    const [first] = identity.card.keys
    runtime.clock.set(START_MS + 365 * DAY_MS)
    expect(await identity.renewCardIfDue()).toBe(true)
    expect(identity.kemKey(kemKid(crypto, first!))).toBeDefined()
    runtime.time.confirm(START_MS + 365 * DAY_MS)
    await identity.renewCardIfDue()
    expect(identity.kemKey(kemKid(crypto, first!))).toBeUndefined()
  })

  it('from the future gives way once a confirmed time shows that it is wrong', async () => {
    const store = memoryStore()
    const wrong = await OwnIdentity.open(runtimeOn(store, fixedClock(START_MS + 3650 * DAY_MS)))
    const runtime = runtimeOn(store)
    const identity = await OwnIdentity.open(runtime)
    expect(identity.card.bytes).toEqual(wrong.card.bytes)
    runtime.time.confirm(START_MS)
    expect(await identity.renewCardIfDue()).toBe(true)
    expect(identity.card.issued).toBe(START)
    const [key] = wrong.card.keys
    expect(identity.kemKey(kemKid(crypto, key!))).toBeDefined()
  })

  it('is renewed once by two processes that find it due at once', async () => {
    const store = memoryStore()
    const clock = fixedClock(START_MS)
    const fast = await OwnIdentity.open(runtimeOn(store, clock))
    let renewedByFast: boolean | undefined
    const late = faultyStore(store, {
      async beforeWrite() {
        renewedByFast ??= await fast.renewCardIfDue()
      },
    })
    const slow = await OwnIdentity.open(runtimeOn(late, clock))
    clock.advance(25 * DAY_MS)
    expect(await slow.renewCardIfDue()).toBe(false)
    expect(renewedByFast).toBe(true)
    expect(slow.card.bytes).toEqual(fast.card.bytes)
    expect(slow.kemKey(kemKid(crypto, fast.card.keys[0]!))).toBeDefined()
  })

  it('is announced to listeners when it was replaced, until they no longer want to know', async () => {
    const runtime = runtimeOn()
    const identity = await OwnIdentity.open(runtime)
    const seen: string[] = []
    identity.onCard(() => {
      throw new Error('a listener that fails')
    })
    const stop = identity.onCard((card) => seen.push(toHex(card.bytes)))
    runtime.clock.advance(25 * DAY_MS)
    await identity.renewCardIfDue()
    expect(seen).toEqual([toHex(identity.card.bytes)])
    expect(runtime.errors).toHaveLength(1)
    stop()
    runtime.clock.advance(25 * DAY_MS)
    await identity.renewCardIfDue()
    expect(seen).toHaveLength(1)
  })

  it('that another process made is taken over', async () => {
    const clock = fixedClock(START_MS)
    const [one, other] = handlesOf(memoryStore(), 2)
    const a = await OwnIdentity.open(runtimeOn(one, clock))
    const b = await OwnIdentity.open(runtimeOn(other, clock))
    const seen: number[] = []
    b.onCard(({ issued }) => seen.push(issued))
    clock.advance(25 * DAY_MS)
    await a.renewCardIfDue()
    await settle()
    expect(b.card.bytes).toEqual(a.card.bytes)
    expect(seen).toEqual([START + 25 * DAY])
    b.close()
    clock.advance(25 * DAY_MS)
    await a.renewCardIfDue()
    await settle()
    expect(b.card.bytes).not.toEqual(a.card.bytes)
  })
})

describe('a permanent identity', () => {
  it('keeps its KEM keys for ever, and lists them on every card', async () => {
    const store = memoryStore()
    const made = await OwnIdentity.open(runtimeOn(store), { permanent: true })
    const century = fixedClock(START_MS + 36_000 * DAY_MS)
    const found = await OwnIdentity.open(runtimeOn(store, century))
    expect(found.card.keys).toEqual(made.card.keys)
    expect(found.card.issued).toBe(START + 36_000 * DAY)
    for (const key of made.card.keys) expect(found.kemKey(kemKid(crypto, key))).toBeDefined()
  })

  it('is not made of an ordinary one, whose first keys may be gone', async () => {
    const store = memoryStore()
    await OwnIdentity.open(runtimeOn(store))
    await expect(OwnIdentity.open(runtimeOn(store), { permanent: true })).rejects.toMatchObject({
      code: 'ERR_CONFLICT',
    })
  })
})

function holds(store: MemoryStore, secret: Uint8Array): boolean {
  const needle = toHex(secret)
  const tables = [...store.snapshot().tables.values()]
  return tables.some((table) => [...table.values()].some((value) => toHex(value).includes(needle)))
}
