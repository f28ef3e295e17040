// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countersign0Structure, encStructure } from '@waxwing/core'
import {
  AuthenticatedStructure,
  COUNTERSIGNATURE0,
  ENCRYPT0,
} from '../../src/object/authenticated.js'

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength })

describe('the structures that are authenticated beside an object', () => {
  it('are what the general codec makes, whatever was laid out in their buffers before', () => {
    const objects = fc.array(fc.tuple(bytes(300), bytes(700)), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(bytes(300), objects, (aad, sequence) => {
        const encrypt = new AuthenticatedStructure(ENCRYPT0, aad)
        const countersign = new AuthenticatedStructure(COUNTERSIGNATURE0, aad)
        for (const [header, ciphertext] of sequence) {
          expect(encrypt.of(header)).toEqual(encStructure(header, aad))
          const expected = countersign0Structure(header, aad, ciphertext)
          expect(countersign.withCiphertext(header, ciphertext)).toEqual(expected)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('take ciphertexts of every length of head, small ones after large ones too', () => {
    const aad = new Uint8Array(40).fill(7)
    const header = new Uint8Array(32).fill(3)
    const structure = new AuthenticatedStructure(COUNTERSIGNATURE0, aad)
    for (const length of [0, 23, 24, 255, 256, 65_535, 65_536, 70_000, 100, 24]) {
      const ciphertext = new Uint8Array(length).fill(length)
      const expected = countersign0Structure(header, aad, ciphertext)
      expect(Buffer.compare(structure.withCiphertext(header, ciphertext), expected)).toBe(0)
    }
  })

  it('hold nothing of the key commitment any more once they are wiped', () => {
    const aad = new Uint8Array(40).fill(7)
    const structure = new AuthenticatedStructure(COUNTERSIGNATURE0, aad)
    const before = structure.withCiphertext(new Uint8Array(32), new Uint8Array(16))
    structure.wipe()
    expect(aad.every((byte) => byte === 0)).toBe(true)
    expect(before.every((byte) => byte === 0)).toBe(true)
  })
})
