// SPDX-License-Identifier: Apache-2.0
/** RFC 8949: what the profile takes is read and written again, everything else is refused. */

import { expect, it } from 'vitest'
import { CborTag, decodeCbor, encodeCbor, fromHex, itemEnd, toHex } from '@waxwing/core'
import { casesOf } from './catalogue.js'
import { runSource } from './runner.js'
import { codeOf } from './refusal.js'

interface Item {
  readonly hex: string
  /** In Appendix A. */
  readonly decoded?: unknown
  /** In the edge values. */
  readonly diagnostic?: string
  /** Of what is not well-formed. */
  readonly kind?: string
}

const CODEC = [{ name: 'core' }]

/** Byte strings and tags have no value in the file, and numbers beyond 2^53 not their own. */
const WITHOUT_VALUE = /^(c|[13]bff)/

export function declareCbor(): void {
  runSource<Item, { name: string }>('cbor/appendix_a.json', {
    on: CODEC,
    passes(_codec, item) {
      checkRoundTrip(item)
      if (!('decoded' in item) || WITHOUT_VALUE.test(item.hex)) return
      expect(decode(item.hex)).toStrictEqual(expectedValue(item.decoded))
    },
    refuses: (_codec, { hex }) => expect(refusalOf(hex)).toBe('ERR_MALFORMED'),
  })

  it('cbor/appendix_a.json has integers of 64 bits', () => {
    expect(decode('1bffffffffffffffff')).toBe(18_446_744_073_709_551_615n)
    expect(decode('3bffffffffffffffff')).toBe(-18_446_744_073_709_551_616n)
  })

  runSource<Item, { name: string }>('cbor/wellformed.json', {
    on: CODEC,
    passes(_codec, item) {
      checkRoundTrip(item)
      if (/^[0-3]/.test(item.hex)) {
        expect(BigInt(decode(item.hex) as number)).toBe(integerOf(item.diagnostic!))
      } else if (/^[67]/.test(item.hex)) {
        expect(decode(item.hex)).toBe(JSON.parse(item.diagnostic!))
      }
    },
    refuses: (_codec, { hex }) => expect(refusalOf(hex)).toBe('ERR_MALFORMED'),
  })

  runSource<Item, { name: string }>('cbor/malformed.json', {
    on: CODEC,
    passes(_codec, { hex, kind }) {
      expect(refusalOf(hex)).toBe('ERR_MALFORMED')
      if (kind === undefined) return // well-formed, but invalid
      // Too little data may become an item, unless it is outside of the profile, or too deep.
      const others = kind === 'too-little-data' ? ['more', 'ERR_LIMIT'] : []
      expect(codeOf(() => itemEnd(fromHex(hex), 0) ?? 'more')).toBeOneOf([
        'ERR_MALFORMED',
        ...others,
      ])
    },
  })

  it('cbor/malformed.json has tags whose contents are left to who knows the tag', () => {
    const names = [...casesOf('cbor/malformed.json').keys()]
    const contents = new Map([['a', 0]])
    for (const [hex, tag] of [
      ['c1a1616100', 1],
      ['c0a1616100', 0],
    ] as const) {
      expect(names).toContain(hex)
      expect(decode(hex)).toStrictEqual(new CborTag(tag, contents))
    }
  })
}

function decode(hex: string): unknown {
  return decodeCbor(fromHex(hex), 'vector')
}

function refusalOf(hex: string): unknown {
  return codeOf(() => decode(hex))
}

function checkRoundTrip({ hex }: Item): void {
  expect(toHex(encodeCbor(decodeCbor(fromHex(hex), 'vector')))).toBe(hex)
  expect(itemEnd(fromHex(hex), 0)).toBe(hex.length / 2)
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

/** Reads an integer of diagnostic notation. */
function integerOf(diagnostic: string): bigint {
  const magnitude = BigInt(diagnostic.replace('-', ''))
  return diagnostic.startsWith('-') ? -magnitude : magnitude
}
