// SPDX-License-Identifier: Apache-2.0
/**
 * Reading DEFLATE (RFC 1951) with a preset dictionary, for packed messages
 * (`docs/spec/07-granting.md` Section 7.2.6).
 *
 * Strict and total: whatever comes, it gives bytes or one of two errors. What comes out is bounded before
 * memory grows for it, and the data has to end with its last byte. Writing is another matter, and another
 * file's: what opens depends on no library that writes.
 *
 * @module
 */

import { malformed, WaxwingError } from '../errors.js'

/** How far back data may point. */
const WINDOW_BYTES = 32_768
const MAX_CODE_BITS = 15
const MAX_LITERALS = 286
const MAX_DISTANCES = 30
const END_OF_BLOCK = 256
/**
 * To read the codes of a block costs more than eleven bytes of anything else, and it may be empty. Those who write
 * make blocks of hundreds of bytes at the least.
 */
const FREE_BLOCKS = 256
const BYTES_OF_BLOCK = 64

/** Lengths from symbol 257 on, and distances: where they begin, and how many bits are added (RFC 1951 Section 3.2.5). */
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163,
  195, 227, 258,
] // prettier-ignore
const LENGTH_EXTRA = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
] // prettier-ignore
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
  3073, 4097, 6145, 8193, 12289, 16385, 24577,
] // prettier-ignore
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
] // prettier-ignore
/** In which order the lengths of code length codes stand (RFC 1951 Section 3.2.7). */
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

/** A canonical Huffman code: how many codes each length has, and the symbols in the order of their codes. */
interface Code {
  readonly counts: Uint16Array
  readonly symbols: Uint16Array
}

const FIXED_LITERALS = codeOf([
  ...Array<number>(144).fill(8),
  ...Array<number>(112).fill(9),
  ...Array<number>(24).fill(7),
  ...Array<number>(8).fill(8),
])
const FIXED_DISTANCES = codeOf(Array<number>(30).fill(5))

/**
 * Reads DEFLATE data.
 *
 * @param bytes - The data, with nothing behind it. Untrusted.
 * @param dictionary - What it may point back into; only its last 32,768 bytes count.
 * @param maxBytes - The most that may come out.
 * @returns New bytes.
 * @throws {WaxwingError} `ERR_MALFORMED`; `ERR_LIMIT` if more than `maxBytes` would come out, or there are more
 *   blocks than 256 and one for each 64 bytes.
 */
export function inflate(bytes: Uint8Array, dictionary: Uint8Array, maxBytes: number): Uint8Array {
  const bits = new BitReader(bytes)
  const output = new Output(dictionary.subarray(-WINDOW_BYTES), maxBytes)
  let blocksLeft = FREE_BLOCKS + Math.floor(bytes.length / BYTES_OF_BLOCK)
  for (let isLast = false; !isLast;) {
    if (blocksLeft-- === 0) throw tooMuch('has too many blocks', 'blocks')
    isLast = bits.take(1) === 1
    const type = bits.take(2)
    if (type === 0) copyStored(bits, output)
    else if (type === 1) readBlock(bits, output, FIXED_LITERALS, FIXED_DISTANCES)
    else if (type === 2) readBlock(bits, output, ...readCodes(bits))
    else throw wrong('block type')
  }
  if (!bits.isAtEnd) throw wrong('end')
  return output.written()
}

function copyStored(bits: BitReader, output: Output): void {
  bits.skipToByte()
  const length = bits.take(16)
  if ((bits.take(16) ^ length) !== 0xffff) throw wrong('length of a stored block')
  output.append(bits.bytes(length))
}

function readBlock(bits: BitReader, output: Output, literals: Code, distances: Code): void {
  for (;;) {
    const symbol = readSymbol(bits, literals)
    if (symbol === END_OF_BLOCK) return
    if (symbol < END_OF_BLOCK) {
      output.push(symbol)
      continue
    }
    const length = readExtended(bits, symbol - END_OF_BLOCK - 1, LENGTH_BASE, LENGTH_EXTRA)
    const code = readSymbol(bits, distances)
    output.repeat(length, readExtended(bits, code, DISTANCE_BASE, DISTANCE_EXTRA))
  }
}

function readExtended(
  bits: BitReader,
  symbol: number,
  bases: readonly number[],
  extras: readonly number[],
): number {
  const base = bases[symbol]
  const extra = extras[symbol]
  if (base === undefined || extra === undefined) throw wrong('symbol')
  return base + bits.take(extra)
}

/** The codes of a block that brings its own (RFC 1951 Section 3.2.7). */
function readCodes(bits: BitReader): readonly [Code, Code] {
  const literalCount = bits.take(5) + 257
  const distanceCount = bits.take(5) + 1
  const given = bits.take(4) + 4
  if (literalCount > MAX_LITERALS || distanceCount > MAX_DISTANCES) throw wrong('number of codes')
  const lengthLengths = Array<number>(CODE_LENGTH_ORDER.length).fill(0)
  for (const symbol of CODE_LENGTH_ORDER.slice(0, given)) lengthLengths[symbol] = bits.take(3)
  const lengthCode = codeOf(lengthLengths)
  if (!isComplete(lengthCode)) throw wrong('code')
  const lengths = readLengths(bits, lengthCode, literalCount + distanceCount)
  if (lengths[END_OF_BLOCK] === 0) throw wrong('code')
  const codes = [
    codeOf(lengths.slice(0, literalCount)),
    codeOf(lengths.slice(literalCount)),
  ] as const
  for (const code of codes) if (!isComplete(code) && !isSmall(code)) throw wrong('code')
  return codes
}

