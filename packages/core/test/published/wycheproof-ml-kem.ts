// SPDX-License-Identifier: Apache-2.0
/**
 * Project Wycheproof on ML-KEM-768, which is offered inside X-Wing only: keys and decapsulation on
 * the two libraries that X-Wing is built on (libsodium has none and takes Node's), encapsulation by
 * sealing to an X-Wing key whose first part is the key of the case.
 */

import { concatBytes, type CryptoProvider, fromHex, sealBase, toHex } from '@waxwing/core'
import { expect, it, vi } from 'vitest'
import type { MlKem768 } from '../../src/crypto/ml-kem.js'
import { nodeMlKem768 } from '../../src/crypto/node-ml-kem.js'
import { pureMlKem768 } from '../../src/crypto/pure-ml-kem.js'
import { providers } from '../crypto/providers.js'
import { casesOf } from './catalogue.js'
import { runSource } from './runner.js'

interface DecapsTest {
  readonly result: string
  readonly seed: string
  readonly ek: string
  readonly c: string
  readonly K: string
}

interface EncapsTest {
  readonly result: string
  readonly m: string
  readonly ek: string
  readonly c: string
  readonly K: string
}

interface Library {
  readonly name: string
  readonly mlKem768: MlKem768
}

const LIBRARIES: readonly Library[] = [
  { name: 'node', mlKem768: nodeMlKem768 },
  { name: 'pure', mlKem768: pureMlKem768 },
]
const ENCAPS = 'wycheproof/mlkem_768_encaps_test.json'
const EK_BYTES = 1184
/** Any X25519 public key that is not of small order. */
const X25519_KEY = new Uint8Array(32).fill(9)

export function declareMlKem(): void {
  runSource<DecapsTest, Library>('wycheproof/mlkem_768_test.json', {
    on: LIBRARIES,
    passes({ mlKem768 }, { result, seed, ek, c, K }) {
      const decapsulate = (): string =>
        toHex(mlKem768.importSeed(fromHex(seed)).decapsulate(fromHex(c)))
      if (result !== 'valid') return expect(decapsulate).toThrow()
      expect(toHex(mlKem768.importSeed(fromHex(seed)).publicKey.bytes)).toBe(ek)
      expect(decapsulate()).toBe(K)
    },
  })

  runSource<EncapsTest, CryptoProvider>(ENCAPS, { on: providers, passes: checkSealing })

  it(`${ENCAPS} has the ciphertexts and secrets that pure makes of its randomness`, () => {
    const tests = [...casesOf<EncapsTest>(ENCAPS).values()]
    for (const { m, ek, c, K } of tests.filter(({ result }) => result === 'valid')) {
      const { sharedKey, ciphertext } = withRandomness(fromHex(m), () =>
        pureMlKem768.importPublicKey(fromHex(ek)).encapsulate(),
      )
      expect([toHex(ciphertext), toHex(sharedKey)]).toStrictEqual([c, K])
    }
  })

  it.each(LIBRARIES)(`${ENCAPS} on the ML-KEM of $name alone`, ({ mlKem768 }) => {
    for (const [name, { ek, result }] of casesOf<EncapsTest>(ENCAPS)) {
      const encapsulate = (): unknown => mlKem768.importPublicKey(fromHex(ek)).encapsulate()
      if (result === 'valid') expect(encapsulate(), name).toBeDefined()
      else expect(encapsulate, name).toThrow()
    }
  })
}

async function checkSealing(crypto: CryptoProvider, { ek, result }: EncapsTest): Promise<void> {
  const publicKey = concatBytes(fromHex(ek), X25519_KEY)
  const nothing = new Uint8Array()
  const sealing = sealBase(crypto, {
    recipientKey: { kind: 'x-wing', publicKey },
    info: nothing,
    aad: nothing,
    plaintext: nothing,
  })
  if (result === 'valid') {
    expect((await sealing).encapsulatedKey).toHaveLength(1120)
  } else if (ek.length === 2 * EK_BYTES) {
    await expect(sealing).rejects.toThrow(expect.objectContaining({ code: 'ERR_KEY_INVALID' }))
  } else {
    await expect(sealing).rejects.toThrow(RangeError)
  }
}

/** Lets the platform's generator give just these bytes. */
function withRandomness<T>(bytes: Uint8Array, call: () => T): T {
  const generator = vi.spyOn(globalThis.crypto, 'getRandomValues')
  generator.mockImplementation((array) => {
    ;(array as unknown as Uint8Array).set(bytes)
    return array
  })
  try {
    return call()
  } finally {
    generator.mockRestore()
  }
}
