// SPDX-License-Identifier: Apache-2.0
/**
 * Turning a decision into a sealed grant or a signed denial, addressed and ready to be sent.
 *
 * @module
 */

import {
  issueGrant,
  kemKeyThumbprint,
  kidOf,
  MAX_MESSAGE_SECONDS,
  WaxwingError,
  type DenialCode,
  type KemPublicKey,
  type Span,
  type VerifiedMessage,
} from '@waxwing/core'
import { leftGrantAddress } from '../control/addresses.js'
import type { Messenger, Reply } from '../control/messenger.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { grantable, type Authority } from './authority.js'
import { endOf, spanOf, type FixedTerms } from './terms.js'

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
  readonly inReplyTo?: VerifiedMessage | undefined
  /** Leave it in the broker, where the recipient finds it whenever it comes. */
  readonly retained?: boolean
}

export class Issuing {
  readonly #runtime: Runtime
  readonly #identity: OwnIdentity
  readonly #messenger: Messenger

  constructor(runtime: Runtime, identity: OwnIdentity, messenger: Messenger) {
    this.#runtime = runtime
    this.#identity = identity
    this.#messenger = messenger
  }

  /** The epochs that terms give under an authority now; `undefined` if none. */
  spanFor(authority: Authority, terms: FixedTerms): Span | undefined {
    const { epochSeconds } = authority.generation.manifest
    const span = spanOf(terms, epochSeconds, nowSeconds(this.#runtime))
    return span && grantable(authority, span)
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
    const span = this.spanFor(authority, terms)
    if (span === undefined) {
      throw new WaxwingError('ERR_NOT_AUTHORIZED', 'there is nothing of this span to grant')
    }
    const { crypto } = this.#runtime
    const identity = this.#identity
    const { generation, chain } = authority
    const now = nowSeconds(this.#runtime)
    const end = endOf(terms, now)
    const body = issueGrant({
      crypto,
      manifest: generation.manifest,
      issuer: { id: identity.id, key: identity.signingKey, credential: identity.credential },
      nodesFor: (wanted) => generation.ring.nodesFor(wanted),
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
    const composed = { recipient: grantee.id, inReplyTo: options.inReplyTo, lifeSeconds }
    const signed = this.#messenger.compose('grant', body, composed)
    body.nodes.fill(0)
    const sealed = await this.#messenger.sealFor(grantee.id, grantee.key, signed)
    if (options.retained !== true) return { ...sealed, span, signed }
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
    const { manifest } = authority.generation
    const body = {
      kid: kidOf(manifest),
      code,
      retrySeconds,
      producerId: manifest.producerId,
      manifestDigest: manifest.payloadDigest,
      chain: authority.chain,
    }
    const options = { recipient: request.author, inReplyTo: request, lifeSeconds: 86_400 }
    const signed = this.#messenger.compose('denial', body, options)
    return this.#messenger.addressTo(request.author, signed)
  }
}
