// SPDX-License-Identifier: Apache-2.0
/**
 * The rules of `docs/spec/waxwing.cddl` that the slow twin reads, as CDDL has them. A rule looks at a
 * value and names every fault that it finds, so that nobody has to know which of several is found
 * first.
 *
 * @module
 */

import type { CborKey, CborValue, ErrorCode } from '@waxwing/core'
import { decodeByTheBook, isList, isMap, type CborMap } from './cbor.ts'
import { isName, isPattern } from './names.ts'
import { Refusal } from './refusal.ts'

export type Faults = readonly ErrorCode[]
/** The value is `undefined` where there is none. */
export type Rule = (value: CborValue | undefined) => Faults

const GOOD: Faults = []
const BAD: Faults = ['ERR_MALFORMED']
const UNKNOWN: Faults = ['ERR_UNSUPPORTED']
const EPOCHS = 2 ** 32

/** Reads a value, and refuses it for whatever is wrong about it. */
export function obeying(rule: Rule, value: CborValue): CborValue {
  const faults = rule(value)
  if (faults.length > 0) throw new Refusal(faults)
  return value
}

/** Reads a map that is encoded in a byte string. */
export function mapObeying(rule: Rule, bytes: Uint8Array): CborMap {
  return obeying(rule, decodeByTheBook(bytes)) as CborMap
}

// What stands in fields.

const which =
  (holds: (value: CborValue | undefined) => boolean, otherwise = BAD): Rule =>
  (value) =>
    holds(value) ? GOOD : otherwise

const within = (size: number, min: number, max: number): boolean => size >= min && size <= max

const bytes = (min: number, max = min): Rule =>
  which((value) => value instanceof Uint8Array && within(value.length, min, max))
const anyBytes: Rule = bytes(0, Infinity)

const uint = (min = 0, max: number = Number.MAX_SAFE_INTEGER): Rule =>
  which((value) => typeof value === 'number' && within(value, min, max))

const text = (min: number, max: number): Rule =>
  which((value) => typeof value === 'string' && within(Buffer.byteLength(value), min, max))

const yes: Rule = which((value) => value === true)
const bool: Rule = which((value) => typeof value === 'boolean')
const name: Rule = which((value) => typeof value === 'string' && isName(value))
const pattern: Rule = which((value) => typeof value === 'string' && isPattern(value))
const epoch: Rule = uint(0, EPOCHS - 1)

const orNull =
  (rule: Rule): Rule =>
  (value) =>
    value === null ? GOOD : rule(value)

const optional =
  (rule: Rule): Rule =>
  (value) =>
    value === undefined ? GOOD : rule(value)

/** All of several rules. */
const all =
  (...rules: readonly Rule[]): Rule =>
  (value) =>
    rules.flatMap((rule) => rule(value))

// Arrays and maps.

const list =
  (of: Rule, min: number, max: number): Rule =>
  (value) => {
    if (!isList(value)) return BAD
    const count = within(value.length, min, max) ? GOOD : BAD
    return [...count, ...value.flatMap(of)]
  }

const tuple =
  (...fields: readonly Rule[]): Rule =>
  (value) => {
    if (!isList(value)) return BAD
    const count = value.length === fields.length ? GOOD : BAD
    return [...count, ...fields.flatMap((rule, i) => rule(value[i]))]
  }

const map =
  (...fields: readonly (readonly [CborKey, Rule])[]): Rule =>
  (value) => {
    if (!isMap(value)) return BAD
    const known = new Set(fields.map(([key]) => key))
    const strangers = [...value.keys()].some((key) => !known.has(key))
    return [...(strangers ? BAD : GOOD), ...fields.flatMap(([key, rule]) => rule(value.get(key)))]
  }

const table =
  (key: Rule, of: Rule, max: number): Rule =>
  (value) => {
    if (!isMap(value)) return BAD
    const count = value.size <= max ? GOOD : BAD
    return [...count, ...[...value].flatMap(([k, v]) => [...key(k), ...of(v)])]
  }

// Keys (Section 2.4).

type Kind = 'ed25519' | 'x25519' | 'x-wing'

const PARAMETERS: Readonly<Record<Kind, Rule>> = {
  ed25519: map([1, uint()], [-1, uint()], [-2, bytes(32)]),
  x25519: map([1, uint()], [-1, uint()], [-2, bytes(32)]),
  'x-wing': map([1, uint()], [3, which((value) => value === -65539)], [-1, bytes(1216)]),
}

/** The kind of a key by what says so: a kind, or how it fails. */
function kindOfKey(value: CborValue | undefined): Kind | Faults {
  if (!isMap(value)) return BAD
  const [kty, alg, crv] = [value.get(1), value.get(3), value.get(-1)]
  if (typeof kty !== 'number') return BAD
  if (kty === 7) return typeof alg === 'number' ? (alg === -65539 ? 'x-wing' : UNKNOWN) : BAD
  if (kty !== 1) return UNKNOWN
  if (typeof crv !== 'number') return BAD
  return crv === 6 ? 'ed25519' : crv === 4 ? 'x25519' : UNKNOWN
}

