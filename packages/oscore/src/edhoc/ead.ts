// SPDX-License-Identifier: Apache-2.0
/**
 * External authorization data: what applications add to a message (RFC 9528 Section 3.8).
 *
 * EDHOC carries it and does not understand it. One rule is kept here: what is critical has to be known
 * to whoever receives it.
 *
 * @module
 */

import { type CborValue, malformed, WaxwingError } from '@waxwing/core'
import { encodeSequence } from './sequence.js'

/** Label of padding, which is never critical (RFC 9528 Section 3.8.1). */
const LABEL_PADDING = 0
/** Largest label of the registry (RFC 9528 Section 10.5). */
const MAX_LABEL = 65_535
/** Items of one field, padding among them. RFC 9528 names no limit; there are four labels so far. */
const MAX_ITEMS = 16

export interface EadItem {
  /** 1 to 65535; 0 for padding. */
  readonly label: number
  /** Whether a receiver that does not know the label has to give up. Default `false`. */
  readonly critical?: boolean | undefined
  readonly value?: Uint8Array | undefined
}

/**
 * The items of an EAD field, for the sequence that they stand in.
 *
 * @throws {RangeError} If there are more than 16, a label is out of range, or padding is critical.
 */
export function eadToCbor(items: readonly EadItem[]): readonly CborValue[] {
  if (items.length > MAX_ITEMS) {
    throw new RangeError(`ead must be at most ${MAX_ITEMS} items, got ${items.length}`)
  }
  return items.flatMap(({ label, critical = false, value }) => {
    if (!Number.isInteger(label) || label < 0 || label > MAX_LABEL) {
      throw new RangeError(`label must be an integer within 0 and ${MAX_LABEL}, got ${label}`)
    }
    if (label === LABEL_PADDING && critical) throw new RangeError('padding must not be critical')
    const signed = critical ? -label : label
    return value === undefined ? [signed] : [signed, value]
  })
}

/** Encodes an EAD field. @throws {RangeError} As {@link eadToCbor}. */
export function encodeEad(items: readonly EadItem[]): Uint8Array {
  return encodeSequence(eadToCbor(items))
}

/**
 * Reads the EAD field at the end of a sequence: integers, each with or without a byte string behind it.
 *
 * @returns All items, padding among them, at most 16; values are copies.
 * @throws {WaxwingError} `ERR_MALFORMED`.
 */
export function eadFromCbor(values: readonly CborValue[], what: string): readonly EadItem[] {
  const items: EadItem[] = []
  for (let i = 0; i < values.length; i++) {
    const signed = values[i]
    if (typeof signed !== 'number' || Math.abs(signed) > MAX_LABEL) throw malformed(what, 'EAD')
    const next = values[i + 1]
    const value = next instanceof Uint8Array ? next.slice() : undefined
    if (value !== undefined) i += 1
    if (items.length === MAX_ITEMS) throw malformed(what, 'EAD')
    items.push({ label: Math.abs(signed), critical: signed < 0, value })
  }
  return items
}

/**
 * What the application gets to see of received items: all but padding.
 *
 * @param known - The labels that the application processes.
 * @throws {WaxwingError} `ERR_UNSUPPORTED` if an item is critical and not known.
 */
export function eadForApplication(
  items: readonly EadItem[],
  known: readonly number[],
): readonly EadItem[] {
  const unknown = items.find(({ label, critical }) => critical === true && !known.includes(label))
  if (unknown !== undefined) {
    throw new WaxwingError('ERR_UNSUPPORTED', `critical EAD item ${unknown.label} is not known`, {
      field: 'EAD',
    })
  }
  return items.filter(({ label }) => label !== LABEL_PADDING)
}

/**
 * Makes padding that adds exactly so many bytes to a message.
 *
 * Some lengths no single item has: those begin with an item of one byte (RFC 9528 Section 3.8.1).
 *
 * @param randomBytes - What the padding is made of: it must not be told from the rest.
 * @throws {RangeError} If `lengthBytes` is no integer of at least 0.
 */
export function padding(
  lengthBytes: number,
  randomBytes: (lengthBytes: number) => Uint8Array,
): readonly EadItem[] {
  if (!Number.isSafeInteger(lengthBytes) || lengthBytes < 0) {
    throw new RangeError(`lengthBytes must be an integer >= 0, got ${lengthBytes}`)
  }
  if (lengthBytes === 0) return []
  const bare: EadItem = { label: LABEL_PADDING }
  if (lengthBytes === 1) return [bare]
  for (const headBytes of [1, 2, 3, 5, 9]) {
    const valueBytes = lengthBytes - 1 - headBytes
    if (valueBytes >= 0 && byteStringHead(valueBytes) === headBytes) {
      return [{ label: LABEL_PADDING, value: randomBytes(valueBytes) }]
    }
  }
  return [bare, ...padding(lengthBytes - 1, randomBytes)]
}

function byteStringHead(length: number): number {
  if (length < 24) return 1
  if (length < 0x100) return 2
  if (length < 0x1_0000) return 3
  return length < 0x1_0000_0000 ? 5 : 9
}
