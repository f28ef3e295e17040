// SPDX-License-Identifier: Apache-2.0
/**
 * Revoking (`docs/spec/07-granting.md` Section 7.8): strike a principal out of the ledger, tell those
 * who grant the stream as well, and rotate. Idempotent: revoking twice changes nothing.
 *
 * Invariant: that a stream has to rotate is written together with the striking, so that no crash in
 * between leaves a revoked principal with keys that are still in use.
 *
 * @module
 */

import {
  fromBase64Url,
  fromHex,
  toBase64Url,
  toHex,
  WaxwingError,
  type DecodedStatement,
} from '@waxwing/core'
import type { Messenger, Reply } from '../control/messenger.js'
import type { Outbox, Posting } from '../control/outbox.js'
import { Patience } from '../control/patience.js'
import { RateLimit } from '../control/rate-limit.js'
import type { GenerationBook } from '../generation-book.js'
import type { TrustBook } from '../identity/trust-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { DueWatch } from './due-watch.js'
import type { Granter } from './granter.js'
import type { LedgerEntry } from './ledger.js'
import { OwedRotations } from './owed-rotations.js'
import { PostponedOrders } from './postponed-orders.js'
import { RevocationBook } from './revocation-book.js'
import {
  firstDue,
  isDue,
  orderOf,
  revokedByBundles,
  type RevocationOrder,
} from './revocation-order.js'
import { verifyRevocation } from './revocation-rights.js'

/** How long whoever brought a revocation waits for it to take effect; later it gets an ack. */
const PATIENCE_MS = 2000
/** How long a revocation is worth sending: a year. */
const LIFE_SECONDS = 31_536_000
const RETRY_ROTATION_MS = 60_000

export interface RevokingInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly trustBook: TrustBook
  readonly messenger: Messenger
  readonly granter: Granter
  readonly outbox: Outbox
  /** Rotates one of our own streams; resolves when the new generation is in use. */
  readonly rotate: (stream: string) => Promise<void>
  /** Sends what is answered late. */
  readonly send: (replies: readonly Reply[]) => Promise<void>
}

/** How a principal is struck out of what was granted of a stream. */
interface Striking {
  /** Since when it is revoked, in seconds since 1970. */
  readonly since: number
  /** Whether the stream has to rotate. */
  readonly rotate: boolean
}

export class Revoking {
  readonly #inputs: RevokingInputs
  readonly #book: RevocationBook
  readonly #owed: OwedRotations
  readonly #postponed: PostponedOrders
  readonly #watch: DueWatch
  readonly #limit = new RateLimit({ capacity: 60, perSecond: 2 })
  readonly #patience: Patience
  /** Digests of postponed orders that are being carried out. */
  readonly #underWay = new Set<string>()
  #nextOfBundles = Infinity
  #cancelRetry: (() => void) | undefined
  #stopListening: (() => void) | undefined
  #closed = false

