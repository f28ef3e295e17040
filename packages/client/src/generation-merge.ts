// SPDX-License-Identifier: Apache-2.0
/**
 * Taking over what another process on the same store learnt of a generation: the grants that it was
 * given, the nodes that it proved, that it was closed, what it forgot.
 *
 * @module
 */

import type { TreeNode } from '@waxwing/core'
import type { Generation } from './generation-book.js'

/**
 * Merges the stored state of a generation into the one in use.
 *
 * @param stored - The same generation, restored from the store. It is of no use afterwards.
 * @returns Whether anything was new.
 */
export function mergeGeneration(known: Generation, stored: Generation): boolean {
  const isWider = known.own ? forgetAlike(known, stored) : takeNodes(known, stored)
  const grants = [...stored.grants].filter(([id]) => !known.grants.has(id))
  for (const [id, grant] of grants) known.grants.set(id, grant)
  const isClosed = close(known, stored)
  stored.ring.wipe()
  if (isWider) known.opener.reset()
  return isWider || grants.length > 0 || isClosed
}

/** Our own keys come from one root: another process can only have deleted some. */
function forgetAlike(known: Generation, stored: Generation): boolean {
  const [kept] = stored.ring.spans()
  const [held] = known.ring.spans()
  if (kept === undefined || held === undefined || kept.first <= held.first) return false
  known.ring.forgetBefore(kept.first)
  return true
}

function takeNodes(known: Generation, stored: Generation): boolean {
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

function close(known: Generation, stored: Generation): boolean {
  const { closingEpoch } = stored
  if (closingEpoch === undefined || closingEpoch >= (known.closingEpoch ?? Infinity)) return false
  known.opener.closingEpoch = closingEpoch
  return true
}
