// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest'
import {
  decodeTrustBundle,
  principalId,
  signTrustBundle,
  utf8,
  type TrustBundleFields,
} from '@waxwing/core'
import { faultyStore, fixedClock, memoryStore, type FixedClock } from '@waxwing/client/testing'
import { TrustBook } from '../../src/identity/trust-book.js'
import { crypto, DAY, DAY_MS, handlesOf, runtimeOn, settle, START, START_MS } from './fixture.js'

const anchor = crypto.ed25519SigningKey(crypto.sha256(utf8('anchor')))
const second = crypto.ed25519SigningKey(crypto.sha256(utf8('second anchor')))
const third = crypto.ed25519SigningKey(crypto.sha256(utf8('third anchor')))
const partner = crypto.ed25519SigningKey(crypto.sha256(utf8('partner')))
const domainId = principalId(crypto, anchor.publicKey)
const partnerId = principalId(crypto, partner.publicKey)

const inUse = (...keys: { publicKey: Uint8Array }[]): TrustBundleFields['anchors'] =>
  keys.map(({ publicKey: key }) => ({ key, from: 0, until: null }))

function bundleOf(fields: Partial<TrustBundleFields> = {}, by = anchor): Uint8Array {
  const whole: TrustBundleFields = {
    domainId,
    version: 1,
    issued: START,
    expires: START + 30 * DAY,
    anchors: inUse(anchor),
    keepers: [],
    recovery: null,
    partners: [],
    revoked: [],
    requireXWing: false,
    ...fields,
  }
  return signTrustBundle(crypto, whole, by)
}

const partners = [{ domainId: partnerId, anchors: [partner.publicKey], patterns: ['shared/#'] }]

function partnerBundle(fields: Partial<TrustBundleFields> = {}): Uint8Array {
  return bundleOf({ domainId: partnerId, anchors: inUse(partner), ...fields }, partner)
}

let clock: FixedClock

beforeEach(() => {
  clock = fixedClock(START_MS)
})

async function started(store = memoryStore(), first = bundleOf()): Promise<TrustBook> {
  const book = await TrustBook.open(runtimeOn(store, clock))
  await book.start(first, domainId)
  return book
}

describe('the first bundle', () => {
  it('is kept, and may come again', async () => {
    const store = memoryStore()
    const book = await started(store)
    await book.start(bundleOf(), domainId)
    const again = await TrustBook.open(runtimeOn(store, clock))
    expect(again.trust.bundle?.bytes).toEqual(bundleOf())
  })

  it('is refused under another anchor than the one that somebody vouches for', async () => {
    const book = await TrustBook.open(runtimeOn())
    const other = principalId(crypto, second.publicKey)
    await expect(book.start(bundleOf(), other)).rejects.toMatchObject({ code: 'ERR_NOT_TRUSTED' })
    const forged = bundleOf({}, second)
    await expect(book.start(forged, domainId)).rejects.toMatchObject({ code: 'ERR_NOT_TRUSTED' })
    expect(book.trust.bundle).toBeUndefined()
  })

  it('is refused from the future, where the time is known', async () => {
    const future = bundleOf({ issued: START + 301 })
    await expect(started(memoryStore(), future)).rejects.toMatchObject({
      code: 'ERR_NOT_YET_VALID',
    })
    clock.forget()
    const book = await started(memoryStore(), future)
    expect(book.trust.bundle?.issued).toBe(START + 301)
  })

  it('does not come twice', async () => {
    const book = await started()
    const other = bundleOf({ version: 2 })
    await expect(book.start(other, domainId)).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
  })
})

