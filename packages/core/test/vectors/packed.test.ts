// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { fromHex, toHex, unpackMessage } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { PACKING_DICTIONARY } from '../../src/control/packed-dictionary.js'
import { holding } from '../support/packing.js'
import { expectResults, nameOf, vectorsOf, type VectorCase } from '../support/vectors.js'

interface PackedCase extends VectorCase {
  readonly held: readonly string[]
  readonly packed: string
  readonly message?: string
  readonly dictionary?: string
  readonly length?: number
}

const tests = vectorsOf<PackedCase>('packed')

describe('the vectors of packed messages', () => {
  it('unpack, or do not, as they say', () => {
    expect(tests.length).toBeGreaterThan(45)
    expectResults(tests, (test) => {
      const found = unpackMessage(
        fromHex(test.packed),
        holding(test.held.map((one) => fromHex(one))),
      )
      if (test.message !== undefined) expect(toHex(found), nameOf(test)).toBe(test.message)
      else expect(found, nameOf(test)).toHaveLength(test.length ?? -1)
    })
  })

  it('begin with the dictionary of the specification, which is ours', () => {
    const [first] = tests
    expect(first?.dictionary).toBe(toHex(PACKING_DICTIONARY))
    const url = new URL('../../../../docs/spec/07-granting.md', import.meta.url)
    const printed = /```hex\n([0-9a-f\n]+)```/.exec(readFileSync(url, 'utf8'))?.[1]
    expect(printed?.replaceAll('\n', '')).toBe(first?.dictionary)
  })
})
