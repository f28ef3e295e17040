// SPDX-License-Identifier: Apache-2.0
import { sodiumProvider as crypto } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import {
  MAX_RING_MESSAGE_BYTES,
  RING_SLOTS,
  SignatureRing,
  SLOT_TAKEN,
} from '../../src/threads/signature-ring.js'
import { VerifyingAhead, type AheadKey } from '../../src/threads/verifying-ahead.js'

interface Signed {
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

const signingKey = crypto.ed25519SigningKey(new Uint8Array(32).fill(7))

/** A key that counts how often it has to verify. */
function countingKey(id: number): AheadKey & { readonly count: () => number } {
  const key = crypto.ed25519VerifyingKey(signingKey.publicKey)
  let count = 0
  const verify = (message: Uint8Array, signature: Uint8Array): boolean => {
    count += 1
    return key.verify(message, signature)
  }
  return { id, key: { publicKey: key.publicKey, verify }, count: () => count }
}

function signed(text: number, byteCount = 100): Signed {
  const message = new Uint8Array(byteCount)
  new DataView(message.buffer).setUint32(0, text)
  return { message, signature: signingKey.sign(message) }
}

/** Does what another thread would, for the slot of a position. */
function takeAndSettle(ring: SignatureRing, position: number, key: AheadKey): void {
  if (!ring.claim(position, SLOT_TAKEN)) throw new Error('the slot must be queued')
  const { message, signature } = ring.contentOf(position)
  ring.settle(position, key.key.verify(message, signature))
}

describe('what was announced', () => {
  it('is verified by the caller where nobody else did', () => {
    const ahead = new VerifyingAhead()
    const key = countingKey(1)
    const all = [signed(1), signed(2), signed(3)]
    for (const { message, signature } of all) ahead.announce(key, message, signature)
    expect(all.map((one) => ahead.verify(key, one.message, one.signature))).toEqual([
      true,
      true,
      true,
    ])
    expect(key.count()).toBe(3)
  })

  it('is verified once, by whoever took it', () => {
    const ring = new SignatureRing()
    const ahead = new VerifyingAhead(ring)
    const key = countingKey(1)
    const thread = countingKey(1)
    const [good, other] = [signed(1), signed(2)]
    const bad = { ...good, signature: other.signature }
    ahead.announce(key, good.message, good.signature)
    ahead.announce(key, bad.message, bad.signature)
    takeAndSettle(ring, 0, thread)
    takeAndSettle(ring, 1, thread)
    expect(ahead.verify(key, good.message, good.signature)).toBe(true)
    expect(ahead.verify(key, bad.message, bad.signature)).toBe(false)
    expect([key.count(), thread.count()]).toEqual([0, 2])
  })

  it('counts for the very bytes and the very key alone', () => {
    const ring = new SignatureRing()
    const ahead = new VerifyingAhead(ring)
    const [key, otherKey] = [countingKey(1), countingKey(2)]
    const one = signed(1)
    ahead.announce(key, one.message, one.signature)
    takeAndSettle(ring, 0, key)
    const longer = Uint8Array.of(...one.message, 0)
    const changed = one.message.slice()
    changed[99] = 1
    const spoilt = one.signature.slice()
    spoilt[63]! ^= 1
    expect(ahead.verify(key, longer, one.signature)).toBe(false)
    expect(ahead.verify(key, changed, one.signature)).toBe(false)
    expect(ahead.verify(key, one.message, spoilt)).toBe(false)
    expect(ahead.verify(otherKey, one.message, one.signature)).toBe(true)
    expect(otherKey.count()).toBe(1)
    expect(key.count()).toBe(4)
    expect(ahead.verify(key, one.message, one.signature)).toBe(true)
    expect(key.count()).toBe(4)
  })

  it('may be changed by the caller afterwards: it was copied', () => {
    const ring = new SignatureRing()
    const ahead = new VerifyingAhead(ring)
    const key = countingKey(1)
    const one = signed(1)
    const shown = { message: one.message.slice(), signature: one.signature.slice() }
    ahead.announce(key, shown.message, shown.signature)
    shown.message.fill(0)
    shown.signature.fill(0)
    takeAndSettle(ring, 0, key)
    expect(ahead.verify(key, one.message, one.signature)).toBe(true)
    expect(key.count()).toBe(1)
  })

  it('is found in whatever order it is asked for', () => {
    const ring = new SignatureRing()
    const ahead = new VerifyingAhead(ring)
    const key = countingKey(1)
    const all = Array.from({ length: 10 }, (_, i) => signed(i))
    for (const { message, signature } of all) ahead.announce(key, message, signature)
    for (let position = 0; position < 10; position++) takeAndSettle(ring, position, key)
    const before = key.count()
    for (const one of all.toReversed()) {
      expect(ahead.verify(key, one.message, one.signature)).toBe(true)
    }
    expect(key.count()).toBe(before)
  })

  it('gives way where more is announced than there is room for', () => {
    const ahead = new VerifyingAhead()
    const key = countingKey(1)
    const junk = signed(0)
    for (let i = 0; i < 2 * RING_SLOTS; i++) ahead.announce(key, junk.message, junk.signature)
    const all = Array.from({ length: 3 * RING_SLOTS }, (_, i) => signed(i + 1))
    for (const [i, { message, signature }] of all.entries()) {
      ahead.announce(key, message, signature)
      const asked = all[i - RING_SLOTS / 2]
      if (asked === undefined) continue
      expect(ahead.verify(key, asked.message, asked.signature)).toBe(true)
    }
  })

  it('and is too long is left to the caller, as is what has no length of a signature', () => {
    const ring = new SignatureRing()
    const ahead = new VerifyingAhead(ring)
    const key = countingKey(1)
    const long = signed(1, MAX_RING_MESSAGE_BYTES + 1)
    const just = signed(2, MAX_RING_MESSAGE_BYTES)
    ahead.announce(key, long.message, long.signature)
    ahead.announce(key, just.message, just.signature.subarray(1))
    expect(ring.tail).toBe(0)
    ahead.announce(key, just.message, just.signature)
    expect(ring.tail).toBe(1)
    expect(ahead.verify(key, long.message, long.signature)).toBe(true)
    expect(ahead.verify(key, just.message, just.signature)).toBe(true)
    expect(ahead.verify(key, just.message, just.signature.subarray(1))).toBe(false)
  })
})

describe('a thread that fell asleep over a signature', () => {
  it('is not waited for', () => {
    const ring = new SignatureRing()
    const ahead = new VerifyingAhead(ring)
    const key = countingKey(1)
    const [first, second] = [signed(1), signed(2)]
    ahead.announce(key, first.message, first.signature)
    ahead.announce(key, second.message, second.signature)
    ring.claim(0, SLOT_TAKEN)
    expect(ahead.verify(key, first.message, first.signature)).toBe(true)
    expect(ahead.verify(key, second.message, second.signature)).toBe(true)
    expect(key.count()).toBe(2)
  })

  it('says nothing about what stands in the same slot later', () => {
    const ring = new SignatureRing()
    const ahead = new VerifyingAhead(ring)
    const key = countingKey(1)
    const good = signed(1)
    ahead.announce(key, good.message, good.signature)
    ring.claim(0, SLOT_TAKEN)
    expect(ahead.verify(key, good.message, good.signature)).toBe(true)
    for (let i = 1; i < RING_SLOTS; i++) {
      const { message, signature } = signed(i + 1)
      ahead.announce(key, message, signature)
      expect(ahead.verify(key, message, signature)).toBe(true)
    }
    const bad = { message: signed(9999).message, signature: good.signature }
    ahead.announce(key, bad.message, bad.signature) // not where the sleeper's stands
    expect(ring.contentOf(0).message).toEqual(good.message)
    ring.settle(0, true)
    expect(ahead.verify(key, bad.message, bad.signature)).toBe(false)
    ahead.announce(key, bad.message, bad.signature)
    expect(ahead.verify(key, bad.message, bad.signature)).toBe(false)
  })

  it('has a little of its neighbours’ work done by the caller meanwhile, and no more', () => {
    const ring = new SignatureRing()
    const ahead = new VerifyingAhead(ring)
    const key = countingKey(1)
    const all = Array.from({ length: 100 }, (_, i) => signed(i))
    for (const { message, signature } of all) ahead.announce(key, message, signature)
    ring.claim(0, SLOT_TAKEN)
    expect(ahead.verify(key, all[0]!.message, all[0]!.signature)).toBe(true)
    expect(key.count()).toBe(3)
    for (const { message, signature } of all.slice(1)) {
      expect(ahead.verify(key, message, signature)).toBe(true)
    }
    expect(key.count()).toBe(100)
  })

  it('and died takes no more than one place out of use', () => {
    const ring = new SignatureRing()
    const ahead = new VerifyingAhead(ring)
    const key = countingKey(1)
    const thread = countingKey(1)
    const one = signed(1)
    ahead.announce(key, one.message, one.signature)
    ring.claim(0, SLOT_TAKEN)
    expect(ahead.verify(key, one.message, one.signature)).toBe(true)
    for (let i = 0; i < 3 * RING_SLOTS; i++) {
      ahead.announce(key, one.message, one.signature)
      takeAndSettle(ring, ring.tail - 1, thread)
      expect(ahead.verify(key, one.message, one.signature)).toBe(true)
    }
    expect(key.count()).toBe(1)
    expect(ring.stateOf(0)).toBe(SLOT_TAKEN)
  })
})
