// SPDX-License-Identifier: Apache-2.0
/**
 * Stream names, and the patterns by which credentials, policies and readers speak of many
 * (`docs/spec/03-streams.md` Section 3.1).
 *
 * Patterns are MQTT's (MQTT 5.0 Section 4.7): `+` stands for exactly one level, `#` as the last
 * level for any number of them, none included, so that `a/#` matches `a`. Unlike MQTT, nothing is
 * special about names that begin with `$`.
 *
 * Everything here takes linear time. Text that is no name or no pattern matches nothing, so a check
 * that someone forgot refuses instead of allowing.
 *
 * @module
 */

import { utf8 } from '../bytes.js'

/** The longest stream name or pattern, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 255

const ONE_LEVEL = '+'
const ANY_LEVELS = '#'
const CONTROL = /\p{Cc}/u
const WILDCARD = /[+#]/

/**
 * Says whether text is a stream name: 1 to 255 bytes of UTF-8 in normalization form C, without
 * control characters, `+` and `#`, in levels divided by `/` of which none is empty. For decoders.
 */
export function isStreamName(text: string): boolean {
  return hasNameForm(text) && !WILDCARD.test(text)
}

/** @throws {TypeError} Unless `name` is a stream name; the message says which rule it breaks. */
export function assertStreamName(name: string): void {
  const fault = WILDCARD.test(name) ? 'must not contain + or #' : faultOf(name)
  if (fault !== undefined) throw new TypeError(`stream name ${fault}, got ${JSON.stringify(name)}`)
}

/**
 * Says whether text is a pattern: a name in which a whole level may be `+` and the whole last level
 * `#`. Every name is a pattern that matches itself.
 */
export function isNamePattern(text: string): boolean {
  if (!hasNameForm(text)) return false
  const levels = text.split('/')
  return levels.every((level, i) => {
    if (level === ONE_LEVEL) return true
    return level === ANY_LEVELS ? i === levels.length - 1 : !WILDCARD.test(level)
  })
}

/** @throws {TypeError} Unless `pattern` is a pattern. */
export function assertNamePattern(pattern: string): void {
  if (isNamePattern(pattern)) return
  const fault = faultOf(pattern) ?? 'may have + only as a whole level and # only as the last'
  throw new TypeError(`name pattern ${fault}, got ${JSON.stringify(pattern)}`)
}

/** Says whether a pattern matches a stream name. */
export function matchesName(pattern: string, name: string): boolean {
  return isStreamName(name) && patternCovers(pattern, name)
}

/** Says whether one of the patterns matches a stream name. */
export function matchesAny(patterns: readonly string[], name: string): boolean {
  return isStreamName(name) && patterns.some((pattern) => patternCovers(pattern, name))
}

/**
 * Says whether every name that `narrower` matches is matched by `wider` too.
 *
 * Goes by levels alone: it leaves out of account that names are at most 255 bytes long, and so may
 * refuse a pair that only this limit makes true. It never says yes wrongly.
 */
export function patternCovers(wider: string, narrower: string): boolean {
  if (!isNamePattern(wider) || !isNamePattern(narrower)) return false
  const wide = wider.split('/')
  // No name is without levels: a lone `#` is `+/#`.
  const narrow = (narrower === ANY_LEVELS ? '+/#' : narrower).split('/')
  for (const [i, level] of wide.entries()) {
    if (level === ANY_LEVELS) return true
    const other = narrow[i]
    if (other === undefined || other === ANY_LEVELS) return false
    if (level !== ONE_LEVEL && level !== other) return false
  }
  return narrow.length === wide.length
}

function hasNameForm(text: string): boolean {
  return faultOf(text) === undefined
}

/** Names the rule that both names and patterns follow and this text breaks. */
function faultOf(text: string): string | undefined {
  // The cheap bound first: no UTF-16 code unit takes less than one byte of UTF-8.
  if (text.length === 0 || text.length > MAX_NAME_BYTES || utf8(text).length > MAX_NAME_BYTES) {
    return `must have 1 to ${MAX_NAME_BYTES} bytes`
  }
  if (!text.isWellFormed()) return 'must be valid Unicode'
  if (CONTROL.test(text)) return 'must not contain control characters'
  if (text.normalize('NFC') !== text) return 'must be in normalization form C'
  if (text.split('/').includes('')) return 'must not have empty levels'
  return undefined
}
