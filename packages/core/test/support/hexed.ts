// SPDX-License-Identifier: Apache-2.0
/**
 * Values as the vectors write them down: byte strings in hex, maps of text as objects.
 *
 * @module
 */

import { toHex } from '@waxwing/core'

export type Plain = string | number | boolean | null | readonly Plain[] | { [name: string]: Plain }

/** Makes bytes hex, all the way down. Absent fields stay absent. */
export function hexed(value: unknown): Plain {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(hexed)
  if (value instanceof Map) return hexed(Object.fromEntries(value))
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined)
    return Object.fromEntries(fields.map(([name, field]) => [name, hexed(field)]))
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value
  }
  return null
}

/** What a case says of its result: all but its frame and its inputs. */
export function said<T extends object>(test: T, inputs: readonly (keyof T)[]): Partial<T> {
  const frame = new Set<PropertyKey>(['id', 'comment', 'result', 'outcome', ...inputs])
  const fields = Object.entries(test).filter(([name]) => !frame.has(name))
  return Object.fromEntries(fields) as Partial<T>
}
