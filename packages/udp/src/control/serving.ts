// SPDX-License-Identifier: Apache-2.0
/**
 * What single peers may ask of this endpoint (`docs/spec/09-bindings.md` Section 9.11.4): to take a
 * control message, and to give what it keeps.
 *
 * Invariant: nothing is done, kept or learned for a peer that has not proved that it receives what is
 * sent to its address (RFC 9175 Section 2.3), and until then no answer is longer than its question.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import {
  blockwiseServer,
  challengeFor,
  CONTENT_FORMAT,
  type Handler,
  type Layer,
  type Peer,
  type Request,
  type Response,
  type ResourceResponse,
  resources,
  RESPONSE,
} from '@waxwing/coap'
import { isControlAddress } from '@waxwing/core'
import { type Correspondents, limitError } from '@waxwing/transport-kit'
import { addressOf, inboxesOf, RESOURCE } from '../addresses.js'
import type { Outcome } from '../feed.js'
import type { Feeds } from '../feeds.js'
import { decodeInquiry, encodePage, type Inquiry, type Page } from '../inquiry.js'
import { Pace } from '../lan/pace.js'
import type { ResolvedOptions } from '../options.js'
import type { MessageRecord } from '../record/record.js'
import type { KeptMessages } from './kept.js'
import { formatPeer } from './peers.js'

export interface ServingTerms {
  readonly options: ResolvedOptions
  readonly maxMessageBytes: number
  readonly feeds: Feeds
  readonly kept: KeptMessages
  /** The record, where neighbours may read it. */
  readonly record: () => Pick<MessageRecord, 'page'> | undefined
  readonly correspondents: () => Correspondents
  /** Whether the peer may be one: others are refused. */
  readonly isNear: (peer: Peer) => boolean
  readonly report: (error: unknown) => void
}

/** A sender is told to try again when an endpoint takes longer. */
const PATIENCE_MS = 10_000
const MAX_PAGES_AT_ONCE = 4
const PAGE_BYTES_PER_SECOND = 8_000_000
/** Looking through a record costs more than the question for something that is not there. */
const READ_BYTES_PER_SECOND = 8_000_000
const FORBIDDEN: Response = {
  code: RESPONSE.forbidden,
  options: [],
  payload: new Uint8Array(0),
}
const BUSY: ResourceResponse = { code: RESPONSE.serviceUnavailable, maxAgeSeconds: 1 }

/** Makes the handler of an endpoint. */
export function servingHandler(terms: ServingTerms): Handler {
  const { options, maxMessageBytes } = terms
  const blockwise = blockwiseServer({ maxMessageBytes, maxBodyBytes: options.maxControlBytes })
  return provenPeers(terms.isNear)(blockwise(new Serving(terms).handler))
}

/** Before anything is put together, let alone done. */
function provenPeers(isNear: ServingTerms['isNear']): Layer {
  return (next) => async (request) => {
    if (!isNear(request.peer)) return FORBIDDEN
    return challengeFor(request) ?? next(request)
  }
}

class Serving {
  readonly #terms: ServingTerms
  readonly #pace = new Pace(PAGE_BYTES_PER_SECOND)
  readonly #reading = new Pace(READ_BYTES_PER_SECOND)
  #pagesUnderWay = 0
  /** In the hands of handlers: a sender that lost its patience sends it again. */
  readonly #underWay = new Map<string, Promise<Outcome | undefined>>()
  readonly handler: Handler

  constructor(terms: ServingTerms) {
    this.#terms = terms
    const { kept } = terms
    const table: Parameters<typeof resources>[0] = {
      [RESOURCE.listeners]: { fetch: ({ payload }) => this.#listens(payload) },
      [RESOURCE.kept]: {
        fetch: ({ payload }) => this.#page(payload, async (inquiry) => kept.page(inquiry)),
        attributes: { rt: 'waxwing.kept' },
      },
      [RESOURCE.record]: {
        fetch: ({ payload }) => this.#recorded(payload),
        attributes: { rt: 'waxwing.record' },
      },
      'waxwing/v1/*': { post: ({ payload, path, peer }) => this.#take(path, payload, peer) },
    }
    const pages = resources(table, { onError: terms.report })
    this.handler = (request) => {
      this.#learn(request)
      return pages(request)
    }
  }

  #learn(request: Request): void {
    const address = addressOf(request)
    if (address === undefined || !isControlAddress(address)) return
    const peer = formatPeer(request.peer)
    for (const inbox of inboxesOf(request)) this.#terms.correspondents().learnInbox(inbox, peer)
  }

  #listens(payload: Uint8Array): ResourceResponse {
    const inquiry = readInquiry(payload)
    if (inquiry === undefined) return { code: RESPONSE.badRequest }
    const isThere = this.#terms.feeds.for(inquiry.filter).length > 0
    return isThere ? {} : { code: RESPONSE.notFound }
  }

  async #take(
    path: readonly string[],
    payload: Uint8Array,
    from: Request['peer'],
  ): Promise<ResourceResponse> {
    const address = path.join('/')
    if (path.some((level) => level.includes('/'))) return { code: RESPONSE.notFound }
    const key = `${formatPeer(from)} ${address} ${createHash('sha256').update(payload).digest('base64')}`
    const { feeds } = this.#terms
    if (feeds.for(address).length === 0) return { code: RESPONSE.notFound }
    let outcome = this.#underWay.get(key)
    if (outcome === undefined) {
      const own = Uint8Array.from(payload)
      const parcel = { address, payload: own, properties: {}, retained: false, redelivered: false }
      outcome = feeds.offer(parcel).finally(() => this.#underWay.delete(key))
      this.#underWay.set(key, outcome)
    }
    const result = await Promise.race([outcome, patience()])
    if (result === 'taken') return { code: RESPONSE.changed }
    if (result === 'no room') {
      this.#terms.report(limitError(`${address} is left to its sender`, 'maxUnacknowledged'))
    }
    return result === undefined ? { code: RESPONSE.notFound } : BUSY
  }

  async #recorded(payload: Uint8Array): Promise<ResourceResponse> {
    const record = this.#terms.record()
    if (record === undefined) return { code: RESPONSE.notFound }
    if (this.#reading.spend(0) > 0) return BUSY
    return this.#page(payload, async (inquiry) => {
      const page = await record.page(inquiry)
      this.#reading.spend(page.readBytes)
      return page
    })
  }

  async #page(
    payload: Uint8Array,
    give: (inquiry: Inquiry) => Promise<Page>,
  ): Promise<ResourceResponse> {
    if (this.#pagesUnderWay >= MAX_PAGES_AT_ONCE) return BUSY
    const inquiry = readInquiry(payload)
    if (inquiry === undefined) return { code: RESPONSE.badRequest }
    this.#pagesUnderWay++
    try {
      const page = encodePage(await give(inquiry))
      if (!this.#pace.take(page.length)) return BUSY
      return { payload: page, contentFormat: CONTENT_FORMAT.cbor, maxAgeSeconds: 0 }
    } finally {
      this.#pagesUnderWay--
    }
  }
}

function readInquiry(payload: Uint8Array): Inquiry | undefined {
  try {
    return decodeInquiry(payload)
  } catch {
    return undefined
  }
}

async function patience(): Promise<'late'> {
  const { promise, resolve } = Promise.withResolvers<'late'>()
  setTimeout(() => resolve('late'), PATIENCE_MS).unref()
  return promise
}
