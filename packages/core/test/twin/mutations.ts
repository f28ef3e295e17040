// SPDX-License-Identifier: Apache-2.0
/**
 * Changes to encoded structures that leave them structures: somewhere in the item, also inside of
 * byte strings that hold items, one value becomes another. What was signed can be signed anew, so
 * that what is wrong inside is reached.
 *
 * @module
 */

import type { CborKey, CborValue } from '@waxwing/core'
import * as fc from 'fast-check'
import type { Signer } from '../../../../tools/vectors/frozen/primitives.ts'
import { statementAad } from '../../../../tools/vectors/frozen/statements.ts'
import { decodeByTheBook, encodeByTheBook, isList, isMap, isTag, Tag } from './cbor.ts'
import { Refusal } from './refusal.ts'

/** Makes another value of one; `undefined` takes it away where that can be. */
export type Change = (value: CborValue) => CborValue | undefined

const numbers: fc.Arbitrary<Change> = fc
  .constantFrom(1, -1, 24, 2 ** 32, -300, 'zero' as const)
  .map((step) => (value) => {
    if (step === 'zero') return 0
    return typeof value === 'number' ? value + step : step
  })

const byteStrings: fc.Arbitrary<Change> = fc
  .tuple(fc.constantFrom('flip', 'cut', 'lengthen', 'zero'), fc.nat())
  .map(([kind, at]) => (value) => {
    if (!(value instanceof Uint8Array) || value.length === 0) return new Uint8Array(at % 40)
    if (kind === 'cut') return value.slice(0, -1)
    if (kind === 'lengthen') return Uint8Array.from([...value, at % 256])
    if (kind === 'zero') return new Uint8Array(value.length)
    const i = at % value.length
    return value.with(i, value[i]! ^ (1 << (at % 8)))
  })

const texts: fc.Arbitrary<Change> = fc
  .constantFrom('', '+', '#', '/', '/a', 'e\u0301', '\u0085', '\u0000', 'x'.repeat(250))
  .map((more) => (value) => (typeof value === 'string' ? value + more : more))

const other = fc.constantFrom<CborValue>(
  null,
  true,
  false,
  0,
  1,
  -1,
  2 ** 53 - 1,
  2n ** 64n - 1n,
  'a',
  new Uint8Array(32),
  [],
  new Map(),
  new Map([[1, 1]]),
  new Tag(1, 0),
)

/** One change of a value. */
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: numbers },
  { weight: 4, arbitrary: byteStrings },
  { weight: 2, arbitrary: texts },
  { weight: 3, arbitrary: other.map((value) => () => value) },
  { weight: 1, arbitrary: fc.constant(() => undefined) },
)

/** Where a value stands: what the whole becomes with another in its place. */
type Place = (changed: Change) => CborValue | undefined

/** Every place in a value, that of the whole first. */
function placesIn(value: CborValue): readonly Place[] {
  return [(changed) => changed(value), ...inside(value)]
}

function inside(value: CborValue): readonly Place[] {
  if (isTag(value)) {
    return placesIn(value.contents).map((place) => (changed) => {
      return new Tag(value.tag, place(changed) ?? null)
    })
  }
  if (isList(value)) {
    const longer: Place = (changed) => [...value, changed(value.at(-1) ?? 0) ?? 0]
    const inItems = value.flatMap((item, i) =>
      placesIn(item).map((place): Place => (changed) => {
        const by = place(changed)
        return by === undefined ? value.toSpliced(i, 1) : value.with(i, by)
      }),
    )
    return [longer, ...inItems]
  }
  if (isMap(value)) return [...value].flatMap(([key, item]) => inMap(value, key, item))
  if (!(value instanceof Uint8Array)) return []
  const item = itemIn(value)
  if (item === undefined) return []
  return placesIn(item).map((place) => (changed) => encodeByTheBook(place(changed) ?? null))
}

function inMap(
  map: ReadonlyMap<CborKey, CborValue>,
  key: CborKey,
  item: CborValue,
): readonly Place[] {
  const rest = [...map].filter(([label]) => label !== key)
  const ofValue = placesIn(item).map((place): Place => (changed) => {
    const by = place(changed)
    return new Map(by === undefined ? rest : [...rest, [key, by] as const])
  })
  const ofKey: Place = (changed) => {
    const by = changed(key)
    const isKey = typeof by === 'number' || typeof by === 'string'
    return new Map(isKey ? [...rest, [by, item] as const] : rest)
  }
  return [...ofValue, ofKey]
}

/** The structure that a byte string holds, if it holds one. */
function itemIn(bytes: Uint8Array): CborValue | undefined {
  try {
    const item = decodeByTheBook(bytes)
    return isMap(item) || isList(item) || isTag(item) ? item : undefined
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

/** Changes one value of an encoded item; which one follows from a number. */
function changedAt(bytes: Uint8Array, at: number, by: Change): Uint8Array {
  const places = placesIn(decodeByTheBook(bytes))
  const changed = places[at % places.length]!(by)
  return changed === undefined ? new Uint8Array(0) : encodeByTheBook(changed)
}

/** Signs a statement anew, if it is one still. */
export function signedAnew(bytes: Uint8Array, signer: Pick<Signer, 'sign'>): Uint8Array {
  const item = itemIn(bytes)
  const parts = isTag(item) ? item.contents : null
  if (!isTag(item) || !isList(parts) || parts.length !== 4) return bytes
  const [header, unprotected, payload] = parts as [CborValue, CborValue, CborValue]
  if (!(header instanceof Uint8Array) || !(payload instanceof Uint8Array)) return bytes
  const fields = itemIn(header)
  const typ = isMap(fields) ? fields.get(16) : undefined
  const type = /^waxwing-(.+)\+(cose|cwt)$/.exec(typeof typ === 'string' ? typ : '')?.[1] ?? ''
  const signed = encodeByTheBook(['Signature1', header, statementAad(type, null), payload])
  const all = [header, unprotected, payload, signer.sign(signed)]
  return encodeByTheBook(new Tag(item.tag, all))
}

/** A few changes of an encoded structure, each somewhere. */
export const structural: fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> = fc
  .array(fc.tuple(fc.nat(), change), { minLength: 1, maxLength: 2 })
  .map((changes) => (bytes) => {
    return changes.reduce((now, [at, by]) => (itemIn(now) ? changedAt(now, at, by) : now), bytes)
  })
