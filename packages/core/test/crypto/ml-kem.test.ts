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
