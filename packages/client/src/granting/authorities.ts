// SPDX-License-Identifier: Apache-2.0
/**
 * What we may grant, and to whom no more (`docs/spec/07-granting.md` Sections 7.4.1 and 7.8.1): each
 * chain by which we hold a generation, less those to which an order of somebody above us closed it.
 *
 * @module
 */

import { fromBase64Url } from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import type { TrustBook } from '../identity/trust-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { authoritiesOver, type Authority } from './authority.js'
import type { Ledger, LedgerEntry } from './ledger.js'
import type { UpstreamOrder } from './upstream-order.js'
import { isSameStream, UpstreamOrders } from './upstream-orders.js'

export interface AuthoritiesInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly trustBook: TrustBook
  readonly ledger: Ledger
}

export class Authorities {
  readonly orders: UpstreamOrders
  readonly #inputs: AuthoritiesInputs

  constructor(inputs: AuthoritiesInputs) {
    this.#inputs = inputs
    this.orders = new UpstreamOrders(inputs.runtime, inputs.book)
  }

  /** What we may grant of a generation. */
  over(generation: Generation): readonly Authority[] {
    const { runtime, trustBook } = this.#inputs
    const isRevoked = (name: string): boolean => {
      const id = fromBase64Url(name)
      const principal = id && (trustBook.principalOf(id) ?? { id, domainId: null })
      return principal !== undefined && trustBook.trust.revokedSince(principal) !== undefined
    }
    return authoritiesOver(generation, { now: nowSeconds(runtime), isRevoked })
  }

  /** Of some authorities over a stream, those under which a principal may still be granted it. */
  async openTo(
    principal: string,
    authorities: readonly Authority[],
  ): Promise<readonly Authority[]> {
    const orders = await this.orders.against(principal)
    const [first] = authorities
    if (orders.length === 0 || first === undefined) return authorities
    const entry = await this.#inputs.ledger.find(first.generation.stream, principal)
    return this.orders.unbound(notOverruled(orders, entry), authorities)
  }

  /** Whether orders leave nothing by which the stream of a generation may be granted. */
  areClosed(generation: Generation, orders: readonly UpstreamOrder[]): boolean {
    const all = this.#overStream(generation)
    return all.length > 0 && this.orders.unbound(orders, all).length === 0
  }

  /** Everybody to whom we may grant the stream of a generation no more: ids in base64url. */
  async struckFrom(generation: Generation): Promise<readonly string[]> {
    const entries = await this.#inputs.ledger.ofStream(generation.stream)
    const struck = entries.filter(({ revoked }) => revoked !== null)
    const names = new Set(struck.map(({ principal }) => principal))
    const all = this.#overStream(generation)
    if (generation.own || all.length === 0) return [...names]
    const known = new Map(entries.map((entry) => [entry.principal, entry]))
    for (const [principal, orders] of await this.orders.all()) {
      const binding = notOverruled(orders, known.get(principal))
      if (this.orders.unbound(binding, all).length === 0) names.add(principal)
    }
    return [...names]
  }

  /** What we may grant of the stream of a generation. */
  #overStream(generation: Generation): readonly Authority[] {
    return this.#inputs.book
      .byStream(generation.stream)
      .filter((other) => isSameStream(other, generation))
      .flatMap((one) => this.over(one))
  }
}

/** What a person granted on purpose since stands in spite of the orders that came before. */
function notOverruled(
  orders: readonly UpstreamOrder[],
  entry: LedgerEntry | undefined,
): readonly UpstreamOrder[] {
  const overruled = entry?.overruled ?? []
  return orders.filter(({ digest }) => !overruled.includes(digest))
}
