// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/bytes.js'
import { CborTag, decodeCbor, encodeCbor } from '../../src/cbor/cbor.js'
import { itemEnd } from '../../src/cbor/item-end.js'
import { describePublished, readPublished } from './published.js'

interface Malformed {
  readonly notWellFormed: readonly { hex: string; kind: string; reason: string }[]
  readonly wellFormedButInvalid: readonly { hex: string; comment: string }[]
}

/** Items that are good CBOR and that the profile refuses on purpose, by what stands in them. */
const OUTSIDE_PROFILE: readonly (readonly [RegExp, string])[] = [
  [/^(c1|a1)?f[9ab]/, 'floating-point number'],
  [/^f[078]/, 'simple value'],
  [/^([579b]f|8301(8202039f|9f0203ff)|826161bf)/, 'indefinite length'],
  [/^[13]8(0.|1[0-7])$|^[13]900..$|^[13]a0000....$|^[13]b00000000/, 'number too long'],
  [/^b81a8080/, 'keys that are neither integers nor text'],
  [/^((81){17}|(a1){17}|(a100){17})/, 'more than 16 levels'],
]

function outsideProfile(hex: string): string | undefined {
  return OUTSIDE_PROFILE.find(([pattern]) => pattern.test(hex))?.[1]
}

/** The value that a file gives, in our types. Tags have none there. */
function expectedValue(decoded: unknown): unknown {
  if (Array.isArray(decoded)) return decoded.map(expectedValue)
  if (typeof decoded !== 'object' || decoded === null) return decoded
  // JSON knows text keys only; the one map with integer keys is in the file as text.
  const entries = Object.entries(decoded).map(([key, value]) => [
    /^\d+$/.test(key) ? Number(key) : key,
    expectedValue(value),
  ])
  return new Map(entries as [string | number, unknown][])
}

describePublished('RFC 8949 Appendix A', () => {
  const items = readPublished<readonly { hex: string; decoded?: unknown }[]>('cbor/appendix_a.json')
  const inside = items.filter(({ hex }) => outsideProfile(hex) === undefined)
  const outside = items.filter(({ hex }) => outsideProfile(hex) !== undefined)

  it('has all its items', () => {
    expect([inside.length, outside.length]).toStrictEqual([44, 37])
  })

  it.each(inside)('$hex is read and written again', ({ hex }) => {
    expect(toHex(encodeCbor(decodeCbor(fromHex(hex), 'vector')))).toBe(hex)
    expect(itemEnd(fromHex(hex), 0)).toBe(hex.length / 2)
  })

  it.each(outside)('$hex is outside of the profile', ({ hex }) => {
    expect(codeOf(hex)).toBe('ERR_MALFORMED')
  })

  // Byte strings and tags have no value in the file, and numbers beyond 2^53 not their own.
  const valued = inside.filter((item) => 'decoded' in item && !/^(c|[13]bff)/.test(item.hex))
  it.each(valued)('$hex has the value that is given', ({ hex, decoded }) => {
    expect(decodeCbor(fromHex(hex), 'vector')).toStrictEqual(expectedValue(decoded))
  })

  it('has integers of 64 bits', () => {
    expect(decodeCbor(fromHex('1bffffffffffffffff'), 'vector')).toBe(18_446_744_073_709_551_615n)
    expect(decodeCbor(fromHex('3bffffffffffffffff'), 'vector')).toBe(-18_446_744_073_709_551_616n)
  })
})

describePublished('edge values of cbor-wg/cbor-test-vectors', () => {
  const items =
    readPublished<readonly { hex: string; comment: string; diagnostic: string }[]>(
      'cbor/wellformed.json',
    )
  const inside = items.filter(({ hex }) => outsideProfile(hex) === undefined)
  const outside = items.filter(({ hex }) => outsideProfile(hex) !== undefined)

  it('has all its items', () => {
    expect([inside.length, outside.length]).toStrictEqual([18, 70])
  })

  it.each(inside)('$comment is read and written again', ({ hex }) => {
    expect(toHex(encodeCbor(decodeCbor(fromHex(hex), 'vector')))).toBe(hex)
  })

  it.each(outside)('$comment is outside of the profile', ({ hex }) => {
    expect(codeOf(hex)).toBe('ERR_MALFORMED')
  })

  it.each(inside.filter(({ hex }) => /^[0-3]/.test(hex)))('$comment has its value', (item) => {
    expect(BigInt(decodeCbor(fromHex(item.hex), 'vector') as number)).toBe(
      integerOf(item.diagnostic),
    )
  })

  it.each(inside.filter(({ hex }) => /^[67]/.test(hex)))('$comment has its text', (item) => {
    expect(decodeCbor(fromHex(item.hex), 'vector')).toBe(JSON.parse(item.diagnostic))
  })
})

describePublished('input that is not well-formed', () => {
  const { notWellFormed, wellFormedButInvalid } = readPublished<Malformed>('cbor/malformed.json')

  it('has all its items', () => {
    expect(notWellFormed).toHaveLength(121)
    expect(wellFormedButInvalid).toHaveLength(3)
  })

  it.each(notWellFormed)('$hex is refused: $reason', ({ hex, kind }) => {
    expect(codeOf(hex)).toBe('ERR_MALFORMED')
    // Too little data may become an item, unless it is outside of the profile, or too deep.
    const others = kind === 'too-little-data' ? ['more', 'ERR_LIMIT'] : []
    expect(endOrCode(hex)).toBeOneOf(['ERR_MALFORMED', ...others])
  })

  it('refuses text that is not valid, and leaves what is inside a tag to who knows the tag', () => {
    const [text, date, dateText] = wellFormedButInvalid
    expect(codeOf(text!.hex)).toBe('ERR_MALFORMED')
    const contents = new Map([['a', 0]])
    expect(decodeCbor(fromHex(date!.hex), 'vector')).toStrictEqual(new CborTag(1, contents))
    expect(decodeCbor(fromHex(dateText!.hex), 'vector')).toStrictEqual(new CborTag(0, contents))
  })
})

/** Reads an integer of diagnostic notation. */
function integerOf(diagnostic: string): bigint {
  const magnitude = BigInt(diagnostic.replace('-', ''))
  return diagnostic.startsWith('-') ? -magnitude : magnitude
}

function codeOf(hex: string): string {
  try {
    decodeCbor(fromHex(hex), 'vector')
    return 'decoded'
  } catch (error) {
    return (error as { code: string }).code
  }
}

function endOrCode(hex: string): number | string {
  try {
    return itemEnd(fromHex(hex), 0) ?? 'more'
  } catch (error) {
    return (error as { code: string }).code
  }
}
