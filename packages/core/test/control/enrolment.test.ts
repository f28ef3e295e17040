// SPDX-License-Identifier: Apache-2.0
import { verifyEnrol } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import { NOW, stranger, type Member } from '../support/domain.js'
import { BODIES, ENVELOPE, messageOf } from '../support/messages.js'
import { outcomeOf } from '../support/outcome.js'

const crypto = sodiumProvider
const PLANT = stranger('plant')
const THIEF = stranger('thief')

function verdict(
  author: Member,
  publicKey: Uint8Array,
  { now = NOW, recipient = null }: { now?: number; recipient?: Uint8Array | null } = {},
): string {
  const body = { ...BODIES.enrol, publicKey }
  const message = messageOf('enrol', author, { body, recipient })
  return outcomeOf(() => {
    verifyEnrol(crypto, message, now)
  })
}

describe('an enrolment', () => {
  it('proves that its author has the key that it names', () => {
    expect(verdict(PLANT, PLANT.key.publicKey)).toBe('valid')
  })

  it("does not prove somebody else's key", () => {
    expect(verdict(THIEF, PLANT.key.publicKey)).toBe('ERR_SIGNATURE')
    expect(verdict({ ...PLANT, key: THIEF.key }, PLANT.key.publicKey)).toBe('ERR_SIGNATURE')
    expect(verdict({ ...THIEF, id: PLANT.id }, THIEF.key.publicKey)).toBe('ERR_SIGNATURE')
  })

  it('is refused with a key under which anything verifies', () => {
    const identity = new Uint8Array(32).with(0, 1)
    expect(verdict(PLANT, identity)).toMatch(/^ERR_KEY_INVALID/)
    expect(verdict(PLANT, new Uint8Array(32).fill(0xff))).toMatch(/^ERR_KEY_INVALID/)
  })

  it('is addressed to nobody, because the new principal knows nobody yet', () => {
    const addressed = { recipient: THIEF.id }
    expect(verdict(PLANT, PLANT.key.publicKey, addressed)).toBe('ERR_SIGNATURE')
  })

  it('is heard from issue to expiry, for clocks that differ by five minutes', () => {
    const { publicKey } = PLANT.key
    expect(verdict(PLANT, publicKey, { now: NOW - 300 })).toBe('valid')
    expect(verdict(PLANT, publicKey, { now: NOW - 301 })).toBe('ERR_NOT_YET_VALID')
    expect(verdict(PLANT, publicKey, { now: ENVELOPE.expires + 299 })).toBe('valid')
    expect(verdict(PLANT, publicKey, { now: ENVELOPE.expires + 300 })).toBe('ERR_EXPIRED')
  })
})