const key =
  (...kinds: readonly Kind[]): Rule =>
  (value) => {
    const kind = kindOfKey(value)
    if (typeof kind !== 'string') return kind
    return [...PARAMETERS[kind](value), ...(kinds.includes(kind) ? GOOD : BAD)]
  }

const signingKey = key('ed25519')
const kemKeys = all(list(key('x25519', 'x-wing'), 1, 2), (value) => {
  const kinds = isList(value) ? value.map(kindOfKey) : []
  return kinds.length === 2 && kinds[0] === kinds[1] ? BAD : GOOD
})

// Streams (Section 3.2).

const id = bytes(32)
/** Numbers that are not of the list are unknown, below 0 they may be called malformed as well. */
const oneOf = (...numbers: readonly number[]): Rule =>
  all(
    which((value) => typeof value === 'number'),
    which((value) => typeof value !== 'number' || numbers.includes(value), UNKNOWN),
    which((value) => typeof value !== 'number' || value >= 0),
  )

export const MANIFEST: Rule = map(
  [1, orNull(id)],
  [2, id],
  [3, name],
  [4, bytes(16)],
  [5, uint(1, 31_536_000)],
  [6, oneOf(1, 3, 10, 24)],
  [7, which((value) => value === 4 || value === 8)],
  [8, oneOf(0, 1)],
  [9, oneOf(0, 1, 2)],
  [10, oneOf(0, 1)],
  [11, orNull(tuple(id, orNull(epoch)))],
)

// Identity (Sections 6.3 and 6.5).

const label = text(1, 255)

export const CREDENTIAL: Rule = map(
  [2, label],
  [4, uint()],
  [6, uint()],
  [8, map([1, signingKey])],
  [
    -65537,
    map(
      [1, optional(label)],
      [2, optional(list(label, 0, 32))],
      [3, optional(table(label, label, 32))],
      [4, optional(list(pattern, 0, 32))],
    ),
  ],
)

export const TRUST_BUNDLE: Rule = all(
  map(
    [1, id],
    [2, uint()],
    [3, uint()],
    [4, uint()],
    [5, list(tuple(signingKey, uint(), orNull(uint())), 1, 16)],
    [6, list(anyBytes, 0, 64)],
    [7, orNull(tuple(anyBytes, kemKeys))],
    [8, list(tuple(id, list(signingKey, 1, 16), list(pattern, 0, 64)), 0, 256)],
    [9, list(tuple(id, uint()), 0, 10_000)],
    [10, bool],
  ),
  (value) => (isMap(value) && isAfter(value.get(4), value.get(3)) ? GOOD : BAD),
)

function isAfter(later: CborValue | undefined, earlier: CborValue | undefined): boolean {
  return typeof later === 'number' && typeof earlier === 'number' && later > earlier
}

// Grants (Section 7.5.1).

const span: Rule = all(tuple(epoch, epoch), (value) =>
  isList(value) && Number(value[0]) > Number(value[1]) ? BAD : GOOD,
)

export const LINK: Rule = all(
  map(
    [1, id],
    [2, bytes(16)],
    [3, id],
    [4, id],
    [5, id],
    [6, span],
    [7, uint(1, 2)],
    [8, uint(0, 3)],
    [9, uint()],
    [10, orNull(uint())],
    [11, orNull(id)],
    [12, id],
    [13, orNull(anyBytes)],
  ),
  (value) => (isMap(value) && (value.get(7) === 1) === (value.get(8) === 0) ? GOOD : BAD),
)

// Objects (Sections 4.2.1 and 4.4).

const isPartialIv = (value: CborValue | undefined): boolean =>
  value instanceof Uint8Array &&
  ([10, 1].includes(value.length) || (within(value.length, 2, 5) && value[0] !== 0))

export const OBJECT_PROTECTED: Rule = map(
  [1, which((value) => [1, 3, 10, 24].includes(value as number))],
  [4, which((value) => value instanceof Uint8Array && [4, 8].includes(value.length))],
  [6, which(isPartialIv)],
  [10, bytes(4)],
  [-65537, optional(bytes(0, 65_535))],
)

const counter = uint(0, 2 ** 40 - 1)
const anyText = text(0, Infinity)

/** Only the first piece may say the size. */
const piece: Rule = (value) => {
  const fields = [bytes(16), uint(0, 2 ** 24 - 1), bool]
  const hasSize = isList(value) && value.length === 4 && value[1] === 0
  return tuple(...fields, ...(hasSize ? [uint()] : []))(value)
}

export const METADATA: Rule = map(
  [1, optional(uint(0, 31_536_000_000))],
  [2, optional(text(0, 255))],
  [3, optional(table(anyText, anyText, 64))],
  [4, optional(tuple(uint(), uint(), list(tuple(bytes(7), counter), 0, 4)))],
  [5, optional(piece)],
  [6, optional(anyBytes)],
  [7, optional(yes)],
)
