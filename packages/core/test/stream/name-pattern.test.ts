// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assertNamePattern,
  assertStreamName,
  isNamePattern,
  isStreamName,
  matchesAny,
  matchesName,
  patternCovers,
} from '../../src/stream/name-pattern.js'

/** The text taken by its word, level by level. */
function slowMatch(pattern: readonly string[], name: readonly string[]): boolean {
  const [first, ...patterns] = pattern
  if (first === '#') return true
  if (first === undefined || name.length === 0) return first === undefined && name.length === 0
  return (first === '+' || first === name[0]) && slowMatch(patterns, name.slice(1))
}

const LEVELS = ['a', 'b', 'c']
const listsUpTo = (count: number): string[][] =>
  count === 0
    ? [[]]
    : listsUpTo(count - 1).flatMap((list) =>
        list.length === count - 1 ? [list, ...LEVELS.map((level) => [...list, level])] : [list],
      )
/** All names of up to five levels. A level that no pattern below has stands for all the others. */
const NAMES = listsUpTo(5).filter((list) => list.length > 0)

const patterns: fc.Arbitrary<string> = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', '+'), { maxLength: 3 }), fc.constantFrom([], ['#']))
  .map((parts) => parts.flat())
  .filter((levels) => levels.length > 0)
  .map((levels) => levels.join('/'))

describe('stream names', () => {
  it.each(['plant/1/temperature', 'a', '$SYS/x', 'Zürich/Grüße', ' ', 'a b/c', '🌡️/1', '中/文'])(
    'may be %j',
    (name) => {
      expect(isStreamName(name)).toBe(true)
      expect(isNamePattern(name)).toBe(true)
      expect(() => assertStreamName(name)).not.toThrow()
    },
  )

  it.each([
    ['', 'bytes'],
    ['a'.repeat(256), 'bytes'],
    ['ü'.repeat(128), 'bytes'],
    ['/a', 'levels'],
    ['a/', 'levels'],
    ['a//b', 'levels'],
    ['/', 'levels'],
    ['a/+', 'not contain \\+ or #'],
    ['a+b', 'not contain \\+ or #'],
    ['#', 'not contain \\+ or #'],
    ['a\0b', 'control'],
    ['a\n', 'control'],
    ['a\u007f', 'control'],
    ['a\u0085b', 'control'],
    ['u\u0308', 'normalization form C'],
    ['\ud800', 'Unicode'],
  ])('may not be %j', (name, fault) => {
    expect(isStreamName(name)).toBe(false)
    expect(() => assertStreamName(name)).toThrow(TypeError)
    expect(() => assertStreamName(name)).toThrow(new RegExp(fault))
  })

  it('may have 255 bytes, whatever their characters', () => {
    expect(isStreamName('a'.repeat(255))).toBe(true)
    expect(isStreamName(`${'ü'.repeat(127)}a`)).toBe(true)
    expect(isStreamName(`${'ü'.repeat(127)}ab`)).toBe(false)
    expect(isStreamName('a/'.repeat(127) + 'a')).toBe(true)
  })

  it('that are huge are refused at once', () => {
    const huge = 'u\u0308/'.repeat(10_000_000)
    const start = performance.now()
    for (let i = 0; i < 100; i++) expect(isStreamName(huge)).toBe(false)
    expect(performance.now() - start).toBeLessThan(10_000) // to look at each would take minutes
  })
})

describe('name patterns', () => {
  it.each(['+', '#', 'a/+/b', '+/+', 'a/#', '+/#', 'plant/+/temperature'])('may be %j', (text) => {
    expect(isNamePattern(text)).toBe(true)
    expect(() => assertNamePattern(text)).not.toThrow()
  })

  it.each(['', 'a+', '+a', 'a/b+/c', 'a#', '#a', '#/a', 'a/#/b', '##', '++', '/#', '+/', 'a//#'])(
    'may not be %j',
    (text) => {
      expect(isNamePattern(text)).toBe(false)
      expect(() => assertNamePattern(text)).toThrow(TypeError)
      expect(() => assertNamePattern(text)).toThrow(/^name pattern (must|may) [^,]+, got "/)
    },
  )

  // The examples of MQTT 5.0 Sections 4.7.1.2 and 4.7.1.3 that are names here.
  it.each([
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player2', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['+/tennis/#', 'sport/tennis', true],
    ['sport/+/player1', 'sport/tennis/player1', true],
    ['#', 'anything/at/all', true],
    ['#', '$SYS/broker', true],
    ['sport', 'Sport', false],
    ['sport', 'sport/tennis', false],
    ['sport/#', 'sports', false],
  ])('%j and %j match: %j', (pattern, name, wanted) => {
    expect(matchesName(pattern, name)).toBe(wanted)
  })

  it('match what the text says, for all names of a small world', () => {
    fc.assert(
      fc.property(patterns, (pattern) => {
        for (const name of NAMES) {
          const wanted = slowMatch(pattern.split('/'), name)
          expect(matchesName(pattern, name.join('/'))).toBe(wanted)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('cover one another exactly if all names of the narrower match the wider', () => {
    const namesOf = (pattern: string): string[][] =>
      NAMES.filter((name) => slowMatch(pattern.split('/'), name))
    fc.assert(
      fc.property(patterns, patterns, (wider, narrower) => {
        const wanted = namesOf(narrower).every((name) => slowMatch(wider.split('/'), name))
        expect(patternCovers(wider, narrower)).toBe(wanted)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['+/#', '#', true],
    ['#', '+/#', true],
    ['a/#', 'a', true],
    ['a/+/#', 'a/#', false],
    ['a/+', 'a/#', false],
    ['+', '#', false],
    ['a', 'a/#', false],
  ])('%j covers %j: %j', (wider, narrower, wanted) => {
    expect(patternCovers(wider, narrower)).toBe(wanted)
  })

  it('that are none match and cover nothing, and nothing matches what is no name', () => {
    expect(matchesName('a/#/b', 'a/x/b')).toBe(false)
    expect(matchesName('a//#', 'a//b')).toBe(false)
    expect(matchesName('#', 'a/+')).toBe(false)
    expect(matchesName('a/#', 'a/#')).toBe(false)
    expect(matchesName('#', '')).toBe(false)
    expect(matchesAny(['#'], 'a//b')).toBe(false)
    expect(patternCovers('#', 'a/#/b')).toBe(false)
    expect(patternCovers('#', 'a\0')).toBe(false)
  })

  it('match as many: one is enough', () => {
    expect(matchesAny(['x', 'a/+'], 'a/b')).toBe(true)
    expect(matchesAny(['x', 'a/+'], 'b/a')).toBe(false)
    expect(matchesAny([], 'a')).toBe(false)
  })
})
