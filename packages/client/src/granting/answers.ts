// SPDX-License-Identifier: Apache-2.0
/**
 * Answering a request once it is known what to answer (`docs/spec/07-granting.md` Sections 7.4 to
 * 7.6): over which generations we have a say, what we can grant of them, and what is written down.
 *
 * @module
 */

import {
  CLOCK_SKEW_SECONDS,
  kidOf,
  MAX_RETRY_SECONDS,
  toBase64Url,
  toHex,
  type DenialCode,
  type KeyCard,
  type TrustedPrincipal,
  type VerifiedMessage,
} from '@waxwing/core'
import type { Reply } from '../control/messenger.js'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import { judgedSeconds } from '../identity/statement-time.js'
import type { TrustBook } from '../identity/trust-book.js'
import type { Decision, IncomingRequest } from '../options.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import type { Authorities } from './authorities.js'
import type { Authority } from './authority.js'
import type { Delegates } from './delegates.js'
import { incomingRequest } from './incoming-request.js'
import type { IssuedGrant, Issuing } from './issuing.js'
import type { Ledger, LedgerContent, LedgerEntry } from './ledger.js'
import { requestIdOf, type RequestMessage } from './pending.js'
import { fixTerms, type FixedTerms } from './terms.js'

/** Whoever has no card that serves may have one soon. */
const NO_KEY_RETRY_SECONDS = 60
/** Whoever is to share has to acknowledge first who is revoked. */
const UNACKNOWLEDGED_RETRY_SECONDS = 60

export interface AnswersInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly trustBook: TrustBook
  readonly ledger: Ledger
  readonly issuing: Issuing
  readonly authorities: Authorities
  readonly delegates: Delegates
}

export type Request = VerifiedMessage<'request'>

/** A generation over which we have a say, and by what. At least one authority. */
export interface Say {
  readonly generation: Generation
  readonly authorities: readonly [Authority, ...Authority[]]
}

/** What is granted, and by which rule, if by one. */
export interface Standing {
  readonly terms: FixedTerms
  readonly rule: string | null
  /** A person, or the application in a person's stead, wants it whatever stood before. */
  readonly isExplicit?: boolean
}

export class Answers {
  readonly #inputs: AnswersInputs

  constructor(inputs: AnswersInputs) {
    this.#inputs = inputs
  }

