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
  CLOCK_SKEW_SECONDS,
  fromBase64Url,
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
import type { Granter } from './granter.js'
import type { LedgerEntry } from './ledger.js'
import { RevocationBook, type Debt } from './revocation-book.js'
import { verifyRevocation, type RevocationMessage } from './revocation-rights.js'

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

export class Revoking {
  readonly #inputs: RevokingInputs
  readonly #book: RevocationBook
  readonly #limit = new RateLimit({ capacity: 60, perSecond: 2 })
  readonly #patience: Patience
  readonly #rotating = new Map<string, Promise<void>>()
  #cancelRetry: (() => void) | undefined
  #closed = false

  constructor(inputs: RevokingInputs) {
    this.#inputs = inputs
    this.#book = new RevocationBook(inputs.runtime)
    this.#patience = new Patience(inputs.runtime.timers)
  }

  async load(): Promise<void> {
    await this.#book.load()
  }

  /** Does what was left undone when the process ended. Failures are reported and tried again. */
  async resume(): Promise<void> {
    await this.followBundle()
    await Promise.all((await this.#book.owed()).map((stream) => this.#tryRotate(stream)))
  }

  /**
   * Revokes a principal's access to a stream. Resolves when that took effect.
   *
   * @param principal - Its id in base64url.
   * @param rotate - `false`: only renew nothing any more; what was granted runs out by itself.
   */
  async revoke(stream: string, principal: string, rotate: boolean): Promise<void> {
    await this.#strike(stream, principal, rotate)
    await this.#rotate(stream)
  }

  /** Acts on what the newest bundles say: whoever they revoke loses all that we granted. */
  async followBundle(): Promise<void> {
    const { trustBook, runtime } = this.#inputs
    const { trust } = trustBook
    const latest = nowSeconds(runtime) + CLOCK_SKEW_SECONDS
    for (const bundle of [trust.bundle, ...trust.partnerBundles]) {
      if (bundle === undefined) continue
      const domain = toBase64Url(bundle.domainId)
      const ids = bundle.revoked.filter(({ since }) => since <= latest)
      const news = ids
        .map(({ principalId }) => toBase64Url(principalId))
        .filter((principal) => !this.#book.hasFollowed(domain, principal))
      if (news.length === 0) continue
      // A partner speaks of its own principals only.
      const of = bundle === trust.bundle ? undefined : domain
      for (const principal of news) await this.#revokeEverywhere(principal, of)
      await this.#book.followed(domain, news)
    }
  }

  /**
   * Acts on a revocation message, by our domain's anchor or by who granted to us.
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
    const effect = this.#carryOut(message, streams)
    // Rotations that come close together wait for each other: nothing else may wait for them.
    const inTime = await this.#patience.inTime(effect, PATIENCE_MS)
    if (inTime !== undefined) return [await this.#ack(message)]
    const late = effect.then(async () => this.#inputs.send([await this.#ack(message)]))
    late.catch((error: unknown) => {
      if (!this.#closed) runtime.report(error)
    })
    return []
  }

  close(): void {
    this.#closed = true
    this.#cancelRetry?.()
    this.#patience.close()
  }

  /** A revocation that was carried out stays so: replayed, it does not undo what came after it. */
  async #carryOut(message: RevocationMessage, streams: 'all' | readonly string[]): Promise<void> {
    const principal = toBase64Url(message.body.principalId)
    const digest = toHex(message.digest)
    if (!(await this.#book.hasHandled(digest))) {
      if (streams === 'all') await this.#revokeEverywhere(principal)
      else await Promise.all(streams.map((stream) => this.revoke(stream, principal, true)))
      await this.#book.handled(digest, message.envelope.expires)
    }
    const owed = await this.#book.owed()
    await Promise.all(owed.map((stream) => this.#rotate(stream)))
  }

  /** @param domain - Only where the principal was of this domain when we granted. */
  async #revokeEverywhere(principal: string, domain?: string): Promise<void> {
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
    await Promise.all([...streams].map((stream) => this.revoke(stream, principal, true)))
  }

  /** Writes, at once: that the principal is struck out, what others are told, and what is owed. */
  async #strike(stream: string, principal: string, rotate: boolean): Promise<void> {
    const { granter, runtime, book, outbox } = this.#inputs
    const delegates = await this.#delegates(stream, principal)
    const before = await granter.ledger.find(stream, principal)
    if (before !== undefined && before.revoked !== null) return
    const { changes, send } = outbox.prepare(await this.#tellings(stream, principal, delegates))
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
    principal: string,
    delegates: readonly LedgerEntry[],
  ): Promise<readonly Posting[]> {
    const { book, messenger, runtime } = this.#inputs
    const generation = book.byStream(stream).findLast((g) => g.closingEpoch === undefined)
    const principalId = fromBase64Url(principal)
    if (generation === undefined || principalId === undefined) return []
    const { generationId } = generation.manifest
    const body = { principalId, since: nowSeconds(runtime), generationId }
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

  /** Rotates if that is owed, and again if it is owed anew by then. */
  async #rotate(stream: string): Promise<void> {
    for (;;) {
      const debt = await this.#book.debt(stream)
      if (debt === undefined) return
      await this.#rotateOnce(stream, debt)
    }
  }

  /** One rotation serves all who wait for it. */
  #rotateOnce(stream: string, debt: Debt): Promise<void> {
    const underWay = this.#rotating.get(stream)
    if (underWay !== undefined) return underWay
    const rotation = this.#inputs
      .rotate(stream)
      .then(() => this.#book.paid(debt))
      .finally(() => this.#rotating.delete(stream))
    this.#rotating.set(stream, rotation)
    rotation.catch(() => this.#retryLater())
    return rotation
  }

  async #tryRotate(stream: string): Promise<void> {
    try {
      await this.#rotate(stream)
    } catch (error) {
      this.#inputs.runtime.report(error)
    }
  }

  #retryLater(): void {
    if (this.#closed) return
    const { runtime } = this.#inputs
    this.#cancelRetry?.()
    this.#cancelRetry = runtime.timers.after(RETRY_ROTATION_MS, () => {
      this.resume().catch((error: unknown) => runtime.report(error))
    })
  }

  #ack(message: RevocationMessage): Promise<Reply> {
    const { messenger } = this.#inputs
    const payload = messenger.acknowledge(message.author, message.digest)
    return messenger.addressTo(message.author, payload)
  }
}

function nothingGranted(now: number): Omit<LedgerEntry, 'stream' | 'principal' | 'revoked'> {
  const terms = { from: now, until: null, leaseSeconds: null, rights: 'read', depth: null } as const
  return { name: '', domain: null, terms, rule: null, decided: now, granted: now }
}