function readLengths(bits: BitReader, code: Code, count: number): readonly number[] {
  const lengths: number[] = []
  while (lengths.length < count) {
    const symbol = readSymbol(bits, code)
    if (symbol < 16) {
      lengths.push(symbol)
      continue
    }
    const before = symbol === 16 ? lengths.at(-1) : 0
    const times =
      symbol === 16 ? 3 + bits.take(2) : symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7)
    if (before === undefined || lengths.length + times > count) throw wrong('code lengths')
    for (let i = 0; i < times; i++) lengths.push(before)
  }
  return lengths
}

/** @throws {WaxwingError} `ERR_MALFORMED` if there are more codes than their lengths leave room for. */
function codeOf(lengths: readonly number[]): Code {
  const counts = new Uint16Array(MAX_CODE_BITS + 1)
  for (const length of lengths) counts[length]!++
  counts[0] = 0
  if (roomLeft(counts) < 0) throw wrong('code')
  const next = new Uint16Array(MAX_CODE_BITS + 2)
  for (let length = 1; length <= MAX_CODE_BITS; length++) {
    next[length + 1] = next[length]! + counts[length]!
  }
  const symbols = new Uint16Array(next[MAX_CODE_BITS + 1]!)
  for (const [symbol, length] of lengths.entries()) {
    if (length > 0) symbols[next[length]!++] = symbol
  }
  return { counts, symbols }
}

/** How many codes of the greatest length would still have room. */
function roomLeft(counts: Uint16Array): number {
  let room = 1
  for (const count of counts.subarray(1)) room = room * 2 - count
  return room
}

function isComplete({ counts }: Code): boolean {
  return roomLeft(counts) === 0
}

/** No code at all, or a single one of one bit: these alone need not be complete (RFC 1951 Section 3.2.7). */
function isSmall({ counts, symbols }: Code): boolean {
  return symbols.length === 0 || (symbols.length === 1 && counts[1] === 1)
}

function readSymbol(bits: BitReader, { counts, symbols }: Code): number {
  let code = 0
  let first = 0
  let index = 0
  for (let length = 1; length <= MAX_CODE_BITS; length++) {
    code |= bits.take(1)
    const count = counts[length]!
    if (code - first < count) return symbols[index + code - first]!
    index += count
    first = (first + count) << 1
    code <<= 1
  }
  throw wrong('code')
}

/** Bits from the lowest of each byte on (RFC 1951 Section 3.1.1). */
class BitReader {
  readonly #bytes: Uint8Array
  #at = 0
  #held = 0
  #heldCount = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Takes up to 16 bits as a number. */
  take(count: number): number {
    while (this.#heldCount < count) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw wrong('end')
      this.#held |= byte << this.#heldCount
      this.#heldCount += 8
    }
    const value = this.#held & ((1 << count) - 1)
    this.#held >>>= count
    this.#heldCount -= count
    return value
  }

  /** Leaves out what is left of a byte that was begun: fewer than eight bits are ever held. */
  skipToByte(): void {
    this.#held = 0
    this.#heldCount = 0
  }

  /** A view of whole bytes, from a byte's beginning on. */
  bytes(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw wrong('end')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }
}

/** What was read, behind the dictionary that it points back into. */
class Output {
  readonly #start: number
  readonly #maxEnd: number
  #bytes: Uint8Array
  #end: number

  constructor(dictionary: Uint8Array, maxBytes: number) {
    this.#start = dictionary.length
    this.#end = this.#start
    this.#maxEnd = this.#start + maxBytes
    this.#bytes = new Uint8Array(Math.min(this.#start + 1024, this.#maxEnd))
    this.#bytes.set(dictionary)
  }

  push(byte: number): void {
    this.#makeRoom(1)
    this.#bytes[this.#end++] = byte
  }

  append(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length)
    this.#bytes.set(bytes, this.#end)
    this.#end += bytes.length
  }

  /** Repeats what stands so far back; it may run into itself. */
  repeat(length: number, distance: number): void {
    if (distance > this.#end) throw wrong('distance')
    this.#makeRoom(length)
    const bytes = this.#bytes
    for (const end = this.#end + length; this.#end < end; this.#end++) {
      bytes[this.#end] = bytes[this.#end - distance]!
    }
  }

  written(): Uint8Array {
    return this.#bytes.slice(this.#start, this.#end)
  }

  #makeRoom(count: number): void {
    const end = this.#end + count
    if (end <= this.#bytes.length) return
    if (end > this.#maxEnd) throw tooMuch('is too long when it is unpacked', 'unpacked length')
    const larger = new Uint8Array(Math.min(Math.max(end, 2 * this.#bytes.length), this.#maxEnd))
    larger.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = larger
  }
}

function tooMuch(why: string, rule: string): WaxwingError {
  return new WaxwingError('ERR_LIMIT', `a packed message ${why}`, { rule })
}

function wrong(field: string): WaxwingError {
  return malformed('DEFLATE data', field)
}
