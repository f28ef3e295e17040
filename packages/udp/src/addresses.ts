// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses as paths of CoAP (`docs/spec/09-bindings.md` Section 9.11.3): a level is a Uri-Path option.
 *
 * @module
 */

import {
  type CoapMessage,
  type CoapOption,
  OPTION,
  pathOf,
  queryOf,
  textOption,
} from '@waxwing/coap'
import { CONTROL_PREFIX, utf8, WaxwingError } from '@waxwing/core'
import { assertAddress, assertFilter, groupOf } from '@waxwing/transport-kit'

/** A Uri-Path option holds this many bytes at the most (RFC 7252 Section 5.10). */
const MAX_LEVEL_BYTES = 255
/** A longer one would leave too little of a datagram. */
export const MAX_ADDRESS_BYTES = 512
const MAX_INBOXES = 4
const INBOX_PREFIX = `${CONTROL_PREFIX}inbox/`
const ARGUMENT = 'i='

/** Where the group is asked something: `waxwing/v1/listeners`, and so on. */
export const RESOURCE: {
  /** Who takes what is sent to an address? */
  readonly listeners: string
  /** Who keeps retained messages? */
  readonly kept: string
  /** Who has a record? */
  readonly record: string
} = {
  listeners: `${CONTROL_PREFIX}listeners`,
  kept: `${CONTROL_PREFIX}kept`,
  record: `${CONTROL_PREFIX}record`,
}

/** Checks an address to send to. @throws {TypeError} If it is none. */
export function assertSendAddress(address: string): void {
  assertAddress(address)
  assertPath(address, 'address')
}

/** Checks a filter. @throws {TypeError} If it is none. @throws {WaxwingError} `ERR_UNSUPPORTED` for a group. */
export function assertOwnFilter(filter: string): void {
  assertFilter(filter)
  if (groupOf(filter) !== undefined) {
    throw new WaxwingError('ERR_UNSUPPORTED', 'over UDP nobody shares a subscription out')
  }
  assertPath(filter, 'filter')
}

/** Tells whether other peers may have sent this filter or address. */
export function isFilter(text: string): boolean {
  try {
    assertOwnFilter(text)
    return true
  } catch {
    return false
  }
}

/** The same for addresses. */
export function isAddress(text: string): boolean {
  try {
    assertSendAddress(text)
    return true
  } catch {
    return false
  }
}

function assertPath(text: string, name: string): void {
  if (isLonger(text, MAX_ADDRESS_BYTES)) {
    throw new TypeError(`${name} must be at most ${MAX_ADDRESS_BYTES} bytes long`)
  }
  for (const level of text.split('/')) {
    if (level === '.' || level === '..') throw new TypeError(`${name} has a level of dots: ${text}`)
    if (isLonger(level, MAX_LEVEL_BYTES)) {
      throw new TypeError(`${name} has a level of more than ${MAX_LEVEL_BYTES} bytes`)
    }
  }
}

/** A code unit takes three bytes at most: short texts, which are nearly all, need no encoding. */
function isLonger(text: string, bytes: number): boolean {
  return 3 * text.length > bytes && utf8(text).length > bytes
}

/** The path of an address. */
export function pathOptions(address: string): readonly CoapOption[] {
  return address.split('/').map((level) => textOption(OPTION.uriPath, level))
}

/** The bytes that the path of an address takes in a message, at the most. */
export function pathBytes(address: string): number {
  return address
    .split('/')
    .reduce((sum, level) => sum + utf8(level).length + (level.length > 4 ? 3 : 1), 0)
}

/** The address that a path stands for; `undefined` where it stands for none. */
export function addressOf(message: CoapMessage): string | undefined {
  let levels: readonly string[]
  try {
    levels = pathOf(message)
  } catch {
    return undefined
  }
  const address = levels.join('/')
  const isPlain = !levels.some((level) => level.includes('/'))
  return isPlain && isAddress(address) ? address : undefined
}

/** Says whose inboxes are here: one query argument for each. */
export function inboxOptions(inboxes: Iterable<string>): readonly CoapOption[] {
  return [...inboxes]
    .slice(0, MAX_INBOXES)
    .map((inbox) => textOption(OPTION.uriQuery, ARGUMENT + inbox.slice(INBOX_PREFIX.length)))
}

/** The inboxes that a request says are at its sender. */
export function inboxesOf(message: CoapMessage): readonly string[] {
  let query: readonly string[]
  try {
    query = queryOf(message)
  } catch {
    return []
  }
  return query
    .filter((argument) => argument.startsWith(ARGUMENT))
    .slice(0, MAX_INBOXES)
    .map((argument) => INBOX_PREFIX + argument.slice(ARGUMENT.length))
}
