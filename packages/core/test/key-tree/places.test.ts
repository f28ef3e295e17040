// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { NodeRing, type Addition, type Candidate } from '../../src/key-tree/node-ring.js'
import { nodesFor, type TreeNode } from '../../src/key-tree/tree.js'
import { source } from '../support/node-source.js'
import { nodeOf, treeCrypto } from './tree-crypto.js'

const root = nodeOf('the true root')
const PRODUCER = { giver: 'producer', distance: 1 }
const gone: unknown = expect.objectContaining({ code: 'ERR_KEY_UNKNOWN' })

function grant(first: number, last: number, from = root): readonly TreeNode[] {
  return nodesFor(treeCrypto, [from], { first, last }) ?? []
}

/** A node of its own tree over one epoch. */
const lone = (name: string, epoch: number): readonly TreeNode[] =>
  grant(epoch, epoch, nodeOf(`root of ${name}`))

const namesAt = (ring: NodeRing, epoch: number): (readonly string[])[] =>
  ring.candidates(epoch).map(({ sources }) => sources)

function candidateAt(ring: NodeRing, epoch: number): Candidate {
  const [candidate] = ring.candidates(epoch)
  if (candidate === undefined) throw new Error('there is no candidate')
  return candidate
}

describe('of too many candidates of one epoch', () => {
  it('gives way what its giver gave later, wherever it lies', () => {
    const ring = new NodeRing(treeCrypto, { maxCandidates: 2 })
    ring.add(grant(5, 5, nodeOf('a')), source('narrow', { giver: 'liar' }))
    ring.add(grant(4, 7, nodeOf('b')), source('wide', { giver: 'liar' }))
    expect(ring.add(grant(5, 5), source('right')).displaced).toEqual(['wide'])
    expect(namesAt(ring, 5)).toEqual([['narrow'], ['right']])
    expect(namesAt(ring, 4)).toEqual([['wide']])
  })

  it("gives way what others gave, before the producer's second", () => {
    const ring = new NodeRing(treeCrypto, { maxCandidates: 2 })
    ring.add(lone('first', 5), source('first', PRODUCER))
    ring.add(lone('other', 5), source('other'))
    expect(ring.add(lone('second', 5), source('second', PRODUCER)).displaced).toEqual(['other'])
    expect(namesAt(ring, 5)).toEqual([['first'], ['second']])
  })

  it('stays what anybody gave who is nearer to the producer, also as a second giver', () => {
    const ring = new NodeRing(treeCrypto, { maxCandidates: 1 })
    ring.add(lone('shared', 5), source('far', { distance: 3 }))
    ring.add(lone('shared', 5), source('near', { distance: 2 }))
    ring.add(lone('shared', 5), source('farthest', { distance: 4 }))
    expect(ring.add(lone('late', 5), source('late', { distance: 3 })).refused).toHaveLength(1)
    expect(ring.add(lone('right', 5), source('right', PRODUCER)).displaced).toEqual([
      'far',
      'near',
      'farthest',
    ])
  })
})

describe('of too many nodes in all', () => {
  const full = (...given: readonly (readonly [epoch: number, distance: number])[]): NodeRing => {
    const ring = new NodeRing(treeCrypto, { maxProvisional: given.length })
    for (const [epoch, distance] of given) {
      ring.add(lone(`${epoch}`, epoch), source(`${epoch}`, { giver: 'liar', distance }))
    }
    return ring
  }
  const displacedOf = (ring: NodeRing): Addition['displaced'] =>
    ring.add(lone('right', 100), source('right')).displaced

  it('gives way the latest, wherever it lies', () => {
    expect(displacedOf(full([7, 2], [5, 2], [3, 2], [9, 2]))).toEqual(['9'])
    expect(displacedOf(full([7, 2], [5, 2], [9, 2], [3, 2]))).toEqual(['3'])
  })

  it('gives way the farthest, however early it came', () => {
    expect(displacedOf(full([7, 2], [5, 3], [3, 2], [9, 2]))).toEqual(['5'])
    expect(displacedOf(full([7, 3], [5, 2], [3, 3], [9, 2]))).toEqual(['3'])
  })

  it.each([
    [4, []],
    [5, [['wide']]],
  ])('gives way a whole node where there is no room for its rest: %i in all', (most, rest) => {
    const ring = new NodeRing(treeCrypto, { maxProvisional: most, maxCandidates: 1 })
    ring.add(grant(0, 7, nodeOf('wrong')), source('wide', { giver: 'liar' }))
    ring.add(lone('beside', 20), source('beside'))
    expect(ring.add(grant(3, 3), source('right', PRODUCER)).displaced).toEqual(['wide'])
    expect(namesAt(ring, 3)).toEqual([['right']])
    expect([0, 2, 4, 7].map((epoch) => namesAt(ring, epoch))).toEqual([rest, rest, rest, rest])
    expect(ring.serialize().length).toBeLessThanOrEqual(most)
  })
})