describe('a newer bundle', () => {
  it('is believed, kept, and told of; the same again is known', async () => {
    const store = memoryStore()
    const book = await started(store)
    let told = 0
    const stop = book.onBundle(() => told++)
    const newer = bundleOf({ version: 2 })
    expect(await book.accept(newer)).toBe('accepted')
    expect(await book.accept(newer)).toBe('known')
    expect(told).toBe(1)
    stop()
    await book.accept(bundleOf({ version: 3 }))
    expect(told).toBe(1)
    const again = await TrustBook.open(runtimeOn(store, clock))
    expect(again.trust.bundle?.version).toBe(3)
  })

  it.each([
    ['ERR_ROLLBACK', 'is older', bundleOf({ version: 1 })],
    [
      'ERR_CONFLICT',
      'differs under the same version',
      bundleOf({ version: 2, requireXWing: true }),
    ],
    ['ERR_NOT_YET_VALID', 'is from the future', bundleOf({ version: 3, issued: START + 301 })],
    ['ERR_NOT_TRUSTED', 'is by someone else', bundleOf({ version: 3 }, second)],
    ['ERR_SIGNATURE', 'was changed', changed(bundleOf({ version: 3 }))],
    ['ERR_NOT_TRUSTED', 'is of an unknown domain', partnerBundle()],
    ['ERR_MALFORMED', 'is none', new Uint8Array([0xff])],
  ] as const)('is refused with %s if it %s', async (code, _why, bytes) => {
    const store = memoryStore()
    const book = await started(store)
    const held = bundleOf({ version: 2 })
    await book.accept(held)
    const before = store.snapshot()
    await expect(book.accept(bytes)).rejects.toMatchObject({ code })
    expect(book.trust.bundle?.bytes).toEqual(held)
    expect(store.snapshot()).toEqual(before)
  })

  it('is refused before a first one', async () => {
    const book = await TrustBook.open(runtimeOn())
    await expect(book.accept(bundleOf())).rejects.toMatchObject({ code: 'ERR_NOT_TRUSTED' })
  })

  it('counts although it has expired, and freezes a week later', async () => {
    clock.advance(31 * DAY_MS)
    const book = await started()
    expect(await book.accept(bundleOf({ version: 2 }))).toBe('accepted')
    expect(book.trust.isFrozen(START + 36 * DAY)).toBe(false)
    expect(book.trust.isFrozen(START + 37 * DAY)).toBe(true)
  })

  it('is durable before it is believed', async () => {
    const store = memoryStore()
    await started(store)
    let full = true
    const failing = faultyStore(store, {
      beforeWrite() {
        if (full) throw new Error('no room')
      },
    })
    const book = await TrustBook.open(runtimeOn(failing, clock))
    await expect(book.accept(bundleOf({ version: 2 }))).rejects.toThrow('no room')
    expect(book.trust.bundle?.version).toBe(1)
    full = false
    expect(await book.accept(bundleOf({ version: 2 }))).toBe('accepted')
    const again = await TrustBook.open(runtimeOn(store, clock))
    expect(again.trust.bundle?.version).toBe(2)
  })

  it('confirms its time of issue, a partner’s does not', async () => {
    const runtime = runtimeOn(memoryStore(), clock)
    clock.forget()
    const book = await TrustBook.open(runtime)
    await book.start(bundleOf({ partners }), domainId)
    expect(runtime.time.confirmedMs).toBe(START_MS)
    await book.accept(partnerBundle({ issued: START + 3650 * DAY, expires: START + 3651 * DAY }))
    expect(runtime.time.confirmedMs).toBe(START_MS)
    await book.accept(bundleOf({ version: 2, issued: START + DAY, partners }))
    expect(runtime.time.confirmedMs).toBe(START_MS + DAY_MS)
  })

  it('confirms its time again when the store is opened', async () => {
    const store = memoryStore()
    await started(store)
    clock.forget()
    const runtime = runtimeOn(store, clock)
    await TrustBook.open(runtime)
    expect(runtime.time.now()).toBe(START_MS)
  })

  it('is told of to all listeners, even if one of them fails', async () => {
    const runtime = runtimeOn(memoryStore(), clock)
    const book = await TrustBook.open(runtime)
    let told = 0
    book.onBundle(() => {
      throw new Error('a listener that fails')
    })
    book.onBundle(() => told++)
    await book.start(bundleOf(), domainId)
    expect([told, runtime.errors.length]).toEqual([1, 1])
  })
})

describe('a partner’s bundle', () => {
  it('is kept beside our own', async () => {
    const store = memoryStore()
    const book = await started(store, bundleOf({ partners }))
    expect(await book.accept(partnerBundle())).toBe('accepted')
    expect(await book.accept(partnerBundle({ version: 2 }))).toBe('accepted')
    await expect(book.accept(partnerBundle())).rejects.toMatchObject({ code: 'ERR_ROLLBACK' })
    const again = await TrustBook.open(runtimeOn(store, clock))
    expect(again.trust.partnerBundles.map(({ version }) => version)).toEqual([2])
  })

  it('goes when our own no longer names the partner, and does not come back', async () => {
    const store = memoryStore()
    const book = await started(store, bundleOf({ partners }))
    await book.accept(partnerBundle())
    await book.accept(bundleOf({ version: 2 }))
    expect(book.trust.partnerBundles).toEqual([])
    await book.accept(bundleOf({ version: 3, partners }))
    const again = await TrustBook.open(runtimeOn(store, clock))
    expect(again.trust.partnerBundles).toEqual([])
  })
})

