// SPDX-License-Identifier: Apache-2.0
import { decodeCbor, type CborValue } from '@waxwing/core'

/** What several things were packed into; nothing if it is no array. */
export function arrayIn(bytes: Uint8Array): readonly CborValue[] {
  try {
    const value = decodeCbor(bytes, 'fields')
    return Array.isArray(value) ? (value as readonly CborValue[]) : []
  } catch {
    return []
  }
}
