// SPDX-License-Identifier: Apache-2.0
/**
 * What is asked of others (`docs/spec/09-bindings.md` Section 9.11.5), the group or one of it: an address
 * or a filter, a span of time by the asker's clock, what time it is there, and where to go on.
 *
 * @module
 */

import { ArrayFields, type CborValue, decodeCbor, encodeCbor, malformed } from '@waxwing/core'
import { isAddress, isFilter, MAX_ADDRESS_BYTES } from './addresses.js'

/** Times in milliseconds since 1970. */
export interface Inquiry {
  readonly filter: string
  readonly from: number | undefined
  readonly until: number | undefined
  /** What time it is where this was asked. */
  readonly now: number
  /** What the page before ended with. */
  readonly cursor: string | undefined
}

/** Something that somebody kept. */
export interface Item {
  /** When it was heard or sent, by the clock of whoever kept it. */
  readonly time: number
  readonly address: string
  readonly payload: Uint8Array
}

/** Some of what somebody kept, oldest first. */
export interface Page {
  /** Where to go on; `undefined` at the end. */
  readonly cursor: string | undefined
  /** What time it is there. */
  readonly now: number
  readonly items: readonly Item[]
}

const MAX_CURSOR_BYTES = 600
/** Items of a page. */
export const MAX_PAGE_ITEMS = 1_024

/** All that matches, whenever it was. */
export function inquiryFor(filter: string): Inquiry {
  return { filter, from: undefined, until: undefined, now: Date.now(), cursor: undefined }
}

export function encodeInquiry({ filter, from, until, now, cursor }: Inquiry): Uint8Array {
  return encodeCbor([filter, from ?? null, until ?? null, now, cursor ?? null])
}

/** @param bytes - Untrusted. @throws {WaxwingError} `ERR_MALFORMED` or `ERR_LIMIT`. */
export function decodeInquiry(bytes: Uint8Array): Inquiry {
  const fields = new ArrayFields('inquiry', decodeCbor(bytes, 'inquiry'))
  const inquiry = {
    filter: fields.text(0, 'filter', { minBytes: 1, maxBytes: MAX_ADDRESS_BYTES }),
    from: fields.uintOrNull(1, 'from') ?? undefined,
    until: fields.uintOrNull(2, 'until') ?? undefined,
    now: fields.uint(3, 'now'),
    cursor: fields.textOrNull(4, 'cursor', { maxBytes: MAX_CURSOR_BYTES }) ?? undefined,
  }
  fields.end()
  if (!isFilter(inquiry.filter)) throw malformed('inquiry', 'filter')
  return inquiry
}

export function encodePage({ cursor, now, items }: Page): Uint8Array {
  return encodeCbor([
    cursor ?? null,
    now,
    items.map(({ time, address, payload }): CborValue => [time, address, payload]),
  ])
}

/** @param bytes - Untrusted. @throws {WaxwingError} `ERR_MALFORMED` or `ERR_LIMIT`. */
export function decodePage(bytes: Uint8Array): Page {
  const fields = new ArrayFields('page', decodeCbor(bytes, 'page'))
  const page = {
    cursor: fields.textOrNull(0, 'cursor', { maxBytes: MAX_CURSOR_BYTES }) ?? undefined,
    now: fields.uint(1, 'now'),
    items: fields.array(2, 'items', { max: MAX_PAGE_ITEMS }).map(decodeItem),
  }
  fields.end()
  return page
}

/** @throws {WaxwingError} `ERR_MALFORMED`. */
export function decodeItem(value: CborValue): Item {
  const fields = new ArrayFields('item', value)
  const item = {
    time: fields.uint(0, 'time'),
    address: fields.text(1, 'address', { minBytes: 1, maxBytes: MAX_ADDRESS_BYTES }),
    payload: fields.bytes(2, 'payload'),
  }
  fields.end()
  if (!isAddress(item.address)) throw malformed('item', 'address')
  return item
}
