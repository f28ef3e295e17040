// SPDX-License-Identifier: Apache-2.0
/**
 * The key tree, slowly (`docs/spec/05-keys.md` Sections 5.1 and 5.3): covers by recursion from the
 * root, keys by walking down bit by bit.
 *
 * @module
 */

import { join } from './cbor.ts'
import { hmac, utf8 } from './primitives.ts'

export const LAST_EPOCH = 2 ** 32 - 1
const DEPTH = 32

export interface Span {
  readonly first: number
  readonly last: number
}

/** Depth and index of a node. */
export type Position = readonly [depth: number, index: number]

/** The key of the node at a position below a root, or below any node that is taken for one. */
export function nodeKey(root: Uint8Array, [depth, index]: Position): Uint8Array {
  let key = root
  for (const bit of index.toString(2).padStart(depth, '0').slice(0, depth)) {
    const both = hmac('sha512', key, utf8('waxwing tree v1'))
    key = bit === '0' ? both.slice(0, 32) : both.slice(32)
  }
  return key
}

/** The key of an epoch's leaf. */
export function leafKey(root: Uint8Array, epoch: number): Uint8Array {
  return nodeKey(root, [DEPTH, epoch])
}

/** The fewest nodes under which lie exactly the leaves of a span, from left to right. */
export function cover(span: Span, [depth, index]: Position = [0, 0]): readonly Position[] {
  const first = index * 2 ** (DEPTH - depth)
  const last = first + 2 ** (DEPTH - depth) - 1
  if (last < span.first || first > span.last) return []
  if (span.first <= first && last <= span.last) return [[depth, index]]
  return [...cover(span, [depth + 1, 2 * index]), ...cover(span, [depth + 1, 2 * index + 1])]
}

/** The keys of a span's cover, one after the other: the nodes of a grant. */
export function nodes(root: Uint8Array, span: Span): Uint8Array {
  return join(...cover(span).map((position) => nodeKey(root, position)))
}
