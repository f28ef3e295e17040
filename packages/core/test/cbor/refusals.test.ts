// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { ArchiveReader, encodeArchiveItem } from '../../src/archive/archive.js'
import { fromHex } from '../../src/bytes.js'
import { itemEnd } from '../../src/cbor/item-end.js'

/** What is refused of an item, with the offset behind the head at fault or of it. */
const MALFORMED: readonly (readonly [string, string, number])[] = [
  ['indefinite length', '9f', 0],
  ['indefinite length', '005f', 1],
  ['additional information', '1c', 0],
  ['additional information', '1e', 0],
  ['length of a number', '1817', 0],
  ['length of a number', '1900ff', 0],
  ['length of a number', '1a0000ffff', 0],
  ['length of a number', '1b00000000ffffffff', 0],
  ['simple value or float', 'f3', 0],
  ['simple value or float', 'f7', 0],
  ['simple value or float', 'f93c00', 0],
  ['tag', 'db0020000000000000', 0],
]
const LIMITS: readonly (readonly [string, string])[] = [
  ['item size', '5a00010000'],
  ['item size', '9a00010000'],
  ['item size', 'b90100'],
  ['nesting depth', `${'81'.repeat(17)}00`],
  ['nesting depth', `${'c1'.repeat(17)}00`],
]

describe('the end of an item', () => {
  it.each(MALFORMED)('is not found, for its %s (%s)', (field, hex, start) => {
    expect(() => itemEnd(fromHex(hex), start)).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED', details: { field, offset: start } }),
    )
  })

  it.each(LIMITS)('is beyond the limit on the %s (%s)', (rule, hex) => {
    const details: unknown = expect.objectContaining({ rule })
    expect(() => itemEnd(fromHex(hex), 0, { maxBytes: 100 })).toThrow(
      expect.objectContaining({ code: 'ERR_LIMIT', details }),
    )
  })
})

describe('the largest tag', () => {
  it('is 2^53 - 1', () => {
    const item = fromHex('db001fffffffffffff00')
    expect(itemEnd(item, 0)).toBe(item.length)
    expect(new ArchiveReader().push(item)).toEqual([item])
  })
})

describe('a reader of archives', () => {
  it.each(MALFORMED)('refuses an item for its %s (%s)', (field, hex, start) => {
    const reader = new ArchiveReader()
    const details = { field, offset: 0 }
    expect(() => reader.push(fromHex(hex).subarray(start))).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED', details }),
    )
  })

  it.each(LIMITS)('refuses an item for the limit on the %s (%s)', (rule, hex) => {
    const reader = new ArchiveReader({ maxItemBytes: 100 })
    const details = { rule, offset: 0 }
    expect(() => reader.push(fromHex(hex))).toThrow(
      expect.objectContaining({ code: 'ERR_LIMIT', details }),
    )
  })

  it('takes items of one byte under the lowest limit, and heads of no more', () => {
    const reader = new ArchiveReader({ maxItemBytes: 1 })
    expect(reader.push(fromHex('0001'))).toHaveLength(2)
    const refusal: unknown = expect.objectContaining({
      code: 'ERR_LIMIT',
      details: { rule: 'item size', offset: 2 },
    })
    expect(() => reader.push(fromHex('1818'))).toThrow(refusal)
    expect(() => reader.end()).toThrow(refusal)
  })

  it('says that an archive ends too early, and why an item was refused', () => {
    const reader = new ArchiveReader()
    reader.push(fromHex('0082'))
    expect(() => reader.end()).toThrow(
      expect.objectContaining({ details: { field: 'end', offset: 1 } }),
    )
    expect(() => new ArchiveReader().push(fromHex('ff'))).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ code: 'ERR_MALFORMED' }) }),
    )
  })
})

describe('what is to be appended to an archive', () => {
  it.each([
    ['end', '82'],
    ['trailing bytes', '0000'],
  ])('is refused for its %s', (field, hex) => {
    expect(() => encodeArchiveItem(fromHex(hex))).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED', details: { field } }),
    )
  })
})
