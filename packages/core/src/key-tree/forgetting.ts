// SPDX-License-Identifier: Apache-2.0
/**
 * Forgetting the past of a generation (`docs/spec/05-keys.md` Section 5.8): what is no longer held,
 * a thief cannot take. A node that also covers the past is replaced by the nodes that cover only
 * the rest.
 *
 * @module
 */

import { coverOf, spanOfNode } from './cover.js'
import { LeafDeriver } from './leaf-deriver.js'
import { assertEpoch } from './span.js'
import type { TreeCrypto, TreeNode } from './tree.js'

/**
 * Gives up everything before an epoch.
 *
 * Takes over `held`: nodes that lie wholly at or after `epoch` pass into the result as they are;
 * the keys of all others are overwritten with zeros.
 *
 * @returns The nodes that cover what of `held` lies at or after `epoch`; 32 at most in place of one
 *   root. In the order of `held`.
 * @throws {RangeError} If `epoch` is none.
 */
export function forgetBefore(
  crypto: TreeCrypto,
  held: readonly TreeNode[],
  epoch: number,
): TreeNode[] {
  assertEpoch(epoch)
  const kept: TreeNode[] = []
  for (const node of held) {
    if (spanOfNode(node).first >= epoch) {
      kept.push(node)
    } else {
      kept.push(...remainder(crypto, node, epoch))
      node.key.fill(0)
    }
  }
  return kept
}

/**
 * Derives the nodes that cover what of one node's span lies at or after `epoch`, which is after its
 * first epoch. Leaves the node as it is.
 */
export function remainder(crypto: TreeCrypto, node: TreeNode, epoch: number): TreeNode[] {
  const { last } = spanOfNode(node)
  if (last < epoch) return []
  const deriver = new LeafDeriver(crypto, node)
  const nodes = coverOf({ first: epoch, last }).map(({ depth, index }) => ({
    depth,
    index,
    key: deriver.key({ depth, index }),
  }))
  deriver.wipe()
  return nodes
}