describe('a node that gives way in one epoch', () => {
  it('leaves nothing where a proven one lies', () => {
    const ring = new NodeRing(treeCrypto, { maxCandidates: 1 })
    ring.addProven(grant(0, 3), source('own'))
    ring.add(grant(0, 7), source('wide'))
    expect(ring.add(lone('other', 5), source('other', PRODUCER)).displaced).toEqual(['wide'])
    expect(ring.spans('provisional')).toEqual([{ first: 4, last: 7 }])
    expect(NodeRing.restore(treeCrypto, ring.serialize()).spans()).toEqual(ring.spans())
  })
})

describe('a candidate that was handed out', () => {
  it('has no leaf any more once another took its place', () => {
    const ring = new NodeRing(treeCrypto, { maxCandidates: 1 })
    ring.add(lone('liar', 5), source('liar'))
    const before = candidateAt(ring, 5)
    expect(ring.add(grant(5, 5), source('right', PRODUCER)).displaced).toEqual(['liar'])
    expect(() => before.leaf()).toThrow(gone)
  })

  it('has no leaf any more once a wider node came that leads to it', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(5, 5), source('narrow'))
    const before = candidateAt(ring, 5)
    ring.add(grant(0, 7), source('wide'))
    expect(() => before.leaf()).toThrow(gone)
  })

  it('has no leaf any more once a wider node was proven', () => {
    const ring = new NodeRing(treeCrypto)
    ring.addProven(grant(5, 5), source('narrow'))
    const before = candidateAt(ring, 5)
    ring.addProven(grant(0, 7), source('wide'))
    expect(() => before.leaf()).toThrow(gone)
    expect(namesAt(ring, 5)).toEqual([['wide', 'narrow']])
  })

  it('keeps its leaf where only what lies before its node is forgotten', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(8, 15), source('g'))
    const before = candidateAt(ring, 9)
    ring.forgetBefore(8)
    expect(before.leaf()).toEqual(candidateAt(ring, 9).leaf())
    ring.forgetBefore(9)
    expect(() => before.leaf()).toThrow(gone)
  })
})

describe('the sources of a proven node', () => {
  it('are also those who grant what it leads to, before it and after', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(5, 5), source('before'))
    expect(ring.addProven(grant(0, 7), source('own')).disproved).toEqual([])
    ring.add(grant(2, 3), source('after'))
    expect(namesAt(ring, 0)).toEqual([['own', 'before', 'after']])
    ring.add(grant(2, 3), source('after'))
    expect(namesAt(ring, 0)).toEqual([['own', 'before', 'after']])
  })
})

describe('a stored ring', () => {
  it('has its candidates in the order in which they came', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(5, 5, nodeOf('a')), source('narrow'))
    ring.add(grant(4, 7, nodeOf('b')), source('wide'))
    ring.add(grant(0, 0), source('beside'))
    const restored = NodeRing.restore(treeCrypto, ring.serialize())
    expect(namesAt(restored, 5)).toEqual([['narrow'], ['wide']])
    expect(restored.serialize()).toEqual(ring.serialize())
  })

  it('may have proven nodes side by side, and provisional ones above them', () => {
    const ring = new NodeRing(treeCrypto)
    ring.addProven([...grant(0, 0), ...grant(5, 5)], source('own'))
    ring.add(grant(0, 7), source('wide'))
    const restored = NodeRing.restore(treeCrypto, ring.serialize())
    expect(restored.spans('proven')).toEqual([
      { first: 0, last: 0 },
      { first: 5, last: 5 },
    ])
    expect(restored.spans('provisional')).toEqual([{ first: 0, last: 7 }])
  })

  it('is empty only if it holds nothing, proven or not', () => {
    const ring = new NodeRing(treeCrypto)
    expect(ring.isEmpty).toBe(true)
    ring.add(grant(0, 0), source('g'))
    expect(ring.isEmpty).toBe(false)
    ring.addProven(grant(5, 5), source('own', { distance: 0 }))
    expect(ring.isEmpty).toBe(false)
  })
})
