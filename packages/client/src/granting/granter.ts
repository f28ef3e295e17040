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
  fromBase64Url,
  kidOf,
  MAX_RETRY_SECONDS,
  toBase64Url,
  toHex,
  WaxwingError,
  type DenialCode,
  type KeyCard,
  type TrustedPrincipal,
  type VerifiedMessage,
} from '@waxwing/core'
import type { Messenger, Reply } from '../control/messenger.js'
import type { Generation, GenerationBook } from '../generation-book.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { TrustBook } from '../identity/trust-book.js'
import type { Decide, Decision, IncomingRequest } from '../options.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { authoritiesOver, type Authority } from './authority.js'
import { Deciding } from './deciding.js'
import { incomingRequest } from './incoming-request.js'
import { Issuing, type IssuedGrant } from './issuing.js'
import { Ledger, type LedgerEntry } from './ledger.js'
import { PendingRequests, requestIdOf, type RequestMessage } from './pending.js'
import { Rules } from './rules.js'
import { fixTerms, type FixedTerms } from './terms.js'
import { grantUnasked } from './unasked.js'

const PENDING_RETRY_SECONDS = 60
const LIMITED_RETRY_SECONDS = 60

export interface GranterInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
  readonly messenger: Messenger
  readonly decide: Decide | undefined
  /** Sends what is decided later than the request came. */
  readonly send: (replies: readonly Reply[]) => Promise<void>
}

/** A generation over which we have a say, and by what. At least one authority. */
interface Say {
  readonly generation: Generation
  readonly authorities: readonly [Authority, ...Authority[]]
}

/** What is granted, and by which rule, if by one. */
interface Standing {
  readonly terms: FixedTerms
  readonly rule: string | null
  /** A person, or the application in a person's stead, wants it whatever stood before. */
  readonly isExplicit?: boolean
}

type Request = VerifiedMessage<'request'>

export class Granter {
  readonly ledger: Ledger
  readonly rules: Rules
  readonly pending: PendingRequests
  readonly issuing: Issuing
  readonly #inputs: GranterInputs
  readonly #deciding: Deciding
  #closed = false

  constructor(inputs: GranterInputs) {
    const { runtime, identity, messenger, decide } = inputs
    this.#inputs = inputs
    this.ledger = new Ledger(runtime)
    this.rules = new Rules(runtime)
    this.pending = new PendingRequests(runtime)
    this.issuing = new Issuing(runtime, identity, messenger)
    this.#deciding = new Deciding(runtime, decide)
  }

  /** Reads rules and waiting requests; again after another process changed them. */
  async load(): Promise<void> {
    await this.rules.load()
    await this.pending.load()
  }

