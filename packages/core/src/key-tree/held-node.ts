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
import type { NodeSource } from './node-source.js'
import type { TreeCrypto, TreeNode } from './tree.js'

/** More than anybody keeps grants of one generation. */
const MAX_SOURCES = 128

/**
 * A node is `proven` once an object was opened and verified with it, or where the caller made it
 * itself; until then it is `provisional`.
 */
export type NodeState = 'proven' | 'provisional'

export interface HeldNodeOptions {
  readonly state: NodeState
  /** Which grants brought the node, or what it leads to. At least one. */
  readonly sources: readonly NodeSource[]
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
  #sources: NodeSource[]
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

  /** The earliest first. */
  get sources(): readonly NodeSource[] {
    return this.#sources
  }

  /** The names of its sources. */
  get names(): readonly string[] {
    return this.#sources.map(({ name }) => name)
  }

  /** The source that is nearest to the producer, and of these the earliest. */
  get nearest(): NodeSource {
    const [first, ...others] = this.#sources
    if (first === undefined) throw new TypeError('a node has a source')
    return others.reduce((best, one) => (one.distance < best.distance ? one : best), first)
  }

  hasSource(name: string): boolean {
    return this.#sources.some((source) => source.name === name)
  }

  /** Notes more grants that brought this very node or one that it leads to. */
  addSources(sources: readonly NodeSource[]): void {
    for (const source of sources) {
      if (this.hasSource(source.name)) continue
      this.#sources.push(source)
      if (this.#sources.length > MAX_SOURCES) this.#dropFarthest()
    }
  }

  /** Lets go of all sources that have other names; if none is left, of all but the nearest. */
  keepSources(names: ReadonlySet<string>): void {
    const kept = this.#sources.filter(({ name }) => names.has(name))
    this.#sources = kept.length > 0 ? kept : [this.nearest]
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

  /** Of those as far, the latest. */
  #dropFarthest(): void {
    const farthest = this.#sources.reduce((a, b) => (b.distance >= a.distance ? b : a))
    this.#sources = this.#sources.filter((source) => source !== farthest)
  }

  #derivations(): LeafDeriver {
    if (this.#isDropped) throw new WaxwingError('ERR_KEY_UNKNOWN', 'the node is no longer held')
    this.#deriver ??= new LeafDeriver(this.#crypto, this)
    return this.#deriver
  }
}
