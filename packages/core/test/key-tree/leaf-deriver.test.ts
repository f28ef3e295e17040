// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { spanOfNode } from '../../src/key-tree/cover.js'
import { LeafDeriver } from '../../src/key-tree/leaf-deriver.js'
import { deriveLeaf, deriveNode } from '../../src/key-tree/tree.js'
import { countingCrypto, nodeOf, treeCrypto } from './tree-crypto.js'

const root = nodeOf('a root')
const middle = nodeOf('a node', 20, 0x9abcd)

/** Positions below a node, near and far from one another. */
function positionsBelow(depth: number, index: number) {
  return fc.integer({ min: depth, max: 32 }).chain((to) => {
    const below = 2 ** (to - depth)
    const at = fc.oneof(fc.nat(below - 1), fc.nat(Math.min(4, below - 1)))
    return at.map((i) => ({ depth: to, index: index * below + i }))
  })
}

describe('LeafDeriver', () => {
  it.each([root, middle])('derives what a walk from depth $depth derives, in any order', (node) => {
    const positions = fc.array(positionsBelow(node.depth, node.index), { maxLength: 12 })
    fc.assert(
      fc.property(positions, (wanted) => {
        const deriver = new LeafDeriver(treeCrypto, node)
        for (const position of wanted) {
          expect(deriver.key(position)).toEqual(deriveNode(treeCrypto, node, position).key)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('derives neighbouring leaves with one HMAC each, on average', () => {
    const crypto = countingCrypto()
    const deriver = new LeafDeriver(crypto, root)
    deriver.leaf(0x7ffff000)
    expect(crypto.calls).toBe(32)
    for (let epoch = 0x7ffff001; epoch <= 0x7ffff000 + 4096; epoch++) deriver.leaf(epoch)
    expect(crypto.calls - 32).toBeLessThanOrEqual(4096 + 32)
    const { calls } = crypto
    deriver.leaf(0x7ffff000 + 4096)
    expect(crypto.calls).toBe(calls)
  })

  it('gives copies and works on after it was wiped', () => {
    const deriver = new LeafDeriver(treeCrypto, middle)
    const { first } = spanOfNode(middle)
    deriver.leaf(first).fill(0)
    expect(deriver.leaf(first)).toEqual(deriveLeaf(treeCrypto, middle, first))
    deriver.key(middle).fill(0)
    deriver.wipe()
    expect(deriver.leaf(first + 1)).toEqual(deriveLeaf(treeCrypto, middle, first + 1))
  })

  it('tells whether a node below agrees', () => {
    const deriver = new LeafDeriver(treeCrypto, middle)
    const below = deriveNode(treeCrypto, middle, { depth: 25, index: middle.index * 32 + 9 })
    expect(deriver.agreesWith(below)).toBe(true)
    expect(deriver.agreesWith(middle)).toBe(true)
    for (const i of [0, 31]) {
      const key = below.key.with(i, below.key[i]! ^ 1)
      expect(deriver.agreesWith({ ...below, key })).toBe(false)
    }
    expect(() => deriver.agreesWith({ ...below, key: new Uint8Array(33) })).toThrow(RangeError)
  })

  it('refuses what does not lie below its node', () => {
    const deriver = new LeafDeriver(treeCrypto, middle)
    const { first, last } = spanOfNode(middle)
    expect(() => deriver.leaf(first - 1)).toThrow(RangeError)
    expect(() => deriver.leaf(last + 1)).toThrow(RangeError)
    expect(() => deriver.key({ depth: 19, index: middle.index >> 1 })).toThrow(RangeError)
    expect(() => new LeafDeriver(treeCrypto, { ...root, index: 1 })).toThrow(RangeError)
    expect(() => new LeafDeriver(treeCrypto, { ...root, key: new Uint8Array() })).toThrow(
      RangeError,
    )
  })
})
