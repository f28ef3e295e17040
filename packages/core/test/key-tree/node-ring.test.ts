// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCbor, encodeCbor } from '../../src/cbor/cbor.js'
import { WaxwingError } from '../../src/errors.js'
import { HeldNode } from '../../src/key-tree/held-node.js'
import {
  NodeRing,
  type Addition,
  type Candidate,
  type NodeSource,
} from '../../src/key-tree/node-ring.js'
import { ALL_EPOCHS, LAST_EPOCH } from '../../src/key-tree/span.js'
import { deriveLeaf, deriveNode, nodesFor, type TreeNode } from '../../src/key-tree/tree.js'
import { source } from '../support/node-source.js'
import { countingCrypto, nodeOf, treeCrypto } from './tree-crypto.js'

const root = nodeOf('the true root')
const wrong = nodeOf('a wrong root')

function grant(first: number, last: number, from = root): readonly TreeNode[] {
  const nodes = nodesFor(treeCrypto, [from], { first, last })
  if (nodes === undefined) throw new Error('a root leads everywhere')
  return nodes
}

function only(candidates: readonly Candidate[]): Candidate {
  expect(candidates).toHaveLength(1)
  return candidates[0]!
}

const leavesOf = (ring: NodeRing, epoch: number): Uint8Array[] =>
  ring.candidates(epoch).map((candidate) => candidate.leaf())
const leaf = (epoch: number, from = root): Uint8Array => deriveLeaf(treeCrypto, from, epoch)
const nothing = { added: 0, refused: [], displaced: [], contradicts: [], disproved: [] }

describe('NodeRing: candidates', () => {
  it('are none in an empty ring', () => {
    const ring = new NodeRing(treeCrypto)
    expect(ring.isEmpty).toBe(true)
    expect(ring.candidates(0)).toEqual([])
    expect(ring.spans()).toEqual([])
    expect(ring.serialize()).toEqual([])
  })

  it('give the leaf of every epoch granted, and of no other', () => {
    const ring = new NodeRing(treeCrypto)
    expect(ring.add(grant(10, 20), source('g'))).toEqual({
      ...nothing,
      added: grant(10, 20).length,
    })
    for (let epoch = 10; epoch <= 20; epoch++) {
      const candidate = only(ring.candidates(epoch))
      expect(candidate).toMatchObject({ state: 'provisional', sources: ['g'] })
      expect(candidate.leaf()).toEqual(leaf(epoch))
    }
    expect(ring.candidates(9)).toEqual([])
    expect(ring.candidates(21)).toEqual([])
    expect(ring.spans()).toEqual([{ first: 10, last: 20 }])
  })

  it('come in the order in which they were granted', () => {
    const ring = new NodeRing(treeCrypto)
    const roots = ['p', 'q', 'r'].map((text) => nodeOf(text))
    ring.add(grant(0, 7, roots[0]), source('wide'))
    ring.add(grant(5, 5, roots[1]), source('narrow'))
    ring.add(grant(4, 7, roots[2]), source('middle'))
    expect(ring.candidates(5).map(({ sources }) => sources)).toEqual([
      ['wide'],
      ['narrow'],
      ['middle'],
    ])
    expect(leavesOf(ring, 5)).toEqual(roots.map((from) => leaf(5, from)))
  })

  it('that are equal are one, with both sources', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(8, 15), source('a'))
    expect(ring.add(grant(8, 15), source('b'))).toEqual(nothing)
    expect(only(ring.candidates(9)).sources).toEqual(['a', 'b'])
  })

  it('that lead to one another are one, whichever came first', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(8, 15), source('wide'))
    expect(ring.add(grant(9, 12), source('narrow'))).toEqual(nothing)
    expect(ring.add(grant(0, 31), source('wider'))).toEqual({ ...nothing, added: 1 })
    expect(leavesOf(ring, 9)).toEqual([leaf(9)])
    expect(ring.serialize()).toHaveLength(1)
    expect(ring.spans()).toEqual([{ first: 0, last: 31 }])
  })

  it('take the age of an earlier one that they lead to', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(8, 8), source('first'))
    ring.add(grant(9, 9, wrong), source('second'))
    ring.add(grant(8, 9), source('third'))
    expect(ring.candidates(9).map(({ sources }) => sources)).toEqual([
      ['third', 'first'],
      ['second'],
    ])
  })

  it('keep their keys when the giver overwrites its own', () => {
    const ring = new NodeRing(treeCrypto)
    const nodes = grant(3, 3)
    ring.add(nodes, source('g'))
    nodes[0]!.key.fill(0)
    only(ring.candidates(3)).leaf().fill(0)
    expect(leavesOf(ring, 3)).toEqual([leaf(3)])
  })
})

