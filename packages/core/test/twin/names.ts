// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of stream names and patterns (`docs/spec/03-streams.md` Section 3.1): regular
 * expressions in place of levels.
 *
 * @module
 */

const LEVEL = String.raw`[^\p{Cc}/+#]+`
const NAME = new RegExp(`^${LEVEL}(/${LEVEL})*$`, 'u')
const PATTERN = new RegExp(String.raw`^((${LEVEL}|\+)(/(${LEVEL}|\+))*(/#)?|#)$`, 'u')

export function isName(text: string): boolean {
  return hasForm(text) && NAME.test(text)
}

export function isPattern(text: string): boolean {
  return hasForm(text) && PATTERN.test(text)
}

/** Says whether a pattern matches a name. */
export function matches(pattern: string, name: string): boolean {
  if (!isPattern(pattern) || !isName(name)) return false
  if (pattern === '#') return true
  const open = pattern.endsWith('/#')
  const levels = (open ? pattern.slice(0, -2) : pattern).split('/')
  const exact = levels.map((level) => (level === '+' ? '[^/]+' : RegExp.escape(level))).join('/')
  return new RegExp(`^${exact}${open ? '(/.+)?' : ''}$`, 'u').test(name)
}

function hasForm(text: string): boolean {
  const length = Buffer.byteLength(text)
  return length >= 1 && length <= 255 && text.normalize('NFC') === text
}
