// SPDX-License-Identifier: Apache-2.0
/**
 * Those who grant a stream by what we granted them (`docs/spec/07-granting.md` Section 7.8.3).
 *
 * Invariant: whoever gets keys to share has acknowledged everybody who is revoked from the stream. So
 * no order to a delegate can be outrun by the keys that are taken into use because of it.
 *
 * @module
 */

import { toBase64Url } from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import type { TrustBook } from '../identity/trust-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import type { Authorities } from './authorities.js'
import type { Ledger, LedgerEntry } from './ledger.js'
import type { Delegate, Tellings } from './tellings.js'
import { isSameStream } from './upstream-orders.js'

export interface DelegatesInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly trustBook: TrustBook
  readonly ledger: Ledger
  readonly authorities: Authorities
  readonly tellings: Tellings
}

export class Delegates {
  readonly #inputs: DelegatesInputs

  constructor(inputs: DelegatesInputs) {
    this.#inputs = inputs
  }

  /**
   * Those whom we made grant a stream, once for each producer of it; but for the recovery principal,
   * who is off-line.
   *
   * @param but - Who is left out as well: id in base64url.
   */
  async of(stream: string, but: string): Promise<readonly Delegate[]> {
    const { ledger } = this.#inputs
    const recovery = this.#recovery()
    const entries = await ledger.ofStream(stream)
    return entries
      .filter(
        ({ terms, revoked, principal }) =>
          terms.rights === 'share' && revoked === null && ![but, recovery].includes(principal),
      )
      .flatMap((entry) => this.#perProducer(entry))
  }

  /**
   * Whether keys of a generation may be given to a principal to share. Whoever has not been told yet
   * of somebody who is revoked is told now.
   *
   * @param id - In base64url.
   */
  async mayShare(generation: Generation, id: string): Promise<boolean> {
    if (id === this.#recovery()) return true
    const { authorities, ledger, tellings, runtime } = this.#inputs
    const struck = (await authorities.struckFrom(generation)).filter((name) => name !== id)
    if (struck.length === 0) return true
    const entry = await ledger.find(generation.stream, id)
    const given = entry && this.#given(entry).find((one) => isSameStream(one, generation))
    const delegate = { id, generation: given ?? generation }
    const { untold, isAwaited } = await tellings.missing(delegate, struck)
    for (const principal of untold) {
      const since = nowSeconds(runtime)
      const { changes, within, send } = await tellings.prepare({ principal, since }, [delegate])
      await within(() => runtime.store.write(changes))
      send().catch((error: unknown) => runtime.report(error))
    }
    return untold.length === 0 && !isAwaited
  }

  /** Notes of which generations a principal gets keys to share; before it gets them. */
  async noteShared(principal: string, generations: readonly Generation[]): Promise<void> {
    for (const generation of generations) {
      await this.#inputs.ledger.update(generation.stream, principal, (entry) => {
        if (entry === undefined || entry.shared.includes(generation.id)) return undefined
        const others = this.#given(entry).filter((one) => !isSameStream(one, generation))
        return { ...entry, shared: [...others.map(({ id }) => id), generation.id] }
      })
    }
  }

  #perProducer(entry: LedgerEntry): readonly Delegate[] {
    const given = this.#given(entry)
    const { book } = this.#inputs
    const ofStream = book.byStream(entry.stream)
    // Whoever is to be given its first keys may be told of any generation.
    const generations = given.length > 0 ? given : ofStream.slice(-1)
    return generations.map((generation) => ({ id: entry.principal, generation }))
  }

  #given({ shared }: LedgerEntry): readonly Generation[] {
    return shared.flatMap((id) => this.#inputs.book.byId(id) ?? [])
  }

  #recovery(): string | undefined {
    const recovery = this.#inputs.trustBook.trust.recovery()
    return recovery && toBase64Url(recovery.id)
  }
}
