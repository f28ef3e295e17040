// SPDX-License-Identifier: Apache-2.0
/**
 * What a deliver_sm brings: a message, or a segment of one and which (`docs/spec/09-bindings.md` Section 9.10.6;
 * 3GPP TS 23.040 Section 9.2.3.24; SMPP v3.4 Sections 5.3.2.22 to 5.3.2.24).
 *
 * @module
 */

import { malformed, utf8 } from '@waxwing/core'
import { bytesToText, isBinaryCoding } from '../text/alphabet.js'
import { peerOf } from '../numbers.js'
import type { DeliverSm } from '../smpp/pdu.js'
import { ESM, TAG } from '../smpp/smpp.js'

/** Which segment of which message. */
export interface Place {
  /** 8 or 16: references of different width are different. */
  readonly width: number
  readonly reference: number
  /** 2 to 255. */
  readonly total: number
  /** 1 to `total`. */
  readonly number: number
}

export interface Part {
  /** Who sent it, as it stands in addresses. Untrusted. */
  readonly source: string
  readonly destination: string
  readonly isText: boolean
  /** Bytes, or text in UTF-8. A copy. */
  readonly bytes: Uint8Array
  /** Left out where it is whole. */
  readonly place: Place | undefined
}

/** @throws {WaxwingError} `ERR_MALFORMED` if its header is none. */
export function partOf(deliver: DeliverSm): Part {
  const { esmClass, dataCoding, message, tags } = deliver
  const hasHeader = (esmClass & ESM.header) !== 0
  const { place, rest } = hasHeader ? readHeader(message) : { place: undefined, rest: message }
  const isText = !isBinaryCoding(dataCoding)
  return {
    source: peerOf(deliver.source),
    destination: peerOf(deliver.destination),
    isText,
    bytes: isText ? utf8(bytesToText(rest, dataCoding)) : new Uint8Array(rest),
    place: place ?? placeOfTags(tags),
  }
}

/** The user data header: its length, and elements of a number, a length and so many bytes. */
function readHeader(message: Uint8Array): { place: Place | undefined; rest: Uint8Array } {
  const end = 1 + (message[0] ?? message.length)
  if (message.length < end) throw malformed('user data header', 'length')
  let place: Place | undefined
  for (let at = 1; at < end;) {
    const [id, length] = [message[at], message[at + 1]]
    if (id === undefined || length === undefined || at + 2 + length > end) {
      throw malformed('user data header', 'element')
    }
    place = placeOfElement(id, message.subarray(at + 2, at + 2 + length)) ?? place
    at += 2 + length
  }
  return { place, rest: message.subarray(end) }
}

/** Elements that are not known, and those that make no sense, are left alone (3GPP TS 23.040 Section 9.2.3.24.1). */
function placeOfElement(id: number, data: Uint8Array): Place | undefined {
  if (id === 0x00 && data.length === 3) {
    return checkedPlace({ width: 8, reference: data[0]!, total: data[1]!, number: data[2]! })
  }
  if (id === 0x08 && data.length === 4) {
    const reference = (data[0]! << 8) | data[1]!
    return checkedPlace({ width: 16, reference, total: data[2]!, number: data[3]! })
  }
  return undefined
}

function placeOfTags(tags: ReadonlyMap<number, Uint8Array>): Place | undefined {
  const reference = tags.get(TAG.sarReference)
  const total = tags.get(TAG.sarTotal)
  const number = tags.get(TAG.sarSegment)
  if (reference?.length !== 2 || total?.length !== 1 || number?.length !== 1) return undefined
  return checkedPlace({
    width: 16,
    reference: (reference[0]! << 8) | reference[1]!,
    total: total[0]!,
    number: number[0]!,
  })
}

function checkedPlace(place: Place): Place | undefined {
  const isPlace = place.total > 1 && place.number >= 1 && place.number <= place.total
  return isPlace ? place : undefined
}
