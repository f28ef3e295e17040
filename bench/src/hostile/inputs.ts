// SPDX-License-Identifier: Apache-2.0
import { ByteChanges } from '../mutator.ts'
import type { Corpus } from './corpus.ts'
import { TreeMutator, type Signer } from './tree-mutator.ts'

export interface InputOptions {
  /** From 0 to below 1. */
  readonly random: () => number
  /** Signs again what was changed; without one nothing is. */
  readonly signer?: Signer | undefined
  /** Whether to change what CBOR says, besides mere bytes. */
  readonly structure: boolean
}

const MAX_INPUT_BYTES = 16_384

/** What is tried next: something right or kept, changed by its bytes, by what it says, or both. */
export class Inputs {
  readonly #corpus: Corpus
  readonly #seedCount: number
  readonly #structure: boolean
  readonly #bytes: ByteChanges
  readonly #trees: TreeMutator

  constructor(corpus: Corpus, { random, signer, structure }: InputOptions) {
    this.#corpus = corpus
    this.#seedCount = corpus.inputs.length
    this.#structure = structure
    this.#bytes = new ByteChanges(random)
    this.#trees = new TreeMutator(random, signer)
  }

  next(): Uint8Array {
    const base = this.#pick()
    const kind = this.#bytes.below(8)
    const said = this.#structure && kind < 5 ? this.#trees.mutate(base, this.#pick()) : undefined
    const made =
      said === undefined || kind === 0
        ? this.#bytes.changed(said ?? base, () => this.#pick())
        : said
    return made.length > MAX_INPUT_BYTES ? made.slice(0, MAX_INPUT_BYTES) : made
  }

  /** Half of the time something that was kept, rather what got far than what did not. */
  #pick(): Uint8Array {
    const { inputs } = this.#corpus
    const keptCount = inputs.length - this.#seedCount
    if (keptCount === 0 || this.#bytes.below(2) === 0) return this.#bytes.pick(inputs)
    const kept = (): number => this.#seedCount + this.#bytes.below(keptCount)
    return this.#corpus.further(kept(), kept())
  }
}
