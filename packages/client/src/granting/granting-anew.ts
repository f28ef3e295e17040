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
import type { LedgerChange, LedgerEntry } from './ledger.js'
import type { FixedTerms } from './terms.js'

/** So many are granted in one go before others have a turn, and noted in one write. */
const PAGE_ENTRIES = 32
/** A page that other decisions keep changing is left to ask. */
const MAX_RACES = 4
/** Pages in a row of which nobody was reached, before all others are left to ask. */
const MAX_FAILURES = 3

export interface GrantingAnewInputs {
  readonly runtime: Runtime
  readonly trustBook: TrustBook
  readonly granter: Granter
  readonly send: (replies: readonly Reply[]) => Promise<void>
}

/** Somebody whose grant still stands. */
interface Reader {
  /** What is to be noted in the place of what stands. */
  readonly change: LedgerChange
  readonly principal: TrustedPrincipal
  readonly key: KemPublicKey
  readonly terms: FixedTerms
  readonly span: Span
}

interface Page {
  readonly readers: readonly Reader[]
  /** Where the next page begins; `undefined` after the last. */
  readonly next: string | undefined
}

export class GrantingAnew {
  readonly #inputs: GrantingAnewInputs
  /** By stream: only the newest is worth it. */
  readonly #newest = new Map<string, Generation>()
  #closed = false

  constructor(inputs: GrantingAnewInputs) {
    this.#inputs = inputs
  }

  /**
   * Grants a generation of our own, to read, to all whose grant of its stream still stands. What fails
   * for one of them is reported, and keeps nobody else from it.
   *
   * @throws {WaxwingError} What the store says; who is left then asks.
   */
  async grant(generation: Generation): Promise<void> {
    const { granter } = this.#inputs
    const { stream } = generation
    const [authority] = granter.authoritiesOver(generation)
    if (authority === undefined || !generation.own) return
    this.#newest.set(stream, generation)
    try {
      let failures = 0
      for (let after: string | undefined = ''; after !== undefined;) {
        const page: Page = await this.#notedPage(authority, after)
        const isReached = await this.#grantTo(authority, page.readers)
        failures = isReached ? 0 : failures + 1
        if (failures >= MAX_FAILURES || !this.#isWanted(generation)) return
        after = page.next
      }
    } finally {
      if (this.#newest.get(stream) === generation) this.#newest.delete(stream)
    }
  }

  /** Grants nobody more. */
  close(): void {
    this.#closed = true
  }

  #isWanted(generation: Generation): boolean {
    return !this.#closed && this.#newest.get(generation.stream) === generation
  }

  /** @returns Whether anybody was reached, or nobody had to be. */
  async #grantTo(authority: Authority, readers: readonly Reader[]): Promise<boolean> {
    const { runtime } = this.#inputs
    const { generation } = authority
    const covers = new Covers(generation.ring)
    const sent: Promise<void>[] = []
    try {
      for (const reader of readers) {
        if (!this.#isWanted(generation)) break
        const reply = await this.#issue(authority, reader, covers)
        if (reply !== undefined) sent.push(this.#send(authority, reader, reply))
      }
    } finally {
      covers.wipe()
    }
    const results = await Promise.allSettled(sent)
    const failed = results.filter((result) => result.status === 'rejected')
    if (!this.#closed && failed[0] !== undefined) runtime.report(failed[0].reason)
    return sent.length === 0 || failed.length < sent.length
  }

  /** Nothing can be sealed to some keys: that is reported, and is nobody else's matter. */
  async #issue(
    authority: Authority,
    { principal, key, terms }: Reader,
    covers: Covers,
  ): Promise<Reply | undefined> {
    const { granter, runtime } = this.#inputs
    const grantee = { id: principal.id, key }
    try {
      const issued = await granter.issuing.grant(authority, grantee, terms, { covers })
      return { address: issued.address, payload: issued.payload, retained: false }
    } catch (error) {
      runtime.report(error)
      return undefined
    }
  }

  async #send(authority: Authority, reader: Reader, reply: Reply): Promise<void> {
    const { granter, send } = this.#inputs
    const { principal, span, terms } = reader
    await send([reply])
    granter.emitGranted(authority.generation.stream, principal, { span, terms })
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
      const readers = entries.flatMap((entry) => this.#readerOf(authority, entry) ?? [])
      if (await ledger.replaceAll(readers.map(({ change }) => change))) return { readers, next }
      if (race >= MAX_RACES) return { readers: [], next }
    }
  }

  #readerOf(authority: Authority, entry: LedgerEntry): Reader | undefined {
    const { granter, trustBook, runtime } = this.#inputs
    if (entry.revoked !== null || entry.terms.rights === 'share') return undefined
    const id = fromBase64Url(entry.principal)
    const principal = id && trustBook.principalOf(id)
    if (principal === undefined || !this.#isInGoodStanding(principal)) return undefined
    const standing = granter.standingFor(entry, principal)
    const key = granter.issuing.keyFor(trustBook.cardOf(principal.id))
    if (standing === undefined || key === undefined) return undefined
    // Whoever is to share has to acknowledge something first, and asks (Section 7.8.3).
    if (standing.terms.rights === 'share') return undefined
    const now = nowSeconds(runtime)
    const terms = withRestOfLease(standing.terms, entry, now)
    const span = terms && granter.issuing.spanFor(authority, terms)
    if (terms === undefined || span === undefined) return undefined
    const { epochSeconds } = authority.generation.manifest
    if (span.last < Math.floor(now / epochSeconds)) return undefined // nothing is sealed there any more
    // A lease goes on from when it was asked for.
    const granted = standing.terms.leaseSeconds === null ? now : entry.granted
    const after = { ...entry, ...standing, granted }
    return { change: { before: entry, after }, principal, key, terms, span }
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

/** A lease is renewed by asking alone: what is granted anew ends with it. `undefined` if it is over. */
function withRestOfLease(
  terms: FixedTerms,
  { granted }: LedgerEntry,
  now: number,
): FixedTerms | undefined {
  if (terms.leaseSeconds === null) return terms
  const leaseSeconds = granted + terms.leaseSeconds - now
  return leaseSeconds > 0 ? { ...terms, leaseSeconds } : undefined
}
