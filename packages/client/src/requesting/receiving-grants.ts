// SPDX-License-Identifier: Apache-2.0
/**
 * What this endpoint does with the grants and denials that it receives
 * (`docs/spec/07-granting.md` Sections 7.5 and 7.6).
 *
 * @module
 */

import {
  equalBytes,
  intersectSpans,
  toBase64Url,
  toHex,
  verifyDenialProof,
  verifyGrant,
  WaxwingError,
  type Addition,
  type Span,
  type VerifiedGrant,
  type VerifiedMessage,
} from '@waxwing/core'
import type { Arrival } from '../control/dispatcher.js'
import type { Messenger, Reply } from '../control/messenger.js'
import { isOwnTrouble } from '../control/own-trouble.js'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import type { HeldGrant } from '../held-grant.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import { judgedSeconds } from '../identity/statement-time.js'
import type { TrustBook } from '../identity/trust-book.js'
import { assertRoom } from './generation-room.js'
import type { Requester } from './requester.js'
import { nowSeconds, type Runtime } from '../runtime.js'

const NOBODY = new Uint8Array(0)

export interface ReceivingGrantsInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
  readonly messenger: Messenger
  readonly requester: Requester
}

export class ReceivingGrants {
  readonly #inputs: ReceivingGrantsInputs

  constructor(inputs: ReceivingGrantsInputs) {
    this.#inputs = inputs
  }

  /**
   * Takes a grant: verified against its chain, recorded durably, and then made use of. One that is
   * held already changes nothing: an intermediary hands out what it keeps each time it is asked.
   * Asking ends for what it brought, and for nothing else.
   *
   * @throws {WaxwingError} `ERR_CHAIN` and what else `verifyGrant` throws; `ERR_EXPIRED` while the
   *   trust bundle is too old to let anything new in; `ERR_LIMIT` if it is of one generation too many;
   *   `ERR_NOT_AUTHORIZED` if it is of our own, or came unsealed.
   */
  async grant(message: VerifiedMessage<'grant'>, arrival: Arrival): Promise<readonly Reply[]> {
    const { runtime, book } = this.#inputs
    const grant = this.#verify(message, arrival)
    await this.#keepCard(message)
    const held = heldGrant(grant, arrival, nowSeconds(runtime))
    const { manifest } = grant
    const known = book.byId(toHex(manifest.generationId))
    if (known?.own === true) {
      throw new WaxwingError('ERR_NOT_AUTHORIZED', 'nobody grants us what is ours', { rule: 'own' })
    }
    if (known === undefined) assertRoom(book.all(), manifest.producerId)
    if (known?.grants.has(held.grantId) === true) {
      // What it brought may be wrong, and was asked for again: only what is proven answers that.
      this.#settle(known, held, known.ring.grantable())
    } else {
      const { generation, addition } = await book.addGrant(grant, held)
      this.#tell(generation, grant, held, addition)
      this.#settle(generation, held, generation.ring.grantable(held.grantId))
      if (!generation.grants.has(held.grantId)) return []
    }
    return grant.rights === 'share' ? [await this.#acknowledge(message)] : []
  }

  /** Takes a denial of something that we asked for. @throws {WaxwingError} `ERR_CHAIN`. */
  denial(message: VerifiedMessage<'denial'>): Promise<readonly Reply[]> {
    const { runtime, book, trustBook, requester } = this.#inputs
    const { kid, code, retrySeconds } = message.body
    const name = toHex(kid)
    const asked = message.envelope.inReplyTo
    if (!requester.hasAsked(name, asked && toHex(asked))) return Promise.resolve([])
    const { crypto } = runtime
    const now = judgedSeconds(runtime, message.envelope.issued)
    const inputs = { crypto, trust: trustBook.trust, now }
    const generationId = toHex(verifyDenialProof(message, inputs))
    const producer = book.byId(generationId)?.producer
    const isLastWord = producer !== undefined && equalBytes(producer.id, message.author)
    if (requester.denied(name, generationId, { code, retrySeconds, isLastWord })) {
      runtime.emit({ type: 'denial', kid: name, code, retrySeconds })
    }
    return Promise.resolve([])
  }

  #tell(generation: Generation, grant: VerifiedGrant, held: HeldGrant, addition: Addition): void {
    const { runtime } = this.#inputs
    const { stream, kid } = generation
    const { grantId, span, rights } = held
    if (generation.grants.has(grantId)) {
      const grantedBy = grant.issuers.map(({ name }) => name)
      runtime.emit({ type: 'grant', stream, kid, span, rights, grantedBy })
    }
    if (addition.contradicts.length > 0) {
      runtime.emit({ type: 'wrong-nodes', stream, grantIds: [grantId] })
    }
    const { refused, displaced } = addition
    const grantIds = refused.length > 0 ? [grantId, ...displaced] : displaced
    if (grantIds.length > 0) runtime.emit({ type: 'crowded-nodes', stream, grantIds })
  }

  /** Asks no longer for what of a grant is held. */
  #settle(generation: Generation, { span }: HeldGrant, held: readonly Span[]): void {
    for (const piece of held) {
      const brought = intersectSpans(piece, span)
      if (brought !== undefined) this.#inputs.requester.granted(generation, brought)
    }
  }

  #verify(message: VerifiedMessage<'grant'>, { sealedTo }: Arrival): VerifiedGrant {
    const { runtime, identity, trustBook } = this.#inputs
    const { trust } = trustBook
    const now = judgedSeconds(runtime, message.envelope.issued)
    if (trust.isFrozen(nowSeconds(runtime))) {
      throw new WaxwingError('ERR_EXPIRED', 'the trust bundle is too old', { rule: 'freeze' })
    }
    if (sealedTo === undefined) {
      throw new WaxwingError('ERR_NOT_AUTHORIZED', 'a grant must come sealed', { rule: 'unsealed' })
    }
    const grant = verifyGrant(message.body, {
      crypto: runtime.crypto,
      trust,
      now,
      issued: message.envelope.issued,
      grantee: identity.id,
      kemKey: sealedTo,
    })
    if (!equalBytes(grant.links.at(-1)?.issuer ?? NOBODY, message.author)) {
      throw new WaxwingError('ERR_CHAIN', 'a grant is sent by its last issuer', { rule: 'author' })
    }
    return grant
  }

  /** The granter's card, so that the next request can be sealed. */
  async #keepCard({ envelope, principal }: VerifiedMessage): Promise<void> {
    if (envelope.keyCard === undefined) return
    try {
      await this.#inputs.trustBook.keepCard(envelope.keyCard, principal)
    } catch (error) {
      if (isOwnTrouble(error)) throw error
    }
  }

  #acknowledge(message: VerifiedMessage<'grant'>): Promise<Reply> {
    const { messenger } = this.#inputs
    const signed = messenger.acknowledge(message.author, message.digest)
    return messenger.addressTo(message.author, signed)
  }
}

function heldGrant(grant: VerifiedGrant, { kem }: Arrival, received: number): HeldGrant {
  return {
    // One grant id serves a chain; what we hold of it is named by our own link.
    grantId: toHex(grant.links.at(-1)?.digest ?? grant.grantId),
    chain: grant.links.map(({ bytes }) => bytes),
    span: grant.span,
    rights: grant.rights,
    depth: grant.depth,
    end: grant.end,
    received,
    issuers: grant.issuers.map(({ id }) => toBase64Url(id)),
    kem,
  }
}
