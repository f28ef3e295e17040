// SPDX-License-Identifier: Apache-2.0
/**
 * HMAC-SHA-512 for the tests of the key tree, with a count of its calls.
 *
 * @module
 */

import { createHash, createHmac } from 'node:crypto'
import type { TreeCrypto, TreeNode } from '../../src/key-tree/tree.js'

export const treeCrypto: TreeCrypto = {
  hmacSha512: (key, data) => new Uint8Array(createHmac('sha512', key).update(data).digest()),
}

/** Like {@link treeCrypto}, with a count. */
export function countingCrypto(): TreeCrypto & { calls: number } {
  return {
    calls: 0,
    hmacSha512(key, data) {
      this.calls++
      return treeCrypto.hmacSha512(key, data)
    },
  }
}

/** A node with a key that follows from a text. */
export function nodeOf(text: string, depth = 0, index = 0): TreeNode {
  return { depth, index, key: new Uint8Array(createHash('sha256').update(text).digest()) }
}

export interface WatchedCrypto {
  readonly crypto: TreeCrypto
  /** The keys that were derived from, as they are now. */
  readonly keys: readonly Uint8Array[]
  /** What was derived, as it is now. */
  readonly derived: readonly Uint8Array[]
}

/** Like {@link treeCrypto}, with an eye on what it takes and gives. */
export function watchedCrypto(): WatchedCrypto {
  const keys: Uint8Array[] = []
  const derived: Uint8Array[] = []
  const hmacSha512: TreeCrypto['hmacSha512'] = (key, data) => {
    const both = treeCrypto.hmacSha512(key, data)
    keys.push(key)
    derived.push(both)
    return both
  }
  return { crypto: { hmacSha512 }, keys, derived }
}
