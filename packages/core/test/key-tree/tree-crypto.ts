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
