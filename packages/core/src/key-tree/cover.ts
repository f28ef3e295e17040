// SPDX-License-Identifier: Apache-2.0
/**
 * Covers: the fewest nodes of the key tree under which lie exactly the leaves of a span
 * (`docs/spec/05-keys.md` Section 5.3). Positions only; keys are the matter of `tree.ts`.
 *
 * The minimal cover of a span is unique, so its length and order follow from the span alone: a
 * grant carries keys without saying where they belong. At most 62 nodes; at most 32 where the span
 * is open-ended.
 *
 * @module
 */

import { assertSpan, type Span } from './span.js'

/** Depth of the leaves; the root has depth 0. */
export const TREE_DEPTH = 32

/** The most nodes that a cover has (Section 5.3). */
export const MAX_COVER_COUNT = 62

const LEAF_COUNT = 2 ** TREE_DEPTH

export interface NodePosition {
  /** 0 for the root, 32 for a leaf. */
  readonly depth: number
  /** The leading `depth` bits of every epoch below the node, as an integer in [0, 2^depth - 1]. */
  readonly index: number
}

/** @throws {RangeError} Unless there is a node at `position`. */
export function assertPosition(position: NodePosition, name = 'position'): void {
  const { depth, index } = position
  if (!Number.isInteger(depth) || depth < 0 || depth > TREE_DEPTH) {
    throw new RangeError(`${name}.depth must be an integer from 0 to ${TREE_DEPTH}, got ${depth}`)
  }
  if (!Number.isInteger(index) || index < 0 || index >= 2 ** depth) {
    throw new RangeError(`${name}.index must be an integer below 2^${depth}, got ${index}`)
  }
}

/** Says whether there is a node at `position`. For decoders. */
export function isPosition({ depth, index }: NodePosition): boolean {
  const isDepth = Number.isInteger(depth) && depth >= 0 && depth <= TREE_DEPTH
  return isDepth && Number.isInteger(index) && index >= 0 && index < 2 ** depth
}

/** Finds the epochs whose leaves lie below a node. */
export function spanOfNode(position: NodePosition): Span {
  const leaves = 2 ** (TREE_DEPTH - position.depth)
  const first = position.index * leaves
  return { first, last: first + leaves - 1 }
}

/** Says whether `below` is `above` or lies below it. */
export function isBelow(below: NodePosition, above: NodePosition): boolean {
  const levels = below.depth - above.depth
  return levels >= 0 && Math.floor(below.index / 2 ** levels) === above.index
}

/** Says whether two positions are the same. */
export function samePosition(a: NodePosition, b: NodePosition): boolean {
  return a.depth === b.depth && a.index === b.index
}

/**
 * Finds the minimal cover of a span, from left to right.
 *
 * @returns 1 to 62 positions; the whole tree is the root alone.
 * @throws {RangeError} If `span` is none.
 */
export function coverOf(span: Span): readonly NodePosition[] {
  assertSpan(span)
  const cover: NodePosition[] = []
  for (let first = span.first; first <= span.last;) {
    const leaves = largestSubtreeAt(first, span.last)
    cover.push({ depth: TREE_DEPTH - Math.log2(leaves), index: first / leaves })
    first += leaves
  }
  return cover
}

/** Counts the leaves of the largest subtree that begins with `first` and does not pass `last`. */
function largestSubtreeAt(first: number, last: number): number {
  // Numbers above 2^31 are beyond the signed shifts of JavaScript: powers of two instead.
  let leaves = first === 0 ? LEAF_COUNT : lowestBit(first)
  while (first + leaves - 1 > last) leaves /= 2
  return leaves
}

function lowestBit(value: number): number {
  return (value & -value) >>> 0
}
