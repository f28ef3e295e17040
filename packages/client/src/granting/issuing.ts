// SPDX-License-Identifier: Apache-2.0
/**
 * Turning a decision into a sealed grant or a signed denial, addressed and ready to be sent.
 *
 * @module
 */

import {
  intersectSpans,
  issueGrant,
  kemKeyThumbprint,
  kidOf,
  LAST_EPOCH,
  lastEpochOfLease,
  MAX_MESSAGE_SECONDS,
  toBase64Url,
  toHex,
  WaxwingError,
  type DenialCode,
  type KemPublicKey,
  type KeyCard,
  type Span,
  type VerifiedMessage,
} from '@waxwing/core'
import { leftGrantAddress } from '../control/addresses.js'
import { FirstTries } from '../control/first-tries.js'
import { lifeOver, type Medium } from '../control/medium.js'
import type { Messenger, Reply } from '../control/messenger.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import type { Authority } from './authority.js'
import type { Covers } from './covers.js'
import { clipToHeld, endOf, spanOf, type FixedTerms } from './terms.js'

const DENIAL_LIFE_SECONDS = 86_400

/** Who gets a grant, and the key that it is sealed to. */
export interface Grantee {
  readonly id: Uint8Array
  readonly key: KemPublicKey
}

export interface IssuedGrant extends Reply {
  readonly span: Span
  /** The signed grant before it was sealed: what an acknowledgement refers to. */
  readonly signed: Uint8Array
}

export interface IssueOptions {
  readonly inReplyTo?: VerifiedMessage<'request'> | undefined
  /** Leave it in the broker, where the recipient finds it whenever it comes. */
  readonly retained?: boolean
  /** Where several are granted the same: derives it once. */
  readonly covers?: Covers
}

export interface IssuingInputs {
  readonly runtime: Runtime
  readonly identity: OwnIdentity
  readonly messenger: Messenger
  readonly medium: Medium
}

export class Issuing {
  readonly #runtime: Runtime
  readonly #identity: OwnIdentity
  readonly #messenger: Messenger
  readonly #medium: Medium
  readonly #firstTries: FirstTries

  constructor(inputs: IssuingInputs) {
    this.#runtime = inputs.runtime
    this.#identity = inputs.identity
    this.#messenger = inputs.messenger
    this.#medium = inputs.medium
    this.#firstTries = new FirstTries(inputs.runtime.time, inputs.medium)
  }

  /** The key to seal a grant to; `undefined` without a valid card that has one. */
  keyFor(card: KeyCard | undefined): KemPublicKey | undefined {
    const isValid = card !== undefined && card.expires > nowSeconds(this.#runtime)
    return isValid ? this.#messenger.grantKeyOf(card) : undefined
  }

  /**
   * The epochs that terms give under an authority now; `undefined` if none. Of what nothing has
   * proven, only that counts which the authority's own grant brought.
   *
   * @param wanted - Where only a piece can be given, it has to be of use for these.
   */
  spanFor(authority: Authority, terms: FixedTerms, wanted?: readonly Span[]): Span | undefined {
    const { generation, limit, end } = authority
    const { manifest, closingEpoch = LAST_EPOCH, ring } = generation
    const span = spanOf(terms, manifest.epochSeconds, nowSeconds(this.#runtime))
    const within = span && intersectSpans(span, limit)
    // Nothing was sealed after the closing epoch. Who shares may have to grant all that there was.
    const last = terms.rights === 'share' ? LAST_EPOCH : closingEpoch
    const lastByEnd = end === null ? LAST_EPOCH : lastEpochOfLease(end, manifest.epochSeconds)
    const allowed = within && intersectSpans(within, { first: 0, last: Math.min(last, lastByEnd) })
    return allowed && clipToHeld(ring.grantable(this.#sourceOf(authority)), allowed, wanted)
  }

  /**
   * Issues and seals a grant.
   *
   * @throws {WaxwingError} `ERR_NOT_AUTHORIZED` if the terms give nothing under this authority.
   */
  async grant(
    authority: Authority,
    grantee: Grantee,
    terms: FixedTerms,
    options: IssueOptions = {},
  ): Promise<IssuedGrant> {
    const span = this.spanFor(authority, terms, options.inReplyTo?.body.spans)
    if (span === undefined) {
      throw new WaxwingError('ERR_NOT_AUTHORIZED', 'there is nothing of this span to grant')
    }
    const { crypto } = this.#runtime
    const identity = this.#identity
    const { generation, chain } = authority
    const now = nowSeconds(this.#runtime)
    const end = endOf(terms, now)
    const source = this.#sourceOf(authority)
    const body = issueGrant({
      crypto,
      manifest: generation.manifest,
      issuer: { id: identity.id, key: identity.signingKey, credential: identity.credential },
      nodesFor: (wanted) => (options.covers ?? generation.ring).nodesFor(wanted, source),
      parentChain: chain,
      grantee: grantee.id,
      kemKey: kemKeyThumbprint(crypto, grantee.key),
      span,
      rights: terms.rights,
      depth: terms.depth ?? undefined,
      now,
      end,
    })
    // The message lasts as long as its grant: it may wait in a broker until the recipient comes.
    const lifeSeconds = end === null ? MAX_MESSAGE_SECONDS : Math.max(1, end - now)
    // What is left for somebody is not asked for again soon.
    const isLeft = options.retained === true
    const isFirstTry = !isLeft && this.#isFirstTry('grant', generation.id, grantee.id)
    const { inReplyTo } = options
    const composed = { recipient: grantee.id, inReplyTo, lifeSeconds, isFirstTry }
    const signed = this.#messenger.compose('grant', body, composed)
    body.nodes.fill(0)
    const sealed = await this.#messenger.sealFor(grantee, signed, { isFirstTry })
    if (!isLeft) return { ...sealed, span, signed }
    const address = leftGrantAddress(grantee.id, generation.id, identity.id)
    return { address, payload: sealed.payload, retained: true, span, signed }
  }

  /** Signs a denial with the proof that we have a say. */
  async deny(
    authority: Authority,
    request: VerifiedMessage<'request'>,
    code: DenialCode,
    retrySeconds: number,
  ): Promise<Reply> {
    const { manifest, id } = authority.generation
    const body = {
      kid: kidOf(manifest),
      code,
      retrySeconds,
      producerId: manifest.producerId,
      manifestDigest: manifest.payloadDigest,
      chain: authority.chain,
    }
    const lifeSeconds = lifeOver(this.#medium, DENIAL_LIFE_SECONDS)
    const { author: recipient } = request
    const isFirstTry = this.#isFirstTry('denial', id, recipient)
    const options = { recipient, inReplyTo: request, lifeSeconds, isFirstTry }
    const signed = this.#messenger.compose('denial', body, options)
    return this.#messenger.addressTo(recipient, signed, { isFirstTry })
  }

  /** Whether the recipient need not be told what it holds already: it would ask again. */
  #isFirstTry(type: string, generation: string, recipient: Uint8Array): boolean {
    if (!this.#messenger.isCostlyTo(recipient)) return false
    return this.#firstTries.take(`${type}/${generation}/${toBase64Url(recipient)}`)
  }

  /** The name of the authority's own grant: what of it is not proven, its issuer answers for. */
  #sourceOf({ chain }: Authority): string | undefined {
    const link = chain.at(-1)
    return link && toHex(this.#runtime.crypto.sha256(link))
  }
}
