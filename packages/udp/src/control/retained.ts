// SPDX-License-Identifier: Apache-2.0
/**
 * Retained messages of others (`docs/spec/09-bindings.md` Section 9.11.6): a new subscriber asks the group
 * who keeps some, a sender of a new one says so to the group, and in either case it is fetched.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import {
  type CoapMessage,
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
import type { Feeds } from '../feeds.js'
import { type Inquiry, inquiryFor, type Item } from '../inquiry.js'
import { Pace } from '../lan/pace.js'
import { Fetches } from './fetches.js'
import { formatPeer } from './peers.js'
import type { Questions } from './questions.js'
import type { Unicast } from './unicast.js'

export interface RetainedTerms {
  readonly questions: Questions
  readonly unicast: Unicast
  readonly feeds: Feeds
  readonly report: (error: unknown) => void
  /** Whether somebody here wants it, from there. */
  readonly isWanted: (address: string, peer: Peer) => boolean
  /** Takes what was fetched because it is new. */
  readonly take: (item: Item) => void
  /** How many pages of retained messages others have fetched here. */
  readonly pageCount: () => number
  /** Keeps it for others; left out where nothing is kept for them. */
  readonly keep: ((item: Item) => void) | undefined
  readonly signal: AbortSignal
}

const DIGEST_BYTES = 16
const MAX_SEEN = 4_096
/** Said again after these pauses: any datagram may be lost. */
const HINT_PAUSES_MS: readonly number[] = [400, 2_000]
/** Who is slower than this to fetch what is new may come too late where its sender closes. */
const QUIET_MS = 500
/** Many that are new at once are said one after the other, so that members can take them. */
const HINT_BYTES_PER_SECOND = 200_000
/** Pages of one peer. */
const MAX_PAGES = 1_000

/** Something new, until it was said often enough. */
interface News {
  readonly hint: CoapMessage
  /** How many pages had been fetched when it was new. */
  readonly pagesBefore: number
  timer: ReturnType<typeof setTimeout> | undefined
  /** How often it was said. */
  rounds: number
}

/** A new subscriber, and what it got of what is kept. */
interface Seeker {
  readonly feed: Feed
  readonly given: Set<string>
}

export class RetainedMessages {
  readonly #terms: RetainedTerms
  /** What came by a hint, and need not be fetched again. */
  readonly #seen = new Set<string>()
  /** What was not said often enough yet, by address. */
  readonly #news = new Map<string, News>()
  readonly #pace = new Pace(HINT_BYTES_PER_SECOND)
  readonly #fetches = new Fetches()

