// SPDX-License-Identifier: Apache-2.0
/**
 * A second encoder of deterministic CBOR (RFC 8949 Section 4.2.1), for vectors that must not depend
 * on the codec under test. {@link Raw} puts bytes in as they are, for cases that break the rules.
 *
 * @module
 */

/** Bytes that stand in the output as they are. */
export class Raw {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

export class Tagged {
  readonly tag: number
  readonly value: Value

  constructor(tag: number, value: Value) {
    this.tag = tag
    this.value = value
  }
}

export type Value =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | readonly Value[]
  | ReadonlyMap<number | string, Value>
  | Tagged
  | Raw

/** Encodes a value in its one deterministic form, but for what is {@link Raw}. */
export function cbor(value: Value): Uint8Array {
  if (value === null) return Uint8Array.of(0xf6)
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4)
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') {
    const text = new TextEncoder().encode(value)
    return join(head(3, text.length), text)
  }
  if (value instanceof Uint8Array) return join(head(2, value.length), value)
  if (value instanceof Raw) return value.bytes
  if (value instanceof Tagged) return join(head(6, value.tag), cbor(value.value))
  if (isMap(value)) return map(value)
  return join(head(4, value.length), ...value.map(cbor))
}

/** The shortest head of an item. */
function head(major: number, argument: number): Uint8Array {
  if (argument < 24) return Uint8Array.of((major << 5) | argument)
  const size = argument < 2 ** 8 ? 1 : argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8
  const bytes = new Uint8Array(1 + size)
  bytes[0] = (major << 5) | (24 + Math.log2(size))
  for (let i = size, rest = argument; i > 0; i--, rest = Math.floor(rest / 256)) {
    bytes[i] = rest % 256
  }
  return bytes
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

function map(entries: ReadonlyMap<number | string, Value>): Uint8Array {
  const encoded = [...entries].map(([key, value]) => ({ key: cbor(key), value: cbor(value) }))
  encoded.sort((a, b) => Buffer.compare(a.key, b.key))
  return join(head(5, encoded.length), ...encoded.flatMap(({ key, value }) => [key, value]))
}

function isMap(value: object): value is ReadonlyMap<number | string, Value> {
  return value instanceof Map
}
