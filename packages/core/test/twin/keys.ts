// SPDX-License-Identifier: Apache-2.0
/**
 * Where the nodes of the key tree stand, as their definition says (`docs/spec/05-keys.md` Section
 * 5.1): epoch by epoch, turn by turn.
 *
 * @module
 */

import { cover, nodeKey, type Span } from '../../../../tools/vectors/frozen/tree.ts'

const TREE_DEPTH = 32

export interface Position {
  readonly depth: number
  readonly index: number
}

/** The epochs whose leaves lie below a node. */
export function spanBelow({ depth, index }: Position): Span {
  const count = 2 ** (TREE_DEPTH - depth)
  return { first: index * count, last: (index + 1) * count - 1 }
}

/** Whether one node is another, or lies below it. */
export function isAtOrBelow(below: Position, above: Position): boolean {
  const [inner, outer] = [spanBelow(below), spanBelow(above)]
  return below.depth >= above.depth && inner.first >= outer.first && inner.last <= outer.last
}

/** The cover of a span. */
export function positionsOf(span: Span): readonly Position[] {
  return cover(span).map(([depth, index]) => ({ depth, index }))
}

/** The leaf of an epoch below a node, which is taken for the root of what is below it. */
export function leafBelow(
  node: Position & { readonly key: Uint8Array },
  epoch: number,
): Uint8Array {
  return nodeKey(node.key, [TREE_DEPTH - node.depth, epoch - spanBelow(node).first])
}
