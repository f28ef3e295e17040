// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses as paths of a broker (`docs/spec/09-bindings.md` Section 9.5.1): a level is a Uri-Path
 * option, and beside the topic-data resource of an address there are its bell and its slots, below the
 * level `~`, which no address has.
 *
 * @module
 */

import { CONTROL_PREFIX, toHex, utf8 } from '@waxwing/core'

/** The segments of a path. */
export type Path = readonly string[]

const ASIDE = '~'
/** A Uri-Path option holds this many bytes at the most (RFC 7252 Section 5.10). */
const MAX_LEVEL_BYTES = 255
/** A whole path leaves room for a block in a datagram, a slot's name included. */
const MAX_ADDRESS_BYTES = 512
/** What a Uri-Query option holds beside `href=` and the asterisk. */
const MAX_PREFIX_BYTES = 249
const INBOX_PREFIX = `${CONTROL_PREFIX}inbox/`
const SLOT_NAME = /^[0-9a-f]{12}-[0-9a-f]{16}-(0|[1-9][0-9]{0,9})$/
/** Characters that stand for themselves in a path and in a query, however they are written. */
const PLAIN = /^[A-Za-z0-9\-._~/]*/

/** Rung when there is a new resource: whoever has a filter then looks again. */
export const COMMON_BELL: Path = [...CONTROL_PREFIX.split('/').slice(0, -1), ASIDE]

/** The topic-data resource of an address. */
export function topicPath(address: string): Path {
  return address.split('/')
}

/** Rung when a slot was filled. */
export function bellPath(address: string): Path {
  return [...topicPath(address), ASIDE]
}

/** A message that waits by itself. */
export function slotPath(address: string, name: string): Path {
  return [...bellPath(address), name]
}

/** What a path is for. */
export interface Place {
  readonly address: string
  readonly kind: 'topic-data' | 'bell' | 'slot'
  /** Of a slot. */
  readonly name: string
}

/** What a path of a listing is for; `undefined` for one that is none of a transport's. */
export function placeOf(path: Path): Place | undefined {
  const aside = path.indexOf(ASIDE)
  const levels = aside === -1 ? path : path.slice(0, aside)
  const rest = path.slice(levels.length + 1)
  const address = levels.join('/')
  const isUnequal = levels.some((level) => level.includes('/')) // to what its address becomes
  if (levels.length === 0 || isUnequal || !isText(address) || !isAddress(address)) return undefined
  if (aside === -1) return { address, kind: 'topic-data', name: '' }
  if (rest.length === 0) return { address, kind: 'bell', name: '' }
  const [name = ''] = rest
  return rest.length === 1 && SLOT_NAME.test(name) ? { address, kind: 'slot', name } : undefined
}

/**
 * Names slots, each later than the one before; what others name at the same time differs by chance. The
 * time is a hint for the order of one sender's messages and nothing else. The length tells whether a slot
 * holds all of its message: a broker may show a resource while its body is still on its way.
 */
export class SlotNames {
  #last = 0

  /** @param bytes - The length of the message. */
  next(bytes: number): string {
    this.#last = Math.max(Date.now(), this.#last + 1)
    const random = toHex(crypto.getRandomValues(new Uint8Array(8)))
    return `${this.#last.toString(16).padStart(12, '0')}-${random}-${bytes}`
  }
}

/** How long the message of a slot is that has this name; which is one. */
export function slotBytes(name: string): number {
  return Number(SLOT_NAME.exec(name)?.[1])
}

/** Checks an address to send to. @throws {TypeError} If it is none. */
export function assertAddress(address: string): void {
  assertText(address, 'address')
  if (/[+#]/.test(address)) throw new TypeError(`address must not have wildcards: ${address}`)
  if (!isAddress(address)) throw unsuitable(address, 'address')
}

/** Checks a filter. @throws {TypeError} If it is none. */
export function assertFilter(filter: string): void {
  assertText(filter, 'filter')
  const levels = filter.split('/')
  const isWellFormed = levels.every(
    (level, index) =>
      level === '+' || (level === '#' && index === levels.length - 1) || !/[+#]/.test(level),
  )
  if (!isWellFormed) throw new TypeError(`filter has a wildcard within a level: ${filter}`)
  if (!isAddress(filter)) throw unsuitable(filter, 'filter')
}

/** Tells which addresses a filter takes. The filter is taken apart once. */
export function addressMatcher(filter: string): (address: string) => boolean {
  if (!/[+#]/.test(filter)) return (address) => address === filter
  const wanted = filter.split('/')
  const isOpen = wanted.at(-1) === '#'
  if (isOpen) wanted.pop()
  return (address) => {
    const levels = address.split('/')
    if (isOpen ? levels.length < wanted.length : levels.length !== wanted.length) return false
    return wanted.every((level, index) => level === '+' || level === levels[index])
  }
}

/**
 * The beginning of the paths of all that a filter takes, as far as every broker compares it alike; the
 * rest is for {@link addressMatcher} to say.
 */
export function listingPrefix(filter: string): string {
  const literal = /^(.*?)(?:\/?[+#]|$)/s.exec(filter)?.[1] ?? ''
  return `/${PLAIN.exec(literal)?.[0] ?? ''}`.slice(0, MAX_PREFIX_BYTES)
}

/** The beginning of the paths of an address's slots, as far as every broker compares it alike. */
export function slotsPrefix(address: string): string {
  const prefix = listingPrefix(address)
  const isWhole = prefix.length === address.length + 1
  return isWhole ? `${prefix}/${ASIDE}/`.slice(0, MAX_PREFIX_BYTES) : prefix
}

/** Whether a filter names this address, and does not merely take it among others. */
export function namesAddress(filter: string, address: string): boolean {
  return filter === address || filter === `${address}/#`
}

/** Whether messages to this address are for one principal. */
export function isInbox(address: string): boolean {
  return address.startsWith(INBOX_PREFIX)
}

/**
 * Whether messages to this address are only for whoever has this filter: then they are gone once that one
 * acknowledged them. A filter that merely takes an inbox among others owns none.
 */
export function ownsInbox(filter: string, address: string): boolean {
  if (!isInbox(address) || !isInbox(filter)) return false
  const principal = levelAt(filter, 3)
  return !/[+#]/.test(principal) && principal === levelAt(address, 3)
}

function levelAt(address: string, index: number): string {
  return address.split('/')[index] ?? ''
}

function assertText(text: string, name: string): void {
  if (typeof text !== 'string' || !isText(text)) {
    const rule = `of at most ${MAX_ADDRESS_BYTES} bytes`
    throw new TypeError(`${name} must be a non-empty Unicode string without NUL, ${rule}`)
  }
}

function isText(text: string): boolean {
  if (text === '' || text.includes('\0') || !text.isWellFormed()) return false
  return 3 * text.length <= MAX_ADDRESS_BYTES || utf8(text).length <= MAX_ADDRESS_BYTES
}

/** RFC 7252 Section 6.4: a path of a single empty segment is none. */
function isAddress(address: string): boolean {
  return address !== '' && address.split('/').every(isLevel)
}

function isLevel(level: string): boolean {
  if (level === ASIDE || level === '.' || level === '..') return false
  return 3 * level.length <= MAX_LEVEL_BYTES || utf8(level).length <= MAX_LEVEL_BYTES
}

function unsuitable(text: string, name: string): TypeError {
  const rule = `no level may be ~, . or .., or longer than ${MAX_LEVEL_BYTES} bytes`
  return new TypeError(`${name} cannot be a path, ${rule}: ${text}`)
}
