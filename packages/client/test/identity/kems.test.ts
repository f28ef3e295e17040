// SPDX-License-Identifier: Apache-2.0
import { kemKid, openSealedMessage, sealMessage, utf8, type KemKind } from '@waxwing/core'
import { fixedClock, memoryStore } from '@waxwing/client/testing'
import { describe, expect, it } from 'vitest'
import { OwnIdentity, type OwnIdentityOptions } from '../../src/identity/own-identity.js'
import { crypto, DAY_MS, runtimeOn, START_MS } from './fixture.js'

const X25519: readonly KemKind[] = ['x25519']
const BOTH: readonly KemKind[] = ['x25519', 'x-wing']
const kindsOf = ({ card }: OwnIdentity): readonly KemKind[] => card.keys.map(({ kind }) => kind)

describe('what a key card has keys for', () => {
  it('is X25519 and X-Wing, if nobody chooses', async () => {
    expect(kindsOf(await OwnIdentity.open(runtimeOn()))).toEqual(BOTH)
  })

  it('may be X25519 alone, which makes it 1,230 bytes shorter', async () => {
    const short = await OwnIdentity.open(runtimeOn(), { kems: X25519 })
    expect(kindsOf(short)).toEqual(X25519)
    const long = await OwnIdentity.open(runtimeOn())
    expect(long.card.bytes.length - short.card.bytes.length).toBe(1230)
  })

  it('stays as it was chosen: for a process that does not choose, and for new cards', async () => {
    const store = memoryStore()
    const clock = fixedClock(START_MS)
    await OwnIdentity.open(runtimeOn(store, clock), { kems: X25519 })
    const again = await OwnIdentity.open(runtimeOn(store, clock))
    expect(kindsOf(again)).toEqual(X25519)
    clock.advance(25 * DAY_MS)
    expect(await again.renewCardIfDue()).toBe(true)
    expect(kindsOf(again)).toEqual(X25519)
  })

  it('changes with a new card at once, and what was sealed to the old one still opens', async () => {
    const store = memoryStore()
    const before = await OwnIdentity.open(runtimeOn(store))
    const key = before.card.keys[1]!
    const sealed = await sealMessage(crypto, utf8('grant'), { id: before.id, key })
    const short = await OwnIdentity.open(runtimeOn(store), { kems: X25519 })
    expect(kindsOf(short)).toEqual(X25519)
    const held = short.kemKey(kemKid(crypto, key))!
    expect(await openSealedMessage(crypto, sealed, { id: short.id, key: held })).toEqual(
      utf8('grant'),
    )
    expect(short.cards).toHaveLength(2)
    const back = await OwnIdentity.open(runtimeOn(store), { kems: BOTH })
    expect(kindsOf(back)).toEqual(BOTH)
    expect(await back.renewCardIfDue()).toBe(false)
  })

  it('never changes for an identity whose keys are for ever', async () => {
    const store = memoryStore()
    const made = await OwnIdentity.open(runtimeOn(store), { permanent: true })
    const found = await OwnIdentity.open(runtimeOn(store), { permanent: true, kems: X25519 })
    expect(found.card.bytes).toEqual(made.card.bytes)
  })

  it('is X25519 in any case, each kind once, and nothing unknown', async () => {
    const bad = [[], ['x-wing'], ['x25519', 'x25519'], ['x25519', 'rsa']] as unknown[]
    for (const kems of bad) {
      const options = { kems } as OwnIdentityOptions
      await expect(OwnIdentity.open(runtimeOn(), options)).rejects.toThrow(RangeError)
    }
  })
})
