// SPDX-License-Identifier: Apache-2.0
/**
 * Revoking (`docs/spec/07-granting.md` Section 7.8), by whoever may say so: the application, the newest
 * bundles, messages; now, or when the time has come. Idempotent: revoking twice changes nothing.
 *
 * What a revocation is owed is written with it (`Striking`), so that here everything may be tried again.
 *
 * @module
 */

import { fromHex, toBase64Url, toHex, WaxwingError, type DecodedStatement } from '@waxwing/core'
import type { Messenger, Reply } from '../control/messenger.js'
import { Patience } from '../control/patience.js'
import { RateLimit } from '../control/rate-limit.js'
import type { GenerationBook } from '../generation-book.js'
import type { TrustBook } from '../identity/trust-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { DueWatch } from './due-watch.js'
import type { Granter } from './granter.js'
import { OwedRotations } from './owed-rotations.js'
import { PostponedOrders } from './postponed-orders.js'
import { RevocationBook } from './revocation-book.js'
import { firstDue, isDue, revokedByBundles, type RevocationOrder } from './revocation-order.js'
import { verifyRevocation } from './revocation-rights.js'
import { Striking } from './striking.js'

/** How long whoever brought a revocation waits for it to take effect; later it gets an ack. */
const PATIENCE_MS = 2000
const RETRY_ROTATION_MS = 60_000
/** How long another process on the same store is left to do what it owes. */
const FOREIGN_PATIENCE_MS = 180_000
const FORGETTING_INTERVAL_MS = 86_400_000

export interface RevokingInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly trustBook: TrustBook
  readonly messenger: Messenger
  readonly granter: Granter
  /** Leaves it to another process to wait for what is due later. */
  readonly passive: boolean
  /** Rotates one of our own streams; resolves when a generation is in use that was begun since. */
  readonly rotate: (stream: string) => Promise<void>
  /** Sends what is answered late. */
  readonly send: (replies: readonly Reply[]) => Promise<void>
  /** Does what nobody waits for, but the end of the endpoint; reports what fails. */
  readonly inBackground: (work: () => Promise<void>) => void
}

export class Revoking {
  readonly #inputs: RevokingInputs
  readonly #book: RevocationBook
  readonly #owed: OwedRotations
  readonly #striking: Striking
  readonly #postponed: PostponedOrders
  readonly #watch: DueWatch
  /** Whoever begins to grant a stream is told of all who were ever revoked from it. */
  readonly #limit = new RateLimit({ capacity: 4096, perSecond: 8 })
  readonly #patience: Patience
  /** Digests of postponed orders that are being carried out. */
  readonly #underWay = new Set<string>()
  /** Generations that orders name, and that are not held yet. */
  #awaited: ReadonlySet<string> = new Set()
  #nextOfBundles = Infinity
  #forgetsAtMs = -Infinity
  #cancelRetry: (() => void) | undefined
  #retryAtMs = Infinity
  readonly #stopListening: (() => void)[] = []
  #closed = false

