// SPDX-License-Identifier: Apache-2.0
/**
 * CBOR for eyes, in the diagnostic notation of RFC 8949 Section 8.
 *
 * @module
 */

import {
  type CborKey,
  CborTag,
  type CborValue,
  decodeCbor,
  toHex,
  WaxwingError,
} from '@waxwing/core'

/**
 * One item as text; `undefined` if the bytes are none, or none in the deterministic encoding.
 *
 * @param bytes - Untrusted.
 */
export function cborText(bytes: Uint8Array): string | undefined {
  try {
    return textOfValue(decodeCbor(bytes, 'CBOR'))
  } catch (error) {
    if (error instanceof WaxwingError) return undefined
    throw error
  }
}

function textOfValue(value: CborValue): string {
  if (value instanceof Uint8Array) return `h'${toHex(value)}'`
  if (value instanceof CborTag) return `${value.tag}(${textOfValue(value.contents)})`
  if (isMap(value)) {
    const pairs = [...value].map(([key, item]) => `${textOfValue(key)}: ${textOfValue(item)}`)
    return `{${pairs.join(', ')}}`
  }
  if (isArray(value)) return `[${value.map(textOfValue).join(', ')}]`
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

function isMap(value: CborValue): value is ReadonlyMap<CborKey, CborValue> {
  return value instanceof Map
}

function isArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value)
}
