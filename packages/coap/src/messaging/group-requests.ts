// SPDX-License-Identifier: Apache-2.0
/**
 * Requests to a group: responses come from whichever members have one, and only the token says to which
 * request (RFC 7252 Section 8.2).
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'
import type { Peer } from '../handler.js'
import type { Arrival } from './peer-state.js'

/** Takes a response of a member. Untrusted: whoever saw the request may have made it. */
export type GroupResponseListener = (response: CoapMessage, from: Peer) => void

export class GroupRequests {
  /** By token. */
  readonly #listeners = new Map<string, GroupResponseListener>()

  /** Begins to listen. Returns what ends it. */
  listen(token: string, listener: GroupResponseListener): () => void {
    this.#listeners.set(token, listener)
    return () => {
      if (this.#listeners.get(token) === listener) this.#listeners.delete(token)
    }
  }

  /** Takes a response. @returns `false` if it belongs to no such request. */
  take({ token, isConfirmable, message }: Arrival, from: Peer): boolean {
    const listener = isConfirmable ? undefined : this.#listeners.get(token)
    listener?.(message, from)
    return listener !== undefined
  }
}
