// SPDX-License-Identifier: Apache-2.0
/**
 * Grants as they travel: manifest, chain of links, and the nodes (`docs/spec/07-granting.md`
 * Section 7.4). What makes a grant valid is in `chain.ts`.
 *
 * @module
 */

import type { CborValue } from '../cbor/cbor.js'
import { malformed } from '../errors.js'
import type { BodyCodec } from './body.js'

/** Links from the producer's own to the reader's. */
export const MAX_LINKS = 4
/** 62 nodes of 32 bytes: the largest cover. */
export const MAX_NODES_BYTES = 1984

export interface Grant {
  /** The generation's manifest, as its producer signed it. */
  readonly manifest: Uint8Array
  /** 1 to 4 links, the producer's first. */
  readonly chain: readonly Uint8Array[]
  /** The keys of the last link's span, in the order of its cover. Secret. */
  readonly nodes: Uint8Array
}

export const grantCodec: BodyCodec<Grant> = {
  toCbor: ({ manifest, chain, nodes }) => [
    [0, manifest],
    [1, chain],
    [2, nodes],
  ],
  fromFields: (map, from) => ({
    manifest: map.bytes(from, 'manifest'),
    chain: linksFromCbor(map.array(from + 1, 'chain', { min: 1, max: MAX_LINKS }), 'grant'),
    nodes: map.bytes(from + 2, 'nodes', { min: 32, max: MAX_NODES_BYTES }),
  }),
}

/** @throws {WaxwingError} `ERR_MALFORMED`. */
export function linksFromCbor(links: readonly CborValue[], what: string): readonly Uint8Array[] {
  return links.map((link) => {
    if (!(link instanceof Uint8Array)) throw malformed(what, 'chain')
    return link.slice()
  })
}
