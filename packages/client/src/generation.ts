// SPDX-License-Identifier: Apache-2.0
/**
 * One generation of a stream of which keys are held here, ours or granted.
 *
 * @module
 */

import {
  kidOf,
  toHex,
  type GenerationOpener,
  type NodeRing,
  type TrustedPrincipal,
  type VerifiedManifest,
} from '@waxwing/core'
import { pruneGrants } from './grant-keeping.js'
import type { HeldGrant } from './held-grant.js'

export interface GenerationInputs {
  readonly manifest: VerifiedManifest
  readonly ring: NodeRing
  readonly opener: GenerationOpener
  readonly own: boolean
  readonly grants: Map<string, HeldGrant>
  readonly producerCredential: Uint8Array | null
  readonly forgottenBefore: number
  readonly isUsed: boolean
}

export class Generation {
  /** In hex. */
  readonly id: string
  readonly manifest: VerifiedManifest
  readonly ring: NodeRing
  readonly opener: GenerationOpener
  /** Whether we are its producer. */
  readonly own: boolean
  readonly grants: Map<string, HeldGrant>
  /** The credential by which its producer was known; `null` if it is pinned. */
  readonly producerCredential: Uint8Array | null
  #forgottenBefore: number
  #isUsed: boolean
  #grantCount: number

  constructor(inputs: GenerationInputs) {
    this.id = toHex(inputs.manifest.generationId)
    this.manifest = inputs.manifest
    this.ring = inputs.ring
    this.opener = inputs.opener
    this.own = inputs.own
    this.grants = inputs.grants
    this.producerCredential = inputs.producerCredential
    this.#forgottenBefore = inputs.forgottenBefore
    this.#isUsed = inputs.isUsed || inputs.own
    this.#grantCount = inputs.grants.size
  }

  get producer(): TrustedPrincipal {
    return this.opener.producer
  }

  /** The id of the generation that it follows, in hex. */
  get predecessor(): string | undefined {
    const { predecessor } = this.manifest
    return predecessor === null ? undefined : toHex(predecessor.generationId)
  }

  get stream(): string {
    return this.manifest.streamName
  }

  /** In hex. */
  get kid(): string {
    return toHex(kidOf(this.manifest))
  }

  /** The last epoch that counts, once a successor closed it. */
  get closingEpoch(): number | undefined {
    return this.opener.closingEpoch
  }

  /** What lies before this epoch was forgotten, here or by another process; 0 if nothing was. */
  get forgottenBefore(): number {
    return this.#forgottenBefore
  }

  /** Whether it is our own, or an object of it was opened once: nobody only says that it exists. */
  get isUsed(): boolean {
    return this.#isUsed
  }

  /** How many grants were taken, also such as were let go: it grows with each. */
  get grantCount(): number {
    return this.#grantCount
  }

  /** Keeps grants, and lets go of those that are least useful where there are too many. */
  keepGrants(grants: readonly HeldGrant[]): void {
    for (const grant of grants) {
      this.#grantCount++
      this.grants.set(grant.grantId, grant)
      const isAnyGone = pruneGrants(this.grants, grant.received)
      if (isAnyGone) this.ring.keepSources(new Set(this.grants.keys()))
    }
  }

  /** Notes that an object of it was opened. Returns whether that is new. */
  noteUse(): boolean {
    const isNew = !this.#isUsed
    this.#isUsed = true
    return isNew
  }

  /** Gives up the keys of what lies before an epoch. */
  forgetBefore(epoch: number): void {
    this.#forgottenBefore = Math.max(this.#forgottenBefore, epoch)
    this.ring.forgetBefore(this.#forgottenBefore)
    this.opener.reset()
  }

  /** Closes it with an epoch, unless it was closed with an earlier one. Returns whether that is new. */
  close(closingEpoch: number): boolean {
    if (closingEpoch >= (this.opener.closingEpoch ?? Infinity)) return false
    this.opener.closingEpoch = closingEpoch
    return true
  }
}
