// SPDX-License-Identifier: Apache-2.0
/**
 * Payloads as text and as JSON.
 *
 * @module
 */

import { fromUtf8, malformed, utf8 } from '@waxwing/core'

/** What an application may give as a payload; text is sent as UTF-8. */
export type Payload = Uint8Array | string

const EMPTY = new Uint8Array(0)

/**
 * The bytes of a payload; none for `undefined`.
 *
 * @throws {TypeError} If it is neither bytes nor text.
 */
export function payloadBytes(payload: Payload | undefined): Uint8Array {
  if (payload === undefined) return EMPTY
  if (payload instanceof Uint8Array) return payload
  if (typeof payload === 'string') return utf8(payload)
  throw new TypeError('payload must be a Uint8Array or text')
}

/** @throws {WaxwingError} `ERR_MALFORMED` if the payload is not UTF-8. */
export function readPayloadText(payload: Uint8Array): string {
  try {
    return fromUtf8(payload)
  } catch (error) {
    throw malformed('payload', 'UTF-8', error)
  }
}

/** @throws {WaxwingError} `ERR_MALFORMED` if the payload is not JSON in UTF-8. */
export function readJson(payload: Uint8Array): unknown {
  const text = readPayloadText(payload)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw malformed('payload', 'JSON', error)
  }
}
