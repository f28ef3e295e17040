// SPDX-License-Identifier: Apache-2.0
/**
 * Topic names and filters (MQTT 5.0 Section 4.7).
 *
 * @module
 */

/** Tells whether a topic name matches a filter with `+` and `#`. */
export function matchesFilter(filter: string, address: string): boolean {
  if (address.startsWith('$') && /^[+#]/.test(filter)) return false // Section 4.7.2
  const wanted = filter.split('/')
  const levels = address.split('/')
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false
  }
  return wanted.length === levels.length
}

/** @throws {TypeError} If it cannot be a topic name: empty, with a wildcard or with NUL. */
export function assertAddress(address: string): void {
  if (address === '' || /[+#\0]/.test(address)) {
    throw new TypeError(`address must be a topic name without + # NUL, not '${address}'`)
  }
}

/** @throws {TypeError} If a wildcard does not stand for whole levels, or `#` is not last. */
export function assertFilter(filter: string): void {
  const levels = filter.split('/')
  const wrong = levels.some((level, i) =>
    level === '#' ? i !== levels.length - 1 : level !== '+' && /[+#\0]/.test(level),
  )
  if (filter === '' || wrong) throw new TypeError(`filter must be a topic filter, not '${filter}'`)
}
