// SPDX-License-Identifier: Apache-2.0
/**
 * Why a mail was rejected: fields before its own ones, one for each item, as relays add their `Received`.
 * The rest of the mail is what it was, byte for byte.
 *
 * @module
 */

/** An item's place in its mail, from 1, or 0 for all of it; and why nobody can use it. */
export interface RejectedItem {
  readonly place: number
  readonly reason: string
}

/** The field. Its value is a place, a semicolon, and the reason, percent-encoded where it is not plain. */
const REJECTED_FIELD = 'Waxwing-Rejected'

const MAX_FIELDS = 100
const MAX_REASON_BYTES = 255

export function withTrace(mail: Uint8Array, rejected: readonly RejectedItem[]): Uint8Array {
  const fields = rejected
    .slice(0, MAX_FIELDS)
    .map(({ place, reason }) => `${REJECTED_FIELD}: ${place}; ${plain(reason)}\r\n`)
  return Buffer.concat([Buffer.from(fields.join(''), 'latin1'), mail])
}

/** 255 bytes, each of them three characters at most: no line is too long (RFC 5322 Section 2.1.1). */
function plain(reason: string): string {
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(MAX_REASON_BYTES))
  return reason
    .slice(0, read)
    .toWellFormed()
    .replaceAll(/[^ !-$&-~]|^ | $/gu, encodeURIComponent)
}
