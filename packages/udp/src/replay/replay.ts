// SPDX-License-Identifier: Apache-2.0
/**
 * The past, from the own record and from those of neighbours (`docs/spec/09-bindings.md` Section 9.11.8).
 *
 * A neighbour that lies can leave out and reorder, and nothing else: what it gives is opened and verified
 * as if it had just come.
 *
 * @module
 */

import { networkInterfaces } from 'node:os'
import type { Peer, UdpEndpoint } from '@waxwing/coap'
import type { Received } from '@waxwing/core'
import { closedError, filterMatcher, transportError } from '@waxwing/transport-kit'
import { RESOURCE } from '../addresses.js'
import type { Questions } from '../control/questions.js'
import type { Unicast } from '../control/unicast.js'
import type { Inquiry } from '../inquiry.js'
import type { Lan } from '../lan/lan.js'
import type { MessageRecord } from '../record/record.js'
import { merged } from './merged.js'
import { type Entry, PageStream } from './page-stream.js'

export interface ReplayTerms {
  readonly record: MessageRecord | undefined
  readonly endpoint: UdpEndpoint
  readonly questions: Questions
  readonly unicast: Unicast
  readonly lan: Lan
  readonly report: (error: unknown) => void
  readonly signal: AbortSignal
}

type Span = { readonly from?: Date; readonly until?: Date }

/** The last one that a `Date` has. */
const LAST_DATE_MS = 8.64e15
/** Holders that are asked for one replay. */
const MAX_HOLDERS = 8

/** @throws {WaxwingError} While iterating: `ERR_TRANSPORT` if there is nobody to ask; `ERR_CLOSED`. */
export async function* replay(
  filter: string,
  span: Span,
  terms: ReplayTerms,
): AsyncGenerator<Received, void> {
  assertOpen(terms)
  const { record, lan, report } = terms
  if (!lan.isUp && record === undefined) throw transportError('the network interface is not there')
  if (!lan.isUp) report(transportError('a replay has the own record alone: the interface is away'))
  const streams = await streamsOf(inquiryOf(filter, span), terms)
  assertOpen(terms)
  for await (const entry of merged(streams)) {
    assertOpen(terms)
    yield received(entry, span)
    assertOpen(terms)
  }
  assertOpen(terms)
}

async function streamsOf(inquiry: Inquiry, terms: ReplayTerms): Promise<readonly PageStream[]> {
  const { record, questions, unicast, report, signal } = terms
  const matches = filterMatcher(inquiry.filter)
  const streams: PageStream[] = []
  const add = (fetch: ConstructorParameters<typeof PageStream>[0]['fetch']): PageStream => {
    const stream = new PageStream({
      fetch,
      inquiry,
      matches,
      report: (error) => {
        if (!signal.aborted) report(error)
      },
    })
    streams.push(stream)
    return stream
  }
  // The first page fixes where it ends: what comes while others are asked is not of it.
  if (record !== undefined) await add((asked) => record.page(asked)).fill()
  await questions.ask(
    RESOURCE.record,
    inquiry,
    (peer) => {
      if (streams.length >= MAX_HOLDERS || isSelf(peer, terms.endpoint)) return
      void add((asked) => unicast.fetch(RESOURCE.record, asked, peer)).fill()
    },
    signal,
  )
  return streams
}

function inquiryOf(filter: string, { from, until }: Span): Inquiry {
  const time = (date: Date | undefined): number | undefined =>
    date === undefined ? undefined : Math.min(Math.max(0, date.getTime()), Number.MAX_SAFE_INTEGER)
  return { filter, from: time(from), until: time(until), now: Date.now(), cursor: undefined }
}

/** The group has its own sender as a member. */
function isSelf({ address, port }: Peer, endpoint: UdpEndpoint): boolean {
  if (port !== endpoint.address.port) return false
  const [bare = ''] = address.split('%')
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === bare))
}

function assertOpen({ signal }: ReplayTerms): void {
  if (signal.aborted) throw closedError()
}

/**
 * A holder may say any time. It gave what it was asked for, so that is when it was: no other holder's
 * message is passed over as too old or too new because one lied.
 */
function received({ address, payload, time }: Entry, span: Span): Received {
  const { from = 0, until = Date.now() } = inquiryOf('', span)
  return {
    address,
    payload: Uint8Array.from(payload), // others may have the same page
    properties: {},
    retained: true,
    redelivered: false,
    storedAt: new Date(Math.max(from, Math.min(time, until, LAST_DATE_MS))),
    acknowledge: async () => {},
  }
}
