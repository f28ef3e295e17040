// SPDX-License-Identifier: Apache-2.0
/**
 * Retained messages of others (`docs/spec/09-bindings.md` Section 9.11.6): a new subscriber asks the group
 * who keeps some, a sender of a new one says so to the group, and in either case it is fetched.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import {
  CONTENT_FORMAT,
  type GroupRequest,
  METHOD,
  OPTION,
  type Peer,
  uintOption,
} from '@waxwing/coap'
import { ArrayFields, decodeCbor, encodeCbor, malformed } from '@waxwing/core'
import { isAddress, MAX_ADDRESS_BYTES, pathOptions, RESOURCE } from '../addresses.js'
import type { Feed } from '../feed.js'
import type { Inquiry, Item } from '../inquiry.js'
import type { Questions } from './questions.js'
import type { Unicast } from './unicast.js'

export interface RetainedTerms {
  readonly questions: Questions
  readonly unicast: Unicast
  readonly report: (error: unknown) => void
  /** Whether somebody here wants it, from there. */
  readonly isWanted: (address: string, peer: Peer) => boolean
  /** Takes what was fetched because it is new. */
  readonly take: (item: Item) => void
  readonly signal: AbortSignal
}

const DIGEST_BYTES = 16
const MAX_SEEN = 4_096
/** Announced so often, each time after a longer pause: any datagram may be lost. */
const HINT_PAUSES_MS: readonly number[] = [0, 400, 2_000]
/** Pages of one peer. */
const MAX_PAGES = 1_000

export class RetainedMessages {
  readonly #terms: RetainedTerms
  /** What came by a hint, and need not be fetched again. */
  readonly #seen = new Set<string>()
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(terms: RetainedTerms) {
    this.#terms = terms
    terms.signal.addEventListener('abort', () => {
      for (const timer of this.#timers.values()) clearTimeout(timer)
    })
  }

  /** Says to the group that there is something new to fetch. */
  announce(address: string, payload: Uint8Array): void {
    const hint = {
      code: METHOD.POST,
      options: [
        ...pathOptions(RESOURCE.kept),
        uintOption(OPTION.contentFormat, CONTENT_FORMAT.cbor),
        uintOption(OPTION.noResponse, ALL_CLASSES),
      ],
      payload: encodeCbor([address, digestOf(payload)]),
    }
    clearTimeout(this.#timers.get(address))
    const say = (round: number): void => {
      const pause = HINT_PAUSES_MS[round]
      if (pause === undefined || this.#terms.signal.aborted) {
        this.#timers.delete(address)
        return
      }
      const timer = setTimeout(() => {
        this.#terms.questions.say(hint)
        say(round + 1)
      }, pause)
      this.#timers.set(address, timer)
    }
    say(0)
  }

  /** Hears of something new. */
  hear(request: GroupRequest): void {
    const { questions, isWanted, report } = this.#terms
    try {
      const { address, digest } = readHint(request.payload)
      const { peer } = request
      const name = `${peer.address} ${peer.port} ${digest.toString('base64')} ${address}`
      if (this.#seen.has(name) || !isWanted(address, peer)) return
      this.#see(name)
      questions.atLeisure(() => void this.#fetch(address, digest, peer, name))
    } catch (error) {
      report(error)
    }
  }

  /** Fetches what others keep for a new subscriber, and hands it to its feed. */
  async seek(filter: string, feed: Feed): Promise<void> {
    const { questions, signal } = this.#terms
    const inquiry = inquiryFor(filter)
    const fetches: Promise<void>[] = []
    await questions.ask(
      RESOURCE.kept,
      inquiry,
      (peer) => fetches.push(this.#fetchAll(inquiry, peer, feed)),
      signal,
    )
    await Promise.all(fetches)
  }

  async #fetchAll(first: Inquiry, peer: Peer, feed: Feed): Promise<void> {
    const { unicast, report, signal } = this.#terms
    try {
      let inquiry: Inquiry | undefined = first
      for (let count = 0; inquiry !== undefined && count < MAX_PAGES; count++) {
        const { cursor, items } = await unicast.fetch(RESOURCE.kept, inquiry, peer)
        for (const { address, payload } of items) {
          if (!feed.matches(address)) continue
          feed.take({ address, payload, properties: {}, retained: true, redelivered: false })
        }
        inquiry = cursor === undefined ? undefined : { ...inquiry, cursor }
      }
    } catch (error) {
      if (!signal.aborted) report(error)
    }
  }

  async #fetch(address: string, digest: Buffer, peer: Peer, name: string): Promise<void> {
    const { unicast, take, report, signal } = this.#terms
    try {
      const { items } = await unicast.fetch(RESOURCE.kept, inquiryFor(address), peer)
      const item = items.find((one) => one.address === address)
      if (item !== undefined && digest.equals(digestOf(item.payload))) take(item)
    } catch (error) {
      this.#seen.delete(name)
      if (!signal.aborted) report(error)
    }
  }

  #see(name: string): void {
    this.#seen.add(name)
    if (this.#seen.size <= MAX_SEEN) return
    for (const oldest of this.#seen) {
      this.#seen.delete(oldest)
      return
    }
  }
}

/** 2.xx, 4.xx and 5.xx (RFC 7967 Section 2.1). */
export const ALL_CLASSES = 26

function inquiryFor(filter: string): Inquiry {
  return { filter, from: undefined, until: undefined, now: Date.now(), cursor: undefined }
}

/** @throws {WaxwingError} `ERR_MALFORMED`. */
function readHint(bytes: Uint8Array): { address: string; digest: Buffer } {
  const fields = new ArrayFields('hint', decodeCbor(bytes, 'hint'))
  const address = fields.text(0, 'address', { maxBytes: MAX_ADDRESS_BYTES })
  const digest = Buffer.from(fields.bytes(1, 'digest', { length: DIGEST_BYTES }))
  fields.end()
  if (!isAddress(address)) throw malformed('hint', 'address')
  return { address, digest }
}

function digestOf(payload: Uint8Array): Buffer {
  return createHash('sha256').update(payload).digest().subarray(0, DIGEST_BYTES)
}