  constructor(inputs: RevokingInputs) {
    this.#inputs = inputs
    const { runtime, granter, rotate } = inputs
    const revocations = new RevocationBook(runtime)
    this.#book = revocations
    const failed = (): void => this.#retryLater(RETRY_ROTATION_MS)
    this.#owed = new OwedRotations({ book: revocations, rotate, failed })
    const { ledger, authorities, delegates, tellings } = granter
    this.#striking = new Striking({
      ...inputs,
      ledger,
      authorities,
      delegates,
      tellings,
      revocations,
    })
    this.#postponed = new PostponedOrders(runtime.store)
    this.#watch = new DueWatch(runtime, () => this.#actInBackground())
    this.#patience = new Patience(runtime.timers)
  }

  async load(): Promise<void> {
    await this.#book.load()
    const { runtime, book, inBackground, passive } = this.#inputs
    if (passive) return
    const onKeys = book.onKeys(({ id }) => {
      if (this.#awaited.has(id)) this.#actInBackground()
    })
    // Another process may keep what is for later.
    const foreign = runtime.store.onForeignChange?.(() => inBackground(() => this.#waitForNext()))
    this.#stopListening.push(onKeys, ...(foreign === undefined ? [] : [foreign]))
  }

  /** Does what was left undone when the process ended. Failures are reported and tried again. */
  async resume(): Promise<void> {
    try {
      await this.#orLater(this.#act())
    } catch (error) {
      if (!this.#closed) this.#inputs.runtime.report(error)
    }
    await this.#owed.settleAll()
  }

  /**
   * Revokes a principal's access to a stream. Resolves when that took effect.
   *
   * @param principal - Its id in base64url.
   * @param rotate - `false`: only renew nothing any more; what was granted runs out by itself.
   */
  async revoke(stream: string, principal: string, rotate: boolean): Promise<void> {
    const since = nowSeconds(this.#inputs.runtime)
    await this.#striking.strike(stream, { principal, since }, rotate)
    if (rotate) await this.#owed.settle(stream)
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
   * time, or the generation that an anchor names, is still to come.
   *
   * @throws {WaxwingError} `ERR_NOT_AUTHORIZED` if its author may not revoke; `ERR_SIGNATURE`,
   *   `ERR_EXPIRED`, `ERR_REVOKED`, `ERR_LIMIT` and what else `verifyRevocation` throws.
   */
  async receive(statement: DecodedStatement): Promise<readonly Reply[]> {
    const { runtime, inBackground, send } = this.#inputs
    const order = verifyRevocation(statement, this.#inputs)
    if (!this.#limit.take(toHex(order.author), runtime.time.monotonic())) {
      throw new WaxwingError('ERR_LIMIT', 'too many revocations', { rule: 'rate' })
    }
    await this.#forgetOver()
    if (!isDue(order, runtime) || this.#isAwaiting(order)) {
      await this.#postponed.keep(order)
      await this.#waitForNext()
      return []
    }
    await this.#strikeBy(order) // durable before the transport is told that it was received
    // Rotations that come close together wait for each other: nothing else may wait for them.
    const effect = this.#effectOf(order)
    const inTime = await this.#patience.inTime(effect, PATIENCE_MS)
    if (inTime !== undefined) return [await this.#ack(order)]
    inBackground(() => effect.then(async () => send([await this.#ack(order)])))
    return []
  }

  /** What is under way is waited for as the endpoint's background work. */
  close(): void {
    this.#closed = true
    this.#cancelRetry?.()
    for (const stop of this.#stopListening.splice(0)) stop()
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
      await this.#striking.strikeEverywhere({ principal, since }, isPartner ? domain : undefined)
    }
    await this.#book.followed(news)
    await this.#waitForNext()
    // Several processes follow one bundle: who strikes rotates, and the others look after it later.
    if (news.length > 0 && (await this.#owed.settleOwn())) this.#retryLater(FOREIGN_PATIENCE_MS)
  }

  /** Does what is due: what the bundles say, and what messages said before its time. */
  async #act(): Promise<void> {
    const { runtime } = this.#inputs
    await this.#forgetOver()
    const orders = await this.#postponed.all()
    const now = nowSeconds(runtime)
    const over = orders.filter((one) => this.#isAwaiting(one) && one.expires + 86_400 < now)
    for (const order of over) await this.#postponed.done(order)
    const due = orders.filter(
      (one) => isDue(one, runtime) && !this.#isAwaiting(one) && !this.#underWay.has(one.digest),
    )
    await Promise.all([this.#followBundle(), ...due.map((order) => this.#carryOutLate(order))])
  }

  /** Once a day, what nobody waits for any more. */
  async #forgetOver(): Promise<void> {
    const { runtime, granter } = this.#inputs
    const now = runtime.time.monotonic()
    if (now < this.#forgetsAtMs) return
    await this.#book.forgetOver()
    await granter.authorities.orders.forgetOver()
    this.#forgetsAtMs = now + FORGETTING_INTERVAL_MS
  }

  async #carryOutLate(order: RevocationOrder): Promise<void> {
    this.#underWay.add(order.digest)
    try {
      await this.#strikeBy(order)
      await this.#effectOf(order)
      await this.#postponed.done(order)
    } finally {
      this.#underWay.delete(order.digest)
    }
    await this.#inputs.send([await this.#ack(order)])
  }

  /** Waits for the first time at which somebody is revoked who is not yet. */
  async #waitForNext(): Promise<void> {
    const { runtime, passive } = this.#inputs
    const orders = await this.#postponed.all()
    const waiting = orders.filter(({ digest }) => !this.#underWay.has(digest))
    const awaiting = waiting.filter((one) => this.#isAwaiting(one))
    this.#awaited = new Set(awaiting.flatMap(({ generation }) => generation ?? []))
    const timed = waiting.filter((one) => !awaiting.includes(one) || !isDue(one, runtime))
    const next = Math.min(firstDue(timed), this.#nextOfBundles)
    if (!this.#closed && !passive) this.#watch.waitFor(next)
  }

  /** Whether an anchor names a generation that is not held: of which stream it is, nobody knows yet. */
  #isAwaiting({ byAnchor, generation }: RevocationOrder): boolean {
    return byAnchor && generation !== null && this.#inputs.book.byId(generation) === undefined
  }

  /** A revocation that was carried out stays so: replayed, it does not undo what came after it. */
  async #strikeBy({ byAnchor, author, ...order }: RevocationOrder): Promise<void> {
    const { principal, since, generation, digest, expires } = order
    if (await this.#book.hasHandled(digest)) return
    if (byAnchor) await this.#strikeByAnchor({ principal, since }, generation)
    else {
      const by = toBase64Url(author)
      const upstream = { digest, principal, generation, author: by, until: expires }
      await this.#striking.obey(upstream, since)
    }
    await this.#book.handled(digest, expires)
  }

  async #strikeByAnchor(
    struck: { readonly principal: string; readonly since: number },
    generation: string | null,
  ): Promise<void> {
    if (generation === null) return this.#striking.strikeEverywhere(struck)
    const named = this.#inputs.book.byId(generation)
    if (named !== undefined) await this.#striking.strike(named.stream, struck, true)
  }

  /** Nobody above us makes a stream of ours rotate. */
  #effectOf({ byAnchor }: RevocationOrder): Promise<void> {
    return byAnchor ? this.#owed.settleAll() : Promise.resolve()
  }

  async #orLater(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.#retryLater(RETRY_ROTATION_MS)
      throw error
    }
  }

  #retryLater(delayMs: number): void {
    if (this.#closed) return
    const { runtime, inBackground } = this.#inputs
    const atMs = runtime.time.monotonic() + delayMs
    if (this.#retryAtMs <= atMs) return
    this.#retryAtMs = atMs
    this.#cancelRetry?.()
    this.#cancelRetry = runtime.timers.after(delayMs, () => {
      this.#retryAtMs = Infinity
      inBackground(() => this.resume())
    })
  }

  #actInBackground(): void {
    this.#inputs.inBackground(() => this.#orLater(this.#act()))
  }

  #ack({ author, digest }: RevocationOrder): Promise<Reply> {
    const { messenger } = this.#inputs
    return messenger.addressTo(author, messenger.acknowledge(author, fromHex(digest)))
  }
}
