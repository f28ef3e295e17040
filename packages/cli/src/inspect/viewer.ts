// SPDX-License-Identifier: Apache-2.0
/**
 * Who looks at bytes: somebody without any key, or a principal with its store.
 *
 * @module
 */

import {
  isPackedMessage,
  unpackMessage,
  type CryptoProvider,
  type DecodedObject,
  type DecodedStatement,
  type OpenOutcome,
} from '@waxwing/core'

/** What a viewer says of a signature: whose it is, or why nobody can tell. */
export interface Verdict {
  readonly state: 'verified' | 'bad' | 'unknown'
  readonly text: string
}

export interface Opened {
  readonly stream: string
  readonly epochSeconds: number
  readonly outcome: OpenOutcome
}

export interface Viewer {
  readonly crypto: CryptoProvider
  /** What a principal or domain is called. */
  nameOf(id: Uint8Array): string | undefined
  /** Tries every key that is held for an object's kid. */
  open(object: DecodedObject): Opened | undefined
  /** Opens a sealed message that is for this principal. */
  unseal(sealed: Uint8Array): Promise<Uint8Array | undefined>
  /**
   * Unpacks a packed message; others are given back.
   *
   * @throws {WaxwingError} `ERR_MALFORMED`, `ERR_LIMIT`; `ERR_KEY_UNKNOWN` if it refers to what is not held.
   */
  unpacked(message: Uint8Array): Uint8Array
  /** @param credential - The author's, where the statement brought it. */
  judge(statement: DecodedStatement, credential?: Uint8Array): Verdict
}

/** Somebody without keys: sees the framing, as any broker does. */
export function blindViewer(crypto: CryptoProvider): Viewer {
  return {
    crypto,
    nameOf: () => undefined,
    open: () => undefined,
    unseal: () => Promise.resolve(undefined),
    unpacked: (message) =>
      isPackedMessage(message) ? unpackMessage(message, () => undefined) : message,
    judge: () => ({ state: 'unknown', text: 'not checked: nobody is trusted here' }),
  }
}
