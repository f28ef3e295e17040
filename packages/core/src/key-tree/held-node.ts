// SPDX-License-Identifier: Apache-2.0
/**
 * One node in a {@link NodeRing}: its key, where it came from, and whether a verified object has
 * proven it. It owns its key and overwrites it when it is dropped.
 *
 * @module
 */

import { WaxwingError } from '../errors.js'
import type { NodePosition } from './cover.js'
import { LeafDeriver } from './leaf-deriver.js'
import type { TreeCrypto, TreeNode } from './tree.js'

/**
 * A node is `proven` once an object was opened and verified with it, or where the caller made it
 * itself; until then it is `provisional`.
 */
export type NodeState = 'proven' | 'provisional'

export interface HeldNodeOptions {
  readonly state: NodeState
  /** Which grants brought the node. */
  readonly sources: readonly string[]
  /** Lower numbers came earlier. */
  readonly age: number
}

export class HeldNode implements TreeNode {
  readonly depth: number
  readonly index: number
  readonly key: Uint8Array
  state: NodeState
  age: number
  readonly #crypto: TreeCrypto
  readonly #sources: string[]
  #deriver: LeafDeriver | undefined
  #isDropped = false

  /** @param node - Its key is copied. */
  constructor(crypto: TreeCrypto, node: TreeNode, options: HeldNodeOptions) {
    this.depth = node.depth
    this.index = node.index
    this.key = node.key.slice()
    this.state = options.state
    this.age = options.age
    this.#crypto = crypto
    this.#sources = [...options.sources]
  }

  get sources(): readonly string[] {
    return this.#sources
  }

  /** Notes more grants that brought this very node, `maxCount` in all: the earliest stay. */
  addSources(sources: readonly string[], maxCount: number): void {
    for (const source of sources) {
      if (this.#sources.length >= maxCount) return
      if (!this.#sources.includes(source)) this.#sources.push(source)
    }
  }

  /**
   * Derives the key at or below this node: 32 new bytes.
   *
   * @throws {WaxwingError} `ERR_KEY_UNKNOWN` if the node was dropped.
   */
  keyOf(position: NodePosition): Uint8Array {
    return this.#derivations().key(position)
  }

  /** Says whether this node leads to the key of `node`, which lies at or below it. */
  agreesWith(node: TreeNode): boolean {
    return this.#derivations().agreesWith(node)
  }

  /** Overwrites the key and all that was derived from it. */
  drop(): void {
    this.#isDropped = true
    this.key.fill(0)
    this.#deriver?.wipe()
  }

  #derivations(): LeafDeriver {
    if (this.#isDropped) throw new WaxwingError('ERR_KEY_UNKNOWN', 'the node is no longer held')
    this.#deriver ??= new LeafDeriver(this.#crypto, this)
    return this.#deriver
  }
}