  /**
   * Notes what a principal was granted, so that it stands from now on; before it is granted.
   *
   * @returns `false`, with nothing that stands, if it was revoked meanwhile: by a bundle, or by
   *   whatever else and nobody wants it explicitly.
   */
  async record(stream: string, principal: TrustedPrincipal, standing: Standing): Promise<boolean> {
    const { ledger, authorities } = this.#inputs
    const id = toBase64Url(principal.id)
    const orders = standing.isExplicit === true ? await authorities.orders.against(id) : []
    const digests = orders.map(({ digest }) => digest)
    const isNoted = await ledger.update(stream, id, (entry) =>
      this.#isRevoked(principal) ? undefined : this.#noted(entry, principal, standing, digests),
    )
    if (!isNoted || !this.#isRevoked(principal)) return isNoted
    // Who follows the bundle that came meanwhile may not have found this, or may find it now.
    const revoked = nowSeconds(this.#inputs.runtime)
    await ledger.update(stream, id, (entry) =>
      entry?.revoked === null ? { ...entry, revoked, keepsKeys: true } : undefined,
    )
    return false
  }

  #noted(
    entry: LedgerEntry | undefined,
    principal: TrustedPrincipal,
    { terms, rule, isExplicit = false }: Standing,
    overruled: readonly string[],
  ): LedgerContent | undefined {
    const now = nowSeconds(this.#inputs.runtime)
    const isRevoked = entry !== undefined && entry.revoked !== null
    if (isRevoked && !isExplicit) return undefined
    const { name } = principal
    const domain = principal.domainId === null ? null : toBase64Url(principal.domainId)
    return {
      name,
      domain,
      terms,
      rule,
      decided: isRevoked ? now : (entry?.decided ?? now),
      granted: now,
      revoked: null,
      keepsKeys: false,
      shared: entry?.shared ?? [],
      overruled: isExplicit ? overruled : (entry?.overruled ?? []),
    }
  }

  #isRevoked(principal: TrustedPrincipal): boolean {
    const { runtime, trustBook } = this.#inputs
    const since = trustBook.trust.revokedSince(principal)
    const now = judgedSeconds(runtime, principal.issued)
    return since !== undefined && since <= now + CLOCK_SKEW_SECONDS
  }

  /** The generations of a request's kid over which we have a say. */
  saysOver(request: RequestMessage): readonly Say[] {
    const generations = this.#inputs.book.byKid(toHex(request.body.kid))
    return generations.flatMap((generation) => {
      const say = sayOf(generation, this.#inputs.authorities.over(generation))
      return say === undefined ? [] : [say]
    })
  }

  /** What of a say is left towards a principal; `undefined` if orders of those above us close it. */
  async openTo(principal: Uint8Array, { generation, authorities }: Say): Promise<Say | undefined> {
    const name = toBase64Url(principal)
    return sayOf(generation, await this.#inputs.authorities.openTo(name, authorities))
  }

  /** @throws {RangeError} If the terms make no sense. */
  async carryOut(
    say: Say,
    request: Request,
    decision: Decision,
    card: KeyCard | undefined,
  ): Promise<Reply> {
    if (decision.kind === 'deny') {
      return this.deny(say, request, decision.code, decision.retrySeconds)
    }
    const terms = fixTerms(decision.terms, nowSeconds(this.#inputs.runtime))
    return this.grantOrDeny(say, request, { terms, rule: null }, card)
  }

  /** Grants what is asked for as far as the terms go, and denies where they do not reach it. */
  async grantOrDeny(
    say: Say,
    request: Request,
    standing: Standing,
    card: KeyCard | undefined,
  ): Promise<Reply> {
    const { terms } = standing
    const key = this.#inputs.issuing.keyFor(card)
    const open = await this.openTo(request.author, say)
    if (open === undefined) return this.deny(say, request, 'not-authorized', MAX_RETRY_SECONDS)
    const mayGive = open.authorities.filter((a) => terms.rights === 'read' || a.maySubShare)
    if (key === undefined || mayGive.length === 0) {
      return this.deny(say, request, 'not-authorized', NO_KEY_RETRY_SECONDS)
    }
    const wanted = request.body.spans
    const authority = mayGive.find(
      (a) => this.#inputs.issuing.spanFor(a, terms, wanted) !== undefined,
    )
    if (authority === undefined) return this.deny(say, request, 'out-of-span', MAX_RETRY_SECONDS)
    const { stream } = say.generation
    if (!(await this.record(stream, request.principal, standing))) {
      return this.deny(say, request, 'not-authorized', MAX_RETRY_SECONDS)
    }
    if (terms.rights === 'share' && !(await this.#beginSharing(say.generation, request.author))) {
      return this.deny(say, request, 'pending-approval', UNACKNOWLEDGED_RETRY_SECONDS)
    }
    const grantee = { id: request.author, key }
    const issued = await this.#inputs.issuing.grant(authority, grantee, terms, {
      inReplyTo: request,
    })
    this.emitGranted(stream, request.principal, { span: issued.span, terms })
    return issued
  }

  async #beginSharing(generation: Generation, id: Uint8Array): Promise<boolean> {
    const { delegates } = this.#inputs
    const name = toBase64Url(id)
    if (!(await delegates.mayShare(generation, name))) return false
    await delegates.noteShared(name, [generation])
    return true
  }

  /** Signs a denial. */
  async deny(
    { authorities: [authority], generation }: Say,
    request: Request,
    code: DenialCode,
    retrySeconds: number,
  ): Promise<Reply> {
    const principal = toBase64Url(request.author)
    this.#inputs.runtime.emit({ type: 'denied', principal, stream: generation.stream, code })
    return this.#inputs.issuing.deny(authority, request, code, retrySeconds)
  }

  emitGranted(
    stream: string,
    principal: TrustedPrincipal,
    { span, terms }: { span: IssuedGrant['span']; terms: FixedTerms },
  ): void {
    const { rights } = terms
    const id = toBase64Url(principal.id)
    this.#inputs.runtime.emit({ type: 'granted', principal: id, stream, span, rights })
  }

  /** The request as the application sees it. */
  describe({ generation }: Say, request: Request): IncomingRequest {
    const kid = toHex(kidOf(generation.manifest))
    return incomingRequest(request, this.idOf(request), generation.stream, kid)
  }

  idOf(request: RequestMessage): string {
    return requestIdOf(this.#inputs.runtime.crypto, request)
  }
}

function sayOf(generation: Generation, authorities: readonly Authority[]): Say | undefined {
  const [first, ...others] = authorities
  return first && { generation, authorities: [first, ...others] }
}
