// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses as subjects and as keys of a bucket, and filters as patterns of either
 * (`docs/spec/09-bindings.md` Section 9.7.1).
 *
 * A level is a token. A `.` in a level is a `/` in a token, since each separates on its own side; what
 * a token cannot hold is escaped; an empty level is the escape sign alone. Every address has one
 * spelling, and what is spelt otherwise is nobody's address.
 *
 * @module
 */

import { utf8 } from '@waxwing/core'

interface Spelling {
  readonly escape: string
  /** What cannot stand in a token as it is. */
  readonly forbidden: RegExp
  /** What cannot stand at its beginning, in the first token. */
  readonly first: string
}

/** Of subjects: no white space or control, no wildcard, and nothing of the server's own. */
const SUBJECT: Spelling = { escape: '%', forbidden: /[\0-\x20\x7f*>%]/g, first: '$' }

/** Of keys: what all clients of buckets take. */
const KEY: Spelling = { escape: '=', forbidden: /[^-\w/]/gu, first: '_' }

/** The subject of an address, without a prefix. Its length is at most three times the address's. */
export function subjectOf(address: string): string {
  return spell(address, SUBJECT)
}

/** The key of an address in a bucket. */
export function keyOf(address: string): string {
  return spell(address, KEY)
}

/** The address that has this subject; `undefined` where none has. */
export function addressOfSubject(subject: string): string | undefined {
  return read(subject, SUBJECT)
}

/** The address that has this key; `undefined` where none has. */
export function addressOfKey(key: string): string | undefined {
  return read(key, KEY)
}

/** The patterns of subjects that together match what an unshared filter matches; each subject once. */
export function subjectsOf(filter: string): readonly string[] {
  return patternsOf(filter, SUBJECT)
}

/** The same of keys. */
export function keysOf(filter: string): readonly string[] {
  return patternsOf(filter, KEY)
}

/** Tells whether a pattern of subjects matches a subject. */
export function patternMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const tokens = subject.split('.')
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return tokens.length > index
    if (index >= tokens.length || (token !== '*' && token !== tokens[index])) return false
  }
  return wanted.length === tokens.length
}

function patternsOf(filter: string, spelling: Spelling): readonly string[] {
  const levels = filter.split('/')
  const tokens = levels.map((level, index) => {
    if (level === '+') return '*'
    return level === '#' ? '>' : spellLevel(level, index === 0, spelling)
  })
  const pattern = tokens.join('.')
  // `a/#` is `a` as well, which `a.>` is not.
  return tokens.at(-1) === '>' && tokens.length > 1 ? [pattern, pattern.slice(0, -2)] : [pattern]
}

function spell(address: string, spelling: Spelling): string {
  const levels = address.split('/')
  return levels.map((level, index) => spellLevel(level, index === 0, spelling)).join('.')
}

function spellLevel(level: string, isFirst: boolean, spelling: Spelling): string {
  const { escape, forbidden, first } = spelling
  if (level === '') return escape
  const token = level.replaceAll('.', '/').replaceAll(forbidden, (sign) => escaped(sign, escape))
  return isFirst && token.startsWith(first) ? escaped(first, escape) + token.slice(1) : token
}

function escaped(sign: string, escape: string): string {
  const bytes = [...utf8(sign)]
  return bytes.map((byte) => escape + byte.toString(16).toUpperCase().padStart(2, '0')).join('')
}

function read(text: string, spelling: Spelling): string | undefined {
  const tokens = text.split('.')
  const levels = tokens.map((token) => readToken(token, spelling))
  const address = levels.join('/')
  // There is one spelling: whatever reads as an address and is not it, was made by somebody else.
  return address.isWellFormed() && !/[+#\0]/.test(address) && spell(address, spelling) === text
    ? address
    : undefined
}

function readToken(token: string, { escape }: Spelling): string {
  if (token === escape) return ''
  const swapped = token.replaceAll('/', '.')
  if (!swapped.includes(escape)) return swapped
  return swapped.replaceAll(new RegExp(`(?:${escape}[0-9A-F]{2})+`, 'g'), (escapes) =>
    Buffer.from(escapes.replaceAll(escape, ''), 'hex').toString('utf8'),
  )
}