describe('NodeRing: limits', () => {
  it('refuses the ninth candidate of an epoch', () => {
    const ring = new NodeRing(treeCrypto)
    for (let i = 0; i < 8; i++) {
      expect(ring.add(grant(40, 40, nodeOf(`wrong ${i}`)), source(`${i}`)).added).toBe(1)
    }
    const ninth = ring.add(grant(40, 40), source('late'))
    expect(ninth).toEqual({ ...nothing, refused: [{ first: 40, last: 40 }] })
    expect(ring.candidates(40)).toHaveLength(8)
  })

  it('refuses a wide node only for the epochs that are full', () => {
    const ring = new NodeRing(treeCrypto, { maxCandidates: 2 })
    for (const text of ['x', 'y']) ring.add(grant(1000, 1001, nodeOf(text)), source(text))
    const addition = ring.add([root], source('honest'))
    expect(addition).toEqual({ ...nothing, added: 1, refused: [{ first: 1000, last: 1001 }] })
    expect(leavesOf(ring, 999)).toEqual([leaf(999)])
    expect(leavesOf(ring, LAST_EPOCH)).toEqual([leaf(LAST_EPOCH)])
    expect(ring.candidates(1001).flatMap(({ sources }) => sources)).toEqual(['x', 'y'])
    expect(ring.spans()).toEqual([ALL_EPOCHS])
  })

  it('adds nothing below a proven node when a wide one is taken in pieces', () => {
    const ring = new NodeRing(treeCrypto, { maxCandidates: 1 })
    ring.addProven(grant(0, 3), source('own'))
    ring.add(grant(7, 7, wrong), source('liar'))
    const addition = ring.add(grant(0, 7), source('wide'))
    expect(addition).toEqual({ ...nothing, added: 1, refused: [{ first: 7, last: 7 }] })
    expect(ring.spans('provisional')).toEqual([{ first: 4, last: 7 }])
    expect(ring.serialize()).toHaveLength(4)
  })

  it('holds as many provisional nodes as it was told, and proven ones beside', () => {
    const ring = new NodeRing(treeCrypto, { maxProvisional: 3 })
    ring.addProven(grant(0, 0), source('own'))
    const addition = ring.add(
      [...grant(1, 1), ...grant(3, 3), ...grant(5, 5), ...grant(7, 7)],
      source('g'),
    )
    expect(addition).toEqual({ ...nothing, added: 3, refused: [{ first: 7, last: 7 }] })
    // What makes others superfluous needs no room of its own.
    expect(ring.add(grant(0, 7), source('wide')).added).toBe(1)
    expect(leavesOf(ring, 7)).toEqual([leaf(7)])
  })

  it('keeps a bounded number of sources for one node, those nearest to the producer', () => {
    const ring = new NodeRing(treeCrypto)
    for (let i = 0; i < 200; i++) ring.add(grant(1, 1), source(`g${i}`))
    ring.add(grant(1, 1), source('producer', { distance: 1 }))
    const { sources } = only(ring.candidates(1))
    expect(sources).toHaveLength(128)
    expect(sources[0]).toBe('g0')
    expect(sources.at(-1)).toBe('producer')
  })

  it('works quickly with thousands of neighbouring nodes', () => {
    const crypto = countingCrypto()
    const ring = new NodeRing(crypto)
    for (let epoch = 0; epoch < 3000; epoch++) {
      ring.add([nodeOf(`lease ${epoch}`, 32, epoch)], source('lease'))
      ring.prove(only(ring.candidates(epoch)))
    }
    expect(crypto.calls).toBe(0)
    expect(ring.spans('proven')).toEqual([{ first: 0, last: 2999 }])
    expect(only(ring.candidates(1500)).leaf()).toEqual(nodeOf('lease 1500').key)
  })
})

