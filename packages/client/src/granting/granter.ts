// SPDX-License-Identifier: Apache-2.0
/**
 * Deciding who reads (`docs/spec/07-granting.md` Sections 7.3 to 7.6).
 *
 * An authority never answers with silence: a verified request is granted, denied, or told that a
 * person will decide. The order of deciding: who was revoked is denied; what was decided before
 * still stands; then the rules; then the application's `decide`; then a person.
 *
 * @module
 */

import {
  intersectSpans,
  kidOf,
  toBase64Url,
  toHex,
  WaxwingError,
  type KeyCard,
  type Span,
  type TrustedPrincipal,
  type VerifiedMessage,
} from '@waxwing/core'
import type { Messenger, Reply } from '../control/messenger.js'
import type { GenerationBook } from '../generation-book.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { TrustBook } from '../identity/trust-book.js'
import type { Decide, Decision, IncomingRequest } from '../options.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { authorityOver, type Authority } from './authority.js'
import { incomingRequest } from './incoming-request.js'
import { Issuing, type IssuedGrant } from './issuing.js'
import { Ledger, type LedgerEntry } from './ledger.js'
import { PendingRequests, requestIdOf, type RequestMessage } from './pending.js'
import { Rules } from './rules.js'
import { fixTerms, type FixedTerms } from './terms.js'

/** How long the application's `decide` may take before the reader is told to wait. */
const DECIDE_PATIENCE_MS = 2000
const PENDING_RETRY_SECONDS = 60

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

export class Granter {
  readonly ledger: Ledger
  readonly rules: Rules
  readonly pending: PendingRequests
  readonly issuing: Issuing
  readonly #inputs: GranterInputs

  constructor(inputs: GranterInputs) {
    const { runtime, identity, messenger } = inputs
    this.#inputs = inputs
    this.ledger = new Ledger(runtime)
    this.rules = new Rules(runtime)
    this.pending = new PendingRequests(runtime)
    this.issuing = new Issuing(runtime, identity, messenger)
  }

  async load(): Promise<void> {
    await this.rules.load()
    await this.pending.load()
  }

  /** Answers a verified request. Who has no say over its kid stays silent. */
  async answer(request: VerifiedMessage<'request'>): Promise<readonly Reply[]> {
    const authorities = this.#authoritiesFor(request)
    if (authorities.length === 0) return []
    const card = await this.#keepCard(request)
    const replies: Reply[] = []
    for (const authority of authorities) {
      replies.push(...(await this.#answerUnder(authority, request, card)))
    }
    return replies
  }

  /** Denies a request whose author is known and revoked. */
  async denyRevoked(request: VerifiedMessage<'request'>): Promise<readonly Reply[]> {
    const denials = this.#authoritiesFor(request).map((authority) =>
      this.#deny(authority, request, { kind: 'deny', code: 'not-authorized', retrySeconds: 3600 }),
    )
    return Promise.all(denials)
  }

  /** The requests that wait for a person. */
  async requests(): Promise<readonly IncomingRequest[]> {
    const waiting = await this.pending.all()
    return waiting.flatMap((message) => {
      const verified = this.#reverify(message)
      return verified === undefined ? [] : this.#describe(verified)
    })
  }

  /** Carries out what a person decided about a waiting request. */
  async decideRequest(requestId: string, decision: Decision): Promise<void> {
    const message = await this.pending.get(requestId)
    const request = this.#reverify(message)
    await this.pending.remove(requestId)
    if (request === undefined) {
      throw new WaxwingError('ERR_NOT_TRUSTED', 'whoever asked is no longer trusted')
    }
    const { trustBook, send } = this.#inputs
    const card = trustBook.cardOf(request.author)
    for (const authority of this.#authoritiesFor(request)) {
      await send(await this.#carryOut(authority, request, decision, card))
    }
  }

  /**
   * Grants unasked, in every generation of the stream that the terms reach.
   *
   * @throws {WaxwingError} `ERR_KEY_UNKNOWN` if no key card of the principal is held, or nothing of
   *   the stream; `ERR_NOT_AUTHORIZED` if none of it may be granted.
   */
  async grantUnasked(
    stream: string,
    principal: TrustedPrincipal,
    terms: FixedTerms,
    options: { retained?: boolean } = {},
  ): Promise<readonly IssuedGrant[]> {
    const { runtime, book, trustBook, messenger } = this.#inputs
    const now = nowSeconds(runtime)
    const card = trustBook.cardOf(principal.id)
    if (card === undefined || card.expires <= now) {
      throw new WaxwingError('ERR_KEY_UNKNOWN', `no valid key card of ${principal.name} is held`)
    }
    const authorities = book.byStream(stream).flatMap((g) => authorityOver(g, now) ?? [])
    const reached = authorities.filter((a) => this.#reaches(a, terms))
    if (authorities.length === 0)
      throw new WaxwingError('ERR_KEY_UNKNOWN', `nothing of ${stream} is held`)
    if (reached.length === 0) {
      throw new WaxwingError(
        'ERR_NOT_AUTHORIZED',
        `nothing of ${stream} may be granted for this span`,
      )
    }
    const grantee = { id: principal.id, key: messenger.kemKeyOf(card) }
    const issued: IssuedGrant[] = []
    for (const authority of reached) {
      issued.push(await this.issuing.grant(authority, grantee, terms, options))
    }
    await this.record(stream, principal, terms)
    for (const { span } of issued) this.#emitGranted(stream, principal, span, terms)
    return issued
  }

  /** Strikes a principal out: it is granted nothing of the stream any more. */
  async strike(stream: string, principal: string): Promise<boolean> {
    const { runtime } = this.#inputs
    const entry = await this.ledger.find(stream, principal)
    if (entry?.revoked === null || entry === undefined) {
      const now = nowSeconds(runtime)
      const struck = { ...(entry ?? emptyEntry(stream, principal, now)), revoked: now }
      await runtime.store.write([this.ledger.change(struck)])
    }
    return entry !== undefined && entry.revoked === null
  }

  /** The streams of which a principal was granted something that still stands. */
  async standing(principal: string): Promise<readonly LedgerEntry[]> {
    const entries = await this.ledger.all()
    return entries.filter((entry) => entry.principal === principal && entry.revoked === null)
  }

  #authoritiesFor(request: RequestMessage): readonly Authority[] {
    const { runtime, book } = this.#inputs
    const now = nowSeconds(runtime)
    return book.byKid(toHex(request.body.kid)).flatMap((g) => authorityOver(g, now) ?? [])
  }

  async #keepCard(request: VerifiedMessage<'request'>): Promise<KeyCard | undefined> {
    const { trustBook, runtime } = this.#inputs
    const { keyCard } = request.envelope
    if (keyCard === undefined) return trustBook.cardOf(request.author)
    try {
      return await trustBook.keepCard(keyCard, request.principal)
    } catch (error) {
      runtime.report(error)
      return trustBook.cardOf(request.author)
    }
  }

  async #answerUnder(
    authority: Authority,
    request: VerifiedMessage<'request'>,
    card: KeyCard | undefined,
  ): Promise<readonly Reply[]> {
    const known = await this.#decidedBefore(authority, request)
    if (known !== undefined) return this.#follow(authority, request, known, card)
    const decision = await this.#ask(authority, request, card)
    if (decision !== undefined) return this.#carryOut(authority, request, decision, card)
    return this.#postpone(authority, request)
  }