  constructor(inputs: RevokingInputs) {
    this.#inputs = inputs
    const book = new RevocationBook(inputs.runtime)
    this.#book = book
    const failed = (): void => this.#retryLater()
    this.#owed = new OwedRotations({ book, rotate: inputs.rotate, failed })
    this.#postponed = new PostponedOrders(inputs.runtime.store)
    this.#watch = new DueWatch(inputs.runtime, () => {
      this.#inBackground(this.#orLater(this.#act()))
    })
    this.#patience = new Patience(inputs.runtime.timers)
  }

  async load(): Promise<void> {
    await this.#book.load()
    // Another process may keep what is for later.
    const { store } = this.#inputs.runtime
    this.#stopListening = store.onForeignChange?.(() => this.#inBackground(this.#waitForNext()))
  }

  /** Does what was left undone when the process ended. Failures are reported and tried again. */
  async resume(): Promise<void> {
    await this.#orLater(this.#act())
    await this.#reported(this.#owed.settleAll())
  }

  /**
   * Revokes a principal's access to a stream. Resolves when that took effect.
   *
   * @param principal - Its id in base64url.
   * @param rotate - `false`: only renew nothing any more; what was granted runs out by itself.
   */
  async revoke(stream: string, principal: string, rotate: boolean): Promise<void> {
    const since = nowSeconds(this.#inputs.runtime)
    await this.#strike(stream, principal, { since, rotate })
    await this.#owed.settle(stream)
  }

  /**
   * Acts on what the newest bundles say: whoever they revoke loses all that we granted, now or when
   * the time has come.
   */
  followBundle(): Promise<void> {
    return this.#orLater(this.#followBundle())
  }

  /**
   * Acts on a revocation message, by our domain's anchor or by who granted to us; keeps it, if its
   * time is still to come.
   *
   * @throws {WaxwingError} `ERR_NOT_AUTHORIZED` if its author may not revoke; `ERR_SIGNATURE`,
   *   `ERR_EXPIRED`, `ERR_REVOKED`, `ERR_LIMIT` and what else `verifyRevocation` throws.
   */
  async receive(statement: DecodedStatement): Promise<readonly Reply[]> {
    const { runtime, book, trustBook } = this.#inputs
    const { message, streams } = verifyRevocation(statement, { runtime, book, trustBook })
    if (!this.#limit.take(toHex(message.author), runtime.time.monotonic())) {
      throw new WaxwingError('ERR_LIMIT', 'too many revocations', { rule: 'rate' })
    }
    const order = orderOf(message, streams)
    if (!isDue(order, runtime)) {
      await this.#postponed.keep(order)
      await this.#waitForNext()
      return []
    }
    await this.#strikeBy(order) // durable before the transport is told that it was received
    // Rotations that come close together wait for each other: nothing else may wait for them.
    const effect = this.#owed.settleAll()
    const inTime = await this.#patience.inTime(effect, PATIENCE_MS)
    if (inTime !== undefined) return [await this.#ack(order)]
    this.#inBackground(effect.then(async () => this.#inputs.send([await this.#ack(order)])))
    return []
  }

  close(): void {
    this.#closed = true
    this.#cancelRetry?.()
    this.#stopListening?.()
    this.#watch.close()
    this.#patience.close()
  }

  async #followBundle(): Promise<void> {
    const { trustBook, runtime } = this.#inputs
    const { due, next } = revokedByBundles(trustBook.trust, runtime)
    this.#nextOfBundles = next
    const news = due.filter((one) => !this.#book.hasFollowed(one))
    for (const { principal, since, domain, isPartner } of news) {
      // A partner speaks of its own principals only.
      await this.#strikeEverywhere(principal, since, isPartner ? domain : undefined)
    }
    await this.#book.followed(news)
    await this.#waitForNext()
    if (news.length > 0) await this.#owed.settleAll()
  }

  /** Does what is due: what the bundles say, and what messages said before its time. */
  async #act(): Promise<void> {
    const { runtime } = this.#inputs
    const orders = await this.#postponed.all()
    const due = orders.filter((one) => isDue(one, runtime) && !this.#underWay.has(one.digest))
    await Promise.all([this.#followBundle(), ...due.map((order) => this.#carryOutLate(order))])
  }

  async #carryOutLate(order: RevocationOrder): Promise<void> {
    this.#underWay.add(order.digest)
    try {
      await this.#carryOut(order)
      await this.#postponed.done(order)
    } finally {
      this.#underWay.delete(order.digest)
    }
    await this.#inputs.send([await this.#ack(order)])
  }

  /** Waits for the first time at which somebody is revoked who is not yet. */
  async #waitForNext(): Promise<void> {
    const orders = await this.#postponed.all()
    const next = firstDue(orders.filter(({ digest }) => !this.#underWay.has(digest)))
    if (!this.#closed) this.#watch.waitFor(Math.min(next, this.#nextOfBundles))
  }

  async #carryOut(order: RevocationOrder): Promise<void> {
    await this.#strikeBy(order)
    await this.#owed.settleAll()
  }

  /** A revocation that was carried out stays so: replayed, it does not undo what came after it. */
  async #strikeBy({ principal, since, streams, digest, expires }: RevocationOrder): Promise<void> {
    if (await this.#book.hasHandled(digest)) return
    const striking = { since, rotate: true }
    if (streams === 'all') await this.#strikeEverywhere(principal, since)
    else await Promise.all(streams.map((stream) => this.#strike(stream, principal, striking)))
    await this.#book.handled(digest, expires)
  }

  /** @param domain - Only where the principal was of this domain when we granted. */
  async #strikeEverywhere(principal: string, since: number, domain?: string): Promise<void> {
    const { granter, book, trustBook } = this.#inputs
    const id = fromBase64Url(principal)
    const known = id && trustBook.principalOf(id)
    const knownDomain = known?.domainId ? toBase64Url(known.domainId) : null
    const standing = await granter.standing(principal)
    const granted = standing.filter((e) => domain === undefined || e.domain === domain)
    const streams = new Set(granted.map(({ stream }) => stream))
    if (domain === undefined || knownDomain === domain) {
      const own = book.all().filter((generation) => generation.own)
      for (const { stream } of own) {
        if ((await this.#delegates(stream, principal)).length > 0) streams.add(stream)
      }
    }
    const striking = { since, rotate: true }
    await Promise.all([...streams].map((stream) => this.#strike(stream, principal, striking)))
  }

  /** Writes, at once: that the principal is struck out, what others are told, and what is owed. */
  async #strike(stream: string, principal: string, { since, rotate }: Striking): Promise<void> {
    const { granter, runtime, book, outbox } = this.#inputs
    const delegates = await this.#delegates(stream, principal)
    const before = await granter.ledger.find(stream, principal)
    if (before !== undefined && before.revoked !== null) return
    const tellings = await this.#tellings(stream, { principal, since }, delegates)
    const { changes, send } = outbox.prepare(tellings)
    const isOurs = book.byStream(stream).some(({ own }) => own)
    // Whoever grants on our behalf may have granted what we know nothing of.
    const mayHoldKeys = before !== undefined || delegates.length > 0
    const owed = rotate && isOurs && mayHoldKeys ? [this.#book.owe(stream)] : []
    const now = nowSeconds(runtime)
    const isNew = await granter.ledger.update(
      stream,
      principal,
      (entry) => {
        if (entry !== undefined && entry.revoked !== null) return undefined
        return { ...(entry ?? nothingGranted(now)), revoked: now }
      },
      [...changes, ...owed],
    )
    if (!isNew) return
    runtime.emit({ type: 'revoked', principal, stream })
    send().catch((error: unknown) => runtime.report(error))
  }

  /** Those whom we made grant the stream, but for the recovery principal, who is off-line. */
  async #delegates(stream: string, but: string): Promise<readonly LedgerEntry[]> {
    const { granter, trustBook } = this.#inputs
    const recovery = trustBook.trust.recovery()
    const none = recovery === undefined ? [but] : [but, toBase64Url(recovery.id)]
    const entries = await granter.ledger.ofStream(stream)
    return entries.filter(
      ({ terms, revoked, principal }) =>
        terms.rights === 'share' && revoked === null && !none.includes(principal),
    )
  }

  /** The order to those who grant the stream by what we granted them. */
  async #tellings(
    stream: string,
    { principal, since }: { readonly principal: string; readonly since: number },
    delegates: readonly LedgerEntry[],
  ): Promise<readonly Posting[]> {
    const { book, messenger, runtime } = this.#inputs
    const generation = book.byStream(stream).findLast((g) => g.closingEpoch === undefined)
    const principalId = fromBase64Url(principal)
    if (generation === undefined || principalId === undefined) return []
    const { generationId } = generation.manifest
    // It counts for us by now; so it does for them, whatever their clocks show.
    const body = { principalId, since: Math.min(since, nowSeconds(runtime)), generationId }
    const postings: Posting[] = []
    for (const { principal: delegate } of delegates) {
      const id = fromBase64Url(delegate)
      if (id === undefined) continue
      const options = { recipient: null, lifeSeconds: LIFE_SECONDS }
      const signed = messenger.compose('revocation', body, options)
      const digest = toHex(runtime.crypto.sha256(signed))
      const awaiting = { digest, principal: delegate, about: 'revocation' as const }
      postings.push({ ...(await messenger.addressTo(id, signed)), awaiting })
    }
    return postings
  }

  async #orLater(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.#retryLater()
      throw error
    }
  }

  #retryLater(): void {
    if (this.#closed) return
    const { runtime } = this.#inputs
    this.#cancelRetry?.()
    this.#cancelRetry = runtime.timers.after(RETRY_ROTATION_MS, () => {
      this.#inBackground(this.resume())
    })
  }

  #ack({ author, digest }: RevocationOrder): Promise<Reply> {
    const { messenger } = this.#inputs
    return messenger.addressTo(author, messenger.acknowledge(author, fromHex(digest)))
  }

  /** What fails although nobody waits for it must not get lost. Never rejects. */
  async #reported(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (!this.#closed) this.#inputs.runtime.report(error)
    }
  }

  #inBackground(work: Promise<void>): void {
    void this.#reported(work)
  }
}

function nothingGranted(now: number): Omit<LedgerEntry, 'stream' | 'principal' | 'revoked'> {
  const terms = { from: now, until: null, leaseSeconds: null, rights: 'read', depth: null } as const
  return { name: '', domain: null, terms, rule: null, decided: now, granted: now }
}
