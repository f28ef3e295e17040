// SPDX-License-Identifier: Apache-2.0
/**
 * Taking over what another process on the same store learnt of a generation: the grants that it was
 * given, the nodes that it proved, that it was used or closed, what it forgot.
 *
 * @module
 */

import { NodeRing, type CryptoProvider, type TreeNode } from '@waxwing/core'
import type { Generation } from './generation.js'
import type { GenerationRecord } from './generation-records.js'

/**
 * Merges the stored state of a generation into the one in use. What either forgot stays forgotten.
 *
 * @returns Whether anything was new.
 */
export function mergeGeneration(
  crypto: CryptoProvider,
  known: Generation,
  stored: GenerationRecord,
): boolean {
  const hasForgotten = stored.forgottenBefore > known.forgottenBefore
  if (hasForgotten) known.forgetBefore(stored.forgottenBefore)
  // Our own keys come from one root, so that another process can only have deleted some.
  const isWider = !known.own && takeRing(crypto, known, stored)
  const grants = stored.grants.filter(({ grantId }) => !known.grants.has(grantId))
  known.keepGrants(grants)
  const isClosed = stored.closingEpoch !== null && known.close(stored.closingEpoch)
  if (stored.isUsed) known.noteUse() // which is no news for whoever waits for keys
  if (isWider) known.opener.reset()
  return hasForgotten || isWider || grants.length > 0 || isClosed
}

function takeRing(crypto: CryptoProvider, known: Generation, stored: GenerationRecord): boolean {
  const ring = NodeRing.restore(crypto, stored.ring)
  ring.forgetBefore(known.forgottenBefore)
  const isWider = takeNodes(known.ring, ring)
  ring.wipe()
  return isWider
}

function takeNodes(known: NodeRing, stored: NodeRing): boolean {
  let count = 0
  for (const [isProven, depth, index, key, sources] of stored.serialize()) {
    const node: TreeNode = { depth, index, key }
    for (const [name, giver, distance] of sources) {
      const source = { name, giver, distance }
      const addition = isProven === 1 ? known.addProven([node], source) : known.add([node], source)
      count += addition.added
    }
    key.fill(0)
  }
  return count > 0
}
