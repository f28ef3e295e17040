// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readListing } from '../../src/pubsub/listing.js'
import {
  addressMatcher,
  assertAddress,
  assertFilter,
  bellPath,
  listingPrefix,
  ownsInbox,
  placeOf,
  slotBytes,
  SlotNames,
  slotPath,
  slotsPrefix,
  topicPath,
} from '../../src/pubsub/topics.js'

const level = fc.string({ unit: fc.constantFrom('a', 'b', 'é', ' ', '%', '.', '~') })
const address = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .filter((levels) => levels.every((each) => !['~', '.', '..'].includes(each)))
  .map((levels) => levels.join('/'))
  .filter((text) => text !== '')
const filter = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', '+', ''), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'))
  .filter((text) => text !== '')
const plainAddress = fc
  .array(fc.constantFrom('a', 'b', ''), { minLength: 1, maxLength: 5 })
  .map((levels) => levels.join('/'))

/** Filters once more, as their definition says it. */
function slowlyMatches(wanted: readonly string[], levels: readonly string[]): boolean {
  const [first, ...rest] = wanted
  if (first === undefined) return levels.length === 0
  if (first === '#') return true
  const [own, ...others] = levels
  return own !== undefined && (first === '+' || first === own) && slowlyMatches(rest, others)
}

describe('addresses as paths', () => {
  it('are found again in what a broker lists', () => {
    fc.assert(
      fc.property(address, (text) => {
        assertAddress(text)
        const name = new SlotNames().next(17)
        const href = (path: readonly string[]): string =>
          `</${path.map(encodeURIComponent).join('/')}>;obs`
        const paths = [topicPath(text), bellPath(text), slotPath(text, name)]
        const found = readListing(paths.map(href).join(','))
        expect([...found]).toEqual([[text, { hasTopicData: true, hasBell: true, slots: [name] }]])
      }),
    )
  })

  it('match filters as their definition says', () => {
    fc.assert(
      fc.property(filter, plainAddress, (wanted, text) => {
        assertFilter(wanted)
        const isTaken = addressMatcher(wanted)(text)
        expect(isTaken).toBe(slowlyMatches(wanted.split('/'), text.split('/')))
        if (isTaken) expect(`/${text}`.startsWith(listingPrefix(wanted))).toBe(true)
      }),
    )
  })

  it.each([
    '',
    'a/+',
    '#',
    'a/~/b',
    '~',
    'a/..',
    './a',
    'a\0',
    '\uD800',
    'é'.repeat(128),
    'a/'.repeat(257),
  ])('cannot be %j', (text) => {
    expect(() => assertAddress(text)).toThrow(TypeError)
  })

  it.each(['', 'a+', 'a/#/b', 'a#', '~/+', 'a/../+'])('cannot be asked for by %j', (text) => {
    expect(() => assertFilter(text)).toThrow(TypeError)
  })

  it('are asked for by as much of their beginning as all brokers compare alike', () => {
    expect(listingPrefix('plant/+/t')).toBe('/plant')
    expect(listingPrefix('plant/#')).toBe('/plant')
    expect(listingPrefix('#')).toBe('/')
    expect(listingPrefix('plant/1')).toBe('/plant/1')
    expect(listingPrefix('plänt/1')).toBe('/pl')
    const long = 'abcdefgh/'.repeat(50)
    expect(`/${long}`.startsWith(listingPrefix(long))).toBe(true)
    expect(`href=${listingPrefix(long)}*`).toHaveLength(255)
    expect(slotsPrefix(long)).toBe(listingPrefix(long))
    expect(slotsPrefix('plant/1')).toBe('/plant/1/~/')
    expect(slotsPrefix('pl nt/1')).toBe('/pl')
  })

  it('are an inbox of whoever names its principal, and of nobody else', () => {
    const inbox = 'waxwing/v1/inbox/me'
    for (const own of [inbox, `${inbox}/#`, `${inbox}/+`]) {
      expect(ownsInbox(own, inbox)).toBe(true)
      expect(ownsInbox(own, `${inbox}/x`)).toBe(true)
      expect(ownsInbox(own, 'waxwing/v1/inbox/you')).toBe(false)
    }
    for (const other of ['#', 'waxwing/v1/inbox/+', 'waxwing/v1/inbox/#', 'waxwing/v1/+/me']) {
      expect(ownsInbox(other, inbox)).toBe(false)
    }
  })
})

describe('names of slots', () => {
  it('are sorted as they were made, whatever the clock does', () => {
    const names = new SlotNames()
    const made = Array.from({ length: 1000 }, (_, index) => names.next(index))
    expect(made.toSorted()).toEqual(made)
    expect(new Set(made).size).toBe(1000)
    expect(made.map(slotBytes)).toEqual(Array.from({ length: 1000 }, (_, index) => index))
  })

  it('are what they are and nothing else', () => {
    const good = '0123456789ab-0123456789abcdef-12'
    expect(placeOf(['a', '~', good])).toMatchObject({ kind: 'slot', address: 'a' })
    for (const bad of [
      '',
      'x',
      `${good}x`,
      good.toUpperCase(),
      `${good}/`,
      good.replace('12', '012'),
    ]) {
      expect(placeOf(['a', '~', bad])).toBeUndefined()
    }
    expect(placeOf(['a', '~', good, 'b'])).toBeUndefined()
    expect(placeOf(['~', good])).toBeUndefined()
  })
})

describe('a listing', () => {
  it('is read or refused as malformed, whatever it is', () => {
    const parts = fc.constantFrom('</a', '>', ',', ';obs', '"', '/~', '%ff', '%2F', '</b/~/', 'x')
    fc.assert(
      fc.property(fc.array(parts), (texts) => {
        try {
          readListing(texts.join(''))
        } catch (error) {
          expect(error).toBeInstanceOf(WaxwingError)
          expect(error).toMatchObject({ code: 'ERR_MALFORMED' })
        }
      }),
    )
  })

  it('passes over what is none of a transport', () => {
    const long = `</${'a/'.repeat(257)}>`
    const links = [
      long,
      '</a%00>',
      '</>',
      '<a>',
      '<http://b/c>',
      '</a%2Fb>',
      '</%FF>',
      '</a/+>',
      '</waxwing/v1/~>',
    ]
    const found = readListing(links.map((link) => `${link};obs`).join(','))
    expect([...found.keys()]).toEqual(['a/+'])
  })
})
