// SPDX-License-Identifier: Apache-2.0
/**
 * Deciding who reads (`docs/spec/07-granting.md` Section 7.3.3).
 *
 * An authority never answers with silence: a verified request is granted, denied, or told that a
 * person will decide. The order of deciding: who was revoked is denied; what was decided before
 * still stands; then the rules; then the application's `decide`; then a person.
 *
 * @module
 */

import {
  MAX_RETRY_SECONDS,
  toBase64Url,
  WaxwingError,
  type KeyCard,
  type Rights,
  type Span,
  type TrustedPrincipal,
} from '@waxwing/core'
import type { Medium } from '../control/medium.js'
import type { Messenger, Reply } from '../control/messenger.js'
import type { Outbox } from '../control/outbox.js'
import { isOwnTrouble } from '../control/own-trouble.js'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import { judgedSeconds } from '../identity/statement-time.js'
import type { TrustBook } from '../identity/trust-book.js'
import type { Decide, Decision, IncomingRequest } from '../options.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { Answers, type Request, type Say, type Standing } from './answers.js'
import { Authorities } from './authorities.js'
import type { Authority } from './authority.js'
import { Deciding } from './deciding.js'
import { Delegates } from './delegates.js'
import { Issuing, type IssuedGrant } from './issuing.js'
import { Ledger, type LedgerEntry } from './ledger.js'
import { PendingRequests, type RequestMessage } from './pending.js'
import { Rules } from './rules.js'
import { Tellings } from './tellings.js'
import type { FixedTerms } from './terms.js'
import { grantUnasked } from './unasked.js'

const PENDING_RETRY_SECONDS = 60
const LIMITED_RETRY_SECONDS = 60

export interface GranterInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
  readonly messenger: Messenger
  readonly medium: Medium
  readonly outbox: Outbox
  readonly decide: Decide | undefined
  /** Sends what is decided later than the request came. */
  readonly send: (replies: readonly Reply[]) => Promise<void>
}

export class Granter {
  readonly ledger: Ledger
  readonly rules: Rules
  readonly pending: PendingRequests
  readonly issuing: Issuing
  readonly authorities: Authorities
  readonly tellings: Tellings
  readonly delegates: Delegates
  readonly #inputs: GranterInputs
  readonly #answers: Answers
  readonly #deciding: Deciding
  #closed = false

