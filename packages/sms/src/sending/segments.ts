// SPDX-License-Identifier: Apache-2.0
/**
 * One message as the segments that travel: bytes or armoured text, with a header that says which segment
 * this is where there are several (`docs/spec/09-bindings.md` Section 9.10.3; 3GPP TS 23.040 Sections
 * 9.2.3.24.1 and 9.2.3.24.8).
 *
 * @module
 */

import { concatBytes } from '@waxwing/core'
import { textToBytes } from '../text/alphabet.js'
import { armourCapacity, encodeArmour } from '../text/armour.js'
import type { Coding } from '../numbers.js'
import type { Concatenation } from '../options.js'
import { BINARY_CODING, ESM } from '../smpp/smpp.js'

const SMS_BYTES = 140
const SMS_CHARACTERS = 160
const TEXT_CODING = 0x00
/** Of the header with its length, by the width of the reference. */
const HEADER_BYTES = { '8-bit': 6, '16-bit': 7 } as const

export interface SegmentTerms {
  readonly coding: Coding
  readonly alphabet: 'gsm' | 'ascii'
  readonly concatenation: Concatenation
}

/** What of a submit_sm depends on the message. */
export interface Segment {
  readonly esmClass: number
  readonly dataCoding: number
  readonly message: Uint8Array
  readonly payload?: Uint8Array
}

/** How many bytes a message of so many segments holds. */
export function capacityOf(segmentCount: number, terms: Omit<SegmentTerms, 'alphabet'>): number {
  const units = segmentCount * unitsOf(terms)
  return terms.coding === 'text' ? armourCapacity(units) : units
}

/** Splits a message. @param reference - Draws one that the messages before did not have. */
export function segmentsOf(
  letter: Uint8Array,
  reference: () => number,
  terms: SegmentTerms,
): readonly Segment[] {
  const isText = terms.coding === 'text'
  const all = isText ? textToBytes(encodeArmour(letter), terms.alphabet) : letter
  const dataCoding = isText ? TEXT_CODING : BINARY_CODING
  if (all.length <= (isText ? SMS_CHARACTERS : SMS_BYTES)) {
    return [{ esmClass: 0, dataCoding, message: all }]
  }
  const { concatenation } = terms
  if (concatenation === 'message-payload') {
    return [{ esmClass: 0, dataCoding, message: new Uint8Array(), payload: all }]
  }
  const length = unitsOf(terms)
  const total = Math.ceil(all.length / length)
  const drawn = reference()
  return Array.from({ length: total }, (_, i) => ({
    esmClass: ESM.header,
    dataCoding,
    message: concatBytes(
      headerOf(concatenation, drawn, total, i + 1),
      all.subarray(i * length, (i + 1) * length),
    ),
  }))
}

/** Bytes, or characters, of one segment among several. */
function unitsOf({ coding, concatenation }: Omit<SegmentTerms, 'alphabet'>): number {
  const header = HEADER_BYTES[concatenation === '16-bit' ? '16-bit' : '8-bit']
  // A character has 7 bits, and the header ends where a character does.
  return coding === 'text' ? SMS_CHARACTERS - Math.ceil((header * 8) / 7) : SMS_BYTES - header
}

function headerOf(
  width: '8-bit' | '16-bit',
  reference: number,
  total: number,
  number: number,
): Uint8Array {
  return width === '8-bit'
    ? Uint8Array.of(5, 0x00, 3, reference, total, number)
    : Uint8Array.of(6, 0x08, 4, reference >> 8, reference, total, number)
}
