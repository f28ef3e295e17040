// SPDX-License-Identifier: Apache-2.0
import { decodeCompact, decodeObject, encodeCompact, fromHex, toHex } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { expectResults, nameOf, vectorsOf, type VectorCase } from '../support/vectors.js'

interface Pair extends VectorCase {
  readonly kid: string
  readonly epoch: number
  readonly partialIv: string
  readonly ciphertext: string
  readonly signature: string | null
  readonly object: string
  readonly compact: string
}

type Refused = VectorCase & { readonly object?: string; readonly compact?: string }

const tests = vectorsOf<VectorCase>('compact')
const pairs = tests.filter((test): test is Pair => test.result === 'valid')
const refused = tests.filter((test): test is Refused => test.result !== 'valid')

describe('the vectors of compact forms', () => {
  it('lead from the object to the compact form and back', () => {
    expect(pairs.length).toBeGreaterThan(60)
    for (const test of pairs) {
      expect(toHex(encodeCompact(fromHex(test.object))), nameOf(test)).toBe(test.compact)
      expect(toHex(decodeCompact(fromHex(test.compact))), nameOf(test)).toBe(test.object)
    }
  })

  it('have these fields', () => {
    for (const test of pairs) {
      const object = decodeObject(decodeCompact(fromHex(test.compact)))
      const { epoch, signature } = object
      const [kid, partialIv, ciphertext] = [object.kid, object.partialIv, object.ciphertext].map(
        toHex,
      )
      const found = {
        kid,
        epoch,
        partialIv,
        ciphertext,
        signature: signature ? toHex(signature) : null,
      }
      expect(test, nameOf(test)).toMatchObject(found)
    }
  })

  it('are refused, as they say', () => {
    expect(refused.length).toBeGreaterThan(15)
    expectResults(refused, ({ object, compact }) => {
      if (compact !== undefined) decodeCompact(fromHex(compact))
      if (object !== undefined) encodeCompact(fromHex(object))
    })
  })

  it('refuse only objects that are good as they are', () => {
    const whole = refused.flatMap(({ object }) => (object === undefined ? [] : [fromHex(object)]))
    expect(whole.length).toBeGreaterThan(3)
    for (const object of whole) expect(decodeObject(object).bytes).toBe(object)
  })
})