  constructor(inputs: GranterInputs) {
    const { runtime, decide } = inputs
    this.#inputs = inputs
    this.ledger = new Ledger(runtime)
    this.rules = new Rules(runtime)
    this.pending = new PendingRequests(runtime)
    this.issuing = new Issuing(inputs)
    this.#deciding = new Deciding(runtime, decide)
    const { ledger, issuing } = this
    this.authorities = new Authorities({ ...inputs, ledger })
    this.tellings = new Tellings(inputs)
    const { authorities, tellings } = this
    this.delegates = new Delegates({ ...inputs, ledger, authorities, tellings })
    this.#answers = new Answers({
      ...inputs,
      ledger,
      issuing,
      authorities,
      delegates: this.delegates,
    })
  }

  /** Reads rules and waiting requests; again after another process changed them. */
  async load(): Promise<void> {
    await this.rules.load()
    await this.pending.load()
  }

  /** Answers a verified request. Who has no say over its kid stays silent. */
  async answer(request: Request): Promise<readonly Reply[]> {
    const says = this.#answers.saysOver(request)
    if (says.length === 0) return []
    const card = await this.#keepCard(request)
    const replies: Reply[] = []
    for (const say of says) replies.push(await this.#answerUnder(say, request, card))
    return replies
  }

  /** Denies a request without looking at what stands: its author was revoked, or asks too often. */
  async refuse(
    request: Request,
    code: 'not-authorized' | 'rate-limited',
  ): Promise<readonly Reply[]> {
    const retry = code === 'rate-limited' ? LIMITED_RETRY_SECONDS : MAX_RETRY_SECONDS
    return Promise.all(
      this.#answers.saysOver(request).map((say) => this.#answers.deny(say, request, code, retry)),
    )
  }

  /** The requests that wait for a person. */
  async requests(): Promise<readonly IncomingRequest[]> {
    const waiting = await this.pending.all()
    return waiting.flatMap((message) => {
      const verified = this.#reverify(message)
      if (verified === undefined) return []
      return this.#answers.saysOver(verified).map((say) => this.#answers.describe(say, verified))
    })
  }

  /** Carries out what a person decided about a waiting request. */
  async decideRequest(requestId: string, decision: Decision): Promise<void> {
    const message = await this.pending.get(requestId)
    const request = this.#reverify(message)
    if (request === undefined) {
      await this.pending.remove(requestId)
      throw new WaxwingError('ERR_NOT_TRUSTED', 'whoever asked is no longer trusted')
    }
    const card = this.#inputs.trustBook.cardOf(request.author)
    await this.#carryOutLater(requestId, request, decision, card)
  }

  /**
   * Grants unasked, in every generation of the stream that the terms reach.
   *
   * @throws {WaxwingError} `ERR_KEY_UNKNOWN` if no key card of the principal is held, or nothing of
   *   the stream; `ERR_NOT_AUTHORIZED` if none of it may be granted, or, with the rule
   *   `unacknowledged`, if it is to share and has not acknowledged yet who is revoked: it is told now,
   *   and an `ack` event says when to try again; `ERR_REVOKED` or `ERR_EXPIRED` if the principal is
   *   not in good standing; `ERR_KEY_INVALID` if its keys are too weak.
   */
  async grantUnasked(
    stream: string,
    principal: TrustedPrincipal,
    terms: FixedTerms,
    options: { retained?: boolean } = {},
  ): Promise<readonly IssuedGrant[]> {
    const authorities = this.#inputs.book
      .byStream(stream)
      .map((generation) => this.authoritiesOver(generation))
    const { issuing, delegates } = this
    const record = (): Promise<boolean> =>
      this.record(stream, principal, { terms, rule: null, isExplicit: true })
    const inputs = { ...this.#inputs, issuing, delegates, authorities, stream, record }
    const issued = await grantUnasked(inputs, principal, terms, options)
    for (const { span } of issued) this.#answers.emitGranted(stream, principal, { span, terms })
    return issued
  }

  /** The streams of which a principal was granted something that still stands. */
  async standing(principal: string): Promise<readonly LedgerEntry[]> {
    const entries = await this.ledger.all()
    return entries.filter((entry) => entry.principal === principal && entry.revoked === null)
  }

  /** Waits for no decision any more: requests stay for whoever opens the store next. */
  close(): void {
    this.#closed = true
    this.#deciding.close()
    this.authorities.orders.close()
  }

  /** What we may grant of a generation. */
  authoritiesOver(generation: Generation): readonly Authority[] {
    return this.authorities.over(generation)
  }

  /** What stands for a principal who may read; `undefined` if a rule gave it that is gone. */
  standingFor(entry: LedgerEntry, principal: TrustedPrincipal): Standing | undefined {
    const { stream, terms, rule } = entry
    return rule === null ? { terms, rule } : this.#byRule(stream, principal, 'read')
  }

  /** Tells the application what was granted. */
  emitGranted(
    stream: string,
    principal: TrustedPrincipal,
    what: { span: Span; terms: FixedTerms },
  ): void {
    this.#answers.emitGranted(stream, principal, what)
  }

  /** Notes what a principal was granted: see `Answers.record`. */
  record(stream: string, principal: TrustedPrincipal, standing: Standing): Promise<boolean> {
    return this.#answers.record(stream, principal, standing)
  }

  async #keepCard(request: Request): Promise<KeyCard | undefined> {
    const { trustBook, runtime } = this.#inputs
    const { keyCard } = request.envelope
    if (keyCard === undefined) return trustBook.cardOf(request.author)
    try {
      return await trustBook.keepCard(keyCard, request.principal)
    } catch (error) {
      const isTheirs = error instanceof WaxwingError && !error.code.startsWith('ERR_STORE')
      if (!isTheirs) throw error // our failure must not look like a denial
      runtime.report(error)
      return trustBook.cardOf(request.author)
    }
  }

  async #answerUnder(say: Say, request: Request, card: KeyCard | undefined): Promise<Reply> {
    const entry = await this.ledger.find(say.generation.stream, toBase64Url(request.author))
    if (entry !== undefined && entry.revoked !== null) {
      return this.#answers.deny(say, request, 'not-authorized', MAX_RETRY_SECONDS)
    }
    if ((await this.#answers.openTo(request.author, say)) === undefined) {
      return this.#answers.deny(say, request, 'not-authorized', MAX_RETRY_SECONDS)
    }
    const standing = this.#standingOf(say, request, entry)
    if (standing !== undefined) {
      return this.#asDecided(request, this.#answers.grantOrDeny(say, request, standing, card))
    }
    const { now, later } = await this.#deciding.ask(this.#answers.describe(say, request))
    if (now !== undefined) {
      try {
        return await this.#asDecided(request, this.#answers.carryOut(say, request, now, card))
      } catch (error) {
        // Terms that make no sense are the application's mistake, not the reader's.
        const isDecisions = error instanceof RangeError || error instanceof TypeError
        if (!isDecisions && isOwnTrouble(error)) throw error // it is tried again
        this.#inputs.runtime.report(error)
      }
    }
    const reply = await this.#postpone(say, request)
    if (later !== undefined) this.#whenDecided(request, later, card)
    return reply
  }

  /** A person need not decide any more what was decided without one. */
  async #asDecided(request: Request, answer: Promise<Reply>): Promise<Reply> {
    const reply = await answer
    const requestId = this.#answers.idOf(request)
    if (this.pending.has(requestId)) await this.pending.remove(requestId)
    return reply
  }

  /** What stands already, by an earlier decision or by a rule. What a rule gave ends with it. */
  #standingOf(
    { generation: { stream } }: Say,
    { principal, body }: Request,
    entry: LedgerEntry | undefined,
  ): Standing | undefined {
    const isDecided = entry !== undefined && entry.rule === null
    if (isDecided && fits(entry.terms, body.rights)) return { terms: entry.terms, rule: null }
    return this.#byRule(stream, principal, body.rights)
  }

  #byRule(stream: string, principal: TrustedPrincipal, rights: Rights): Standing | undefined {
    const { runtime, identity } = this.#inputs
    const inputs = { now: nowSeconds(runtime), ownDomain: identity.domainId, rights }
    return this.rules.standingFor(stream, principal, inputs)
  }

  /** Keeps the request for a person, and says so to whoever asked. */
  async #postpone(say: Say, request: Request): Promise<Reply> {
    const { runtime } = this.#inputs
    const isNews = await this.pending.keep(request, nowSeconds(runtime))
    const { requestId, principal, stream, spans, reason } = this.#answers.describe(say, request)
    if (isNews) {
      const { id, name } = principal
      runtime.emit({ type: 'request', requestId, principal: id, name, stream, spans, reason })
    }
    return this.#answers.deny(say, request, 'pending-approval', PENDING_RETRY_SECONDS)
  }

  /** Carries out what the application decided late, unless a person was faster. */
  #whenDecided(
    request: Request,
    later: Promise<Decision | undefined>,
    card: KeyCard | undefined,
  ): void {
    const requestId = this.#answers.idOf(request)
    const carriedOut = later.then(async (decision) => {
      if (decision === undefined || this.#closed) return
      const newest = await this.pending.find(requestId)
      const verified = newest && this.#reverify(newest)
      if (verified === undefined) return
      await this.#carryOutLater(requestId, verified, decision, card)
    })
    carriedOut.catch((error: unknown) => this.#inputs.runtime.report(error))
  }

  /** The request waits until all is done: after a crash it is decided again, and not forgotten. */
  async #carryOutLater(
    requestId: string,
    request: Request,
    decision: Decision,
    card: KeyCard | undefined,
  ): Promise<void> {
    const replies: Reply[] = []
    for (const say of this.#answers.saysOver(request)) {
      replies.push(await this.#answers.carryOut(say, request, decision, card))
    }
    await this.#inputs.send(replies)
    await this.pending.remove(requestId)
  }

  /** A request that was verified when it came; its author must still be trusted. */
  #reverify(message: RequestMessage): Request | undefined {
    const { trustBook, runtime } = this.#inputs
    try {
      const known = trustBook.principalOf(message.author)?.credential ?? null
      const credential = message.envelope.credential ?? known
      const principal = trustBook.trust.resolve(message.author, credential)
      const { issued } = message.envelope
      const now = judgedSeconds(runtime, issued, principal.issued)
      trustBook.trust.checkStanding(principal, now)
      return { ...message, principal } as Request
    } catch {
      return undefined
    }
  }
}

/** Whether what was decided before also covers what is asked for now. */
function fits(terms: FixedTerms, rights: 'read' | 'share'): boolean {
  return rights === 'read' || terms.rights === 'share'
}
