// SPDX-License-Identifier: Apache-2.0
/**
 * The packets of SMPP 3.4 that this transport speaks, as bytes: bind, submit_sm, deliver_sm and their
 * answers (SMPP v3.4 Section 4; the order of fields is that of its tables).
 *
 * Decoding is strict and bounded by the packet, whose length `PduReader` has bounded: it returns a value
 * or throws `ERR_MALFORMED`. Nothing here interprets a message; `parts.ts` does.
 *
 * @module
 */

import { concatBytes, malformed } from '@waxwing/core'

export const HEADER_BYTES = 16
const MAX_ADDRESS_LENGTH = 20
const MAX_MESSAGE_ID_LENGTH = 64
/** More than any packet of this version has. */
const MAX_TAGS = 64
const VERSION = 0x34

/** A packet with its header read and its body left alone. */
export interface Pdu {
  readonly command: number
  readonly status: number
  readonly sequence: number
  readonly body: Uint8Array
}

/** A number or name with its type (Section 5.2.5) and plan (Section 5.2.6). */
export interface PduAddress {
  readonly ton: number
  readonly npi: number
  readonly digits: string
}

export interface SubmitSm {
  readonly source: PduAddress
  readonly destination: PduAddress
  readonly esmClass: number
  readonly dataCoding: number
  /** Relative, in the form of Section 7.1.1.1, or empty. */
  readonly validityPeriod: string
  readonly registeredDelivery: number
  /** At most 254 bytes; or nothing, with `payload`. */
  readonly message: Uint8Array
  /** The optional parameter message_payload. */
  readonly payload?: Uint8Array
}

export interface DeliverSm {
  readonly source: PduAddress
  readonly destination: PduAddress
  readonly esmClass: number
  readonly dataCoding: number
  /** Of short_message or message_payload, whichever has something: a view. */
  readonly message: Uint8Array
  /** By tag; the first one of each. Views. */
  readonly tags: ReadonlyMap<number, Uint8Array>
}

export function encodePdu({ command, status, sequence, body }: Pdu): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length)
  view.setUint32(4, command)
  view.setUint32(8, status)
  view.setUint32(12, sequence)
  bytes.set(body, HEADER_BYTES)
  return bytes
}

/** The body of all three kinds of bind. */
export function encodeBind(systemId: string, password: string, systemType: string): Uint8Array {
  const ids = [systemId, password, systemType].map(cString)
  return concatBytes(...ids, Uint8Array.of(VERSION, 0, 0), cString(''))
}

export function encodeSubmitSm(submit: SubmitSm): Uint8Array {
  const { message, payload } = submit
  const parts = [
    cString(''), // service_type
    address(submit.source),
    address(submit.destination),
    Uint8Array.of(submit.esmClass, 0, 0), // protocol_id, priority_flag
    cString(''), // schedule_delivery_time
    cString(submit.validityPeriod),
    Uint8Array.of(submit.registeredDelivery, 0, submit.dataCoding, 0, message.length),
    message,
  ]
  if (payload !== undefined) {
    parts.push(Uint8Array.of(0x04, 0x24, payload.length >> 8, payload.length), payload)
  }
  return concatBytes(...parts)
}

/** The body of deliver_sm_resp: an empty message_id. */
export const DELIVER_RESPONSE: Uint8Array = Uint8Array.of(0)

/** @throws {WaxwingError} `ERR_MALFORMED`. */
export function decodeDeliverSm(body: Uint8Array): DeliverSm {
  const reader = new FieldReader(body, 'deliver_sm')
  reader.cString('service_type', 5)
  const source = reader.address('source_addr')
  const destination = reader.address('destination_addr')
  const esmClass = reader.byte('esm_class')
  reader.byte('protocol_id')
  reader.byte('priority_flag')
  reader.cString('schedule_delivery_time', 16)
  reader.cString('validity_period', 16)
  reader.byte('registered_delivery')
  reader.byte('replace_if_present_flag')
  const dataCoding = reader.byte('data_coding')
  reader.byte('sm_default_msg_id')
  const short = reader.bytes(reader.byte('sm_length'), 'short_message')
  const tags = reader.tags()
  const payload = tags.get(TAG_PAYLOAD)
  if (short.length > 0 && payload !== undefined && payload.length > 0) {
    throw malformed('deliver_sm', 'message_payload') // one of the two, Section 5.3.2.32
  }
  const message = short.length > 0 ? short : (payload ?? short)
  return { source, destination, esmClass, dataCoding, message, tags }
}

/** The message_id of submit_sm_resp. @throws {WaxwingError} `ERR_MALFORMED`. */
export function decodeSubmitResponse(body: Uint8Array): string {
  if (body.length === 0) return '' // some centres leave it out
  return new FieldReader(body, 'submit_sm_resp').cString('message_id', MAX_MESSAGE_ID_LENGTH)
}

const TAG_PAYLOAD = 0x0424

class FieldReader {
  readonly #bytes: Uint8Array
  readonly #what: string
  #at = 0

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes
    this.#what = what
  }

  byte(field: string): number {
    const value = this.#bytes[this.#at++]
    if (value === undefined) throw malformed(this.#what, field)
    return value
  }

  bytes(length: number, field: string): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw malformed(this.#what, field)
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }

  /** A C-octet string of printable ASCII, without its NUL. */
  cString(field: string, maxLength: number): string {
    const end = this.#bytes.indexOf(0, this.#at)
    if (end === -1 || end - this.#at > maxLength) throw malformed(this.#what, field)
    const text = String.fromCharCode(...this.#bytes.subarray(this.#at, end))
    if (!/^[\x20-\x7e]*$/.test(text)) throw malformed(this.#what, field)
    this.#at = end + 1
    return text
  }

  address(field: string): PduAddress {
    const [ton, npi] = [this.byte(field), this.byte(field)]
    return { ton, npi, digits: this.cString(field, MAX_ADDRESS_LENGTH) }
  }

  /** What is left, as optional parameters. */
  tags(): ReadonlyMap<number, Uint8Array> {
    const tags = new Map<number, Uint8Array>()
    for (let count = 0; this.#at < this.#bytes.length; count++) {
      if (count === MAX_TAGS) throw malformed(this.#what, 'optional parameters')
      const tag = this.#uint16()
      const value = this.bytes(this.#uint16(), 'optional parameters')
      if (!tags.has(tag)) tags.set(tag, value)
    }
    return tags
  }

  #uint16(): number {
    return (this.byte('optional parameters') << 8) | this.byte('optional parameters')
  }
}

function address({ ton, npi, digits }: PduAddress): Uint8Array {
  return concatBytes(Uint8Array.of(ton, npi), cString(digits))
}

/** @param text - ASCII without NUL, as the options and `numbers.ts` have checked. */
function cString(text: string): Uint8Array {
  return Uint8Array.from(`${text}\0`, (character) => character.charCodeAt(0))
}
