// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coverOf, isBelow, spanOfNode, TREE_DEPTH } from '../../src/key-tree/cover.js'
import { forgetBefore } from '../../src/key-tree/forgetting.js'
import { LAST_EPOCH } from '../../src/key-tree/span.js'
import { deriveNode, nodesFor, type TreeNode } from '../../src/key-tree/tree.js'
import { nodeOf, treeCrypto } from './tree-crypto.js'

const root = nodeOf('a root')
const zeros = new Uint8Array(32)
const held = (first: number, last: number): TreeNode[] => [
  ...(nodesFor(treeCrypto, [root], { first, last }) ?? []),
]

describe('forgetBefore', () => {
  it('leaves the cover of the rest, and nothing that leads to the past', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), fc.nat(320), (first, length, epoch) => {
        const last = first + length
        const kept = forgetBefore(treeCrypto, held(first, last), epoch)
        const from = Math.max(first, epoch)
        expect(kept).toEqual(from > last ? [] : held(from, last))
        expect(kept.some((node) => spanOfNode(node).first < epoch)).toBe(false)
      }),
      { numRuns: 60 },
    )
  })

  it('keeps 32 nodes at the most of one root', () => {
    const whole = [deriveNode(treeCrypto, root, root)]
    const kept = forgetBefore(treeCrypto, whole, 1)
    expect(kept).toHaveLength(32)
    expect(kept).toEqual(held(1, LAST_EPOCH))
    expect(whole[0]?.key).toEqual(zeros)
  })

  it.each([8, 9])('before %i overwrites the keys given up and hands on the others', (epoch) => {
    const nodes = held(5, 40) // of which one begins with 8
    const before = nodes.map(({ key }) => key.slice())
    const kept = forgetBefore(treeCrypto, nodes, epoch)
    for (const [i, node] of nodes.entries()) {
      const isKept = spanOfNode(node).first >= epoch
      expect(node.key).toEqual(isKept ? before[i] : zeros)
      expect(kept.includes(node)).toBe(isKept)
    }
  })

  it('changes nothing when asked again', () => {
    const once = forgetBefore(treeCrypto, [deriveNode(treeCrypto, root, root)], 490_123)
    const keys = once.map(({ key }) => key.slice())
    const twice = forgetBefore(treeCrypto, once, 490_123)
    expect(twice.map(({ key }) => key)).toEqual(keys)
    const leaf = { depth: TREE_DEPTH, index: 490_122 }
    expect(twice.some((node) => isBelow(leaf, node))).toBe(false)
    expect(twice.map(({ depth, index }) => ({ depth, index }))).toEqual(
      coverOf({ first: 490_123, last: LAST_EPOCH }),
    )
  })

  it('refuses what is no epoch', () => {
    expect(() => forgetBefore(treeCrypto, [], -1)).toThrow(RangeError)
    expect(() => forgetBefore(treeCrypto, [], 2 ** 32)).toThrow(RangeError)
  })
})