describe('NodeRing: places', () => {
  const PRODUCER = { giver: 'producer', distance: 1 }
  const full = (givers: readonly string[], options?: { distance: number }): NodeRing => {
    const ring = new NodeRing(treeCrypto)
    givers.forEach((giver, i) => {
      ring.add([nodeOf(`wrong ${i}`)], source(`${giver} ${i}`, { giver, ...options }))
    })
    return ring
  }

  it('are there for the producer, whoever filled them, and the latest of the fullest gives way', () => {
    const ring = full(['a', 'b', 'b', 'c', 'd', 'e', 'f', 'g'])
    const addition = ring.add(grant(7, 9), source('right', PRODUCER))
    expect(addition).toEqual({ ...nothing, added: 2, displaced: ['b 2'] })
    for (const epoch of [7, 8, 9]) {
      expect(leavesOf(ring, epoch)).toHaveLength(8)
      expect(leavesOf(ring, epoch)).toContainEqual(leaf(epoch))
    }
    expect(ring.candidates(10).flatMap(({ sources }) => sources)).toContain('b 2')
  })

  it('are there for each giver, however many another gave', () => {
    const ring = full(Array<string>(8).fill('liar'))
    expect(ring.add([root], source('right'))).toEqual({
      ...nothing,
      added: 1,
      displaced: ['liar 7'],
    })
    const again = ring.add([wrong], source('liar again', { giver: 'liar' }))
    expect(again).toEqual({ ...nothing, refused: [ALL_EPOCHS] })
    expect(leavesOf(ring, 1)).toContainEqual(leaf(1))
  })

  it('are for whoever is nearer to the producer, if there are more givers than places', () => {
    const ring = full(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'], { distance: 3 })
    expect(ring.add(grant(4, 4), source('far', { distance: 3 })).refused).toHaveLength(1)
    expect(ring.add(grant(4, 4), source('near'))).toMatchObject({ added: 1, displaced: ['h 7'] })
  })

  it('count for whoever else gave the same node', () => {
    const ring = full(Array<string>(7).fill('liar'))
    ring.add([root], source('copy', { giver: 'liar' }))
    ring.add(grant(3, 3), source('right'))
    expect(ring.add(grant(3, 3, wrong), source('other'))).toMatchObject({ displaced: ['liar 6'] })
    expect(leavesOf(ring, 3)).toContainEqual(leaf(3))
  })

  it('are all the producer gives up of its own where it gave too many', () => {
    const ring = new NodeRing(treeCrypto)
    for (let i = 0; i < 8; i++) ring.add([nodeOf(`wrong ${i}`)], source(`${i}`, PRODUCER))
    expect(ring.add([root], source('late', PRODUCER)).refused).toEqual([ALL_EPOCHS])
  })

  it('let a wide node in whole where narrow ones fill some of its epochs', () => {
    const ring = new NodeRing(treeCrypto)
    for (let i = 0; i < 8; i++)
      ring.add(grant(5, 5, nodeOf(`${i}`)), source(`${i}`, { giver: 'x' }))
    expect(ring.add([root], source('share', PRODUCER)).added).toBe(1)
    expect(ring.nodesFor(ALL_EPOCHS, 'share')).toEqual([root])
  })

  it('are the same after a restart', () => {
    const ring = full(Array<string>(8).fill('liar'))
    const restored = NodeRing.restore(treeCrypto, ring.serialize())
    const addition = restored.add(grant(7, 9), source('right'))
    expect(addition).toEqual(ring.add(grant(7, 9), source('right')))
    expect(restored.serialize()).toEqual(ring.serialize())
  })

  it('of all nodes together are shared in the same way', () => {
    const ring = new NodeRing(treeCrypto, { maxProvisional: 4 })
    const give = (name: string, epoch: number, change: Partial<NodeSource>): Addition =>
      ring.add([nodeOf(`${name} ${epoch}`, 32, epoch)], source(`${name} ${epoch}`, change))
    for (const epoch of [1, 3, 5, 7]) give('liar', epoch, { giver: 'liar' })
    expect(give('other', 9, { giver: 'other' })).toMatchObject({ displaced: ['liar 7'] })
    expect(give('other', 11, { giver: 'other' })).toMatchObject({ displaced: ['liar 5'] })
    expect(give('other', 13, { giver: 'other' })).toMatchObject({ refused: [{ first: 13 }] })
    expect(give('producer', 15, PRODUCER)).toMatchObject({ added: 1, displaced: ['liar 3'] })
    for (const epoch of [17, 19]) give('producer', epoch, PRODUCER)
    expect(give('producer', 21, PRODUCER)).toMatchObject({ added: 1 })
    expect(give('producer', 23, PRODUCER)).toMatchObject({ refused: [{ first: 23 }] })
    expect(ring.serialize()).toHaveLength(4)
  })
})

describe('NodeRing: proof', () => {
  it('proves the node of the candidate and no other of the same grant', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(6, 9), source('g')) // nodes over 6 to 7 and 8 to 9
    expect(ring.prove(only(ring.candidates(6)))).toEqual([])
    expect([6, 7, 8, 9].map((epoch) => ring.hasProven(epoch))).toEqual([true, true, false, false])
    expect(only(ring.candidates(7)).state).toBe('proven')
    expect(only(ring.candidates(8)).state).toBe('provisional')
    expect(ring.spans('proven')).toEqual([{ first: 6, last: 7 }])
    expect(ring.spans('provisional')).toEqual([{ first: 8, last: 9 }])
  })

  it('drops what contradicts it, above, at and below, and names the sources once', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(0, 15, wrong), source('above'))
    ring.add(grant(4, 7, nodeOf('another')), source('at'))
    ring.add(grant(5, 5, nodeOf('a third')), source('below'))
    ring.add(grant(6, 6, nodeOf('a fourth')), source('below'))
    ring.add(grant(8, 8, nodeOf('a fifth')), source('beside'))
    ring.add(grant(4, 7), source('true'))
    const candidate = ring.candidates(4).find(({ sources }) => sources.includes('true'))
    expect(ring.prove(candidate!)).toEqual(['above', 'at', 'below'])
    for (const epoch of [4, 5, 6, 7]) expect(leavesOf(ring, epoch)).toEqual([leaf(epoch)])
    expect(ring.candidates(0)).toEqual([])
    expect(only(ring.candidates(8)).sources).toEqual(['beside'])
  })

  it('refuses ever after what contradicts it, and convicts the giver', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(4, 7), source('true'))
    ring.prove(only(ring.candidates(4)))
    for (const [first, last] of [
      [4, 7],
      [5, 5],
      [0, 15],
    ] as const) {
      const addition = ring.add(grant(first, last, wrong), source('liar'))
      expect(addition).toEqual({ ...nothing, contradicts: ['true'] })
    }
    expect(leavesOf(ring, 5)).toEqual([leaf(5)])
    expect(ring.candidates(0)).toEqual([])
    expect(ring.add(grant(8, 8, wrong), source('liar')).added).toBe(1)
  })

  it('keeps a wider node that leads to the proven one, still provisional', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(4, 7), source('first'))
    ring.prove(only(ring.candidates(4)))
    expect(ring.add(grant(0, 15), source('wider')).added).toBe(1)
    expect(only(ring.candidates(4))).toMatchObject({ state: 'proven', sources: ['first'] })
    expect(only(ring.candidates(0))).toMatchObject({ state: 'provisional', sources: ['wider'] })
    expect(ring.prove(only(ring.candidates(0)))).toEqual([])
    expect(leavesOf(ring, 4)).toEqual([leaf(4)])
    expect(ring.spans('proven')).toEqual([{ first: 0, last: 15 }])
  })

  it('of a node that the caller made leaves a wider one that leads to it', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(0, 15), source('wide'))
    expect(ring.addProven(grant(4, 7), source('own'))).toEqual({ ...nothing, added: 1 })
    expect(only(ring.candidates(4)).sources).toEqual(['own'])
    expect(only(ring.candidates(8)).sources).toEqual(['wide'])
  })

  it('does nothing for a candidate that was dropped, whose leaf is gone', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(4, 4, wrong), source('liar'))
    ring.add(grant(4, 4), source('true'))
    const [first, second] = ring.candidates(4)
    ring.prove(second!)
    expect(ring.prove(first!)).toEqual([])
    expect(() => first!.leaf()).toThrow(expect.objectContaining({ code: 'ERR_KEY_UNKNOWN' }))
    expect(leavesOf(ring, 4)).toEqual([leaf(4)])
  })

  it('refuses the candidate of another ring', () => {
    const ring = new NodeRing(treeCrypto)
    const other = new NodeRing(treeCrypto)
    for (const r of [ring, other]) r.add(grant(4, 4), source('g'))
    expect(() => ring.prove(only(other.candidates(4)))).toThrow(TypeError)
  })

  it('is not needed for nodes that the caller made', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(9, 9, wrong), source('liar'))
    const addition = ring.addProven([root], source('own'))
    expect(addition).toEqual({ ...nothing, added: 1, disproved: ['liar'] })
    expect(only(ring.candidates(9))).toMatchObject({ state: 'proven', sources: ['own'] })
    expect(ring.addProven(grant(3, 9), source('own'))).toEqual(nothing)
    expect(ring.addProven([wrong], source('bad'))).toEqual({ ...nothing, contradicts: ['own'] })
    expect(leavesOf(ring, 9)).toEqual([leaf(9)])
  })
})

