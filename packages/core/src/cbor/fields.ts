// SPDX-License-Identifier: Apache-2.0
/**
 * Strict reading of decoded CBOR: maps and arrays whose fields have known keys, types and sizes.
 *
 * Read every field once, then call `end()`: it refuses whatever nobody asked for. All failures are
 * `ERR_MALFORMED` and name the structure and the field; nothing here converts or guesses.
 *
 * @module
 */

import { utf8 } from '../bytes.js'
import { malformed, type WaxwingError } from '../errors.js'
import { type CborKey, CborTag, type CborValue } from './cbor.js'

export interface BytesLimits {
  /** Exact length in bytes; overrules the other two. */
  readonly length?: number
  /** Default 0. */
  readonly min?: number
  /** Default: no limit. */
  readonly max?: number
}

export interface IntegerLimits {
  /** Default: 0 for `uint`, -(2^53 - 1) for `int`. */
  readonly min?: number
  /** Default 2^53 - 1. */
  readonly max?: number
}

export interface TextLimits {
  /** Shortest and longest text, in bytes of UTF-8. Default 0 and no limit. */
  readonly minBytes?: number
  readonly maxBytes?: number
}

export interface CountLimits {
  /** Fewest and most items. Default 0 and no limit. */
  readonly min?: number
  readonly max?: number
}

/**
 * What `MapFields` and `ArrayFields` have in common. Each type of field has three readers: `bytes`
 * wants it to be there, `optBytes` gives `undefined` where it is absent, and `bytesOrNull` wants it
 * to be there, but it may be null.
 */
abstract class Fields<K extends CborKey> {
  readonly #what: string
  readonly #read: Set<K> = new Set()

  protected constructor(what: string) {
    this.#what = what
  }

  protected abstract get size(): number
  protected abstract get(key: K): CborValue | undefined
  protected abstract keys(): Iterable<K>

  /** Tells whether the field is there; null counts as there. */
  has(key: K): boolean {
    return this.get(key) !== undefined
  }

  /** Reads a field of any type. Byte strings in it may be views into the decoded bytes. */
  value(key: K, name: string): CborValue {
    const value = this.get(key)
    if (value === undefined) throw this.#bad(name)
    this.#read.add(key)
    return value
  }

  /** Reads a field of any type; `undefined` where it is absent. */
  optValue(key: K, name: string): CborValue | undefined {
    return this.has(key) ? this.value(key, name) : undefined
  }

  /** Reads a byte string. Returns a copy, owned by the caller. */
  bytes(key: K, name: string, limits: BytesLimits = {}): Uint8Array {
    const value = this.value(key, name)
    if (!(value instanceof Uint8Array)) throw this.#bad(name)
    const { length, min = 0, max = Infinity } = limits
    this.#checkRange(value.length, length ?? min, length ?? max, name)
    return value.slice()
  }

  /** Reads an integer of at least 0. */
  uint(key: K, name: string, limits: IntegerLimits = {}): number {
    return this.int(key, name, { min: 0, ...limits })
  }

  /** Reads an integer of either sign. */
  int(key: K, name: string, limits: IntegerLimits = {}): number {
    const value = this.value(key, name)
    if (typeof value !== 'number') throw this.#bad(name)
    const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = limits
    this.#checkRange(value, min, max, name)
    return value
  }

  /** Reads text. */
  text(key: K, name: string, limits: TextLimits = {}): string {
    const value = this.value(key, name)
    if (typeof value !== 'string') throw this.#bad(name)
    const { minBytes = 0, maxBytes = Infinity } = limits
    this.#checkRange(utf8(value).length, minBytes, maxBytes, name)
    return value
  }

  /** Reads a boolean. */
  bool(key: K, name: string): boolean {
    const value = this.value(key, name)
    if (typeof value !== 'boolean') throw this.#bad(name)
    return value
  }

  /** Reads an array; its items are not looked at. */
  array(key: K, name: string, limits: CountLimits = {}): readonly CborValue[] {
    const value = this.value(key, name)
    if (!isArray(value)) throw this.#bad(name)
    this.#checkRange(value.length, limits.min ?? 0, limits.max ?? Infinity, name)
    return value
  }

  /** Reads a map; its entries are not looked at. */
  map(key: K, name: string, limits: CountLimits = {}): ReadonlyMap<CborKey, CborValue> {
    const value = this.value(key, name)
    if (!(value instanceof Map)) throw this.#bad(name)
    this.#checkRange(value.size, limits.min ?? 0, limits.max ?? Infinity, name)
    return value as ReadonlyMap<CborKey, CborValue>
  }

