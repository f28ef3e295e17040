// SPDX-License-Identifier: Apache-2.0
import {
  fromHex,
  kemKid,
  openSealedMessage,
  sealMessage,
  toHex,
  type KemKeyPair,
  type KemKind,
} from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { providers } from '../crypto/providers.js'
import { expectResultsAsync, nameOf, vectorsOf, type VectorCase } from '../support/vectors.js'

interface SealedCase extends VectorCase {
  readonly kind: KemKind
  readonly recipientId: string
  readonly publicKey: string
  readonly secretKey: string
  readonly sealed: string
  readonly message?: string
  readonly kemKid?: string
  readonly randomness?: string
}

const tests = vectorsOf<SealedCase>('sealed')
const valid = tests.filter(({ result }) => result === 'valid')

function recipientOf(test: SealedCase): { readonly id: Uint8Array; readonly key: KemKeyPair } {
  const { kind, recipientId, publicKey, secretKey } = test
  const key = { kind, publicKey: fromHex(publicKey), secretKey: fromHex(secretKey) }
  return { id: fromHex(recipientId), key }
}

describe.each(providers)('the vectors of sealed messages with the $name provider', (crypto) => {
  it('open, or do not, as they say', async () => {
    await expectResultsAsync(tests, async (test) => {
      const opened = await openSealedMessage(crypto, fromHex(test.sealed), recipientOf(test))
      expect(toHex(opened)).toBe(test.message)
    })
  })

  it('name the keys that they are sealed to', () => {
    for (const test of valid) {
      expect(toHex(kemKid(crypto, recipientOf(test).key)), nameOf(test)).toBe(test.kemKid)
    }
  })

  it('are sealed byte for byte where the randomness is given', async () => {
    const given = valid.filter(({ randomness }) => randomness !== undefined)
    expect(given.length).toBeGreaterThan(0)
    for (const test of given) {
      const randomness = fromHex(test.randomness ?? '')
      const seeded = { ...crypto, randomBytes: (length: number) => randomness.slice(0, length) }
      const sealed = await sealMessage(seeded, fromHex(test.message ?? ''), recipientOf(test))
      expect(toHex(sealed), nameOf(test)).toBe(test.sealed)
    }
  })
})
