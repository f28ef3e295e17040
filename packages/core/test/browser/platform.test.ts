// SPDX-License-Identifier: Apache-2.0
/**
 * What the core takes for granted of every platform, browsers among them. These files run twice:
 * with all other tests on Node, and in Chromium by `npm run test:browser`.
 */
import { describe, expect, it } from 'vitest'
import {
  ERROR_CODES,
  WaxwingError,
  compareBytes,
  equalBytes,
  fromBase64Url,
  fromHex,
  fromUtf8,
  systemClock,
  toBase64Url,
  toHex,
  utf8,
} from '@waxwing/core'

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, i) => i)

describe('bytes', () => {
  it('gives every byte back from hex and from base64url', () => {
    expect(fromHex(toHex(EVERY_BYTE))).toEqual(EVERY_BYTE)
    expect(fromBase64Url(toBase64Url(EVERY_BYTE))).toEqual(EVERY_BYTE)
  })

  it('writes base64url as RFC 4648 Section 10 does, without padding', () => {
    const written = ['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map((text) =>
      toBase64Url(utf8(text)),
    )
    expect(written).toEqual(['', 'Zg', 'Zm8', 'Zm9v', 'Zm9vYg', 'Zm9vYmE', 'Zm9vYmFy'])
  })

  it('takes base64url in its one canonical form only', () => {
    for (const text of ['Zg==', 'Zh', 'Z', 'Zm+v', 'Zm/v', ' Zg']) {
      expect(fromBase64Url(text), text).toBeUndefined()
    }
  })

  it('gives text back from UTF-8, byte order mark included, and refuses what is not UTF-8', () => {
    for (const text of ['', 'grün', '\u{FEFF}x', '\u{1F426}']) {
      expect(fromUtf8(utf8(text))).toBe(text)
    }
    expect(() => fromUtf8(Uint8Array.of(0xc0, 0x80))).toThrow(TypeError)
    expect(() => fromUtf8(Uint8Array.of(0xed, 0xa0, 0x80))).toThrow(TypeError)
  })

  it('orders byte strings bytewise, a prefix first', () => {
    const sorted = ['', '00', '0000', '01', 'ff'].map(fromHex)
    expect(sorted.toReversed().toSorted(compareBytes)).toEqual(sorted)
    expect(equalBytes(fromHex('0a'), fromHex('0A'))).toBe(true)
    expect(equalBytes(fromHex('0a'), fromHex('0a00'))).toBe(false)
  })
})

describe('errors', () => {
  it('keep their code, details and cause', () => {
    const cause = new Error('inner')
    const error = new WaxwingError('ERR_LIMIT', 'too long', { field: 'kid' }, { cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'WaxwingError', code: 'ERR_LIMIT', cause })
    expect(error.details).toEqual({ field: 'kid' })
  })

  it('have codes that all begin alike and say what they mean', () => {
    for (const [code, meaning] of Object.entries(ERROR_CODES)) {
      expect(code).toMatch(/^ERR_[A-Z_]+$/)
      expect(meaning).toMatch(/\.$/)
    }
  })
})

describe('the platform clock', () => {
  it('tells the time, and a monotonic time that does not go back', () => {
    expect(Math.abs((systemClock.now() ?? 0) - Date.now())).toBeLessThan(5_000)
    const first = systemClock.monotonic()
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(first)
  })
})