describe('NodeRing: granting on', () => {
  it('derives the cover from proven nodes, and from those of the grant that is granted on', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(0, 15, wrong), source('liar'))
    ring.add(grant(0, 7), source('true'))
    expect(ring.nodesFor({ first: 1, last: 6 })).toBeUndefined()
    expect(ring.nodesFor({ first: 1, last: 6 }, 'true')).toEqual(grant(1, 6))
    expect(ring.nodesFor({ first: 1, last: 8 }, 'true')).toBeUndefined()
    expect(ring.grantable('true')).toEqual([{ first: 0, last: 7 }])
    expect(ring.grantable()).toEqual([])
    ring.prove(ring.candidates(0)[1]!)
    expect(ring.nodesFor({ first: 1, last: 6 })).toEqual(grant(1, 6))
    expect(ring.nodesFor({ first: 1, last: 8 }, 'liar')).toBeUndefined()
    expect(ring.grantable('liar')).toEqual([{ first: 0, last: 7 }])
  })

  it('knows what a grant brought that another had brought, or leads to', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(0, 7), source('wide'))
    ring.add(grant(2, 3), source('narrow'))
    ring.add(grant(0, 15), source('wider'))
    expect(ring.nodesFor({ first: 2, last: 3 }, 'narrow')).toEqual(grant(2, 3))
    ring.keepSources(new Set(['narrow']))
    expect(only(ring.candidates(2)).sources).toEqual(['narrow'])
    ring.keepSources(new Set(['gone']))
    expect(only(ring.candidates(2)).sources).toEqual(['narrow'])
  })

  it('cannot derive a cover whose nodes are only held in halves', () => {
    const ring = new NodeRing(treeCrypto)
    ring.addProven([...grant(4, 4), ...grant(5, 5)], source('g'))
    expect(ring.spans()).toEqual([{ first: 4, last: 5 }])
    expect(ring.nodesFor({ first: 4, last: 5 })).toBeUndefined()
    expect(ring.nodesFor({ first: 5, last: 5 })).toEqual(grant(5, 5))
  })
})

