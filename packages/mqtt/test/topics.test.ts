// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assertTopicFilter,
  assertTopicName,
  isControlFilter,
  subscriptionIdentifier,
  topicMatches,
  unshared,
} from '../src/topics.js'

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

describe('topic filters', () => {
  it.each(MATCHES)('%s on %s: %s', (filter, topic, matches) => {
    expect(topicMatches(filter, topic)).toBe(matches)
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
        expect(topicMatches(filter, topic)).toBe(slowMatch(filter, topic))
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
    expect(() => assertTopicFilter(filter)).toThrow(TypeError)
  })

  it.each(['a', '/', '#', '+/+/#', 'a//b', '$share/g/a/#', '$SYS/#', 'ä/ö'])(
    'take %j',
    (filter) => {
      expect(() => assertTopicFilter(filter)).not.toThrow()
    },
  )

  it('lose their group when shared, and control stays control', () => {
    expect(unshared('$share/g/a/#')).toBe('a/#')
    expect(unshared('a/$share/g')).toBe('a/$share/g')
    expect(isControlFilter('$share/keepers/waxwing/v1/request/+')).toBe(true)
    expect(isControlFilter('waxwing/v1/inbox/x')).toBe(true)
    expect(isControlFilter('plant/waxwing/v1/x')).toBe(false)
  })
})

describe('topic names', () => {
  it.each(['', 'a/+', '#', 'a\0', '\udfff', 'x'.repeat(65_536)])('refuse %#', (address) => {
    expect(() => assertTopicName(address)).toThrow(TypeError)
  })

  it('may have 65,535 bytes', () => {
    expect(() => assertTopicName('x'.repeat(65_535))).not.toThrow()
  })
})

describe('subscription identifiers', () => {
  it('lie in the range of the protocol, the same for the same filter', () => {
    fc.assert(
      fc.property(fc.string(), (filter) => {
        const identifier = subscriptionIdentifier(filter)
        expect(identifier).toBe(subscriptionIdentifier(filter))
        expect(Number.isInteger(identifier)).toBe(true)
        expect(identifier).toBeGreaterThanOrEqual(1)
        expect(identifier).toBeLessThanOrEqual(268_435_455)
      }),
      { numRuns: 300 },
    )
  })

  it('are frozen: a session may be older than the program', () => {
    expect(subscriptionIdentifier('plant/+/temperature')).toMatchInlineSnapshot(`121434803`)
  })
})

/** Section 4.7.1 as a regular expression. */
function slowMatch(filter: string, topic: string): boolean {
  if (/^[+#]/.test(filter) && topic.startsWith('$')) return false
  const pattern = filter
    .split('/')
    .map((level) => (level === '+' ? '[^/]*' : level === '#' ? '.*' : level.replace('$', '\\$')))
    .join('/')
  const orParent = filter.endsWith('/#') ? `|^${pattern.slice(0, -3)}$` : ''
  return new RegExp(`^${pattern}$${orParent}`, 's').test(topic)
}