  optBytes(key: K, name: string, limits?: BytesLimits): Uint8Array | undefined {
    return this.has(key) ? this.bytes(key, name, limits) : undefined
  }

  optUint(key: K, name: string, limits?: IntegerLimits): number | undefined {
    return this.has(key) ? this.uint(key, name, limits) : undefined
  }

  optInt(key: K, name: string, limits?: IntegerLimits): number | undefined {
    return this.has(key) ? this.int(key, name, limits) : undefined
  }

  optText(key: K, name: string, limits?: TextLimits): string | undefined {
    return this.has(key) ? this.text(key, name, limits) : undefined
  }

  optBool(key: K, name: string): boolean | undefined {
    return this.has(key) ? this.bool(key, name) : undefined
  }

  optArray(key: K, name: string, limits?: CountLimits): readonly CborValue[] | undefined {
    return this.has(key) ? this.array(key, name, limits) : undefined
  }

  optMap(key: K, name: string, limits?: CountLimits): ReadonlyMap<CborKey, CborValue> | undefined {
    return this.has(key) ? this.map(key, name, limits) : undefined
  }

  bytesOrNull(key: K, name: string, limits?: BytesLimits): Uint8Array | null {
    return this.#isNull(key) ? null : this.bytes(key, name, limits)
  }

  uintOrNull(key: K, name: string, limits?: IntegerLimits): number | null {
    return this.#isNull(key) ? null : this.uint(key, name, limits)
  }

  intOrNull(key: K, name: string, limits?: IntegerLimits): number | null {
    return this.#isNull(key) ? null : this.int(key, name, limits)
  }

  textOrNull(key: K, name: string, limits?: TextLimits): string | null {
    return this.#isNull(key) ? null : this.text(key, name, limits)
  }

  arrayOrNull(key: K, name: string, limits?: CountLimits): readonly CborValue[] | null {
    return this.#isNull(key) ? null : this.array(key, name, limits)
  }

  mapOrNull(key: K, name: string, limits?: CountLimits): ReadonlyMap<CborKey, CborValue> | null {
    return this.#isNull(key) ? null : this.map(key, name, limits)
  }

  /** @throws {WaxwingError} `ERR_MALFORMED` if there is a field that was not read. */
  end(): void {
    if (this.#read.size === this.size) return
    for (const key of this.keys()) {
      if (!this.#read.has(key)) throw this.#bad(`field ${JSON.stringify(key)}`)
    }
  }

  #isNull(key: K): boolean {
    if (this.get(key) !== null) return false
    this.#read.add(key)
    return true
  }

  #checkRange(size: number, min: number, max: number, name: string): void {
    if (size < min || size > max) throw this.#bad(name)
  }

  #bad(name: string): WaxwingError {
    return malformed(this.#what, name)
  }
}

/** Reads the fields of a map by their keys. */
export class MapFields extends Fields<CborKey> {
  readonly #map: ReadonlyMap<CborKey, CborValue>

  /** @throws {WaxwingError} `ERR_MALFORMED` if the value is no map. */
  constructor(what: string, value: CborValue) {
    super(what)
    if (!(value instanceof Map)) throw malformed(what, 'map')
    this.#map = value as ReadonlyMap<CborKey, CborValue>
  }

  protected override get size(): number {
    return this.#map.size
  }

  protected override get(key: CborKey): CborValue | undefined {
    return this.#map.get(key)
  }

  protected override keys(): Iterable<CborKey> {
    return this.#map.keys()
  }
}

/** Reads the fields of an array by their positions, from 0. What lies behind its end is absent. */
export class ArrayFields extends Fields<number> {
  readonly #array: readonly CborValue[]

  /**
   * @param length - How many fields there must be. Default: any number, for `end()` to check.
   * @throws {WaxwingError} `ERR_MALFORMED` if the value is no array, or of another length.
   */
  constructor(what: string, value: CborValue, length?: number) {
    super(what)
    if (!isArray(value) || value.length !== (length ?? value.length)) throw malformed(what, 'array')
    this.#array = value
  }

  protected override get size(): number {
    return this.#array.length
  }

  protected override get(key: number): CborValue | undefined {
    return this.#array[key]
  }

  protected override keys(): Iterable<number> {
    return this.#array.keys()
  }
}

/**
 * Takes the one tag that is expected off a value.
 *
 * @throws {WaxwingError} `ERR_MALFORMED` if another or none is there.
 */
export function untag(value: CborValue, tag: number, what: string): CborValue {
  if (!(value instanceof CborTag) || value.tag !== tag) throw malformed(what, `tag ${tag}`)
  return value.contents
}

function isArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value)
}
