// SPDX-License-Identifier: Apache-2.0
/**
 * What is sent to a group, for whoever is a member (RFC 7252 Section 8): requests that are not
 * confirmable. Everything else that comes to a group is passed over in silence (Section 8.1).
 *
 * Invariant: no datagram makes this throw, and what it keeps of datagrams is of a bounded count. It
 * answers nothing: whether, when and from where is its caller's decision (Section 8.2).
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { type CoapMessage, isRequestCode } from '@waxwing/oscore'
import type { Peer } from '../handler.js'
import { AgingMap } from './aging-map.js'
import { readHeader, readMessage, readToken, TYPE } from './datagram.js'

/** A request that came to a group. Untrusted, and so is where it says that it came from. */
export interface GroupRequest extends CoapMessage {
  readonly peer: Peer
  /** One character a byte; a response to it has the same. */
  readonly token: string
  /** How long the datagram was: a response must not be longer. */
  readonly bytes: number
}

export interface GroupDatagramsTerms {
  /** Takes each request once. */
  readonly take: (request: GroupRequest) => void
  /** Told of requests that cannot be read: with `ERR_MALFORMED`. */
  readonly report: (error: unknown) => void
  /** A clock that never goes back, in milliseconds. */
  readonly now: () => number
  /** Datagrams by which duplicates are recognised; the oldest goes first. Default 65,536. */
  readonly maxRemembered?: number
}

const MAX_REMEMBERED = 65_536
/** NON_LIFETIME of the standard's transmission parameters (RFC 7252 Section 4.8.2). */
const LIFETIME_MS = 145_000
const DIGEST_BYTES = 16

interface Remembered {
  readonly key: string
  readonly until: number
}

export class GroupDatagrams {
  readonly #terms: GroupDatagramsTerms
  readonly #remembered = new AgingMap<Remembered>()

  constructor(terms: GroupDatagramsTerms) {
    this.#terms = terms
  }

  /** How many datagrams are remembered. */
  get size(): number {
    return this.#remembered.size
  }

  /** Takes a datagram. Views into it are handed on: it must not be changed afterwards. */
  receive(datagram: Buffer, peer: Peer): void {
    const header = readHeader(datagram)
    if (header === undefined || header.type !== TYPE.non || !isRequestCode(header.code)) return
    let message: CoapMessage
    try {
      message = readMessage(datagram, header)
    } catch (error) {
      this.#terms.report(error)
      return
    }
    if (this.#isDuplicate(keyOf(datagram, peer))) return
    this.#terms.take({
      ...message,
      peer,
      token: readToken(datagram, header),
      bytes: datagram.length,
    })
  }

  #isDuplicate(key: string): boolean {
    const { now, maxRemembered = MAX_REMEMBERED } = this.#terms
    const time = now()
    for (;;) {
      const { oldest } = this.#remembered
      if (oldest === undefined || oldest.until > time) break
      this.#remembered.delete(oldest.key)
    }
    if (this.#remembered.get(key) !== undefined) return true
    if (this.#remembered.size >= maxRemembered) this.#remembered.deleteOldest()
    this.#remembered.add(key, { key, until: time + LIFETIME_MS })
    return false
  }
}

/**
 * What a datagram and its duplicates have in common, which is everything: message id and token alone could
 * be guessed by who wants to be heard in the place of somebody else.
 */
function keyOf(datagram: Buffer, { address, port }: Peer): string {
  const digest = createHash('sha256').update(datagram).digest()
  return `${address} ${port} ${digest.toString('latin1', 0, DIGEST_BYTES)}`
}
