// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of `GenerationOpener` (`docs/spec/08-receiving.md` Section 8.1): every object is tried
 * with every node that covers its epoch, with keys that are derived anew.
 *
 * @module
 */

import type { ErrorCode, Metadata } from '@waxwing/core'
import { join } from '../../../../tools/vectors/frozen/cbor.ts'
import { hex, sha256 } from '../../../../tools/vectors/frozen/primitives.ts'
import type { Span } from '../../../../tools/vectors/frozen/tree.ts'
import type { Manifest } from './chains.ts'
import type { DecodedObject } from './decoding.ts'
import { leafBelow, positionsOf } from './keys.ts'
import { openWith } from './opening.ts'
import { Refusal } from './refusal.ts'
import { NaiveRing, type NaiveCandidate } from './ring.ts'
import { checkEpoch, type Held, type Principal } from './trust.ts'

/** What became of an object. */
export type Outcome =
  | {
      readonly kind: 'opened'
      readonly metadata: Metadata
      readonly payload: Uint8Array
      readonly signed: boolean
      /** Names of grants. */
      readonly sources: ReadonlySet<string>
      readonly disproved: ReadonlySet<string>
    }
  | { readonly kind: 'no-key' }
  | { readonly kind: 'failed'; readonly provisional: boolean }
  | { readonly kind: 'refused'; readonly codes: ReadonlySet<ErrorCode> }

/** A grant of nodes, right or wrong ones. */
export interface Given {
  readonly name: string
  readonly giver: string
  readonly distance: number
  /** Which of the roots the nodes are of. */
  readonly tree: number
  readonly span: Span
}

export interface GenerationInputs {
  readonly held: Held
  readonly manifest: Manifest
  readonly producer: Principal
  /** The root of each tree: one is right. */
  readonly roots: readonly Uint8Array[]
  readonly closingEpoch: number | undefined
  /** How many failures a key without signatures bears. */
  readonly maxFailures: number
}

export class NaiveGeneration {
  readonly ring = new NaiveRing(8)
  readonly #inputs: GenerationInputs
  /** By the leaf and the session, which tell content keys apart. */
  readonly #failures = new Map<string, number>()

  constructor(inputs: GenerationInputs) {
    this.#inputs = inputs
  }

  take({ name, giver, distance, tree, span }: Given): void {
    const source = { name, giver, distance }
    for (const position of positionsOf(span)) this.ring.add({ ...position, tree }, source)
  }

  open(object: DecodedObject): Outcome {
    const { epoch } = object
    const candidates = this.ring.candidatesAt(epoch)
    if (candidates.length === 0) return { kind: 'no-key' }
    for (const candidate of candidates) {
      const outcome = this.#tryWith(candidate, object)
      if (outcome !== undefined) return outcome
    }
    return { kind: 'failed', provisional: !this.ring.candidates(epoch).isProven }
  }

  #tryWith(candidate: NaiveCandidate, object: DecodedObject): Outcome | undefined {
    const { manifest, producer, roots, maxFailures } = this.#inputs
    const { epoch, session } = object
    const isSigned = manifest.signatureMode !== 0
    const leaf = leafBelow({ depth: 0, index: 0, key: roots[candidate.tree]! }, epoch)
    const key = `${hex(leaf)} ${hex(session)}`
    const failures = this.#failures.get(key) ?? 0
    if (!isSigned && failures >= maxFailures) return undefined
    const attempt = openWith(object, { manifest, producerKey: producer.key, leaf })
    if (attempt.kind === 'failed') this.#failures.set(key, failures + 1)
    if (attempt.kind !== 'opened') return undefined
    const disproved = new Set(isSigned ? this.ring.prove(epoch, candidate.tree) : [])
    const codes = this.#refusal(epoch)
    if (codes !== undefined) return { kind: 'refused', codes }
    const { metadata, payload } = attempt.text
    const { sources } = candidate
    return { kind: 'opened', metadata, payload, signed: isSigned, sources, disproved }
  }

  #refusal(epoch: number): ReadonlySet<ErrorCode> | undefined {
    const { closingEpoch = Infinity, held, producer, manifest } = this.#inputs
    if (epoch > closingEpoch) return new Set(['ERR_CLOSED_GENERATION'])
    try {
      checkEpoch(held, producer, epoch * manifest.epochSeconds)
      return undefined
    } catch (error) {
      if (error instanceof Refusal) return error.codes
      throw error
    }
  }
}

/** The short digest of an object, in hex (Section 8.2). */
export function shortDigest(object: DecodedObject): string {
  return hex(sha256(join(object.protectedBytes, object.ciphertext)).slice(0, 8))
}
