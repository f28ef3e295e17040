// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assertPosition,
  coverOf,
  isBelow,
  isPosition,
  MAX_COVER_COUNT,
  spanOfNode,
  TREE_DEPTH,
  type NodePosition,
} from '../../src/key-tree/cover.js'
import { containsSpan, intersectSpans, LAST_EPOCH, type Span } from '../../src/key-tree/span.js'

const epochs = fc.oneof(
  fc.nat(LAST_EPOCH),
  fc.nat(20),
  fc.nat(20).map((n) => LAST_EPOCH - n),
  fc.nat(31).map((bit) => 2 ** bit),
)
const spans: fc.Arbitrary<Span> = fc
  .tuple(epochs, epochs)
  .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }))

/** The text taken by its word: go down from the root until a node lies wholly inside. */
function slowCover(span: Span, node: NodePosition = { depth: 0, index: 0 }): NodePosition[] {
  if (intersectSpans(spanOfNode(node), span) === undefined) return []
  if (containsSpan(span, spanOfNode(node))) return [node]
  const depth = node.depth + 1
  const left = slowCover(span, { depth, index: 2 * node.index })
  return [...left, ...slowCover(span, { depth, index: 2 * node.index + 1 })]
}

/** The 15 nodes over eight neighbouring leaves, and which of the leaves each covers, as bits. */
function nodesOverEight(firstLeaf: number): { position: NodePosition; leaves: number }[] {
  return [0, 1, 2, 3].flatMap((level) =>
    Array.from({ length: 8 >> level }, (_, i) => ({
      position: { depth: TREE_DEPTH - level, index: firstLeaf / 2 ** level + i },
      leaves: ((1 << (1 << level)) - 1) << (i << level),
    })),
  )
}

describe('coverOf', () => {
  it('finds the fewest of all sets of nodes with exactly these leaves', () => {
    const firstLeaf = 8 * 0x1abcdef1
    const nodes = nodesOverEight(firstLeaf)
    const fewest = new Map<number, NodePosition[]>()
    for (let set = 0; set < 2 ** nodes.length; set++) {
      const chosen = nodes.filter((_, i) => (set >> i) & 1)
      const leaves = chosen.reduce((all, node) => all | node.leaves, 0)
      const best = fewest.get(leaves)
      if (best !== undefined && best.length <= chosen.length) continue
      fewest.set(
        leaves,
        chosen.map(({ position }) => position),
      )
    }
    for (let first = 0; first < 8; first++) {
      for (let last = first; last < 8; last++) {
        const leaves = (2 << last) - (1 << first)
        const cover = coverOf({ first: firstLeaf + first, last: firstLeaf + last })
        expect(new Set(cover)).toEqual(new Set(fewest.get(leaves)))
      }
    }
  })

  it('equals the recursion from the root, for any span', () => {
    fc.assert(
      fc.property(spans, (span) => {
        expect(coverOf(span)).toEqual(slowCover(span))
      }),
    )
  })

  it('lists nodes from left to right without hole or overlap', () => {
    fc.assert(
      fc.property(spans, (span) => {
        let next = span.first
        for (const position of coverOf(span)) {
          expect(isPosition(position)).toBe(true)
          expect(spanOfNode(position).first).toBe(next)
          next = spanOfNode(position).last + 1
        }
        expect(next).toBe(span.last + 1)
      }),
    )
  })

  it('needs 62 nodes at the most', () => {
    expect(coverOf({ first: 1, last: LAST_EPOCH - 1 })).toHaveLength(62)
    expect(MAX_COVER_COUNT).toBe(62)
    fc.assert(
      fc.property(spans, (span) => {
        expect(coverOf(span).length).toBeLessThanOrEqual(62)
      }),
    )
  })

  it('needs 32 nodes at the most for an open-ended span', () => {
    expect(coverOf({ first: 1, last: LAST_EPOCH })).toHaveLength(32)
    fc.assert(
      fc.property(epochs, (first) => {
        expect(coverOf({ first, last: LAST_EPOCH }).length).toBeLessThanOrEqual(32)
      }),
    )
  })

  it('is the root for all epochs, and the leaf for one', () => {
    expect(coverOf({ first: 0, last: LAST_EPOCH })).toEqual([{ depth: 0, index: 0 }])
    expect(coverOf({ first: LAST_EPOCH, last: LAST_EPOCH })).toEqual([
      { depth: 32, index: LAST_EPOCH },
    ])
    expect(coverOf({ first: 2 ** 31, last: LAST_EPOCH })).toEqual([{ depth: 1, index: 1 }])
  })

  it('refuses what is no span', () => {
    expect(() => coverOf({ first: 2, last: 1 })).toThrow(RangeError)
    expect(() => coverOf({ first: 0, last: 2 ** 32 })).toThrow(RangeError)
  })
})

describe('positions', () => {
  it('lie below one another as their spans contain each other', () => {
    const positions = fc
      .integer({ min: 0, max: 6 })
      .chain((depth) => fc.nat(2 ** depth - 1).map((index): NodePosition => ({ depth, index })))
    fc.assert(
      fc.property(positions, positions, (a, b) => {
        expect(isBelow(a, b)).toBe(containsSpan(spanOfNode(b), spanOfNode(a)))
      }),
    )
  })

  it('refuse depths and indexes that the tree does not have', () => {
    const bad = [
      { depth: -1, index: 0 },
      { depth: 33, index: 0 },
      { depth: 1.5, index: 0 },
      { depth: 0, index: 1 },
      { depth: 32, index: 2 ** 32 },
      { depth: 4, index: -1 },
      { depth: 4, index: 0.5 },
    ]
    for (const position of bad) {
      expect(isPosition(position)).toBe(false)
      expect(() => assertPosition(position)).toThrow(RangeError)
    }
    expect(isPosition({ depth: 32, index: LAST_EPOCH })).toBe(true)
  })
})
