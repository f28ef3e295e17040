// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { nodeMlKem768 } from '../../src/crypto/node-ml-kem.js'
import { pureMlKem768 } from '../../src/crypto/pure-ml-kem.js'

const libraries = [
  ['node', nodeMlKem768],
  ['pure', pureMlKem768],
] as const

describe.each(libraries)('ML-KEM-768 of %s', (_name, from) => {
  it.each(libraries)('opens what it encapsulated to a key of %s', (_other, to) => {
    const secretKey = to.importSeed(new Uint8Array(64).fill(4))
    const { sharedKey, ciphertext } = from.importPublicKey(secretKey.publicKey.bytes).encapsulate()
    expect(secretKey.decapsulate(new Uint8Array(ciphertext))).toStrictEqual(
      new Uint8Array(sharedKey),
    )
  })
})

describe.each([
  ['OpenSSL', nodeMlKem768],
  ['noble', pureMlKem768],
])('ML-KEM-768 of %s', (_name, mlKem) => {
  it('takes seeds and public keys of their one length alone', () => {
    const { publicKey } = mlKem.importSeed(new Uint8Array(64))
    for (const length of [0, 63, 65, 128]) {
      expect(() => mlKem.importSeed(new Uint8Array(length))).toThrow(RangeError)
    }
    for (const length of [0, 1183, 1185]) {
      const bytes = new Uint8Array(length)
      bytes.set(publicKey.bytes.subarray(0, length))
      expect(() => mlKem.importPublicKey(bytes)).toThrow(RangeError)
    }
  })
})
