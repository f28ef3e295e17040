// SPDX-License-Identifier: Apache-2.0
/**
 * Granting a new generation to everybody whose grant of the stream still stands, before they ask
 * (`docs/spec/07-granting.md` Section 7.4.3): where a stream with thousands of readers rotates, they
 * would all ask at once.
 *
 * It may stop anywhere: whoever was not reached, or whose grant got lost, asks as soon as an object of
 * the new generation comes.
 *
 * @module
 */

import { fromBase64Url, type KemPublicKey, type Span, type TrustedPrincipal } from '@waxwing/core'
import type { Reply } from '../control/messenger.js'
import type { Generation } from '../generation.js'
import { judgedSeconds } from '../identity/statement-time.js'
import type { TrustBook } from '../identity/trust-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import type { Authority } from './authority.js'
import { Covers } from './covers.js'
import type { Granter } from './granter.js'
import type { LedgerEntry } from './ledger.js'
import type { FixedTerms } from './terms.js'

/** So many are granted in one go before others have a turn, and noted in one write. */
const PAGE_ENTRIES = 32
/** A page that other decisions keep changing is left to ask. */
const MAX_RACES = 4

export interface GrantingAnewInputs {
  readonly runtime: Runtime
  readonly trustBook: TrustBook
  readonly granter: Granter
  readonly send: (replies: readonly Reply[]) => Promise<void>
}

/** Somebody whose grant still stands. */
interface Standing {
  readonly entry: LedgerEntry
  readonly principal: TrustedPrincipal
  readonly key: KemPublicKey
  readonly terms: FixedTerms
  readonly span: Span
}

interface Page {
  readonly standing: readonly Standing[]
  /** Where the next page begins; `undefined` after the last. */
  readonly next: string | undefined
}

export class GrantingAnew {
  readonly #inputs: GrantingAnewInputs
  #closed = false

  constructor(inputs: GrantingAnewInputs) {
    this.#inputs = inputs
  }

  /**
   * Grants a generation of our own, to read, to all whose grant of its stream still stands.
   *
   * @throws {WaxwingError} What the store or the transport says; who is left then asks.
   */
  async grant(generation: Generation): Promise<void> {
    const { granter, send } = this.#inputs
    const [authority] = granter.authoritiesOver(generation)
    if (authority === undefined || !generation.own) return
    for (let after: string | undefined = ''; after !== undefined && !this.#closed;) {
      const page: Page = await this.#notedPage(authority, after)
      const replies = await this.#issue(authority, page.standing)
      if (this.#closed) return
      await send(replies)
      after = page.next
    }
  }

  /** Grants nobody more. */
  close(): void {
    this.#closed = true
  }

  async #issue(authority: Authority, standing: readonly Standing[]): Promise<readonly Reply[]> {
    const { granter } = this.#inputs
    const { ring, stream } = authority.generation
    const covers = new Covers(ring)
    const replies: Reply[] = []
    try {
      for (const { principal, key, terms, span } of standing) {
        const grantee = { id: principal.id, key }
        const issued = await granter.issuing.grant(authority, grantee, terms, { covers })
        replies.push({ address: issued.address, payload: issued.payload, retained: false })
        granter.emitGranted(stream, principal, { span, terms })
      }
    } finally {
      covers.wipe()
    }
    return replies
  }

  /**
   * The next of those who may be granted the stream, noted as granted. Who is revoked meanwhile is not
   * among them: a page that was changed is read again.
   */
  async #notedPage(authority: Authority, after: string): Promise<Page> {
    const { ledger } = this.#inputs.granter
    const { stream } = authority.generation
    for (let race = 0; ; race++) {
      const entries = await ledger.page(stream, { after, limit: PAGE_ENTRIES })
      const next = entries.length < PAGE_ENTRIES ? undefined : entries.at(-1)?.principal
      const standing = entries.flatMap((entry) => this.#standing(authority, entry) ?? [])
      const granted = standing.map(({ entry }) => entry)
      if (await ledger.grantedAgain(granted, nowSeconds(this.#inputs.runtime))) {
        return { standing, next }
      }
      if (race >= MAX_RACES) return { standing: [], next }
    }
  }

  /** Whoever is to share has to acknowledge something first, and asks (Section 7.8.3). */
  #standing(authority: Authority, entry: LedgerEntry): Standing | undefined {
    const { granter, trustBook } = this.#inputs
    if (entry.revoked !== null || entry.terms.rights === 'share') return undefined
    const id = fromBase64Url(entry.principal)
    const principal = id && trustBook.principalOf(id)
    if (principal === undefined || !this.#isInGoodStanding(principal)) return undefined
    const terms = granter.standingTerms(entry, principal)
    const key = granter.issuing.keyFor(trustBook.cardOf(principal.id))
    if (terms === undefined || key === undefined) return undefined
    const span = granter.issuing.spanFor(authority, terms)
    return span && { entry, principal, key, terms, span }
  }

  #isInGoodStanding(principal: TrustedPrincipal): boolean {
    const { runtime, trustBook } = this.#inputs
    try {
      trustBook.trust.checkStanding(principal, judgedSeconds(runtime, principal.issued))
      return true
    } catch {
      return false
    }
  }
}
