// SPDX-License-Identifier: Apache-2.0
/**
 * Striking a principal out of what was granted (`docs/spec/07-granting.md` Section 7.8.2), on our own
 * account or an anchor's, or as somebody above us in a chain orders.
 *
 * Invariant: what is owed to a revocation, that the stream rotates and that those who grant it are
 * told, is written together with the striking. No crash in between leaves a revoked principal with
 * keys that are still in use, or somebody granting them on.
 *
 * @module
 */

import { fromBase64Url, toBase64Url } from '@waxwing/core'
import type { Prepared } from '../control/outbox.js'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import type { TrustBook } from '../identity/trust-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { Turns } from '../turns.js'
import type { Authorities } from './authorities.js'
import type { Delegates } from './delegates.js'
import type { Ledger, LedgerContent, LedgerEntry } from './ledger.js'
import type { RevocationBook } from './revocation-book.js'
import type { Delegate, Struck, Tellings } from './tellings.js'
import type { UpstreamOrder } from './upstream-order.js'

export interface StrikingInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly trustBook: TrustBook
  readonly ledger: Ledger
  readonly authorities: Authorities
  readonly delegates: Delegates
  readonly tellings: Tellings
  readonly revocations: RevocationBook
}

export class Striking {
  readonly #inputs: StrikingInputs
  /** What an order leaves depends on those before it. */
  readonly #turns = new Turns()

  constructor(inputs: StrikingInputs) {
    this.#inputs = inputs
  }

  /**
   * Strikes a principal out of a stream, on our own account or an anchor's.
   *
   * @param rotate - Whether the stream has to rotate. If it had not to when the principal was struck
   *   out, it may still have to now.
   */
  async strike(stream: string, struck: Struck, rotate: boolean): Promise<void> {
    const { ledger, delegates, tellings, runtime } = this.#inputs
    const { principal } = struck
    const told = await delegates.of(stream, principal)
    const prepared = await tellings.prepare(struck, told)
    const isOurs = this.#isOurs(stream)
    // Whoever grants on our behalf may have granted what we know nothing of.
    const mayHold = (entry: LedgerEntry | undefined): boolean =>
      entry?.revoked === null || (entry?.keepsKeys ?? told.length > 0)
    const now = nowSeconds(runtime)
    let isNew = false
    const step = (entry: LedgerEntry | undefined): LedgerContent | undefined => {
      isNew = entry === undefined || entry.revoked === null
      const keepsKeys = isOurs && !rotate && (isNew || entry?.keepsKeys === true)
      if (!isNew && keepsKeys === entry?.keepsKeys) return undefined
      return { ...(entry ?? nothingGranted(now)), revoked: entry?.revoked ?? now, keepsKeys }
    }
    const isStruck = await prepared.within(() =>
      ledger.update(stream, principal, step, (entry) => [
        ...prepared.changes,
        ...(rotate && isOurs && mayHold(entry) ? [this.#inputs.revocations.owe(stream)] : []),
      ]),
    )
    if (!isStruck) return
    this.#send(prepared)
    if (isNew) runtime.emit({ type: 'revoked', principal, stream })
    await this.#tellNewcomers(stream, struck, rotate)
  }

  /**
   * Strikes a principal out of every stream of which it was, or may have been, granted something.
   *
   * @param domain - Only where the principal was of this domain when we granted.
   */
  async strikeEverywhere(struck: Struck, domain?: string): Promise<void> {
    const { book, delegates, trustBook, ledger } = this.#inputs
    const { principal } = struck
    const id = fromBase64Url(principal)
    const known = id && trustBook.principalOf(id)
    const knownDomain = known?.domainId ? toBase64Url(known.domainId) : null
    const held = await ledger.heldBy(principal)
    const granted = held.filter((e) => domain === undefined || e.domain === domain)
    const streams = new Set(granted.map(({ stream }) => stream))
    if (domain === undefined || knownDomain === domain) {
      for (const { own, stream } of book.all()) {
        if (own && (await delegates.of(stream, principal)).length > 0) streams.add(stream)
      }
    }
    await Promise.all([...streams].map((stream) => this.strike(stream, struck, true)))
  }

  /**
   * Follows the order of somebody above us: under the chains that it issued a link of, the principal
   * is granted nothing more. Where that leaves no chain, those who grant by ours are told as well.
   *
   * @param order - Of an author who may give it.
   */
  obey(order: UpstreamOrder, since: number): Promise<void> {
    return this.#turns.take(() => this.#obey(order, since))
  }

  async #obey(order: UpstreamOrder, since: number): Promise<void> {
    const { authorities, tellings, runtime } = this.#inputs
    const { principal } = order
    await authorities.orders.assertRoomFor(order)
    const before = await authorities.orders.against(principal)
    const news = this.#newlyBound(order, before)
    const told = await this.#toldOf(order, before)
    const prepared = await tellings.prepare({ principal, since }, told)
    await prepared.within(() => authorities.orders.keep(order, prepared.changes))
    this.#send(prepared)
    for (const stream of news) runtime.emit({ type: 'revoked', principal, stream })
  }

  /** Somebody may have been made to grant the stream while the principal was being struck out. */
  async #tellNewcomers(stream: string, struck: Struck, rotate: boolean): Promise<void> {
    const { delegates, tellings, runtime, revocations } = this.#inputs
    const newcomers: Delegate[] = []
    for (const delegate of await delegates.of(stream, struck.principal)) {
      if (!(await tellings.hasTold(delegate, struck.principal))) newcomers.push(delegate)
    }
    if (newcomers.length === 0) return
    const prepared = await tellings.prepare(struck, newcomers)
    const owed = rotate && this.#isOurs(stream) ? [revocations.owe(stream)] : []
    await prepared.within(() => runtime.store.write([...prepared.changes, ...owed]))
    this.#send(prepared)
  }

