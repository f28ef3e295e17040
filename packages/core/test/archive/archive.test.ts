// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ArchiveReader,
  encodeArchiveItem,
  readArchive,
  type ArchiveItem,
} from '../../src/archive/archive.js'
import { concatBytes, fromHex, toHex } from '../../src/bytes.js'
import { encodeCbor } from '../../src/cbor/cbor.js'
import { itemEnd } from '../../src/cbor/item-end.js'
import { WaxwingError } from '../../src/errors.js'
import { values } from '../cbor/values.js'

const items = fc.array(values.map(encodeCbor), { maxLength: 6 })

/** Matches an error by its code and the offset of the item at fault. */
function fault(code: string, offset: number): unknown {
  const details: unknown = expect.objectContaining({ offset })
  return expect.objectContaining({ code, details })
}

/** Cuts bytes into pieces, of which some may be empty. */
function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const ends = [...at.map((n) => n % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
}

/** What a reader gives and how it ends, for pieces. */
function readAll(pieces: readonly Uint8Array[], maxItemBytes = 2 ** 20) {
  const reader = new ArchiveReader({ maxItemBytes })
  const found: string[] = []
  try {
    for (const piece of pieces) found.push(...reader.push(piece).map(toHex))
    reader.end()
    return { found, error: undefined }
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
    return { found, error: { code: error.code, offset: error.details.offset } }
  }
}

/** The slow twin: all bytes at once, by `itemEnd`. */
function slowRead(bytes: Uint8Array) {
  const found: string[] = []
  let offset = 0
  try {
    while (offset < bytes.length) {
      const end = itemEnd(bytes, offset)
      if (end === undefined) return { found, error: { code: 'ERR_MALFORMED', offset } }
      found.push(toHex(bytes.subarray(offset, end)))
      offset = end
    }
    return { found, error: undefined }
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
    return { found, error: { code: error.code, offset } }
  }
}

describe('ArchiveReader', () => {
  it('gives the items back however the archive is cut into pieces', () => {
    fc.assert(
      fc.property(items, fc.array(fc.nat(), { maxLength: 8 }), (wanted, at) => {
        const archive = concatBytes(...wanted)
        const { found, error } = readAll(cut(archive, at))
        expect(found).toEqual(wanted.map(toHex))
        expect(error).toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })

  it('agrees with itemEnd on any bytes, in pieces and byte by byte', () => {
    const damaged = fc
      .tuple(items, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 3 }))
      .map(([parts, at, bytes]) => {
        const archive = concatBytes(...parts, new Uint8Array(4))
        archive.set(bytes, at % (archive.length - bytes.length))
        return archive
      })
    const anything = fc.oneof(damaged, fc.uint8Array({ maxLength: 24 }))
    fc.assert(
      fc.property(anything, fc.array(fc.nat(), { maxLength: 4 }), (bytes, at) => {
        const wanted = slowRead(bytes)
        expect(readAll([bytes], Number.MAX_SAFE_INTEGER)).toEqual(wanted)
        expect(readAll(cut(bytes, at), Number.MAX_SAFE_INTEGER)).toEqual(wanted)
        const single = Array.from(bytes, (byte) => Uint8Array.of(byte))
        expect(readAll(single, Number.MAX_SAFE_INTEGER)).toEqual(wanted)
      }),
      { numRuns: 500 },
    )
  })

  it('says at which item an archive is cut short, wherever that is', () => {
    const parts = [fromHex('83010203'), fromHex('d083402040'), fromHex('581e' + '77'.repeat(30))]
    const archive = concatBytes(...parts)
    const starts = [0, 4, 9]
    for (let length = 0; length <= archive.length; length++) {
      const { found, error } = readAll([archive.subarray(0, length)])
      const whole = starts.filter((start, i) => start + parts[i]!.length <= length)
      expect(found).toEqual(whole.map((_, i) => toHex(parts[i]!)))
      const isWhole = [...starts, archive.length].includes(length)
      const offset = starts[whole.length]
      expect(error).toEqual(isWhole ? undefined : { code: 'ERR_MALFORMED', offset })
    }
  })

  it('gives what comes before damage in the same piece, and then fails for good', () => {
    const reader = new ArchiveReader()
    expect(reader.push(fromHex('0102ff03')).map(toHex)).toEqual(['01', '02'])
    expect(reader.offset).toBe(2)
    expect(() => reader.push(fromHex('04'))).toThrow(fault('ERR_MALFORMED', 2))
    expect(() => reader.end()).toThrow(fault('ERR_MALFORMED', 2))
    expect(() => new ArchiveReader().push(fromHex('ff'))).toThrow(fault('ERR_MALFORMED', 0))
  })

  it('gives copies', () => {
    const reader = new ArchiveReader()
    const piece = fromHex('420102')
    const [item] = reader.push(piece)
    piece.fill(0)
    expect(toHex(item ?? new Uint8Array())).toBe('420102')
  })

  it.each([
    ['a string that claims too much', '5a00010000'],
    ['an array that claims too much', '9a00010000'],
    ['a map that claims too much', 'b90100'],
    ['the longest claim', '5bffffffffffffffff'],
    ['the longest array', '9bffffffffffffffff'],
  ])('refuses %s before it comes', (_, hex) => {
    const reader = new ArchiveReader({ maxItemBytes: 500 })
    expect(() => reader.push(fromHex(hex))).toThrow(fault('ERR_LIMIT', 0))
  })

  it('takes items up to the limit and none beyond', () => {
    for (const value of [[1, new Uint8Array(90), 'text'], [100, 100, 100], 'text', 2 ** 40]) {
      const item = encodeCbor(value)
      for (const pieces of [[item], Array.from(item, (byte) => Uint8Array.of(byte))]) {
        expect(readAll(pieces, item.length).found).toEqual([toHex(item)])
        expect(readAll(pieces, item.length - 1).error).toEqual({ code: 'ERR_LIMIT', offset: 0 })
      }
      const many = concatBytes(item, item, item)
      expect(readAll([many], item.length).found).toHaveLength(3)
    }
  })

  it('refuses items that are nested too deep', () => {
    expect(readAll([fromHex('81'.repeat(16) + '00')]).error).toBeUndefined()
    expect(readAll([fromHex('81'.repeat(17) + '00')]).error).toEqual({
      code: 'ERR_LIMIT',
      offset: 0,
    })
  })

  it('takes memory for what came, not for what is claimed', () => {
    const readers = Array.from({ length: 50 }, () => new ArchiveReader())
    const before = process.memoryUsage().arrayBuffers
    for (const reader of readers) reader.push(fromHex('5a03fffff001')) // nearly 64 MiB each
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
  })

  it('reads a long item byte by byte in linear time', () => {
    const item = encodeCbor([new Uint8Array(2 ** 20), Array.from({ length: 10_000 }, (_, i) => i)])
    const reader = new ArchiveReader()
    const found: Uint8Array[] = []
    const start = performance.now()
    for (let i = 0; i < item.length; i++) found.push(...reader.push(item.subarray(i, i + 1)))
    reader.end()
    expect(found).toEqual([item])
    expect(performance.now() - start).toBeLessThan(15_000) // a rescan for each would take hours
  })

  it('wants a limit that is a positive integer', () => {
    expect(() => new ArchiveReader({ maxItemBytes: 0 })).toThrow(RangeError)
    expect(() => new ArchiveReader({ maxItemBytes: 1.5 })).toThrow(RangeError)
  })
})

describe('readArchive', () => {
  async function* pieces(...hex: readonly string[]): AsyncGenerator<Uint8Array> {
    for (const piece of hex) yield fromHex(piece)
  }

  async function collect(source: AsyncIterable<ArchiveItem>) {
    const found: [string, number][] = []
    try {
      for await (const { item, offset } of source) found.push([toHex(item), offset])
      return { found, error: undefined }
    } catch (error) {
      return { found, error }
    }
  }

  it('says where each item begins', async () => {
    const source = pieces('0182', '0203', '', '43aa', 'bbcc00')
    const { found, error } = await collect(readArchive(source))
    expect(error).toBeUndefined()
    expect(found).toEqual([
      ['01', 0],
      ['820203', 1],
      ['43aabbcc', 4],
      ['00', 8],
    ])
  })

  it('gives all whole items before it says that the archive is cut short', async () => {
    const { found, error } = await collect(readArchive(pieces('0102', '8201')))
    expect(found).toEqual([
      ['01', 0],
      ['02', 1],
    ])
    expect(error).toEqual(fault('ERR_MALFORMED', 2))
  })

  it('gives all whole items before it says that one is damaged', async () => {
    const { found, error } = await collect(readArchive(pieces('0102ff', '03')))
    expect(found).toHaveLength(2)
    expect(error).toEqual(fault('ERR_MALFORMED', 2))
  })

  it('keeps the limit that it was given', async () => {
    const { error } = await collect(readArchive(pieces('440102', '0304'), { maxItemBytes: 4 }))
    expect(error).toEqual(fault('ERR_LIMIT', 0))
  })
})

describe('encodeArchiveItem', () => {
  it('takes one item as it is', () => {
    fc.assert(
      fc.property(values, (value) => {
        const item = encodeCbor(value)
        expect(encodeArchiveItem(item)).toBe(item)
      }),
      { numRuns: 100 },
    )
  })

  it.each([
    ['nothing', ''],
    ['a part of one', '8201'],
    ['two', '0102'],
    ['an item and a part of one', '0141'],
    ['an item and damage', '01ff'],
    ['damage', 'ff'],
  ])('refuses %s', (_, hex) => {
    expect(() => encodeArchiveItem(fromHex(hex))).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }),
    )
  })

  it('refuses what a reader with the same limit would refuse', () => {
    const item = encodeCbor(new Uint8Array(50))
    expect(encodeArchiveItem(item, { maxItemBytes: item.length })).toBe(item)
    expect(() => encodeArchiveItem(item, { maxItemBytes: item.length - 1 })).toThrow(
      expect.objectContaining({ code: 'ERR_LIMIT' }),
    )
  })
})
