// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex, utf8 } from '../../src/bytes.js'
import { WaxwingError } from '../../src/errors.js'
import { coverOf, spanOfNode, TREE_DEPTH } from '../../src/key-tree/cover.js'
import { LAST_EPOCH, type Span } from '../../src/key-tree/span.js'
import {
  decodeNodes,
  deriveChildren,
  deriveLeaf,
  deriveNode,
  encodeNodes,
  nodesFor,
  rootNode,
  type TreeNode,
} from '../../src/key-tree/tree.js'
import { nodeOf, treeCrypto } from './tree-crypto.js'

const root = rootNode(Uint8Array.from({ length: 32 }, (_, i) => i))
const spans: fc.Arbitrary<Span> = fc
  .tuple(fc.nat(LAST_EPOCH), fc.nat(LAST_EPOCH))
  .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }))

/** The text taken by its word: bit by bit, from the top. */
function slowLeaf(epoch: number): Uint8Array {
  let key = root.key
  for (const bit of epoch.toString(2).padStart(32, '0')) {
    const both = treeCrypto.hmacSha512(key, utf8('waxwing tree v1'))
    key = bit === '0' ? both.subarray(0, 32) : both.subarray(32)
  }
  return key
}

describe('the key tree', () => {
  // Computed with Python's hmac and hashlib, from the root 00 01 02 … 1f.
  it.each([
    [1, 0, '75df7fb379884550ba6ce7b299bbebb1726859475ed9de1bd646f6056ad0ac8a'],
    [1, 1, '99ea85d739b18a57208e5be168bf439db2016d8efe3c700a8b116f69b750e5f8'],
    [7, 0x55, 'abf7f7ddd8b803e20cab5185dd20ca7bccbafc3cc2b838cf892411530ca35958'],
    [16, 0x8001, 'cf0a869c76d7ba70ccf865ea3f884fa5a6a98959d21ec47b0852493270c21716'],
    [31, 245_061, 'cbba31016ab2e6aa5dd55b8baa68b7042e5df507394798bf77858039f4bcc33d'],
    [32, 0, '04fdeffceb7de5d846ec0241455309db34e349292b264fab742562211ca0be61'],
    [32, 490_123, '287a9bd51b6a3c7468d0753eac94453cc145422cd225afcbd0360c252de549b0'],
    [32, 0x9e3779b9, 'd1e72b4923f077a1a91678fca6b12e5ebeff0ac04460e3fbc3437b18eaf46dc9'],
    [32, 0xffffffff, '1005d8aa71d1ff1d7ea08644ffda92947d3544ed23500cb6628bb1cd83bb5770'],
  ])('has the known node at depth %i, index %i', (depth, index, key) => {
    expect(toHex(deriveNode(treeCrypto, root, { depth, index }).key)).toBe(key)
  })

  it('splits one HMAC into the two children', () => {
    const { left, right } = deriveChildren(treeCrypto, root.key)
    expect(left).toEqual(deriveNode(treeCrypto, root, { depth: 1, index: 0 }).key)
    expect(right).toEqual(deriveNode(treeCrypto, root, { depth: 1, index: 1 }).key)
    expect(() => deriveChildren(treeCrypto, root.key.subarray(1))).toThrow(RangeError)
  })

  it('leads to the same leaf from every node above it', () => {
    fc.assert(
      fc.property(fc.nat(LAST_EPOCH), fc.nat(TREE_DEPTH), (epoch, depth) => {
        const index = Math.floor(epoch / 2 ** (TREE_DEPTH - depth))
        const node = deriveNode(treeCrypto, root, { depth, index })
        expect(deriveLeaf(treeCrypto, node, epoch)).toEqual(slowLeaf(epoch))
      }),
      { numRuns: 60 },
    )
  })

  it('gives copies, also of the node itself', () => {
    const same = deriveNode(treeCrypto, root, root)
    expect(same).toEqual(root)
    same.key.fill(0)
    expect(root.key[31]).toBe(31)
    const key = new Uint8Array(32).fill(7)
    rootNode(key).key.fill(0)
    expect(key[0]).toBe(7)
  })

  it('refuses to derive what does not lie below', () => {
    const node = nodeOf('any', 8, 5)
    expect(() => deriveNode(treeCrypto, node, { depth: 7, index: 2 })).toThrow(RangeError)
    expect(() => deriveNode(treeCrypto, node, { depth: 9, index: 9 })).toThrow(RangeError)
    expect(() => deriveLeaf(treeCrypto, node, 0)).toThrow(RangeError)
    expect(() => deriveLeaf(treeCrypto, node, -1)).toThrow(RangeError)
    expect(() => rootNode(new Uint8Array(31))).toThrow(RangeError)
  })
})

