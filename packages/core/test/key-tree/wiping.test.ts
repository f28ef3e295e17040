// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { forgetBefore } from '../../src/key-tree/forgetting.js'
import { LeafDeriver } from '../../src/key-tree/leaf-deriver.js'
import { NodeRing } from '../../src/key-tree/node-ring.js'
import { deriveChildren, deriveNode, nodesFor, type TreeNode } from '../../src/key-tree/tree.js'
import { source } from '../support/node-source.js'
import { nodeOf, treeCrypto, watchedCrypto } from './tree-crypto.js'

const root = nodeOf('a root')
const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

function nodes(first: number, last: number, from = root): readonly TreeNode[] {
  return nodesFor(treeCrypto, [from], { first, last }) ?? []
}

describe('what was derived on the way to a key', () => {
  it('is overwritten once a node is derived', () => {
    const { crypto, keys, derived } = watchedCrypto()
    const node = deriveNode(crypto, root, { depth: 5, index: 22 })
    expect(derived).toHaveLength(5)
    expect(derived.every(isZero)).toBe(true)
    expect(keys.every(isZero)).toBe(true)
    expect(node.key).toEqual(deriveNode(treeCrypto, root, { depth: 5, index: 22 }).key)
    expect(isZero(root.key)).toBe(false)
  })

  it('is overwritten once both children are', () => {
    const { crypto, derived } = watchedCrypto()
    const { left, right } = deriveChildren(crypto, root.key)
    expect(derived.map(isZero)).toEqual([true])
    expect([left, right].some(isZero)).toBe(false)
  })

  it('is kept by a deriver for the next leaf, and overwritten with it', () => {
    const { crypto, keys, derived } = watchedCrypto()
    const deriver = new LeafDeriver(crypto, root)
    deriver.leaf(7)
    expect(derived.every(isZero)).toBe(true)
    const below = keys.slice(1)
    expect(below.some(isZero)).toBe(false)
    deriver.wipe()
    expect(below).toHaveLength(31)
    expect(below.every(isZero)).toBe(true)
  })

  it('is overwritten once the past is forgotten', () => {
    const { crypto, keys } = watchedCrypto()
    forgetBefore(crypto, [{ ...root, key: root.key.slice() }], 490_123)
    expect(keys.length).toBeGreaterThan(30)
    expect(keys.every(isZero)).toBe(true)
  })
})

describe('what a ring derived or held', () => {
  it('is overwritten when all is dropped', () => {
    const { crypto, keys, derived } = watchedCrypto()
    const ring = new NodeRing(crypto)
    ring.addProven(nodes(0, 15), source('own'))
    ring.add(nodes(16, 31), source('grant'))
    for (const epoch of [3, 20]) ring.candidates(epoch)[0]?.leaf()
    ring.wipe()
    expect(derived.every(isZero)).toBe(true)
    expect(keys.every(isZero)).toBe(true)
  })

  it('is overwritten where a wide node is looked at beside proven ones, or taken in pieces', () => {
    const { crypto, keys, derived } = watchedCrypto()
    const ring = new NodeRing(crypto, { maxCandidates: 1 })
    ring.addProven(nodes(0, 3), source('own'))
    ring.add(nodes(7, 7, nodeOf('a wrong root')), source('liar'))
    const wide = nodes(0, 15)
    ring.add(wide, source('wide'))
    const given = new Set(wide.map(({ key }) => key))
    ring.wipe()
    expect(derived.every(isZero)).toBe(true)
    expect(keys.filter((key) => !given.has(key)).every(isZero)).toBe(true)
  })
})
