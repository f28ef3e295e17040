// SPDX-License-Identifier: Apache-2.0
/**
 * Taking over what another process on the same store learnt of a generation: the grants that it was
 * given, the nodes that it proved, that it was closed, what it forgot.
 *
 * @module
 */

import type { GenerationOpener, NodeRing, TreeNode } from '@waxwing/core'

/** What of a generation changes while it is held. */
interface Held<G> {
  readonly own: boolean
  readonly ring: NodeRing
  readonly opener: Pick<GenerationOpener, 'closingEpoch' | 'reset'>
  readonly grants: Map<string, G>
}

/**
 * Merges the stored state of a generation into the one in use.
 *
 * @param stored - The same generation, restored from the store. It is of no use afterwards.
 * @returns Whether anything was new.
 */
export function mergeGeneration<G>(known: Held<G>, stored: Held<G>): boolean {
  const isWider = known.own ? forgetAlike(known, stored) : takeNodes(known, stored)
  const grants = [...stored.grants].filter(([id]) => !known.grants.has(id))
  for (const [id, grant] of grants) known.grants.set(id, grant)
  const isClosed = close(known, stored)
  stored.ring.wipe()
  if (isWider) known.opener.reset()
  return isWider || grants.length > 0 || isClosed
}

/** Our own keys come from one root: another process can only have deleted some. */
function forgetAlike(known: Held<unknown>, stored: Held<unknown>): boolean {
  const [kept] = stored.ring.spans()
  const [held] = known.ring.spans()
  if (kept === undefined || held === undefined || kept.first <= held.first) return false
  known.ring.forgetBefore(kept.first)
  return true
}

function takeNodes(known: Held<unknown>, stored: Held<unknown>): boolean {
  let count = 0
  for (const [isProven, depth, index, key, sources] of stored.ring.serialize()) {
    const node: TreeNode = { depth, index, key }
    const [first = '', ...others] = sources
    if (isProven === 1) count += known.ring.addProven([node], first).added
    else for (const source of [first, ...others]) count += known.ring.add([node], source).added
    key.fill(0)
  }
  return count > 0
}

function close(known: Held<unknown>, stored: Held<unknown>): boolean {
  const { closingEpoch } = stored.opener
  if (closingEpoch === undefined) return false
  if (closingEpoch >= (known.opener.closingEpoch ?? Infinity)) return false
  known.opener.closingEpoch = closingEpoch
  return true
}
