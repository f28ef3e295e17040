// SPDX-License-Identifier: Apache-2.0
/**
 * What a message or a segment shows before it is taken: bytes or armour, data or control
 * (`docs/spec/09-bindings.md` Sections 9.10.2 and 9.10.5).
 *
 * @module
 */

import { fromUtf8 } from '@waxwing/core'
import { decodeArmour, isArmour } from '../text/armour.js'
import type { Part } from './parts.js'

const ARMOURED_GROUP = 7 // the mark, and as much as four bytes are

/** The bytes of what is armour; `undefined` for what a person wrote. */
export function unarmoured(text: string): Uint8Array | undefined {
  if (!isArmour(text)) return undefined
  try {
    return decodeArmour(text)
  } catch {
    return undefined // a person may begin with anything
  }
}

/** Whether it may be a control message: of what is no first segment, nobody can tell. */
export function mayBeControl({ bytes, isText, place }: Part): boolean {
  if (place !== undefined && place.number > 1) return true
  const start = isText ? unarmoured(fromUtf8(bytes).slice(0, ARMOURED_GROUP)) : bytes
  const first = start?.[0] ?? 0
  return first >= 0x40 && first < 0x4f
}
