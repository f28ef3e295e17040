// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { nodeMlKem768 } from '../../src/crypto/node-ml-kem.js'
import { pureMlKem768 } from '../../src/crypto/pure-ml-kem.js'
import {
  havePublishedVectors,
  hex,
  labelOf,
  readWycheproof,
  type WycheproofTest,
} from './published-vectors.js'

const libraries = [
  ['node', nodeMlKem768],
  ['pure', pureMlKem768],
] as const

interface DecapsTest extends WycheproofTest {
  readonly seed: string
  readonly ek: string
  readonly c: string
  readonly K: string
}

interface EncapsTest extends WycheproofTest {
  readonly ek: string
}

describe.skipIf(!havePublishedVectors).each(libraries)(
  'Wycheproof, ML-KEM-768 of %s',
  (_n, lib) => {
    it('makes the public key of a seed, and recovers the shared secret', () => {
      for (const test of readWycheproof<DecapsTest>('mlkem_768').flatMap((group) => group.tests)) {
        const decapsulate = (): Uint8Array =>
          lib.importSeed(hex(test.seed)).decapsulate(hex(test.c))
        if (test.result !== 'valid') expect(decapsulate, labelOf(test)).toThrow()
        else {
          const { publicKey } = lib.importSeed(hex(test.seed))
          expect(publicKey.bytes, labelOf(test)).toStrictEqual(hex(test.ek))
          expect(decapsulate(), labelOf(test)).toStrictEqual(hex(test.K))
        }
      }
    })

    it('encapsulates to no public key of a wrong length or with a coefficient not reduced', () => {
      const tests = readWycheproof<EncapsTest>('mlkem_768_encaps').flatMap((group) => group.tests)
      for (const test of tests) {
        const encapsulate = (): unknown => lib.importPublicKey(hex(test.ek)).encapsulate()
        if (test.result === 'valid') expect(encapsulate(), labelOf(test)).toBeDefined()
        else expect(encapsulate, labelOf(test)).toThrow()
      }
    })
  },
)

describe.each(libraries)('ML-KEM-768 of %s', (_name, from) => {
  it.each(libraries)('opens what it encapsulated to a key of %s', (_other, to) => {
    const secretKey = to.importSeed(new Uint8Array(64).fill(4))
    const { sharedKey, ciphertext } = from.importPublicKey(secretKey.publicKey.bytes).encapsulate()
    expect(secretKey.decapsulate(new Uint8Array(ciphertext))).toStrictEqual(
      new Uint8Array(sharedKey),
    )
  })
})
