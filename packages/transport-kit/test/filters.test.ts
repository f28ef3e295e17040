// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assertAddress,
  assertFilter,
  filterMatches,
  groupOf,
  isControlFilter,
  unshared,
} from '../src/filters.js'

const MATCHES: readonly [filter: string, topic: string, matches: boolean][] = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/tennis/player1/#', 'sport/tennis/player10', false],
  ['#', 'a', true],
  ['#', '/', true],
  ['#', '$SYS/broker', false],
  ['+/broker', '$SYS/broker', false],
  ['$SYS/#', '$SYS/broker', true],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['a/b', 'a/b/c', false],
  ['a/b/c', 'a/b', false],
  ['A', 'a', false],
]

describe('filters', () => {
  it.each(MATCHES)('%s on %s: %s', (filter, topic, matches) => {
    expect(filterMatches(filter, topic)).toBe(matches)
  })

  it('agree with a slow reading of the specification', () => {
    const level = fc.constantFrom('a', 'b', '', '$s')
    const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'))
    const filters = fc
      .tuple(
        fc.array(fc.constantFrom('a', 'b', '', '+', '$s'), { maxLength: 4 }),
        fc.constantFrom('#', '+', 'a', ''),
      )
      .map(([levels, last]) => [...levels, last].join('/'))
    fc.assert(
      fc.property(filters, topics, (filter, topic) => {
        expect(filterMatches(filter, topic)).toBe(slowMatch(filter, topic))
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    '',
    'a\0b',
    'a/b+',
    'a/#/b',
    '#a',
    '++',
    '$share/g',
    '$share//a',
    '$share/+/a',
    '\ud800',
  ])('refuse %j', (filter) => {
    expect(() => assertFilter(filter)).toThrow(TypeError)
  })

  it.each(['a', '/', '#', '+/+/#', 'a//b', '$share/g/a/#', '$SYS/#', 'ä/ö'])(
    'take %j',
    (filter) => {
      expect(() => assertFilter(filter)).not.toThrow()
    },
  )

  it('lose their group when shared, and control stays control', () => {
    expect(unshared('$share/g/a/#')).toBe('a/#')
    expect(unshared('a/$share/g')).toBe('a/$share/g')
    expect(groupOf('$share/g/a/#')).toBe('g')
    expect(groupOf('a/$share/g')).toBeUndefined()
    expect(isControlFilter('$share/keepers/waxwing/v1/request/+')).toBe(true)
    expect(isControlFilter('waxwing/v1/inbox/x')).toBe(true)
    expect(isControlFilter('plant/waxwing/v1/x')).toBe(false)
  })
})

describe('addresses', () => {
  it.each(['', 'a/+', '#', 'a\0', '\udfff', 'x'.repeat(65_536)])('refuse %#', (address) => {
    expect(() => assertAddress(address)).toThrow(TypeError)
  })

  it('may have 65,535 bytes', () => {
    expect(() => assertAddress('x'.repeat(65_535))).not.toThrow()
  })
})

function slowMatch(filter: string, topic: string): boolean {
  if (/^[+#]/.test(filter) && topic.startsWith('$')) return false
  const pattern = filter
    .split('/')
    .map((level) => (level === '+' ? '[^/]*' : level === '#' ? '.*' : level.replace('$', '\\$')))
    .join('/')
  const orParent = filter.endsWith('/#') ? `|^${pattern.slice(0, -3)}$` : ''
  return new RegExp(`^${pattern}$${orParent}`, 's').test(topic)
}