  /** Answers a verified request. Who has no say over its kid stays silent. */
  async answer(request: Request): Promise<readonly Reply[]> {
    const says = this.#saysOver(request)
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
    return Promise.all(this.#saysOver(request).map((say) => this.#deny(say, request, code, retry)))
  }

  /** The requests that wait for a person. */
  async requests(): Promise<readonly IncomingRequest[]> {
    const waiting = await this.pending.all()
    return waiting.flatMap((message) => {
      const verified = this.#reverify(message)
      if (verified === undefined) return []
      return this.#saysOver(verified).map((say) => this.#describe(say, verified))
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
   *   the stream; `ERR_NOT_AUTHORIZED` if none of it may be granted; `ERR_REVOKED` or `ERR_EXPIRED`
   *   if the principal is not in good standing; `ERR_KEY_INVALID` if its keys are too weak.
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
    const inputs = { ...this.#inputs, issuing: this.issuing, authorities, stream }
    const issued = await grantUnasked(inputs, principal, terms, options)
    await this.record(stream, principal, { terms, rule: null, isExplicit: true })
    for (const { span } of issued) this.#emitGranted(stream, principal, { span, terms })
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
  }

  authoritiesOver(generation: Generation): readonly Authority[] {
    const { runtime, trustBook } = this.#inputs
    const isRevoked = (name: string): boolean => {
      const id = fromBase64Url(name)
      const principal = id && (trustBook.principalOf(id) ?? { id, domainId: null })
      return principal !== undefined && trustBook.trust.revokedSince(principal) !== undefined
    }
    return authoritiesOver(generation, { now: nowSeconds(runtime), isRevoked })
  }

  /**
   * Notes what a principal was granted, so that it stands from now on.
   *
   * @returns `false`, with nothing noted, if it was revoked meanwhile and nobody wants it explicitly.
   */
  record(stream: string, principal: TrustedPrincipal, standing: Standing): Promise<boolean> {
    const { terms, rule, isExplicit = false } = standing
    const now = nowSeconds(this.#inputs.runtime)
    return this.ledger.update(stream, toBase64Url(principal.id), (entry) => {
      const isRevoked = entry !== undefined && entry.revoked !== null
      if (isRevoked && !isExplicit) return undefined
      const { name } = principal
      const domain = principal.domainId === null ? null : toBase64Url(principal.domainId)
      const decided = isRevoked ? now : (entry?.decided ?? now)
      return { name, domain, terms, rule, decided, granted: now, revoked: null }
    })
  }

  #saysOver(request: RequestMessage): readonly Say[] {
    const generations = this.#inputs.book.byKid(toHex(request.body.kid))
    return generations.flatMap((generation) => {
      const [first, ...others] = this.authoritiesOver(generation)
      return first === undefined ? [] : [{ generation, authorities: [first, ...others] as const }]
    })
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
      return this.#deny(say, request, 'not-authorized', MAX_RETRY_SECONDS)
    }
    const standing = this.#standingOf(say, request, entry)
    if (standing !== undefined) return this.#grantOrDeny(say, request, standing, card)
    const { now, later } = await this.#deciding.ask(this.#describe(say, request))
    if (now !== undefined) {
      try {
        return await this.#carryOut(say, request, now, card)
      } catch (error) {
        // Terms that make no sense are the application's mistake, not the reader's.
        this.#inputs.runtime.report(error)
      }
    }
    const reply = await this.#postpone(say, request)
    if (later !== undefined) this.#whenDecided(request, later, card)
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
    const { runtime, identity } = this.#inputs
    const inputs = { now: nowSeconds(runtime), ownDomain: identity.domainId, rights: body.rights }
    return this.rules.standingFor(stream, principal, inputs)
  }

  /** Keeps the request for a person, and says so to whoever asked. */
  async #postpone(say: Say, request: Request): Promise<Reply> {
    const { runtime } = this.#inputs
    const isNews = await this.pending.keep(request, nowSeconds(runtime))
    const { requestId, principal, stream, spans, reason } = this.#describe(say, request)
    if (isNews) {
      const { id, name } = principal
      runtime.emit({ type: 'request', requestId, principal: id, name, stream, spans, reason })
    }
    return this.#deny(say, request, 'pending-approval', PENDING_RETRY_SECONDS)
  }

  /** Carries out what the application decided late, unless a person was faster. */
  #whenDecided(
    request: Request,
    later: Promise<Decision | undefined>,
    card: KeyCard | undefined,
  ): void {
    const requestId = this.#idOf(request)
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
    for (const say of this.#saysOver(request)) {
      replies.push(await this.#carryOut(say, request, decision, card))
    }
    await this.#inputs.send(replies)
    await this.pending.remove(requestId)
  }

  async #carryOut(
    say: Say,
    request: Request,
    decision: Decision,
    card: KeyCard | undefined,
  ): Promise<Reply> {
    if (decision.kind === 'deny') {
      return this.#deny(say, request, decision.code, decision.retrySeconds)
    }
    const terms = fixTerms(decision.terms, nowSeconds(this.#inputs.runtime))
    return this.#grantOrDeny(say, request, { terms, rule: null }, card)
  }

  async #grantOrDeny(
    say: Say,
    request: Request,
    standing: Standing,
    card: KeyCard | undefined,
  ): Promise<Reply> {
    const { terms } = standing
    const key = this.issuing.keyFor(card)
    const mayGive = say.authorities.filter((a) => terms.rights === 'read' || a.maySubShare)
    if (key === undefined || mayGive.length === 0) {
      return this.#deny(say, request, 'not-authorized', LIMITED_RETRY_SECONDS)
    }
    const wanted = request.body.spans
    const authority = mayGive.find((a) => this.issuing.spanFor(a, terms, wanted) !== undefined)
    if (authority === undefined) return this.#deny(say, request, 'out-of-span', MAX_RETRY_SECONDS)
    const { stream } = say.generation
    if (!(await this.record(stream, request.principal, standing))) {
      return this.#deny(say, request, 'not-authorized', MAX_RETRY_SECONDS)
    }
    const grantee = { id: request.author, key }
    const issued = await this.issuing.grant(authority, grantee, terms, { inReplyTo: request })
    this.#emitGranted(stream, request.principal, { span: issued.span, terms })
    return issued
  }

  async #deny(
    { authorities: [authority], generation }: Say,
    request: Request,
    code: DenialCode,
    retrySeconds: number,
  ): Promise<Reply> {
    const principal = toBase64Url(request.author)
    this.#inputs.runtime.emit({ type: 'denied', principal, stream: generation.stream, code })
    return this.issuing.deny(authority, request, code, retrySeconds)
  }

  #emitGranted(
    stream: string,
    principal: TrustedPrincipal,
    { span, terms }: { span: IssuedGrant['span']; terms: FixedTerms },
  ): void {
    const { rights } = terms
    const id = toBase64Url(principal.id)
    this.#inputs.runtime.emit({ type: 'granted', principal: id, stream, span, rights })
  }

  /** A request that was verified when it came; its author must still be trusted. */
  #reverify(message: RequestMessage): Request | undefined {
    const { trustBook, runtime } = this.#inputs
    try {
      const known = trustBook.principalOf(message.author)?.credential ?? null
      const credential = message.envelope.credential ?? known
      const principal = trustBook.trust.resolve(message.author, credential)
      trustBook.trust.checkStanding(principal, nowSeconds(runtime))
      return { ...message, principal } as Request
    } catch {
      return undefined
    }
  }

  #describe({ generation }: Say, request: Request): IncomingRequest {
    const kid = toHex(kidOf(generation.manifest))
    return incomingRequest(request, this.#idOf(request), generation.stream, kid)
  }

  #idOf(request: RequestMessage): string {
    return requestIdOf(this.#inputs.runtime.crypto, request)
  }
}

/** Whether what was decided before also covers what is asked for now. */
function fits(terms: FixedTerms, rights: 'read' | 'share'): boolean {
  return rights === 'read' || terms.rights === 'share'
}
