// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses and filters, in the form that all transports share: that of MQTT (MQTT 5.0 Section 4.7),
 * shared subscriptions (Section 4.8.2) included. Each transport translates them to its own.
 *
 * @module
 */

import { isControlAddress, utf8 } from '@waxwing/core'

const MAX_BYTES = 65_535
const SHARED = /^\$share\/([^/+#]+)\/(.+)$/s

/** Checks an address to send to. @throws {TypeError} If it is none. */
export function assertAddress(address: string): void {
  assertText(address, 'address')
  if (/[+#]/.test(address)) throw new TypeError(`address must not have wildcards: ${address}`)
}

/** Checks a filter, shared (`$share/group/filter`) or not. @throws {TypeError} If it is none. */
export function assertFilter(filter: string): void {
  assertText(filter, 'filter')
  if (filter.startsWith('$share/') && !SHARED.test(filter)) {
    throw new TypeError(`filter must be $share/group/filter: ${filter}`)
  }
  const levels = unshared(filter).split('/')
  const isWellFormed = levels.every(
    (level, index) =>
      level === '+' || (level === '#' && index === levels.length - 1) || !/[+#]/.test(level),
  )
  if (!isWellFormed) throw new TypeError(`filter has a wildcard within a level: ${filter}`)
}

function assertText(text: string, name: string): void {
  if (typeof text !== 'string' || text === '' || text.includes('\0') || !text.isWellFormed()) {
    throw new TypeError(`${name} must be a non-empty Unicode string without NUL`)
  }
  // A code unit takes three bytes at most: short texts, which is all of them, need no encoding.
  if (3 * text.length > MAX_BYTES && utf8(text).length > MAX_BYTES) {
    throw new TypeError(`${name} is longer than ${MAX_BYTES} bytes`)
  }
}

/** The filter that decides what matches: without `$share/group/`. */
export function unshared(filter: string): string {
  return SHARED.exec(filter)?.[2] ?? filter
}

/** The group of a shared subscription; `undefined` where the filter is not shared. */
export function groupOf(filter: string): string | undefined {
  return SHARED.exec(filter)?.[1]
}

/** Tells whether a filter asks for Waxwing's control messages. */
export function isControlFilter(filter: string): boolean {
  return isControlAddress(unshared(filter))
}

/** Tells whether an address matches an unshared filter. Linear in their length. */
export function filterMatches(filter: string, address: string): boolean {
  return filterMatcher(filter)(address)
}

/** The same for one filter and many addresses: the filter is taken apart once. */
export function filterMatcher(filter: string): (address: string) => boolean {
  if (!/[+#]/.test(filter)) return (address) => address === filter
  const wanted = filter.split('/')
  const startsWild = /^[+#]/.test(filter)
  return (address) => {
    // Section 4.7.2: wildcards at the start do not match the broker's own topics.
    if (startsWild && address.startsWith('$')) return false
    const levels = address.split('/')
    for (let i = 0; i < wanted.length; i++) {
      const level = wanted[i]
      if (level === '#') return true
      if (i >= levels.length) return false
      if (level !== '+' && level !== levels[i]) return false
    }
    return wanted.length === levels.length
  }
}