describe('nodesFor', () => {
  it('gives a narrower grant the nodes that the root would give it', () => {
    fc.assert(
      fc.property(spans, fc.nat(), fc.nat(), (span, a, b) => {
        const length = span.last - span.first + 1
        const [from, to] = [a % length, b % length].toSorted((x, y) => x - y) as [number, number]
        const narrower = { first: span.first + from, last: span.first + to }
        const held = nodesFor(treeCrypto, [root], span)
        expect(nodesFor(treeCrypto, held ?? [], narrower)).toEqual(
          nodesFor(treeCrypto, [root], narrower),
        )
      }),
      { numRuns: 25 },
    )
  })

  it('gives nothing if one node of the cover is not held', () => {
    const held = nodesFor(treeCrypto, [root], { first: 3, last: 9 }) ?? []
    expect(nodesFor(treeCrypto, held, { first: 3, last: 10 })).toBeUndefined()
    expect(nodesFor(treeCrypto, held, { first: 2, last: 9 })).toBeUndefined()
    expect(nodesFor(treeCrypto, held.slice(1), { first: 3, last: 9 })).toBeUndefined()
    expect(nodesFor(treeCrypto, [], { first: 3, last: 3 })).toBeUndefined()
  })

  it('cannot give the parent of two nodes that are both held', () => {
    const children = deriveChildren(treeCrypto, root.key)
    const held = [
      { depth: 1, index: 0, key: children.left },
      { depth: 1, index: 1, key: children.right },
    ]
    expect(nodesFor(treeCrypto, held, { first: 0, last: LAST_EPOCH })).toBeUndefined()
    expect(nodesFor(treeCrypto, held, { first: 1, last: LAST_EPOCH })).toHaveLength(32)
  })
})

describe('encoded nodes', () => {
  const span = { first: 5, last: 1000 }
  const nodes = nodesFor(treeCrypto, [root], span) as readonly TreeNode[]

  it('are the keys in the order of the cover, and nothing else', () => {
    const encoded = encodeNodes(nodes)
    expect(toHex(encoded)).toBe(nodes.map(({ key }) => toHex(key)).join(''))
    expect(decodeNodes(encoded, span)).toEqual(nodes)
    const decoded = decodeNodes(encoded, span)
    encoded.fill(0)
    expect(decoded).toEqual(nodes)
  })

  it('of another length than the span wants are malformed', () => {
    const encoded = encodeNodes(nodes)
    const wrong = [encoded.subarray(1), encoded.subarray(32), new Uint8Array()]
    for (const bytes of [...wrong, new Uint8Array(encoded.length + 32)]) {
      expect(() => decodeNodes(bytes, span)).toThrow(WaxwingError)
      expect(() => decodeNodes(bytes, span)).toThrow(
        expect.objectContaining({ code: 'ERR_MALFORMED' }),
      )
    }
  })

  it('have to be the cover of one span', () => {
    expect(() => encodeNodes([])).toThrow(RangeError)
    expect(() => encodeNodes(nodes.toReversed())).toThrow(RangeError)
    expect(() => encodeNodes(nodes.toSpliced(1, 1))).toThrow(RangeError)
    expect(() => encodeNodes([...nodes, ...nodes])).toThrow(RangeError)
    const { left, right } = deriveChildren(treeCrypto, root.key)
    const children = [left, right].map((key, index) => ({ depth: 1, index, key }))
    expect(() => encodeNodes(children)).toThrow(RangeError)
    expect(() => encodeNodes([{ ...root, key: new Uint8Array(31) }])).toThrow(RangeError)
  })

  it('of any span go there and back', () => {
    fc.assert(
      fc.property(spans, fc.uint8Array({ minLength: 32, maxLength: 32 }), (any, key) => {
        const made = coverOf(any).map((position) => ({ ...position, key }))
        expect(decodeNodes(encodeNodes(made), any)).toEqual(made)
        expect(made.every((node) => spanOfNode(node).first >= any.first)).toBe(true)
      }),
    )
  })
})
