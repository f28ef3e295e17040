// SPDX-License-Identifier: Apache-2.0
/**
 * Opening objects with the keys of every generation that their kid may mean
 * (`docs/spec/08-receiving.md` Section 8.1), and keeping what is learnt about keys by it.
 *
 * @module
 */

import {
  matchesName,
  type Change,
  type DecodedObject,
  type OpenedObject,
  type TrustedPrincipal,
  type WaxwingError,
} from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import type { Protection } from '../message.js'
import type { ReaderEvents } from './reader-events.js'

/** What a reader knows of one generation besides its keys. */
export class Reading {
  readonly generation: Generation
  /** Whether the name of its stream is one that the reader asks for. */
  readonly isWanted: boolean
  /** The epoch of which it was last seen that its node is proven. */
  provenEpoch: number | undefined
  /** Whether what objects said of it, by opening, is not in the store yet. */
  isUnsaved = false
  /** Whether other producers of its stream were looked for. */
  areWritersChecked = false
  /** The latest message's protection: the next one's is the same, as a rule. */
  protection:
    | {
        readonly sources: readonly string[]
        readonly producer: TrustedPrincipal
        readonly found: Protection
      }
    | undefined

  constructor(generation: Generation, pattern: string) {
    this.generation = generation
    this.isWanted = matchesName(pattern, generation.stream)
  }

  /** Whether an object of this epoch has nothing to prove. Without signatures none has. */
  isProven(epoch: number): boolean {
    const { manifest, ring } = this.generation
    return this.provenEpoch === epoch || manifest.signatureMode === 'none' || ring.hasProven(epoch)
  }
}

export type Found =
  | { readonly kind: 'opened'; readonly reading: Reading; readonly opened: OpenedObject }
  | { readonly kind: 'refused'; readonly generation: Generation; readonly error: WaxwingError }
  /** The generation is known where its manifest is. */
  | { readonly kind: 'no-key'; readonly generation: Generation | undefined }
  | { readonly kind: 'failed'; readonly generation: Generation; readonly provisional: boolean }

const NO_GENERATION: Found = { kind: 'no-key', generation: undefined }

export class Openings {
  readonly #book: GenerationBook
  readonly #pattern: string
  readonly #events: ReaderEvents
  readonly #readings = new WeakMap<Generation, Reading>()
  readonly #unsaved = new Set<Reading>()
  /** Called when an object proved a node: what failed before may open now, or never will. */
  onProven: (kid: string) => void = () => undefined

  constructor(book: GenerationBook, pattern: string, events: ReaderEvents) {
    this.#book = book
    this.#pattern = pattern
    this.#events = events
  }

  /** @param kid - The object's, in hex. */
  open(object: DecodedObject, kid: string): Found {
    let best = NO_GENERATION
    for (const generation of this.#book.byKid(kid)) {
      const found = this.#openWith(generation, object)
      if (found.kind === 'opened') return found
      if (best === NO_GENERATION || rank(found) < rank(best)) best = found
    }
    return best
  }

  /** Says that an object will be opened soon: its signature may be verified meanwhile. */
  expect(object: DecodedObject, kid: string): void {
    const [generation] = this.#book.byKid(kid)
    generation?.opener.expect(object)
  }

  /** Whether any key is held that could open an object of this epoch. */
  mayOpen(kid: string, epoch: number): boolean {
    return this.#book.byKid(kid).some(({ ring }) => ring.candidates(epoch).length > 0)
  }

  readingOf(generation: Generation): Reading {
    let reading = this.#readings.get(generation)
    if (reading === undefined) {
      reading = new Reading(generation, this.#pattern)
      this.#readings.set(generation, reading)
    }
    return reading
  }

  /** Notes that a generation has more keys than before. */
  keysChanged(generation: Generation): void {
    this.readingOf(generation).provenEpoch = undefined
    for (const other of this.#book.byStream(generation.stream)) {
      this.readingOf(other).areWritersChecked = false
    }
  }

  /** Whether what was learnt by opening has to be saved before anything is acknowledged. */
  get hasUnsaved(): boolean {
    return this.#unsaved.size > 0
  }

  /**
   * Saves proven nodes and that generations are used, and makes other changes with it: all of that or nothing.
   *
   * @returns `false`, with nothing changed, if an expectation of `others` was not met.
   */
  async save(others: readonly Change[]): Promise<boolean> {
    const readings = [...this.#unsaved]
    for (const reading of readings) reading.isUnsaved = false
    const generations = readings.map(({ generation }) => generation)
    const isSaved = await this.#book.record(generations, others)
    if (!isSaved) return false
    for (const reading of readings) if (!reading.isUnsaved) this.#unsaved.delete(reading)
    return true
  }

  #openWith(generation: Generation, object: DecodedObject): Found {
    const reading = this.readingOf(generation)
    const { epoch } = object
    const wasProven = reading.isProven(epoch)
    const outcome = generation.opener.open(object)
    const isAuthentic = outcome.kind === 'opened' || outcome.kind === 'refused'
    if (isAuthentic && generation.noteUse()) this.#saveLater(reading)
    switch (outcome.kind) {
      case 'opened':
        if (wasProven) reading.provenEpoch = epoch
        else this.#proved(reading, epoch, outcome.disproved)
        return { kind: 'opened', reading, opened: outcome }
      case 'refused':
        if (!wasProven) this.#proved(reading, epoch, [])
        return { kind: 'refused', generation, error: outcome.error }
      case 'no-key':
        return { kind: 'no-key', generation }
      case 'failed':
        return { kind: 'failed', generation, provisional: outcome.provisional }
    }
  }

  #proved(reading: Reading, epoch: number, disproved: readonly string[]): void {
    const { generation } = reading
    if (!generation.ring.hasProven(epoch)) return // a stream without signatures proves nothing
    reading.provenEpoch = epoch
    this.#saveLater(reading)
    if (disproved.length > 0) {
      const { stream } = generation
      this.#events.emitOutside({ type: 'wrong-nodes', stream, grantIds: disproved })
    }
    this.onProven(generation.kid)
  }

  #saveLater(reading: Reading): void {
    reading.isUnsaved = true
    this.#unsaved.add(reading)
  }
}

/** What goes before what, where several generations share a kid (Section 8.1). */
function rank(found: Found): number {
  if (found.kind === 'refused') return 0
  if (found.kind === 'no-key') return 1
  return found.kind === 'failed' && found.provisional ? 2 : 3
}