  /** What stands already: a revocation, an earlier decision, or a rule. */
  async #decidedBefore(
    { generation }: Authority,
    { author, principal, body }: VerifiedMessage<'request'>,
  ): Promise<FixedTerms | 'revoked' | undefined> {
    const { runtime, identity } = this.#inputs
    const { stream } = generation
    const entry = await this.ledger.find(stream, toBase64Url(author))
    if (entry !== undefined && entry.revoked !== null) return 'revoked'
    if (entry !== undefined && fits(entry.terms, body.rights)) return entry.terms
    const now = nowSeconds(runtime)
    const ownDomain = identity.domainId
    const byRule = this.rules.termsFor(stream, principal, { now, ownDomain })
    return byRule && fits(byRule, body.rights) ? byRule : undefined
  }

  async #follow(
    authority: Authority,
    request: VerifiedMessage<'request'>,
    known: FixedTerms | 'revoked',
    card: KeyCard | undefined,
  ): Promise<readonly Reply[]> {
    if (known === 'revoked') {
      const decision: Decision = { kind: 'deny', code: 'not-authorized', retrySeconds: 3600 }
      return [await this.#deny(authority, request, decision)]
    }
    return [await this.#grantOrDeny(authority, request, known, card)]
  }

  /** Asks the application, for two seconds; what it decides later is carried out later. */
  async #ask(
    authority: Authority,
    request: VerifiedMessage<'request'>,
    card: KeyCard | undefined,
  ): Promise<Decision | undefined> {
    const { decide, runtime, send } = this.#inputs
    if (decide === undefined) return undefined
    const [described] = this.#describeUnder([authority], request)
    if (described === undefined) return undefined
    const answer = decide(described)
    if (!(answer instanceof Promise)) return answer
    let tooLate = false
    const patience = new Promise<undefined>((resolve) => {
      const cancel = runtime.timers.after(DECIDE_PATIENCE_MS, () => {
        tooLate = true
        resolve(undefined)
      })
      void answer.finally(cancel).catch(() => undefined)
    })
    const late = answer.then(async (decision) => {
      if (!tooLate || decision === undefined) return
      await this.pending.remove(requestIdOf(request))
      await send(await this.#carryOut(authority, request, decision, card))
    })
    late.catch((error: unknown) => runtime.report(error))
    return Promise.race([answer, patience])
  }

  /** Keeps the request for a person, and says so to whoever asked. */
  async #postpone(
    authority: Authority,
    request: VerifiedMessage<'request'>,
  ): Promise<readonly Reply[]> {
    const { runtime } = this.#inputs
    await this.pending.keep(request, nowSeconds(runtime))
    runtime.emit({
      type: 'request',
      requestId: requestIdOf(request),
      principal: toBase64Url(request.author),
      name: request.principal.name,
      stream: authority.generation.stream,
      spans: request.body.spans,
      reason: request.body.reason,
    })
    const decision: Decision = {
      kind: 'deny',
      code: 'pending-approval',
      retrySeconds: PENDING_RETRY_SECONDS,
    }
    return [await this.#deny(authority, request, decision)]
  }

  async #carryOut(
    authority: Authority,
    request: VerifiedMessage<'request'>,
    decision: Decision,
    card: KeyCard | undefined,
  ): Promise<readonly Reply[]> {
    if (decision.kind === 'deny') return [await this.#deny(authority, request, decision)]
    const terms = fixTerms(decision.terms, nowSeconds(this.#inputs.runtime))
    return [await this.#grantOrDeny(authority, request, terms, card)]
  }

  async #grantOrDeny(
    authority: Authority,
    request: VerifiedMessage<'request'>,
    terms: FixedTerms,
    card: KeyCard | undefined,
  ): Promise<Reply> {
    const { messenger, runtime } = this.#inputs
    const span = this.issuing.spanFor(authority, terms)
    const asked = request.body.spans.some((s) => span && intersectSpans(s, span) !== undefined)
    const mayShare = terms.rights === 'read' || authority.maySubShare
    if (card === undefined || card.expires <= nowSeconds(runtime) || !mayShare) {
      return this.#deny(authority, request, {
        kind: 'deny',
        code: 'not-authorized',
        retrySeconds: 60,
      })
    }
    if (!asked) {
      return this.#deny(authority, request, {
        kind: 'deny',
        code: 'out-of-span',
        retrySeconds: 3600,
      })
    }
    const grantee = { id: request.author, key: messenger.kemKeyOf(card) }
    const issued = await this.issuing.grant(authority, grantee, terms, { inReplyTo: request })
    const { stream } = authority.generation
    await this.record(stream, request.principal, terms)
    this.#emitGranted(stream, request.principal, issued.span, terms)
    return issued
  }

  async #deny(
    authority: Authority,
    request: VerifiedMessage<'request'>,
    { code, retrySeconds }: Extract<Decision, { kind: 'deny' }>,
  ): Promise<Reply> {
    const principal = toBase64Url(request.author)
    const { stream } = authority.generation
    this.#inputs.runtime.emit({ type: 'denied', principal, stream, code })
    return this.issuing.deny(authority, request, code, retrySeconds)
  }

  /** Notes what a principal was granted, so that it stands from now on. */
  async record(stream: string, principal: TrustedPrincipal, terms: FixedTerms): Promise<void> {
    const { runtime } = this.#inputs
    const now = nowSeconds(runtime)
    const id = toBase64Url(principal.id)
    const entry = await this.ledger.find(stream, id)
    const decided = entry?.decided ?? now
    const { name } = principal
    const record = { stream, principal: id, name, terms, decided, granted: now, revoked: null }
    await runtime.store.write([this.ledger.change(record)])
  }

  #emitGranted(stream: string, principal: TrustedPrincipal, span: Span, terms: FixedTerms): void {
    const { rights } = terms
    const id = toBase64Url(principal.id)
    this.#inputs.runtime.emit({ type: 'granted', principal: id, stream, span, rights })
  }

  #reaches(authority: Authority, terms: FixedTerms): boolean {
    const span = this.issuing.spanFor(authority, terms)
    if (span === undefined) return false
    const { closingEpoch } = authority.generation
    return closingEpoch === undefined || span.first <= closingEpoch
  }

  /** A request that was verified when it came; its author must still be trusted. */
  #reverify(message: RequestMessage): VerifiedMessage<'request'> | undefined {
    const { trustBook, runtime } = this.#inputs
    try {
      const principal = trustBook.trust.resolve(message.author, message.envelope.credential ?? null)
      trustBook.trust.checkStanding(principal, nowSeconds(runtime))
      return { ...message, principal } as VerifiedMessage<'request'>
    } catch {
      return undefined
    }
  }

  #describe(request: VerifiedMessage<'request'>): readonly IncomingRequest[] {
    return this.#describeUnder(this.#authoritiesFor(request), request)
  }

  #describeUnder(
    authorities: readonly Authority[],
    request: VerifiedMessage<'request'>,
  ): readonly IncomingRequest[] {
    return authorities.map(({ generation }) =>
      incomingRequest(request, generation.stream, toHex(kidOf(generation.manifest))),
    )
  }
}

/** Whether what was decided before also covers what is asked for now. */
function fits(terms: FixedTerms, rights: 'read' | 'share'): boolean {
  return rights === 'read' || terms.rights === 'share'
}

function emptyEntry(stream: string, principal: string, now: number): LedgerEntry {
  const terms = fixTerms({}, now)
  return { stream, principal, name: '', terms, decided: now, granted: now, revoked: null }
}
