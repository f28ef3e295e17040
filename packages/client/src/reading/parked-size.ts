// SPDX-License-Identifier: Apache-2.0
/**
 * How much of a quota a parked object takes (`docs/spec/08-receiving.md` Section 8.5): not only its
 * bytes, because whoever sends it chooses its address and properties as well.
 *
 * @module
 */

import { utf8 } from '@waxwing/core'
import { NO_PROPERTIES } from './arrival.js'
import type { ParkedRecord } from './parked-record.js'

/** What is kept of an object besides its bytes, its address and its properties, keys included. */
const RECORD_BYTES = 256
const MAX_PROPERTY_BYTES = 4096

type Properties = ParkedRecord['properties']

/**
 * The properties that are kept with a parked object: all, or none if they are too large. Anybody on
 * the way can make them as large as the transport lets them.
 */
export function keptProperties(properties: Properties): Properties {
  return propertyBytes(properties) <= MAX_PROPERTY_BYTES ? properties : NO_PROPERTIES
}

/** What a parked object takes in the store, about: what an attacker chooses of it is counted. */
export function storedBytes({
  byteCount,
  address,
  properties,
}: Pick<ParkedRecord, 'byteCount' | 'address' | 'properties'>): number {
  return RECORD_BYTES + byteCount + utf8(address ?? '').length + propertyBytes(properties)
}

function propertyBytes(properties: Properties): number {
  let count = 0
  for (const [name, value] of Object.entries(properties)) {
    count += utf8(name).length + utf8(value).length
  }
  return count
}
