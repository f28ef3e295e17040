// SPDX-License-Identifier: Apache-2.0
/**
 * How the body of one type of control message is written and read.
 *
 * @module
 */

import type { CborValue } from '../cbor/cbor.js'
import type { MapFields } from '../cbor/fields.js'

export interface BodyCodec<T> {
  /** The fields by their numbers, from 0. */
  toCbor(body: T): readonly (readonly [number, CborValue])[]
  /** Reads the fields, which stand at `from` plus their numbers. */
  fromFields(map: MapFields, from: number): T
}

/** Longest text that a person writes into a message. */
export const MAX_REASON_BYTES = 256