describe('NodeRing: forgetting', () => {
  it('gives up the past of proven and provisional nodes and keeps their standing', () => {
    const ring = new NodeRing(treeCrypto)
    ring.addProven(grant(0, 15), source('proven'))
    ring.add(grant(16, 31), source('provisional'))
    ring.forgetBefore(5)
    expect(ring.candidates(4)).toEqual([])
    expect(only(ring.candidates(5))).toMatchObject({ state: 'proven', sources: ['proven'] })
    expect(leavesOf(ring, 5)).toEqual([leaf(5)])
    ring.forgetBefore(20)
    expect(ring.spans()).toEqual([{ first: 20, last: 31 }])
    expect(only(ring.candidates(20))).toMatchObject({ sources: ['provisional'] })
    ring.forgetBefore(32)
    expect(ring.isEmpty).toBe(true)
  })

  it('leaves one node where the rest of a candidate is proven', () => {
    const ring = new NodeRing(treeCrypto)
    ring.addProven(grant(4, 5), source('own'))
    ring.add(grant(0, 7), source('wide'))
    ring.forgetBefore(5)
    expect(ring.serialize()).toHaveLength(2) // 5 proven, 6 to 7 provisional
    expect(ring.spans('provisional')).toEqual([{ first: 6, last: 7 }])
    expect(NodeRing.restore(treeCrypto, ring.serialize()).serialize()).toEqual(ring.serialize())
  })

  it('holds 32 nodes at most of an open-ended stream', () => {
    const ring = new NodeRing(treeCrypto)
    ring.addProven([root], source('own'))
    ring.forgetBefore(1)
    expect(ring.serialize()).toHaveLength(32)
    ring.forgetBefore(490_123)
    expect(ring.serialize().length).toBeLessThanOrEqual(32)
    expect(ring.nodesFor({ first: 490_123, last: LAST_EPOCH })).toEqual(grant(490_123, LAST_EPOCH))
  })

  it('takes the leaves from candidates that were handed out before', () => {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(0, 15), source('g'))
    const before = only(ring.candidates(3))
    ring.forgetBefore(4)
    expect(() => before.leaf()).toThrow(expect.objectContaining({ code: 'ERR_KEY_UNKNOWN' }))
    const later = only(ring.candidates(8))
    ring.wipe()
    expect(() => later.leaf()).toThrow(expect.objectContaining({ code: 'ERR_KEY_UNKNOWN' }))
    expect(ring.isEmpty).toBe(true)
  })
})

