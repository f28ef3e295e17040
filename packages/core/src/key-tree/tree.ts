// SPDX-License-Identifier: Apache-2.0
/**
 * The key tree of a generation (`docs/spec/05-keys.md` Section 5.1): depth 32, one leaf per epoch.
 * The children of a node are the two halves of HMAC-SHA-512(node, "waxwing tree v1"), so who holds
 * a node holds everything below it and nothing beside or above it.
 *
 * Ownership: every key that a function here returns is a new array of its own, unless it says
 * otherwise, and belongs to the caller, who overwrites it when done. What is derived on the way is
 * overwritten here. (The engine may still have copied it: wiping shortens a secret's life, it does
 * not prove its end.)
 *
 * @module
 */

import { concatBytes, utf8 } from '../bytes.js'
import type { CryptoProvider } from '../crypto/provider.js'
import { malformed } from '../errors.js'
import {
  assertPosition,
  coverOf,
  isBelow,
  isPosition,
  samePosition,
  spanOfNode,
  TREE_DEPTH,
  type NodePosition,
} from './cover.js'
import { assertEpoch, type Span } from './span.js'

/** Length of every key of the tree. */
export const NODE_KEY_BYTES = 32

const LABEL = utf8('waxwing tree v1')

/** The part of a crypto provider that the tree needs. */
export type TreeCrypto = Pick<CryptoProvider, 'hmacSha512'>

/** A node of the key tree, with its key. */
export interface TreeNode extends NodePosition {
  /** 32 secret bytes. */
  readonly key: Uint8Array
}

export interface ChildKeys {
  /** Key of the child whose leading bits end in 0. */
  readonly left: Uint8Array
  /** Key of the child whose leading bits end in 1. */
  readonly right: Uint8Array
}

/** Makes the root of a generation's tree of its 32 random bytes, which are copied. */
export function rootNode(key: Uint8Array): TreeNode {
  assertNodeKey(key)
  return { depth: 0, index: 0, key: key.slice() }
}

/**
 * Derives the keys of a node's two children.
 *
 * @throws {RangeError} If `key` has not 32 bytes.
 */
export function deriveChildren(crypto: TreeCrypto, key: Uint8Array): ChildKeys {
  const both = deriveBoth(crypto, key)
  const children = { left: both.slice(0, NODE_KEY_BYTES), right: both.slice(NODE_KEY_BYTES) }
  both.fill(0)
  return children
}

/** Derives both children at once: 64 new bytes, the left key and then the right one. */
export function deriveBoth(crypto: TreeCrypto, key: Uint8Array): Uint8Array {
  assertNodeKey(key)
  return crypto.hmacSha512(key, LABEL)
}

/**
 * Derives the node at `to` from one above it, or copies it if it is the same.
 *
 * @throws {RangeError} If `to` does not lie below `from`.
 */
export function deriveNode(crypto: TreeCrypto, from: TreeNode, to: NodePosition): TreeNode {
  assertNode(from, 'from')
  assertPosition(to, 'to')
  if (!isBelow(to, from)) {
    throw new RangeError(
      `to (depth ${to.depth}, index ${to.index}) must lie below ` +
        `from (depth ${from.depth}, index ${from.index})`,
    )
  }
  let key = from.key.slice()
  for (let depth = from.depth + 1; depth <= to.depth; depth++) {
    const isRight = Math.floor(to.index / 2 ** (to.depth - depth)) % 2 === 1
    const both = deriveBoth(crypto, key)
    key.fill(0)
    key = isRight ? both.slice(NODE_KEY_BYTES) : both.slice(0, NODE_KEY_BYTES)
    both.fill(0)
  }
  return { depth: to.depth, index: to.index, key }
}

/**
 * Derives the leaf of an epoch: 32 new bytes. For many leaves, `LeafDeriver` is faster.
 *
 * @throws {RangeError} If the epoch's leaf does not lie below `from`.
 */
export function deriveLeaf(crypto: TreeCrypto, from: TreeNode, epoch: number): Uint8Array {
  assertEpoch(epoch)
  return deriveNode(crypto, from, { depth: TREE_DEPTH, index: epoch }).key
}

/**
 * Derives the nodes of a span's cover from nodes that are held.
 *
 * @param held - In any order; they may overlap.
 * @returns The cover in its order, or `undefined` if a part of it lies below no held node.
 */
export function nodesFor(
  crypto: TreeCrypto,
  held: readonly TreeNode[],
  span: Span,
): readonly TreeNode[] | undefined {
  const steps: { from: TreeNode; to: NodePosition }[] = []
  for (const to of coverOf(span)) {
    const from = held.find((node) => isBelow(to, node))
    if (from === undefined) return undefined
    steps.push({ from, to })
  }
  return steps.map(({ from, to }) => deriveNode(crypto, from, to))
}

/**
 * Encodes the nodes of a cover: their keys, one after the other. Where they belong follows from the
 * span, which travels beside them.
 *
 * @returns A new array of 32 bytes per node; it is as secret as the nodes are.
 * @throws {RangeError} If `nodes` are not exactly the cover of some span, in its order.
 */
export function encodeNodes(nodes: readonly TreeNode[]): Uint8Array {
  const first = nodes[0]
  const last = nodes.at(-1)
  if (first === undefined || last === undefined) throw new RangeError('nodes must not be empty')
  const cover = coverOf({ first: spanOfNode(first).first, last: spanOfNode(last).last })
  const inOrder = cover.every((position, i) => {
    const node = nodes[i]
    return node !== undefined && samePosition(position, node)
  })
  if (!inOrder || cover.length !== nodes.length) {
    throw new RangeError('nodes must be the cover of a span, from left to right')
  }
  for (const node of nodes) assertNodeKey(node.key)
  return concatBytes(...nodes.map((node) => node.key))
}

/**
 * Decodes the nodes of a span's cover. The keys are copies.
 *
 * @throws {WaxwingError} `ERR_MALFORMED` unless there are 32 bytes for every node of the cover.
 * @throws {RangeError} If `span` is none; the decoder that read it has checked it.
 */
export function decodeNodes(bytes: Uint8Array, span: Span): readonly TreeNode[] {
  const cover = coverOf(span)
  if (bytes.length !== cover.length * NODE_KEY_BYTES) throw malformed('nodes', 'length')
  return cover.map(({ depth, index }, i) => {
    const start = i * NODE_KEY_BYTES
    return { depth, index, key: bytes.slice(start, start + NODE_KEY_BYTES) }
  })
}

/** Says whether there is a node at the position and its key has 32 bytes. For decoders. */
export function isNode(node: TreeNode): boolean {
  return isPosition(node) && node.key.length === NODE_KEY_BYTES
}

/** @throws {RangeError} Unless {@link isNode}. */
export function assertNode(node: TreeNode, name = 'node'): void {
  assertPosition(node, name)
  assertNodeKey(node.key)
}

/** @throws {RangeError} Unless `key` has 32 bytes. */
export function assertNodeKey(key: Uint8Array): void {
  if (key.length !== NODE_KEY_BYTES) {
    throw new RangeError(`key must be ${NODE_KEY_BYTES} bytes, got ${key.length}`)
  }
}
