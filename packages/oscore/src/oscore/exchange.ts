// SPDX-License-Identifier: Apache-2.0
/**
 * What both endpoints keep of a request until all its responses are there (RFC 8613 Sections 7.1 and 8).
 *
 * @module
 */

import { malformed, WaxwingError } from '@waxwing/core'
import type { SecurityContext } from './context.js'
import type { RequestNames } from './cose.js'
import { decodePartialIv } from './nonce.js'

/** A notification without Partial IV is the oldest (Section 4.1.3.5.2). */
const WITHOUT_PARTIAL_IV = -1
const NONE_YET = -2

/** A request that was sent. Belongs to its Token; keep it until {@link isDone}. */
export class ClientExchange implements RequestNames {
  readonly context: SecurityContext
  readonly kid: Uint8Array
  readonly partialIv: Uint8Array
  /** The nonce of the request, which a response without Partial IV has as well. */
  readonly nonce: Uint8Array
  /** Whether the request registers for notifications: Observe with the value 0. */
  readonly isRegistration: boolean
  /** Whether it is a signaling message, 7.xx: only such a one is answered by another. */
  readonly isSignaling: boolean
  #notificationNumber = NONE_YET
  #isDone = false

  constructor(
    context: SecurityContext,
    request: RequestNames & { readonly nonce: Uint8Array },
    kind: { readonly isRegistration?: boolean; readonly isSignaling?: boolean } = {},
  ) {
    this.context = context
    this.kid = request.kid
    this.partialIv = request.partialIv
    this.nonce = request.nonce
    this.isRegistration = kind.isRegistration ?? false
    this.isSignaling = kind.isSignaling ?? false
  }

  /** Whether no further response is accepted. */
  get isDone(): boolean {
    return this.#isDone
  }

  /**
   * Judges a response that was decrypted, and remembers it (Sections 7.4.1 and 8.4.2). Notifications
   * are accepted in the order of their Partial IVs; what comes late is refused.
   *
   * @param partialIv - Its own Partial IV, if it has one.
   * @throws {WaxwingError} `ERR_REPLAYED`; `ERR_MALFORMED` if it is a notification that nobody asked for.
   */
  accept(partialIv: Uint8Array | undefined, isNotification: boolean): void {
    if (isNotification && !this.isRegistration) throw malformed('OSCORE response', 'Observe')
    const number = partialIv === undefined ? WITHOUT_PARTIAL_IV : decodePartialIv(partialIv)
    if (this.#isDone || number <= this.#notificationNumber) throw replayedResponse()
    this.#notificationNumber = number
    this.#isDone = !isNotification
  }
}

/** A request that was accepted, and is to be answered. Belongs to its Token. */
export class ServerExchange implements RequestNames {
  readonly context: SecurityContext
  readonly kid: Uint8Array
  readonly partialIv: Uint8Array
  #nonce: Uint8Array | undefined

  /** @param nonce - That of the request; left out if it may have been answered before. */
  constructor(context: SecurityContext, request: RequestNames, nonce?: Uint8Array) {
    this.context = context
    this.kid = request.kid
    this.partialIv = request.partialIv
    this.#nonce = nonce
  }

  /**
   * The nonce of the request, for one response and no second: `undefined` once it was taken (Section
   * 8.3, step 3).
   */
  takeNonce(): Uint8Array | undefined {
    const nonce = this.#nonce
    this.#nonce = undefined
    return nonce
  }
}

export function replayedResponse(): WaxwingError {
  return new WaxwingError('ERR_REPLAYED', 'the response was accepted before, or came too late')
}
