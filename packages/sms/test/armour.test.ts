// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex, WaxwingError } from '@waxwing/core'
import { decodeArmour, encodeArmour } from '@waxwing/sms'
import { loadVectors, type Vector } from '@waxwing/testkit'
import { bytesToText, isBinaryCoding, textToBytes } from '../src/text/alphabet.js'
import { armourCapacity } from '../src/text/armour.js'

interface Case extends Vector {
  readonly bytes?: string
  readonly text: string
}

describe('armour', () => {
  it.each(loadVectors<Case>('armour'))('vector $id: $comment', ({ bytes, text, result }) => {
    if (bytes === undefined) {
      expect(() => decodeArmour(text)).toThrow(expect.objectContaining({ code: result }) as Error)
    } else {
      expect(encodeArmour(fromHex(bytes))).toBe(text)
      expect(toHex(decodeArmour(text))).toBe(bytes)
    }
  })

  it('gives back what was put in, over either alphabet', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom('gsm', 'ascii'),
        (bytes, alphabet) => {
          const sent = textToBytes(encodeArmour(bytes), alphabet)
          expect(sent.every((byte) => byte < 0x80 && byte !== 0x1b && byte !== 0x20)).toBe(true)
          expect(toHex(decodeArmour(bytesToText(sent, 0)))).toBe(toHex(bytes))
        },
      ),
    )
  })

  it('survives a centre that makes UCS-2 of it', () => {
    const text = encodeArmour(Uint8Array.from({ length: 140 }, (_, i) => 255 - i))
    const wide = Buffer.from(text, 'utf16le').swap16()
    expect(bytesToText(wide, 8)).toBe(text)
  })

  it('reads no text but the one that it writes, and throws nothing else', () => {
    const characters = fc.constantFrom(...Array.from(':%0Az@?>u!~ é'))
    fc.assert(
      fc.property(fc.string({ unit: characters, maxLength: 20 }), (rest) => {
        const text = `:%${rest}`
        try {
          expect(encodeArmour(decodeArmour(text))).toBe(text)
        } catch (error) {
          if (!(error instanceof WaxwingError)) throw error
          expect(error.code).toBe('ERR_MALFORMED')
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('knows how much fits', () => {
    for (let characters = 2; characters < 400; characters++) {
      const most = armourCapacity(characters)
      expect(encodeArmour(new Uint8Array(most)).length).toBeLessThanOrEqual(characters)
      expect(encodeArmour(new Uint8Array(most + 1)).length).toBeGreaterThan(characters)
    }
  })
})

describe('data codings', () => {
  it.each([0x02, 0x04, 0x14, 0x16, 0x44, 0x55, 0xf4, 0xf5, 0xf6, 0xf7])(
    'take %i for bytes',
    (coding) => {
      expect(isBinaryCoding(coding)).toBe(true)
    },
  )

  it.each([0x00, 0x01, 0x03, 0x05, 0x06, 0x07, 0x08, 0x10, 0x24, 0xf0, 0xf1, 0xc0, 0xd8])(
    'take %i for text',
    (coding) => {
      expect(isBinaryCoding(coding)).toBe(false)
    },
  )

  it('read what a person wrote as far as they can', () => {
    expect(bytesToText(Buffer.from('Grüße', 'latin1'), 3)).toBe('Grüße')
    for (const coding of [0x08, 0x18, 0x19, 0x48]) {
      expect(bytesToText(Buffer.from('d83d00410a', 'hex'), coding)).toBe('\ufffdA')
    }
  })
})
