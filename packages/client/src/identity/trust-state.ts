// SPDX-License-Identifier: Apache-2.0
/**
 * The state behind a `TrustBook`: in memory and in the store, alike after every change.
 *
 * A change is planned, written, and only then applied to memory, one at a time. Several processes
 * may share the store: a write that another process was faster than is planned anew, on what that
 * process left. What stands in the store was verified by whoever wrote it.
 *
 * @module
 */

import {
  decodeTrustBundle,
  equalBytes,
  Trust,
  WaxwingError,
  type Change,
  type KeyCard,
  type TrustBundle,
} from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import { readRecord } from '../table.js'
import { KnownPrincipals } from './known-principals.js'
import { Listeners } from './listeners.js'
import { TrustRecords, type PrincipalRecord, type TrustSnapshot } from './trust-records.js'
import { Turns } from '../turns.js'

/** How often a write is tried again because another process was faster. */
const MAX_ATTEMPTS = 16

/** What is to be written, and what to do once it is. Without changes nothing is written. */
export interface Plan<T> {
  readonly changes: readonly Change[]
  readonly apply: () => T
}

export class TrustState {
  readonly trust: Trust
  readonly known: KnownPrincipals
  readonly records: TrustRecords
  /** Told whenever a newer bundle is believed. */
  readonly onBundle: Listeners<void>
  /** Told whenever a newer card was kept. */
  readonly onCard: Listeners<KeyCard>
  readonly #runtime: Runtime
  readonly #turns = new Turns()
  #introductions: readonly Uint8Array[]
  #revision: number

  /** Reads what the store holds. @throws {WaxwingError} `ERR_STORE_CORRUPT`. */
  static async open(runtime: Runtime): Promise<TrustState> {
    const records = new TrustRecords(runtime.store)
    return new TrustState(runtime, records, await records.read())
  }

  private constructor(runtime: Runtime, records: TrustRecords, snapshot: TrustSnapshot) {
    const { bundle, partnerBundles, principals, pinned } = snapshot
    const inputs = { crypto: runtime.crypto, partnerBundles }
    this.trust = readRecord('bundle', () => {
      return new Trust(bundle === undefined ? inputs : { ...inputs, bundle })
    })
    this.known = new KnownPrincipals(runtime.crypto, this.trust)
    this.known.replace(principals, pinned)
    this.records = records
    this.onBundle = new Listeners(runtime)
    this.onCard = new Listeners(runtime)
    this.#runtime = runtime
    this.#introductions = snapshot.introductions
    this.#revision = snapshot.revision
    this.confirmTime()
  }

  /** The bundles that introduced later anchors of our own domain, oldest first. */
  get introductions(): readonly Uint8Array[] {
    return this.#introductions
  }

  /** A copy of what is believed, to try bundles on. Nobody is pinned in it. */
  rehearsal(): Trust {
    const { bundle, partnerBundles } = this.trust
    const inputs = {
      crypto: this.#runtime.crypto,
      partnerBundles: partnerBundles.map(({ bytes }) => bytes),
    }
    return new Trust(bundle === undefined ? inputs : { ...inputs, bundle: bundle.bytes })
  }

  /**
   * Carries out a plan, once all earlier ones are. It is made after looking at what other processes
   * left; a plan that throws changes nothing.
   *
   * @throws {WaxwingError} `ERR_STORE_BUSY` if other processes were faster again and again.
   */
  update<T>(plan: () => Plan<T>): Promise<T> {
    return this.#turns.take(async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        await this.#catchUp()
        const { changes, apply } = plan()
        if (changes.length === 0) return apply()
        if (await this.records.write(changes, this.#revision)) {
          this.#revision++
          return apply()
        }
      }
      throw new WaxwingError('ERR_STORE_BUSY', 'other processes change the trust all the time')
    })
  }

  /** Takes over what other processes wrote. */
  catchUp(): Promise<void> {
    return this.#turns.take(() => this.#catchUp())
  }

  /** Remembers bundles of our own domain that introduced anchors, once they are written. */
  addIntroductions(bundles: readonly TrustBundle[]): void {
    this.#introductions = [...this.#introductions, ...bundles.map(({ bytes }) => bytes)]
  }

  /** Our own bundle shows that its time of issue has come. A partner's may be anything. */
  confirmTime(): void {
    const { bundle } = this.trust
    if (bundle !== undefined) this.#runtime.time.confirm(bundle.issued * 1000)
  }

  async #catchUp(): Promise<void> {
    if ((await this.records.revision()) === this.#revision) return
    const snapshot = await this.records.read()
    const before = this.trust.bundle
    const partnersBefore = this.trust.partnerBundles
    this.#followOwn(snapshot)
    for (const bytes of snapshot.partnerBundles) this.#tryAccept(bytes)
    const newCards = snapshot.principals.filter((record) => this.#hasNewCard(record))
    this.known.replace(snapshot.principals, snapshot.pinned)
    this.#introductions = snapshot.introductions
    this.#revision = snapshot.revision
    this.confirmTime()
    const hasChanged =
      before !== this.trust.bundle || !isSameList(partnersBefore, this.trust.partnerBundles)
    if (hasChanged) this.onBundle.tell()
    for (const { id } of newCards) {
      const card = this.known.cardOf(id)
      if (card !== undefined) this.onCard.tell(card)
    }
  }

  #hasNewCard({ id, card }: PrincipalRecord): boolean {
    const held = this.known.recordOf(id)?.card ?? null
    return card !== null && (held === null || !equalBytes(card, held))
  }

  /** From anchor to anchor, as whoever wrote them went. */
  #followOwn({ bundle, introductions }: TrustSnapshot): void {
    if (bundle === undefined) return
    const newest = decodeTrustBundle(this.#runtime.crypto, bundle)
    if (this.trust.bundle === undefined) this.trust.start(bundle, newest.anchorId)
    const path = [...introductions.map((b) => decodeTrustBundle(this.#runtime.crypto, b)), newest]
    for (const { version, bytes } of path) {
      if (version > (this.trust.bundle?.version ?? 0)) this.#tryAccept(bytes)
    }
  }

  #tryAccept(bytes: Uint8Array): void {
    try {
      this.trust.accept(bytes, undefined)
    } catch (error) {
      this.#runtime.report(error)
    }
  }
}

function isSameList(a: readonly TrustBundle[], b: readonly TrustBundle[]): boolean {
  return a.length === b.length && a.every((bundle, i) => bundle === b[i])
}
