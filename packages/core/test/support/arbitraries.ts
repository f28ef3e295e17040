// SPDX-License-Identifier: Apache-2.0
/**
 * What the property tests draw from.
 *
 * @module
 */

import type { Metadata } from '@waxwing/core'
import * as fc from 'fast-check'

export const bytesUpTo = (maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ maxLength })

export const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })

const text = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: 'grapheme', maxLength })

const counter = fc.integer({ min: 0, max: 2 ** 40 - 1 })

const pieceFields = { transfer: bytesOf(16), last: fc.boolean() }

const allMetadata: fc.Arbitrary<Required<Metadata>> = fc.record({
  offsetMs: fc.oneof(
    fc.integer({ min: 0, max: 70_000 }),
    fc.integer({ min: 0, max: 31_536_000_000 }),
  ),
  contentType: text(20),
  headers: fc
    .array(fc.tuple(text(8), text(8)), { maxLength: 5 })
    .map((entries): ReadonlyMap<string, string> => new Map(entries)),
  trail: fc.record({
    sessionCount: fc.maxSafeNat(),
    objectCount: fc.maxSafeNat(),
    latest: fc.array(fc.record({ session: bytesOf(7), lastCounter: counter }), { maxLength: 4 }),
  }),
  piece: fc.oneof(
    fc.record({ ...pieceFields, index: fc.nat({ max: 2 ** 24 - 1 }) }),
    fc.record({ ...pieceFields, index: fc.constant(0), size: fc.maxSafeNat() }),
  ),
  heartbeat: fc.constant(true as const),
})

/** Metadata that an object may carry, often little. Absent fields are absent, not `undefined`. */
export const metadata: fc.Arbitrary<Metadata> = fc
  .tuple(
    allMetadata,
    fc.subarray(['offsetMs', 'contentType', 'headers', 'trail', 'piece', 'heartbeat']),
  )
  .map(([all, kept]) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => kept.includes(name))),
  )

/** One small change to some bytes: what a decoder most likely gets wrong. */
export function mutated(valid: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    kind: fc.constantFrom('flip', 'set', 'insert', 'delete', 'cut', 'double'),
    at: fc.nat(),
    value: fc.integer({ min: 0, max: 255 }),
  })
  return fc
    .tuple(fc.constantFrom(...valid), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([bytes, changes]) => changes.reduce(changed, bytes))
}

interface Change {
  readonly kind: string
  readonly at: number
  readonly value: number
}

function changed(bytes: Uint8Array, { kind, at, value }: Change): Uint8Array {
  const list = [...bytes]
  const i = list.length === 0 ? 0 : at % list.length
  if (kind === 'flip') list[i] = (list[i] ?? 0) ^ (1 << (value & 7))
  if (kind === 'set') list[i] = value
  if (kind === 'insert') list.splice(i, 0, value)
  if (kind === 'delete') list.splice(i, 1)
  if (kind === 'cut') list.length = i
  if (kind === 'double') list.splice(i, 0, ...list.slice(i, i + 8))
  return Uint8Array.from(list)
}
