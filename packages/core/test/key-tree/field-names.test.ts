// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { assertPosition, coverOf } from '../../src/key-tree/cover.js'
import { LeafDeriver } from '../../src/key-tree/leaf-deriver.js'
import { NodeRing } from '../../src/key-tree/node-ring.js'
import { assertEpoch, assertSpan, isSpan } from '../../src/key-tree/span.js'
import {
  assertNode,
  decodeNodes,
  deriveNode,
  encodeNodes,
  type TreeNode,
} from '../../src/key-tree/tree.js'
import { source } from '../support/node-source.js'
import { fieldOf } from '../support/outcome.js'
import { nodeOf, treeCrypto } from './tree-crypto.js'

const key = new Uint8Array(32)
const S = [['a', 'b', 1]]
const root = nodeOf('root')
const nowhere: TreeNode = { depth: 33, index: 0, key }

describe('what is refused of a stored ring is named:', () => {
  it.each<readonly [string, unknown]>([
    ['nodes', 7],
    ['node', [7]],
    ['node', [[1, 32, 0, key, S, 0]]],
    ['node', [[1, 33, 0, key, S]]],
    ['state', [[2, 32, 0, key, S]]],
    ['position', [[1, '32', 0, key, S]]],
    ['position', [[1, 32, '0', key, S]]],
    ['key', [[1, 32, 0, null, S]]],
    ['sources', [[1, 32, 0, key, 'a']]],
    ['sources', [[1, 32, 0, key, [1]]]],
    ['sources', [[1, 32, 0, key, [['a', 'b', 1, 0]]]]],
    ['sources', [[1, 32, 0, key, [['a', 'b', -1]]]]],
    [
      'order',
      [
        [0, 3, 1, key, S],
        [1, 3, 2, key, S],
      ],
    ],
    [
      'position',
      [
        [1, 3, 1, key, S],
        [1, 3, 1, key, S],
      ],
    ],
  ])('its %s', (field, form) => {
    expect(fieldOf(() => NodeRing.restore(treeCrypto, form))).toBe(field)
  })
})

describe('an argument that is none is named', () => {
  const wrong: readonly (readonly [string, () => unknown])[] = [
    ['position.depth', () => assertPosition(nowhere)],
    ['node.depth', () => assertNode(nowhere)],
    ['epoch', () => assertEpoch(-1)],
    ['span.first', () => assertSpan({ first: -1, last: 0 })],
    ['span.last', () => assertSpan({ first: 0, last: -1 })],
    ['span.first', () => assertSpan({ first: 2, last: 1 })],
    ['span.last', () => coverOf({ first: 0, last: 2 ** 32 })],
    ['from.depth', () => deriveNode(treeCrypto, nowhere, root)],
    ['to.depth', () => deriveNode(treeCrypto, root, nowhere)],
    ['from.depth', () => new LeafDeriver(treeCrypto, nowhere)],
    ['nodes.depth', () => new NodeRing(treeCrypto).add([nowhere], source('g'))],
    ['epoch', () => new LeafDeriver(treeCrypto, root).leaf(0.5)],
    ['position.index', () => new LeafDeriver(treeCrypto, root).key({ depth: 32, index: 0.5 })],
  ]
  it.each(wrong)('%s', (name, call) => {
    expect(call).toThrow(RangeError)
    expect(call).toThrow(new RegExp(`^${name.replace('.', '\\.')} `))
  })

  it('also where a candidate is of another ring', () => {
    const [ring, other] = [new NodeRing(treeCrypto), new NodeRing(treeCrypto)]
    other.add([root], source('g'))
    expect(() => ring.prove(other.candidates(0)[0]!)).toThrow(/^candidate /)
  })
})

describe('nodes that are to be encoded', () => {
  it('are the whole cover of their span, each at its place', () => {
    const [a, b, c] = [5, 6, 8].map((epoch) => nodeOf(`${epoch}`, 32, epoch))
    expect(() => encodeNodes([a!, b!])).not.toThrow()
    expect(() => encodeNodes([a!, c!])).toThrow(RangeError)
    expect(() => encodeNodes([a!, b!, c!])).toThrow(RangeError)
    expect(() => encodeNodes([a!, a!])).toThrow(RangeError)
    expect(fieldOf(() => decodeNodes(new Uint8Array(31), { first: 5, last: 5 }))).toBe('length')
  })

  it('may be of one epoch', () => {
    expect(isSpan({ first: 5, last: 5 })).toBe(true)
    expect(encodeNodes([nodeOf('5', 32, 5)])).toEqual(nodeOf('5').key)
  })
})
