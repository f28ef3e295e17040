// SPDX-License-Identifier: Apache-2.0
/**
 * What an open transport is made of, and how its parts know each other.
 *
 * @module
 */

import { GroupDatagrams, type GroupRequest, type UdpEndpoint } from '@waxwing/coap'
import type { Correspondents, Parcel, StatusBoard } from '@waxwing/transport-kit'
import type { KeptMessages } from './control/kept.js'
import { Questions } from './control/questions.js'
import { RetainedMessages } from './control/retained.js'
import { ControlSending } from './control/sending.js'
import { Unicast } from './control/unicast.js'
import { DataSending } from './data-sending.js'
import type { Feeds } from './feeds.js'
import { Lan } from './lan/lan.js'
import type { ResolvedOptions } from './options.js'

export interface Parts {
  readonly endpoint: UdpEndpoint
  readonly correspondents: Correspondents
  readonly data: DataSending
  readonly lan: Lan
  readonly questions: Questions
  readonly unicast: Unicast
  readonly retained: RetainedMessages
  readonly control: ControlSending
}

export interface PartsInputs {
  readonly options: ResolvedOptions
  readonly endpoint: UdpEndpoint
  readonly correspondents: Correspondents
  readonly feeds: Feeds
  readonly kept: KeptMessages
  /** Takes what came to the group. */
  readonly heard: (request: GroupRequest) => void
  readonly status: StatusBoard
  /** Told of what concerns this endpoint. */
  readonly report: (error: unknown) => void
  /** Told of what anybody on the link can cause. */
  readonly complain: (error: unknown) => void
  /** Aborted when the transport is closed. */
  readonly signal: AbortSignal
}

/** What a block-wise message takes at the most (RFC 7252 Section 4.6). */
export const MAX_UNICAST_BYTES = 1_152

export function connect(inputs: PartsInputs): Parts {
  const { options, endpoint, correspondents, feeds, complain: report, signal } = inputs
  const { data, lan } = connectGroup(inputs, () => retained.resume())
  const questions = new Questions({ options, endpoint, lan, report })
  const unicast = new Unicast({
    endpoint,
    maxMessageBytes: MAX_UNICAST_BYTES,
    inboxes: () => feeds.inboxes,
    signal,
  })
  const retained = new RetainedMessages({
    questions,
    unicast,
    feeds,
    report,
    isWanted: (address, peer) => lan.isNear(peer) && feeds.for(address).length > 0,
    take: ({ address, payload }) => feeds.take(live(address, payload)),
    pageCount: () => inputs.kept.pageCount,
    keep: keeping(inputs),
    signal,
  })
  const { controlTimeoutMs } = options
  const control = new ControlSending({
    correspondents,
    questions,
    unicast,
    lan,
    controlTimeoutMs,
    signal,
  })
  return { endpoint, correspondents, data, lan, questions, unicast, retained, control }
}

function connectGroup(inputs: PartsInputs, resume: () => void): Pick<Parts, 'data' | 'lan'> {
  const { options, endpoint, heard, status, report, complain } = inputs
  const data = new DataSending({ options, endpoint, lan: () => lan })
  const datagrams = new GroupDatagrams({
    take: heard,
    report: complain,
    now: () => performance.now(),
  })
  const up = (): void => {
    data.resume()
    resume()
    status.up(endpoint)
  }
  const down = (): void => {
    data.suspend()
    status.down(endpoint)
  }
  const lan = new Lan({ options, endpoint, datagrams, up, down, report })
  return { data, lan }
}

/** Whoever serves a record keeps retained messages of others as well. */
function keeping({
  options,
  kept,
}: PartsInputs): ConstructorParameters<typeof RetainedMessages>[0]['keep'] {
  if (options.record?.serve !== true) return undefined
  return ({ address, payload }) => kept.keepFor(address, payload)
}

/** A message that has just come. */
export function live(address: string, payload: Uint8Array): Parcel {
  return { address, payload, properties: {}, retained: false, redelivered: false }
}