describe('two processes on one store', () => {
  it('believe the same after one of them took in a bundle', async () => {
    const [one, other] = handlesOf(memoryStore(), 2)
    const a = await TrustBook.open(runtimeOn(one, clock))
    const b = await TrustBook.open(runtimeOn(other, clock))
    let told = 0
    b.onBundle(() => told++)
    await a.start(bundleOf({ partners }), domainId)
    await settle()
    expect(b.trust.bundle?.version).toBe(1)
    await a.accept(partnerBundle())
    await settle()
    expect(b.trust.partnerBundles).toHaveLength(1)
    expect(told).toBe(2)
    b.close()
    await a.accept(bundleOf({ version: 2 }))
    await settle()
    expect(b.trust.bundle?.version).toBe(1)
  })

  it('never go back to the older of two bundles, whoever is slower', async () => {
    const store = memoryStore()
    const fast = await started(store)
    let done: Promise<unknown> | undefined
    const late = faultyStore(store, {
      async beforeWrite() {
        await (done ??= fast.accept(bundleOf({ version: 3 })))
      },
    })
    const slow = await TrustBook.open(runtimeOn(late, clock))
    await expect(slow.accept(bundleOf({ version: 2 }))).rejects.toMatchObject({
      code: 'ERR_ROLLBACK',
    })
    expect(slow.trust.bundle?.version).toBe(3)
    const again = await TrustBook.open(runtimeOn(store, clock))
    expect(again.trust.bundle?.version).toBe(3)
  })

  it('follow each other over several new anchors', async () => {
    const store = memoryStore()
    const a = await started(store)
    const b = await TrustBook.open(runtimeOn(store, clock))
    await a.accept(bundleOf({ version: 2, anchors: inUse(anchor, second) }))
    await a.accept(bundleOf({ version: 3, anchors: inUse(second, third) }, second))
    await a.accept(bundleOf({ version: 4, anchors: inUse(third) }, third))
    const newest = bundleOf({ version: 5, anchors: inUse(third) }, third)
    await a.accept(newest)
    expect(await b.accept(newest)).toBe('known')
    expect(b.trust.bundle?.version).toBe(5)
    const introduced = [a, b].map((book) => versionsOf(book.introductions))
    expect(introduced).toEqual([
      [2, 3],
      [2, 3],
    ])
  })

  it('stop trying where others are faster again and again', async () => {
    const store = memoryStore()
    await started(store)
    const other = await TrustBook.open(runtimeOn(store, clock))
    let count = 0
    const late = faultyStore(store, {
      async beforeWrite() {
        const { publicKey } = crypto.ed25519SigningKey(crypto.randomBytes(32))
        await other.pin({ publicKey, name: `pin ${count++}`, produces: [] })
      },
    })
    const slow = await TrustBook.open(runtimeOn(late, clock))
    await expect(slow.accept(bundleOf({ version: 2 }))).rejects.toMatchObject({
      code: 'ERR_STORE_BUSY',
    })
    expect(slow.trust.bundle?.version).toBe(1)
  })
})

describe('a chain of bundles', () => {
  const chain = [
    bundleOf({ version: 2, anchors: inUse(anchor, second) }),
    bundleOf({ version: 3, anchors: inUse(second, third) }, second),
    bundleOf({ version: 7, anchors: inUse(third) }, third),
  ]

  it('leads from the domain’s id to its newest anchor', async () => {
    const store = memoryStore()
    const book = await TrustBook.open(runtimeOn(store, clock))
    await book.follow(chain, domainId)
    expect(book.trust.bundle?.version).toBe(7)
    const again = await TrustBook.open(runtimeOn(store, clock))
    expect(again.trust.bundle?.version).toBe(7)
    expect(versionsOf(again.introductions)).toEqual([2, 3])
  })

  it('brings up to date whoever has been away while anchors were replaced', async () => {
    const book = await started()
    await expect(book.accept(chain[2]!)).rejects.toMatchObject({ code: 'ERR_NOT_TRUSTED' })
    await book.follow(chain, domainId)
    expect(book.trust.bundle?.version).toBe(7)
    expect(versionsOf(book.introductions)).toEqual([2, 3])
    await book.follow(chain, domainId)
    expect(book.trust.bundle?.version).toBe(7)
  })

  it('is refused whole where a part of it is missing or of another domain', async () => {
    const book = await TrustBook.open(runtimeOn())
    const [first, , last] = chain
    const broken = book.follow([first!, last!], domainId)
    await expect(broken).rejects.toMatchObject({ code: 'ERR_NOT_TRUSTED' })
    const friendly = bundleOf({ partners })
    const mixed = book.follow([friendly, partnerBundle({ version: 8 })], domainId)
    await expect(mixed).rejects.toMatchObject({ code: 'ERR_NOT_TRUSTED' })
    expect(book.trust.bundle).toBeUndefined()
  })

  it('can be looked at before it is believed', async () => {
    const book = await started()
    expect(book.preview(chain, domainId).bundle?.version).toBe(7)
    expect(book.trust.bundle?.version).toBe(1)
    expect(() => book.preview([partnerBundle()], partnerId)).toThrow(/another domain/)
  })
})

function versionsOf(bundles: readonly Uint8Array[]): number[] {
  return bundles.map((bytes) => decodeTrustBundle(crypto, bytes).version)
}

function changed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy[copy.length - 1]! ^= 1
  return copy
}
