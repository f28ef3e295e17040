// SPDX-License-Identifier: Apache-2.0
/**
 * Agreements on `NodeRing`: whatever is added, proven, forgotten and restored, in sixteen
 * neighbouring epochs.
 *
 * @module
 */

import assert from 'node:assert/strict'
import {
  deriveLeaf,
  deriveNode,
  NodeRing,
  toHex,
  type NodeSource,
  type Span,
  type TreeNode,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import * as fc from 'fast-check'
import { seedOf } from '../../../../tools/vectors/frozen/primitives.ts'
import { agreement, note, type Agreement } from './agreement.ts'
import { spanBelow } from './keys.ts'
import { NaiveRing, type NaiveNode } from './ring.ts'

const crypto = nodeProvider
const TREE_COUNT = 4
const LIMITS = { maxCandidates: 2 }
const BASE = { depth: 28, index: 0xabcdef }
const FIRST = spanBelow(BASE).first
const EPOCHS = Array.from({ length: 16 }, (_, i) => FIRST + i)

const tops = Array.from({ length: TREE_COUNT }, (_, tree) => ({
  ...BASE,
  key: seedOf(`tree ${tree}`),
}))
const treeOfLeaf = new Map(
  tops.flatMap((top, tree) =>
    EPOCHS.map((epoch) => [toHex(deriveLeaf(crypto, top, epoch)), tree] as const),
  ),
)

function withKey({ tree, depth, index }: NaiveNode): TreeNode {
  const top = tops[tree]
  if (top === undefined) throw new RangeError('no such tree')
  return deriveNode(crypto, top, { depth, index })
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
  if (step.do === 'restore') return NodeRing.restore(crypto, ring.serialize(), LIMITS)
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
  assert.deepEqual(
    outcome.contradicts.length > 0,
    wanted.some((w) => w.isContradiction),
  )
  assert.deepEqual(epochsOf(outcome.refused), new Set(wanted.flatMap((w) => w.refused)))
  assert.deepEqual(new Set(outcome.displaced), new Set(wanted.flatMap((w) => [...w.displaced])))
}

function prove(epoch: number, choice: number, ring: NodeRing, naive: NaiveRing): void {
  const candidates = ring.candidates(epoch)
  const candidate = candidates[choice % candidates.length]
  if (candidate === undefined) return
  const tree = treeOfLeaf.get(toHex(candidate.leaf()))
  assert.deepEqual(new Set(ring.prove(candidate)), new Set(naive.prove(epoch, tree ?? -1)))
  assert.deepEqual(ring.prove(candidate), [])
}

function expectSame(ring: NodeRing, naive: NaiveRing): void {
  for (const epoch of EPOCHS) {
    const wanted = naive.candidates(epoch)
    const candidates = ring.candidates(epoch)
    const leaves = candidates.map((candidate) => toHex(candidate.leaf()))
    assert.deepEqual(new Set(leaves.map((leaf) => treeOfLeaf.get(leaf))), wanted.trees)
    assert.deepEqual(leaves.length, wanted.trees.size)
    assert.deepEqual(ring.hasProven(epoch), wanted.isProven)
    assert.deepEqual(
      candidates.every(({ state }) => (state === 'proven') === wanted.isProven),
      true,
    )
  }
  const held = EPOCHS.filter((epoch) => naive.candidates(epoch).trees.size > 0)
  assert.deepEqual(epochsOf(ring.spans()), new Set(held))
  const proven = EPOCHS.filter((epoch) => naive.candidates(epoch).isProven)
  assert.deepEqual(epochsOf(ring.spans('proven')), new Set(proven))
  for (const { name } of SOURCES) {
    const grantable = EPOCHS.filter((epoch) => naive.grantable(epoch, name))
    assert.deepEqual(epochsOf(ring.grantable(name)), new Set(grantable))
  }
  assert.deepEqual(ring.isEmpty, held.length === 0)
}

function epochsOf(spans: readonly Span[]): Set<number> {
  return new Set(EPOCHS.filter((e) => spans.some(({ first, last }) => first <= e && e <= last)))
}

function walkAlike(sequence: readonly Step[]): void {
  let ring = new NodeRing(crypto, LIMITS)
  const naive = new NaiveRing(LIMITS.maxCandidates)
  for (const step of sequence) {
    ring = apply(step, ring, naive)
    expectSame(ring, naive)
    note('nodes', step.do)
  }
}

export const RING_AGREEMENTS: readonly Agreement[] = [
  agreement('nodes', 150, fc.array(steps, { maxLength: 25 }), walkAlike),
]
