// SPDX-License-Identifier: Apache-2.0
import {
  coverOf,
  decodeCbor,
  decodeNodes,
  encodeNodes,
  fromHex,
  nodesFor,
  rootNode,
  spanFromCbor,
  toHex,
} from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { providers } from '../crypto/providers.js'
import { expectResults, nameOf, vectorsOf, type VectorCase } from '../support/vectors.js'

interface CoverCase extends VectorCase {
  readonly span: string
  readonly nodes: string
  readonly first?: number
  readonly last?: number
  readonly root?: string
  readonly positions?: readonly (readonly [number, number])[]
}

const tests = vectorsOf<CoverCase>('covers')
const valid = tests.filter(({ result }) => result === 'valid')

describe.each(providers)('the vectors of covers with the $name provider', (crypto) => {
  it('have the keys that follow from the root', () => {
    for (const test of valid) {
      const span = spanFromCbor(decodeCbor(fromHex(test.span), 'span'), 'span')
      const nodes = nodesFor(crypto, [rootNode(fromHex(test.root ?? ''))], span)
      expect(toHex(encodeNodes(nodes ?? [])), nameOf(test)).toBe(test.nodes)
      expect(decodeNodes(fromHex(test.nodes), span)).toEqual(nodes)
    }
  })
})

describe('the vectors of covers', () => {
  it('are read, or not, as they say', () => {
    expectResults(tests, ({ span, nodes }) => {
      decodeNodes(fromHex(nodes), spanFromCbor(decodeCbor(fromHex(span), 'span'), 'span'))
    })
  })

  it('have these positions', () => {
    for (const test of valid) {
      const { first = -1, last = -1, positions } = test
      expect(spanFromCbor(decodeCbor(fromHex(test.span), 'span'), 'span')).toEqual({ first, last })
      const cover = coverOf({ first, last }).map(({ depth, index }) => [depth, index])
      expect(cover, nameOf(test)).toEqual(positions)
    }
  })
})