describe('NodeRing: stored form', () => {
  function filled(): NodeRing {
    const ring = new NodeRing(treeCrypto)
    ring.add(grant(0, 7), source('a'))
    ring.prove(only(ring.candidates(0)))
    ring.add(grant(100, 107, wrong), source('b'))
    ring.add(grant(102, 103), source('c'))
    ring.add(grant(102, 103), source('d'))
    return ring
  }

  it('goes through CBOR and back without loss', () => {
    const ring = filled()
    const stored = decodeCbor(encodeCbor(ring.serialize()), 'node ring')
    const restored = NodeRing.restore(treeCrypto, stored)
    expect(restored.serialize()).toEqual(ring.serialize())
    for (const epoch of [0, 100, 102]) {
      const described = (r: NodeRing) =>
        r.candidates(epoch).map(({ state, sources, leaf: key }) => ({ state, sources, key: key() }))
      expect(described(restored)).toEqual(described(ring))
    }
  })

  it('holds copies: neither side can change the other', () => {
    const ring = filled()
    const form = ring.serialize()
    const restored = NodeRing.restore(treeCrypto, form)
    for (const [, , , key] of form) key.fill(0)
    expect(leavesOf(ring, 0)).toEqual([leaf(0)])
    expect(leavesOf(restored, 0)).toEqual([leaf(0)])
  })

  const key = new Uint8Array(32)
  const S = [['a', 'b', 1]]
  it.each([
    ['no array', 7],
    ['an entry that is none', [7]],
    ['an entry too short', [[1, 32, 0, key]]],
    ['an unknown state', [[2, 32, 0, key, S]]],
    ['a depth that is no number', [[1, '32', 0, key, S]]],
    ['a depth below the leaves', [[1, 33, 0, key, S]]],
    ['an index beyond its depth', [[1, 3, 8, key, S]]],
    ['a big index', [[1, 32, 2n ** 60n, key, S]]],
    ['a key that is too short', [[1, 32, 0, new Uint8Array(31), S]]],
    ['a key that is an array', [[1, 32, 0, Array.from(key), S]]],
    ['sources that are text', [[1, 32, 0, key, 'a']]],
    ['no sources', [[1, 32, 0, key, []]]],
    ['a source that is none', [[1, 32, 0, key, [1]]]],
    ['a source that is too short', [[1, 32, 0, key, [['a', 'b']]]]],
    ['a source without a name', [[1, 32, 0, key, [[1, 'b', 1]]]]],
    ['a source without a giver', [[1, 32, 0, key, [['a', 1, 1]]]]],
    ['a source below no distance', [[1, 32, 0, key, [['a', 'b', -1]]]]],
    [
      'two proven nodes at one position',
      [
        [1, 3, 1, key, S],
        [1, 3, 1, key, S],
      ],
    ],
    [
      'a proven node above a proven one',
      [
        [1, 4, 2, key, S],
        [1, 3, 1, key, S],
      ],
    ],
    [
      'a provisional node below a proven one',
      [
        [1, 3, 1, key, S],
        [0, 4, 2, key, S],
      ],
    ],
    [
      'a proven node after a provisional one',
      [
        [0, 3, 1, key, S],
        [1, 3, 2, key, S],
      ],
    ],
  ])('is malformed with %s', (_, form) => {
    expect(() => NodeRing.restore(treeCrypto, form)).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }),
    )
  })

  it('restores or is malformed, whatever it holds', () => {
    const entry = fc.tuple(
      fc.constantFrom<unknown>(0, 1, '1'),
      fc.integer({ min: 26, max: 33 }),
      fc.nat(9),
      fc.constantFrom<unknown>(key, key.subarray(1), null),
      fc.oneof(fc.array(fc.tuple(fc.string(), fc.string(), fc.nat(4))), fc.anything()),
    )
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.array(entry, { maxLength: 4 })), (form) => {
        try {
          NodeRing.restore(treeCrypto, form)
        } catch (error) {
          expect(error).toBeInstanceOf(WaxwingError)
          expect(error).toHaveProperty('code', 'ERR_MALFORMED')
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('HeldNode', () => {
  it('overwrites its own key when it is dropped, and not that of the giver', () => {
    const given = deriveNode(treeCrypto, root, root)
    const node = new HeldNode(treeCrypto, given, {
      state: 'proven',
      sources: [source('g')],
      age: 0,
    })
    node.drop()
    expect(node.key).toEqual(new Uint8Array(32))
    expect(given.key).toEqual(root.key)
    expect(() => node.agreesWith(root)).toThrow(
      expect.objectContaining({ code: 'ERR_KEY_UNKNOWN' }),
    )
  })
})

describe('NodeRing: misuse', () => {
  it('names the argument and changes nothing', () => {
    const ring = new NodeRing(treeCrypto)
    const short = { ...deriveNode(treeCrypto, root, root), key: new Uint8Array(31) }
    expect(() => ring.add([root, short], source('g'))).toThrow(RangeError)
    expect(() => ring.addProven([{ ...root, index: 1 }], source('g'))).toThrow(RangeError)
    expect(ring.isEmpty).toBe(true)
    expect(() => ring.add([root], source('g', { distance: -1 }))).toThrow(/^source.distance/)
    expect(() => ring.candidates(-1)).toThrow(RangeError)
    expect(() => ring.hasProven(2 ** 32)).toThrow(RangeError)
    expect(() => ring.forgetBefore(0.5)).toThrow(RangeError)
    expect(() => ring.nodesFor({ first: 2, last: 1 })).toThrow(RangeError)
    expect(() => new NodeRing(treeCrypto, { maxCandidates: 0 })).toThrow(/^maxCandidates/)
    expect(() => new NodeRing(treeCrypto, { maxProvisional: 1.5 })).toThrow(/^maxProvisional/)
  })
})
