// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../src/bytes.js'
import { spanOfNode } from '../../src/key-tree/cover.js'
import { NodeRing, type NodeSource } from '../../src/key-tree/node-ring.js'
import type { Span } from '../../src/key-tree/span.js'
import { deriveLeaf, deriveNode, type TreeNode } from '../../src/key-tree/tree.js'
import { NaiveRing, type NaiveNode } from './naive-ring.js'
import { nodeOf, treeCrypto } from './tree-crypto.js'

const TREE_COUNT = 4
const LIMITS = { maxCandidates: 2 }
const BASE = { depth: 28, index: 0xabcdef }
const FIRST = spanOfNode(BASE).first
const EPOCHS = Array.from({ length: 16 }, (_, i) => FIRST + i)

const tops = Array.from({ length: TREE_COUNT }, (_, tree) =>
  nodeOf(`tree ${tree}`, BASE.depth, BASE.index),
)
const treeOfLeaf = new Map(
  tops.flatMap((top, tree) =>
    EPOCHS.map((epoch) => [toHex(deriveLeaf(treeCrypto, top, epoch)), tree] as const),
  ),
)

function withKey({ tree, depth, index }: NaiveNode): TreeNode {
  const top = tops[tree]
  if (top === undefined) throw new RangeError('no such tree')
  return deriveNode(treeCrypto, top, { depth, index })
}

/** Three givers, of which one is the producer and one gives by two chains. */
const SOURCES: readonly NodeSource[] = [
  { name: 'a', giver: 'producer', distance: 1 },
  { name: 'b', giver: 'delegate', distance: 2 },
  { name: 'c', giver: 'delegate', distance: 2 },
  { name: 'd', giver: 'other', distance: 2 },
  { name: 'e', giver: 'other', distance: 3 },
  { name: 'f', giver: 'third', distance: 3 },
]

type Step =
  | { readonly do: 'add'; readonly nodes: readonly NaiveNode[]; readonly source: NodeSource }
  | { readonly do: 'prove'; readonly epoch: number; readonly choice: number }
  | { readonly do: 'forget'; readonly epoch: number }
  | { readonly do: 'restore' }

const epochs = fc.constantFrom(...EPOCHS)
const nodes: fc.Arbitrary<NaiveNode> = fc
  .record({ tree: fc.nat(TREE_COUNT - 1), level: fc.nat(4), at: fc.nat(15) })
  .map(({ tree, level, at }) => {
    return { tree, depth: 32 - level, index: Math.floor((FIRST + at) / 2 ** level) }
  })
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      nodes: fc.array(nodes, { minLength: 1, maxLength: 3 }),
      source: fc.constantFrom(...SOURCES),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('prove' as const), epoch: epochs, choice: fc.nat(7) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), epoch: epochs }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const) }) },
)

/** Applies one step to both and compares what they say about it. */
function apply(step: Step, ring: NodeRing, naive: NaiveRing): NodeRing {
  if (step.do === 'restore') return NodeRing.restore(treeCrypto, ring.serialize(), LIMITS)
  if (step.do === 'add') add(step.nodes, step.source, ring, naive)
  if (step.do === 'prove') prove(step.epoch, step.choice, ring, naive)
  if (step.do === 'forget') {
    ring.forgetBefore(step.epoch)
    naive.forgetBefore(step.epoch)
  }
  return ring
}

function add(
  given: readonly NaiveNode[],
  source: NodeSource,
  ring: NodeRing,
  naive: NaiveRing,
): void {
  const outcome = ring.add(given.map(withKey), source)
  const wanted = given.map((node) => naive.add(node, source))
  expect(outcome.contradicts.length > 0).toBe(wanted.some((w) => w.isContradiction))
  expect(epochsOf(outcome.refused)).toEqual(new Set(wanted.flatMap((w) => w.refused)))
  expect(new Set(outcome.displaced)).toEqual(new Set(wanted.flatMap((w) => [...w.displaced])))
}

function prove(epoch: number, choice: number, ring: NodeRing, naive: NaiveRing): void {
  const candidates = ring.candidates(epoch)
  const candidate = candidates[choice % candidates.length]
  if (candidate === undefined) return
  const tree = treeOfLeaf.get(toHex(candidate.leaf()))
  expect(new Set(ring.prove(candidate))).toEqual(new Set(naive.prove(epoch, tree ?? -1)))
  expect(ring.prove(candidate)).toEqual([])
}

function expectSame(ring: NodeRing, naive: NaiveRing): void {
  for (const epoch of EPOCHS) {
    const wanted = naive.candidates(epoch)
    const candidates = ring.candidates(epoch)
    const leaves = candidates.map((candidate) => toHex(candidate.leaf()))
    expect(new Set(leaves.map((leaf) => treeOfLeaf.get(leaf)))).toEqual(wanted.trees)
    expect(leaves.length).toBe(wanted.trees.size)
    expect(ring.hasProven(epoch)).toBe(wanted.isProven)
    expect(candidates.every(({ state }) => (state === 'proven') === wanted.isProven)).toBe(true)
  }
  const held = EPOCHS.filter((epoch) => naive.candidates(epoch).trees.size > 0)
  expect(epochsOf(ring.spans())).toEqual(new Set(held))
  const proven = EPOCHS.filter((epoch) => naive.candidates(epoch).isProven)
  expect(epochsOf(ring.spans('proven'))).toEqual(new Set(proven))
  for (const { name } of SOURCES) {
    const grantable = EPOCHS.filter((epoch) => naive.grantable(epoch, name))
    expect(epochsOf(ring.grantable(name))).toEqual(new Set(grantable))
  }
  expect(ring.isEmpty).toBe(held.length === 0)
}

function epochsOf(spans: readonly Span[]): Set<number> {
  return new Set(EPOCHS.filter((e) => spans.some(({ first, last }) => first <= e && e <= last)))
}

describe('NodeRing', () => {
  it('agrees with a plain list of nodes, whatever is added, proven, forgotten and restored', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 25 }), (sequence) => {
        let ring = new NodeRing(treeCrypto, LIMITS)
        const naive = new NaiveRing(LIMITS.maxCandidates)
        for (const step of sequence) {
          ring = apply(step, ring, naive)
          expectSame(ring, naive)
        }
      }),
      { numRuns: 150 },
    )
  })
})