  /** The streams in which an order binds what no order bound before. */
  #newlyBound(order: UpstreamOrder, before: readonly UpstreamOrder[]): ReadonlySet<string> {
    const { book, authorities } = this.#inputs
    const chains = book
      .all()
      .flatMap((generation) =>
        [...generation.grants.values()].map(({ issuers }) => ({ generation, issuers })),
      )
    const open = authorities.orders.unbound(before, chains)
    const bound = open.filter((chain) => authorities.orders.binds(order, chain))
    return new Set(bound.map(({ generation }) => generation.stream))
  }

  /** Those who have to be told because an order leaves us nothing by which to grant the stream. */
  async #toldOf(
    order: UpstreamOrder,
    before: readonly UpstreamOrder[],
  ): Promise<readonly Delegate[]> {
    const { authorities, delegates } = this.#inputs
    const all = await Promise.all(
      this.#streamsHeld().map((stream) => delegates.of(stream, order.principal)),
    )
    return all
      .flat()
      .filter(({ generation }) => !generation.own)
      .filter(
        ({ generation }) =>
          authorities.areClosed(generation, [...before, order]) &&
          !authorities.areClosed(generation, before),
      )
  }

  #streamsHeld(): readonly string[] {
    const held = this.#inputs.book.all().filter(({ grants }) => grants.size > 0)
    return [...new Set(held.map(({ stream }: Generation) => stream))]
  }

  #isOurs(stream: string): boolean {
    return this.#inputs.book.byStream(stream).some(({ own }) => own)
  }

  #send({ send }: Prepared): void {
    send().catch((error: unknown) => this.#inputs.runtime.report(error))
  }
}

function nothingGranted(now: number): LedgerContent {
  const terms = { from: now, until: null, leaseSeconds: null, rights: 'read', depth: null } as const
  const facts = { keepsKeys: false, shared: [], overruled: [] }
  return {
    name: '',
    domain: null,
    terms,
    rule: null,
    decided: now,
    granted: now,
    revoked: null,
    ...facts,
  }
}
