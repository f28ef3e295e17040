// SPDX-License-Identifier: Apache-2.0
/**
 * DEFLATE (RFC 1951) by hand, in whichever way a case wants it: stored, with the fixed code, with a code of
 * its own, and broken. A library would write other bytes with another version.
 *
 * @module
 */

import { join } from './cbor.ts'

const LENGTHS = [
  [3, 0], [4, 0], [5, 0], [6, 0], [7, 0], [8, 0], [9, 0], [10, 0], [11, 1], [13, 1], [15, 1], [17, 1],
  [19, 2], [23, 2], [27, 2], [31, 2], [35, 3], [43, 3], [51, 3], [59, 3], [67, 4], [83, 4], [99, 4],
  [115, 4], [131, 5], [163, 5], [195, 5], [227, 5], [258, 0],
] as const // prettier-ignore
const DISTANCES = [
  [1, 0], [2, 0], [3, 0], [4, 0], [5, 1], [7, 1], [9, 2], [13, 2], [17, 3], [25, 3], [33, 4], [49, 4],
  [65, 5], [97, 5], [129, 6], [193, 6], [257, 7], [385, 7], [513, 8], [769, 8], [1025, 9], [1537, 9],
  [2049, 10], [3073, 10], [4097, 11], [6145, 11], [8193, 12], [12_289, 12], [16_385, 13], [24_577, 13],
] as const // prettier-ignore

/** A literal byte, or so many bytes from so far back. */
export type Token = number | readonly [length: number, distance: number]

/** Bits from the lowest of each byte on. */
export class Bits {
  #bits: number[] = []

  /** A number, its lowest bit first. */
  add(value: number, count: number): this {
    for (let i = 0; i < count; i++) this.#bits.push((value >> i) & 1)
    return this
  }

  /** A code, its highest bit first. */
  code(value: number, count: number): this {
    for (let i = count - 1; i >= 0; i--) this.#bits.push((value >> i) & 1)
    return this
  }

  toByte(): this {
    while (this.#bits.length % 8 !== 0) this.#bits.push(0)
    return this
  }

  get bytes(): Uint8Array {
    const bytes = new Uint8Array(Math.ceil(this.#bits.length / 8))
    for (const [i, bit] of this.#bits.entries()) bytes[i >> 3]! |= bit << (i & 7)
    return bytes
  }
}

/** Adds one symbol of the fixed code for literals and lengths. */
export function fixedSymbol(bits: Bits, symbol: number): Bits {
  if (symbol < 144) return bits.code(0x30 + symbol, 8)
  if (symbol < 256) return bits.code(0x190 + symbol - 144, 9)
  if (symbol < 280) return bits.code(symbol - 256, 7)
  return bits.code(0xc0 + symbol - 280, 8)
}

/** A block with the fixed code. */
export function fixedBlock(tokens: readonly Token[], bits: Bits = new Bits(), isLast = true): Bits {
  bits.add(isLast ? 1 : 0, 1).add(1, 2)
  for (const token of tokens) {
    if (typeof token === 'number') fixedSymbol(bits, token)
    else addMatch(bits, token)
  }
  return fixedSymbol(bits, 256)
}

function addMatch(bits: Bits, [length, distance]: readonly [number, number]): void {
  const l = LENGTHS.findLastIndex(([base]) => base <= length)
  const [lengthBase, lengthExtra] = LENGTHS[l]!
  fixedSymbol(bits, 257 + l).add(length - lengthBase, lengthExtra)
  const d = DISTANCES.findLastIndex(([base]) => base <= distance)
  const [distanceBase, distanceExtra] = DISTANCES[d]!
  bits.code(d, 5).add(distance - distanceBase, distanceExtra)
}

/** The longest match at each place, of those the nearest; else a literal. */
function tokensOf(data: Uint8Array, dictionary: Uint8Array): readonly Token[] {
  const all = join(dictionary, data)
  const tokens: Token[] = []
  for (let at = dictionary.length; at < all.length;) {
    const [length, distance] = longestMatch(all, at)
    tokens.push(length < 3 ? all[at]! : [length, distance])
    at += Math.max(1, length < 3 ? 1 : length)
  }
  return tokens
}

function longestMatch(all: Uint8Array, at: number): readonly [number, number] {
  let best: readonly [number, number] = [0, 0]
  for (let from = at - 1; from >= Math.max(0, at - 32_768); from--) {
    let length = 0
    while (length < 258 && at + length < all.length && all[from + length] === all[at + length])
      length++
    if (length > best[0]) best = [length, at - from]
  }
  return best
}

/** Data as one block with the fixed code. */
export function deflated(data: Uint8Array, dictionary: Uint8Array): Uint8Array {
  return fixedBlock(tokensOf(data, dictionary)).bytes
}

/** Data as one stored block. */
export function stored(data: Uint8Array, isLast = true): Uint8Array {
  const bits = new Bits()
    .add(isLast ? 1 : 0, 1)
    .add(0, 2)
    .toByte()
  bits.add(data.length, 16).add(data.length ^ 0xffff, 16)
  return join(bits.bytes, data)
}

/** Where the lengths of code length codes stand. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

/** The head of a block with codes of its own: each length as it stands, none repeated. */
export function dynamicHead(
  literals: readonly number[],
  distances: readonly number[],
  lengthLengths: Readonly<Record<number, number>>,
): Bits {
  const bits = new Bits().add(1, 1).add(2, 2)
  bits
    .add(literals.length - 257, 5)
    .add(distances.length - 1, 5)
    .add(15, 4)
  for (const symbol of ORDER) bits.add(lengthLengths[symbol] ?? 0, 3)
  const codes = canonical(ORDER.map((_, symbol) => lengthLengths[symbol] ?? 0))
  for (const length of [...literals, ...distances]) {
    const { value, count } = codes[length]!
    bits.code(value, count)
  }
  return bits
}

/** The codes that follow from their lengths (RFC 1951 Section 3.2.2). */
export function canonical(
  lengths: readonly number[],
): readonly { readonly value: number; readonly count: number }[] {
  const codes = lengths.map((count) => ({ value: 0, count }))
  let next = 0
  for (let count = 1; count <= 15; count++) {
    for (const code of codes) if (code.count === count) code.value = next++
    next <<= 1
  }
  return codes
}
