// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { principalId } from '@waxwing/core'
import { fixedClock } from '@waxwing/client/testing'
import { isCardDue, makeCard, makeKemKeys, nextCardNumber } from '../../src/identity/own-cards.js'
import type { CardKeys } from '../../src/identity/own-records.js'
import { TimeKeeper } from '../../src/time-keeper.js'
import { crypto, DAY, START, START_MS } from './fixture.js'

const key = crypto.ed25519SigningKey(crypto.sha256(new Uint8Array()))
const author = { id: principalId(crypto, key.publicKey), key }
const keys = await makeKemKeys(crypto)

const cardAt = (issued: number): CardKeys =>
  makeCard(author, keys, { issued, lifeSeconds: 30 * DAY })
const time = (): TimeKeeper => new TimeKeeper({ clock: fixedClock(START_MS) })

describe('the number of a key card', () => {
  it('is the time of issue', () => {
    expect(nextCardNumber([], time())).toBe(START)
    expect(nextCardNumber([cardAt(START - 1)], time())).toBe(START)
  })

  it('is one more than the last where the clock shows that second, or an earlier one', () => {
    expect(nextCardNumber([cardAt(START)], time())).toBe(START + 1)
    expect(nextCardNumber([cardAt(START), cardAt(START + 200)], time())).toBe(START + 201)
  })

  it('goes on from a card of the future as long as nobody knows which time is right', () => {
    expect(nextCardNumber([cardAt(START + DAY)], time())).toBe(START + DAY + 1)
  })

  it('goes back before a card of the future when the time is confirmed, but not before others', () => {
    const confirmed = time()
    confirmed.confirm(START_MS)
    const cards = [cardAt(START + 10), cardAt(START + DAY)]
    expect(nextCardNumber(cards, confirmed)).toBe(START + 11)
    expect(isCardDue(cards, confirmed)).toBe(true)
    expect(isCardDue(cards.slice(0, 1), confirmed)).toBe(false)
  })
})
