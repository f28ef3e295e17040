// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { utf8, WaxwingError } from '@waxwing/core'
import {
  MAX_KNOWN_PRINCIPALS,
  MAX_OF_ONE_PARTNER,
  MAX_PARTNER_PRINCIPALS,
  placesToFree,
  type Newcomer,
  type Place,
} from '../../src/identity/memory-places.js'

const many = (partner: string | null, count: number): readonly Place[] =>
  Array.from({ length: count }, (_, i) => ({ id: utf8(`${partner} ${i}`), partner }))

const newcomerOf = (partner: string | null, expired: readonly Place[] = []): Newcomer => ({
  partner,
  isExpired: (id) => expired.some((place) => place.id === id),
  random: (below) => below - 1,
})

/** Whose places are freed, and how many. */
function freed(taken: readonly Place[], newcomer: Newcomer): readonly (string | null)[] {
  const ids = new Set(placesToFree(taken, newcomer))
  return taken.filter(({ id }) => ids.has(id)).map(({ partner }) => partner)
}

describe('the places for those who are remembered', () => {
  it('are free until so many are taken', () => {
    const taken = [...many('a', MAX_OF_ONE_PARTNER - 1), ...many(null, 100)]
    expect(freed(taken, newcomerOf('a'))).toEqual([])
    expect(freed(taken, newcomerOf('b'))).toEqual([])
    expect(freed(taken, newcomerOf(null))).toEqual([])
  })

  it('of a partner are taken from the partner itself once it has its share', () => {
    const taken = [...many('b', 10), ...many('a', MAX_OF_ONE_PARTNER), ...many(null, 10)]
    expect(freed(taken, newcomerOf('a'))).toEqual(['a'])
    expect(freed(taken, newcomerOf('b'))).toEqual([])
  })

  it('of all partners are taken from the one that has the most', () => {
    const most = many('a', 2400)
    const taken = [...many('b', 1300), ...most, ...many('c', MAX_PARTNER_PRINCIPALS - 3700)]
    expect(freed([...many(null, 50), ...taken], newcomerOf('d'))).toEqual(['a'])
  })

  it('are half kept for our own domain, and never taken from it', () => {
    const ours = many(null, MAX_KNOWN_PRINCIPALS - 3)
    expect(freed([...ours, ...many('a', 1), ...many('b', 2)], newcomerOf(null))).toEqual(['b'])
    expect(freed([...ours, ...many('a', 3)], newcomerOf('b'))).toEqual(['a'])
    const full = many(null, MAX_KNOWN_PRINCIPALS)
    expect(() => placesToFree(full, newcomerOf(null))).toThrow(WaxwingError)
  })

  it('of those whose cards have expired are freed first', () => {
    const [first, second] = many(null, 2)
    const expired = [first, second].filter((place) => place !== undefined)
    const taken = [...expired, ...many('a', 1), ...many('x', MAX_KNOWN_PRINCIPALS - 3)]
    expect(freed(taken, newcomerOf(null, expired))).toEqual([null, null])
  })
})
