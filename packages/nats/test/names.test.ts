// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { filterMatches } from '@waxwing/transport-kit'
import {
  addressOfKey,
  addressOfSubject,
  keyOf,
  keysOf,
  patternMatches,
  subjectOf,
  subjectsOf,
} from '../src/names.js'

const SPELLINGS: readonly [address: string, subject: string, key: string][] = [
  ['plant/1/temperature', 'plant.1.temperature', 'plant.1.temperature'],
  ['a.b/c', 'a/b.c', 'a/b.c'],
  ['/', '%.%', '=.='],
  ['a//b', 'a.%.b', 'a.=.b'],
  ['$SYS/x', '%24SYS.x', '=24SYS.x'],
  ['a/$b', 'a.$b', 'a.=24b'],
  ['50%/a*b/c>d', '50%25.a%2Ab.c%3Ed', '50=25.a=2Ab.c=3Ed'],
  ['a b\tc\r\n', 'a%20b%09c%0D%0A', 'a=20b=09c=0D=0A'],
  ['ä/😀', 'ä.😀', '=C3=A4.=F0=9F=98=80'],
  ['_kv/=', '_kv.=', '=5Fkv.=3D'],
  ['waxwing/v1/inbox/a-_b', 'waxwing.v1.inbox.a-_b', 'waxwing.v1.inbox.a-_b'],
]

/** Signs that mean something to somebody, and some that do not. */
const level = fc
  .array(fc.constantFrom(...Array.from('ab.%=*>$_ -\t\x7fä😀2A0')), { maxLength: 5 })
  .map((signs) => signs.join(''))
const addresses = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter((address) => address !== '')

describe('names', () => {
  it.each(SPELLINGS)('spell %j as subject %j and key %j', (address, subject, key) => {
    expect(subjectOf(address)).toBe(subject)
    expect(keyOf(address)).toBe(key)
    expect(addressOfSubject(subject)).toBe(address)
    expect(addressOfKey(key)).toBe(address)
  })

  it('are one to one, and legal', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        const [subject, key] = [subjectOf(address), keyOf(address)]
        expect(addressOfSubject(subject)).toBe(address)
        expect(addressOfKey(key)).toBe(address)
        expect(subject).toMatch(/^[^\s*>.$][^\s*>.]*(\.[^\s*>.]+)*$/u)
        expect(key).toMatch(/^[-/=a-zA-Z0-9][-/_=a-zA-Z0-9]*(\.[-/_=a-zA-Z0-9]+)*$/)
      }),
      { numRuns: 3000 },
    )
  })

  it('of any text are those of one address or of none', () => {
    const texts = fc.array(fc.constantFrom(...Array.from('a./%=2AE0$_+#ä')), { maxLength: 8 })
    fc.assert(
      fc.property(
        texts.map((signs) => signs.join('')),
        (text) => {
          const [ofSubject, ofKey] = [addressOfSubject(text), addressOfKey(text)]
          if (ofSubject !== undefined) expect(subjectOf(ofSubject)).toBe(text)
          if (ofKey !== undefined) expect(keyOf(ofKey)).toBe(text)
        },
      ),
      { numRuns: 3000 },
    )
  })

  it.each(['a%2a', '%41', 'a.%C3', '$SYS.x', 'a b', 'a+b', 'a#', '%00', 'a%', ''])(
    'refuse the subject %j, which no address has',
    (subject) => {
      expect(addressOfSubject(subject)).toBeUndefined()
    },
  )
})

describe('patterns of a filter', () => {
  it.each([
    ['a/b', ['a.b']],
    ['+/b', ['*.b']],
    ['#', ['>']],
    ['a/#', ['a.>', 'a']],
    ['a/+/#', ['a.*.>', 'a.*']],
    ['a/*', ['a.%2A']],
    ['$SYS/#', ['%24SYS.>', '%24SYS']],
  ])('%j are %j', (filter, patterns) => {
    expect(subjectsOf(filter)).toEqual(patterns)
  })

  it('match what the filter matches, each subject and key by one of them', () => {
    const part = fc.constantFrom('a', 'b', '+', '', 'a.b', '$x')
    const filters = fc
      .tuple(fc.array(part, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([parts, isOpen]) => [...parts, ...(isOpen ? ['#'] : [])].join('/'))
      .filter((filter) => filter !== '')
    const texts = fc
      .array(fc.constantFrom('a', 'b', '', 'a.b', '$x'), { minLength: 1, maxLength: 4 })
      .map((levels) => levels.join('/'))
      .filter((address) => address !== '')
    fc.assert(
      fc.property(filters, texts, (filter, address) => {
        // The server does not know that wildcards leave out what begins with `$`.
        fc.pre(!(/^[+#]/.test(filter) && address.startsWith('$')))
        const matches = filterMatches(filter, address) ? 1 : 0
        const count = (patterns: readonly string[], name: string): number =>
          patterns.filter((pattern) => patternMatches(pattern, name)).length
        expect(count(subjectsOf(filter), subjectOf(address))).toBe(matches)
        expect(count(keysOf(filter), keyOf(address))).toBe(matches)
      }),
      { numRuns: 2000 },
    )
  })
})