  constructor(terms: RetainedTerms) {
    this.#terms = terms
    terms.signal.addEventListener('abort', () => {
      for (const address of this.#news.keys()) this.#silence(address)
    })
  }

  /** Says to the group that there is something new to fetch. */
  announce(address: string, payload: Uint8Array): void {
    this.#silence(address)
    const hint = hintOf(address, payload)
    const pagesBefore = this.#terms.pageCount()
    const news: News = { hint, timer: undefined, pagesBefore, rounds: 0 }
    this.#news.set(address, news)
    this.#saySoon(address, news)
  }

  /**
   * The interface is there: says what could not be said, and asks what nobody could be asked, or what
   * was not heard of meanwhile.
   */
  resume(): void {
    for (const [address, news] of this.#news) {
      if (news.timer === undefined) this.#saySoon(address, news)
    }
    for (const [filter, feed] of this.#terms.feeds.all) void this.seek(filter, feed)
  }

  /**
   * Says the rest at once, and lets members fetch it: until nobody has for a moment, and for `ms` where
   * nobody does at all.
   */
  async settled(ms: number): Promise<void> {
    if (this.#news.size === 0) return
    const { questions, pageCount } = this.#terms
    const until = performance.now() + ms
    const begin = Math.min(...[...this.#news.values()].map(({ pagesBefore }) => pagesBefore))
    for (const { hint } of this.#news.values()) questions.say(hint)
    for (const address of this.#news.keys()) this.#silence(address)
    for (let count = pageCount(), before = count; performance.now() < until; before = count) {
      await elapsed(Math.min(QUIET_MS, ms))
      count = pageCount()
      if (count > begin && count === before) return
    }
  }

  /** Hears of something new. */
  hear(request: GroupRequest): void {
    const { isWanted, keep, report } = this.#terms
    try {
      const { address, digest } = readHint(request.payload)
      const { peer } = request
      const name = `${formatPeer(peer)} ${digest.toString('base64')} ${address}`
      if (this.#seen.has(name) || (keep === undefined && !isWanted(address, peer))) return
      this.#fetchSoon(peer, name, () => this.#fetch(address, digest, peer, name))
    } catch (error) {
      report(error)
    }
  }

  /** Fetches what others keep for a new subscriber, and hands it to its feed. */
  async seek(filter: string, feed: Feed): Promise<void> {
    const { questions, signal } = this.#terms
    const inquiry = inquiryFor(filter)
    const fetches: Promise<void>[] = []
    const given = new Set<string>() // several may keep the same
    await questions.ask(
      RESOURCE.kept,
      inquiry,
      (peer) => fetches.push(this.#fetchAll(inquiry, peer, { feed, given })),
      signal,
    )
    await Promise.all(fetches)
  }

  async #fetchAll(first: Inquiry, peer: Peer, { feed, given }: Seeker): Promise<void> {
    const { unicast, report, signal } = this.#terms
    try {
      let inquiry: Inquiry | undefined = first
      for (let count = 0; inquiry !== undefined && count < MAX_PAGES; count++) {
        const { cursor, items } = await unicast.fetch(RESOURCE.kept, inquiry, peer)
        for (const { address, payload } of items) {
          const name = `${digestOf(payload).toString('base64')} ${address}`
          if (!feed.matches(address) || given.has(name) || given.size >= MAX_SEEN) continue
          given.add(name)
          feed.take({ address, payload, properties: {}, retained: true, redelivered: false })
        }
        inquiry = cursor === undefined ? undefined : { ...inquiry, cursor }
      }
    } catch (error) {
      if (!signal.aborted) report(error)
    }
  }

  /** Not all of a group at once. What there is no room for is fetched when it is said again. */
  #fetchSoon(peer: Peer, name: string, run: () => Promise<void>): void {
    const fetches = this.#fetches
    if (fetches.isIdle) {
      fetches.hold()
      if (!this.#terms.questions.atLeisure(() => fetches.release())) fetches.release()
    }
    if (fetches.add({ peer: formatPeer(peer), run })) this.#see(name)
  }

  async #fetch(address: string, digest: Buffer, peer: Peer, name: string): Promise<void> {
    const { unicast, isWanted, take, keep, report, signal } = this.#terms
    try {
      const { items } = await unicast.fetch(RESOURCE.kept, inquiryFor(address), peer)
      const isIt = (one: Item): boolean =>
        one.address === address && digest.equals(digestOf(one.payload))
      const item = items.find(isIt)
      if (item === undefined) return
      keep?.(item)
      if (isWanted(address, peer)) take(item)
    } catch (error) {
      this.#seen.delete(name)
      if (!signal.aborted) report(error)
    }
  }

  #saySoon(address: string, news: News): void {
    const pause = this.#pace.spend(news.hint.payload.length)
    if (pause === 0) this.#say(address, news)
    else news.timer = setTimeout(() => this.#say(address, news), pause)
  }

  /** While the interface is away it waits. */
  #say(address: string, news: News): void {
    news.timer = undefined
    if (!this.#terms.questions.say(news.hint)) return
    const pause = HINT_PAUSES_MS[news.rounds++]
    if (pause === undefined) this.#news.delete(address)
    else news.timer = setTimeout(() => this.#saySoon(address, news), pause)
  }

  #silence(address: string): void {
    clearTimeout(this.#news.get(address)?.timer)
    this.#news.delete(address)
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

async function elapsed(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, ms)
  await promise
}

function hintOf(address: string, payload: Uint8Array): CoapMessage {
  return {
    code: METHOD.POST,
    options: [
      ...pathOptions(RESOURCE.kept),
      uintOption(OPTION.contentFormat, CONTENT_FORMAT.cbor),
      uintOption(OPTION.noResponse, ALL_CLASSES),
    ],
    payload: encodeCbor([address, digestOf(payload)]),
  }
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
