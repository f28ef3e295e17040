// SPDX-License-Identifier: Apache-2.0
/**
 * Taking in trust bundles (`docs/spec/06-identity.md` Section 6.5): tried on a copy of what is
 * believed, written, and only then believed.
 *
 * @module
 */

import {
  decodeTrustBundle,
  equalBytes,
  WaxwingError,
  type BundleOutcome,
  type Change,
  type Trust,
  type TrustBundle,
} from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import { followChain, introducesAnchor, startAt, type ChainOptions } from './bundle-chain.js'
import { knownSeconds } from './statement-time.js'
import type { Plan, TrustState } from './trust-state.js'

export class BundleKeeping {
  readonly #runtime: Runtime
  readonly #state: TrustState

  constructor(runtime: Runtime, state: TrustState) {
    this.#runtime = runtime
    this.#state = state
  }

  start(bytes: Uint8Array, anchorId: Uint8Array): Promise<void> {
    const { trust } = this.#state
    return this.#state.update(() => {
      const held = trust.bundle
      if (held !== undefined && equalBytes(held.bytes, bytes)) return NOTHING
      const bundle = decodeTrustBundle(this.#runtime.crypto, bytes)
      const rehearsal = this.#state.rehearsal()
      startAt(rehearsal, bundle, { domainId: anchorId, now: knownSeconds(this.#runtime) })
      return this.#plan([bundle], rehearsal, () => trust.start(bytes, anchorId))
    })
  }

  follow(bundles: readonly Uint8Array[], domainId: Uint8Array): Promise<void> {
    const { crypto } = this.#runtime
    return this.#state.update(() => {
      const options = { domainId, now: knownSeconds(this.#runtime) }
      const { accepted, rehearsal } = this.#rehearse(bundles, options)
      return this.#plan(accepted, rehearsal, () => {
        followChain(crypto, this.#state.trust, bundles, options)
      })
    })
  }

  preview(bundles: readonly Uint8Array[], domainId: Uint8Array): Trust {
    return this.#rehearse(bundles, { domainId, now: knownSeconds(this.#runtime) }).rehearsal
  }

  accept(bytes: Uint8Array): Promise<BundleOutcome> {
    return this.#state.update(() => {
      if (this.#hasIntroduced(bytes)) return { changes: [], apply: () => 'known' }
      const now = knownSeconds(this.#runtime)
      const rehearsal = this.#state.rehearsal()
      const outcome = rehearsal.accept(bytes, now)
      if (outcome === 'known') return { changes: [], apply: () => outcome }
      const bundle = decodeTrustBundle(this.#runtime.crypto, bytes)
      return this.#plan([bundle], rehearsal, () => this.#state.trust.accept(bytes, now))
    })
  }

  /** A broker keeps them for newcomers, and shows them to everybody again. */
  #hasIntroduced(bytes: Uint8Array): boolean {
    return this.#state.introductions.some((held) => equalBytes(held, bytes))
  }

  #rehearse(
    bundles: readonly Uint8Array[],
    options: ChainOptions,
  ): { accepted: readonly TrustBundle[]; rehearsal: Trust } {
    const held = this.#state.trust.bundle
    if (held !== undefined && !equalBytes(held.domainId, options.domainId)) {
      throw new WaxwingError('ERR_CONFLICT', 'this principal belongs to another domain already')
    }
    const rehearsal = this.#state.rehearsal()
    const accepted = followChain(this.#runtime.crypto, rehearsal, bundles, options)
    return { accepted, rehearsal }
  }

  /** The changes that keep what was accepted; `apply` has the trust itself accept it. */
  #plan<T>(accepted: readonly TrustBundle[], after: Trust, apply: () => T): Plan<T> {
    const isOwn = ({ domainId }: TrustBundle): boolean =>
      after.bundle !== undefined && equalBytes(domainId, after.bundle.domainId)
    const introductions = introductionsAmong(this.#state.trust.bundle, accepted.filter(isOwn))
    const changes = [
      ...accepted.map((bundle) => this.#keep(bundle, isOwn(bundle))),
      ...introductions.map((bundle) => this.#state.records.putIntroduction(bundle)),
      ...this.#droppedPartners(after),
    ]
    return {
      changes,
      apply: () => {
        const result = apply()
        this.#state.addIntroductions(introductions)
        this.#state.confirmTime()
        if (accepted.length > 0) this.#state.onBundle.tell()
        return result
      },
    }
  }

  #keep(bundle: TrustBundle, isOwn: boolean): Change {
    const { records } = this.#state
    return isOwn ? records.putBundle(bundle) : records.putPartner(bundle)
  }

  /** Our own bundle may no longer speak for a partner whose bundle we keep. */
  #droppedPartners(after: Trust): readonly Change[] {
    const dropped = this.#state.trust.partnerBundles.filter(
      ({ domainId }) => !after.partnerBundles.some((b) => equalBytes(b.domainId, domainId)),
    )
    return dropped.map(({ domainId }) => this.#state.records.deletePartner(domainId))
  }
}

const NOTHING: Plan<void> = { changes: [], apply: () => undefined }

/**
 * Those of a sequence of bundles that name an anchor which the one before does not. The first of all
 * has none before it: it introduces whoever signed the next.
 */
function introductionsAmong(
  held: TrustBundle | undefined,
  bundles: readonly TrustBundle[],
): readonly TrustBundle[] {
  return bundles.filter((bundle, i) => {
    const before = i === 0 ? held : bundles[i - 1]
    const next = bundles[i + 1]
    if (before !== undefined) return introducesAnchor(before, bundle)
    return next !== undefined && !equalBytes(next.anchorId, bundle.anchorId)
  })
}
