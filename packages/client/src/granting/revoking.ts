// SPDX-License-Identifier: Apache-2.0
/**
 * Revoking (`docs/spec/07-granting.md` Section 7.8): strike a principal out of the ledger and rotate
 * the streams that it reads. Idempotent: revoking twice changes nothing.
 *
 * @module
 */

import {
  checkTime,
  decodeMessage,
  inboxAddress,
  toBase64Url,
  toHex,
  verifyStatement,
  WaxwingError,
  type DecodedMessage,
  type DecodedStatement,
} from '@waxwing/core'
import type { Messenger, Reply } from '../control/messenger.js'
import type { GenerationBook } from '../generation-book.js'
import type { TrustBook } from '../identity/trust-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import type { Granter } from './granter.js'

type RevocationMessage = Extract<DecodedMessage, { type: 'revocation' }>

export interface RevokingInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly trustBook: TrustBook
  readonly messenger: Messenger
  readonly granter: Granter
  /** Rotates one of our own streams; resolves when the new generation is in use. */
  readonly rotate: (stream: string) => Promise<void>
}

export class Revoking {
  readonly #inputs: RevokingInputs

  constructor(inputs: RevokingInputs) {
    this.#inputs = inputs
  }

  /**
   * Revokes a principal's access to a stream.
   *
   * @param rotate - `false`: only renew nothing any more; what was granted runs out by itself.
   */
  async revoke(stream: string, principal: string, rotate: boolean): Promise<void> {
    const { granter, runtime, book } = this.#inputs
    const stood = await granter.strike(stream, principal)
    if (!stood) return
    runtime.emit({ type: 'revoked', principal, stream })
    const isOurs = book.byStream(stream).some(({ own }) => own)
    if (rotate && isOurs) await this.#inputs.rotate(stream)
  }

  /** Acts on what the newest bundle says: whoever it revokes loses all that we granted. */
  async followBundle(): Promise<void> {
    const { trustBook } = this.#inputs
    const bundles = [trustBook.trust.bundle, ...trustBook.trust.partnerBundles]
    for (const bundle of bundles) {
      for (const { principalId } of bundle?.revoked ?? []) {
        await this.#revokeEverywhere(toBase64Url(principalId))
      }
    }
  }

  /**
   * Acts on a revocation message, by our domain's anchor or by who granted to us.
   *
   * @throws {WaxwingError} `ERR_NOT_AUTHORIZED` if its author may not revoke; `ERR_SIGNATURE`.
   */
  async receive(statement: DecodedStatement): Promise<readonly Reply[]> {
    const { runtime } = this.#inputs
    const message = decodeMessage(runtime.crypto, statement.bytes)
    if (message.type !== 'revocation') throw new TypeError('statement must be a revocation')
    checkTime(message.envelope, nowSeconds(runtime))
    const streams = this.#verify(message)
    const principal = toBase64Url(message.body.principalId)
    if (streams === 'all') await this.#revokeEverywhere(principal)
    else for (const stream of streams) await this.revoke(stream, principal, true)
    return [this.#ack(message)]
  }

  async #revokeEverywhere(principal: string): Promise<void> {
    for (const { stream } of await this.#inputs.granter.standing(principal)) {
      await this.revoke(stream, principal, true)
    }
  }

  /** Which streams the author may revoke: all for the anchor, else those that it granted to us. */
  #verify(message: RevocationMessage): 'all' | readonly string[] {
    const { trustBook, book } = this.#inputs
    const { author, body, envelope, statement } = message
    const anchor = trustBook.trust.anchorKey(author)
    if (anchor !== undefined) {
      verifyStatement(statement, anchor, null)
      return body.generationId === null ? 'all' : this.#streamsOf(body.generationId)
    }
    const principal = trustBook.trust.resolve(author, envelope.credential ?? null)
    verifyStatement(statement, principal.key, null)
    const name = toBase64Url(author)
    const granted = book.all().filter((generation) => {
      const isMeant = body.generationId === null || isGeneration(generation.id, body.generationId)
      return isMeant && [...generation.grants.values()].some((g) => g.issuers.includes(name))
    })
    if (granted.length === 0) {
      throw new WaxwingError('ERR_NOT_AUTHORIZED', 'its author granted us nothing of this')
    }
    return [...new Set(granted.map(({ stream }) => stream))]
  }

  #streamsOf(generationId: Uint8Array): readonly string[] {
    const generation = this.#inputs.book.byId(toHex(generationId))
    return generation === undefined ? [] : [generation.stream]
  }

  #ack(message: RevocationMessage): Reply {
    const { messenger } = this.#inputs
    const payload = messenger.acknowledge(message.author, message.digest)
    return { address: inboxAddress(message.author), payload, retained: false }
  }
}

function isGeneration(id: string, generationId: Uint8Array): boolean {
  return id === toHex(generationId)
}
