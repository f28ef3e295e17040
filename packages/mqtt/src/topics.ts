// SPDX-License-Identifier: Apache-2.0
/**
 * Topic names and topic filters (MQTT 5.0 Section 4.7; MQTT 3.1.1 Section 4.7), and the number by
 * which a broker names the subscription that a message was sent for.
 *
 * @module
 */

import { isControlAddress, utf8 } from '@waxwing/core'

const MAX_BYTES = 65_535
const SHARED = /^\$share\/([^/+#]+)\/(.+)$/s

/** Checks a topic name to publish to. @throws {TypeError} If it is none. */
export function assertTopicName(address: string): void {
  assertText(address, 'address')
  if (/[+#]/.test(address)) throw new TypeError(`address must not have wildcards: ${address}`)
}

/** Checks a topic filter, shared (`$share/group/filter`) or not. @throws {TypeError} If it is none. */
export function assertTopicFilter(filter: string): void {
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

/** Tells whether a filter asks for Waxwing's control messages. */
export function isControlFilter(filter: string): boolean {
  return isControlAddress(unshared(filter))
}

/** Tells whether a topic matches an unshared filter. Linear in their length. */
export function topicMatches(filter: string, topic: string): boolean {
  return topicMatcher(filter)(topic)
}

/** The same for one filter and many topics: the filter is taken apart once. */
export function topicMatcher(filter: string): (topic: string) => boolean {
  if (!/[+#]/.test(filter)) return (topic) => topic === filter
  const wanted = filter.split('/')
  const startsWild = /^[+#]/.test(filter)
  return (topic) => {
    // Section 4.7.2: wildcards at the start do not match the broker's own topics.
    if (startsWild && topic.startsWith('$')) return false
    const levels = topic.split('/')
    for (let i = 0; i < wanted.length; i++) {
      const level = wanted[i]
      if (level === '#') return true
      if (i >= levels.length) return false
      if (level !== '+' && level !== levels[i]) return false
    }
    return wanted.length === levels.length
  }
}

/**
 * The Subscription Identifier of a filter (MQTT 5.0 Section 3.8.2.1.2): a hash of it (FNV-1a), so
 * that it means the same to a session that outlived the process that subscribed. Should two filters
 * ever share one, {@link topicMatches} still tells them apart.
 */
export function subscriptionIdentifier(filter: string): number {
  let hash = 0x811c9dc5
  for (const byte of utf8(filter)) hash = Math.imul(hash ^ byte, 0x01000193)
  return ((hash >>> 0) % 0x0fff_ffff) + 1 // 1 to 268,435,455
}
