// SPDX-License-Identifier: Apache-2.0
/**
 * Events in plain words: what happened, and what it means to whoever reads it.
 *
 * @module
 */

import { epochStartMs, isOpenEnded, toHex, WaxwingError, type Span } from '@waxwing/core'
import type { AfterRetained, ReaderEvent, StreamFacts, WaxwingEvent } from '@waxwing/client'
import { counted, shortId, type Json } from './output.js'
import { formatDuration, formatTime } from './times.js'

/** What wording needs to know of the endpoint. */
export interface Lookup {
  /** Of a stream by its name or a kid: how long its epochs are. */
  readonly epochSeconds: (streamOrKid: string) => number | undefined
  /** What a principal is called. */
  readonly nameOf: (id: string) => string
}

/** One line about an event. */
export function describeEvent(event: WaxwingEvent, lookup: Lookup): string {
  switch (event.type) {
    case 'request':
      return requestText(event, lookup)
    case 'granted':
      return grantedText(event, lookup)
    case 'denied':
      return event.code === 'pending-approval'
        ? `Told ${lookup.nameOf(event.principal)} that somebody will decide about ${event.stream}`
        : `Told ${lookup.nameOf(event.principal)}: no grant of ${event.stream} (${event.code})`
    case 'grant':
      return grantText(event, lookup)
    case 'denial':
      return (
        `${DENIALS[event.code]} (kid ${event.kid}); ` +
        `asking again in ${formatDuration(event.retrySeconds)}`
      )
    case 'requested':
      return `Asked for the keys of kid ${event.kid}${event.sealed ? '' : ' (unsealed)'}`
    case 'wrong-nodes':
      return `Wrong keys in a grant of ${event.stream}: evidence against who granted it`
    case 'crowded-nodes':
      return `Too many differing keys in grants of ${event.stream}: some are wrong, asking goes on`
    case 'rotated':
      return `${event.stream} has new keys from now on (${event.reason}), kid ${event.kid}`
    case 'revoked':
      return `Revoked: ${lookup.nameOf(event.principal)} gets no more of ${event.stream ?? 'anything'}`
    case 'ack':
      return `${lookup.nameOf(event.principal)} confirmed`
    case 'no-ack':
      return `${lookup.nameOf(event.principal)} did not confirm a ${event.about} yet`
    case 'trust':
      return `The domain's trust bundle is now version ${event.version}`
    case 'control-refused':
      return `Refused a control message at ${event.address}: ${event.rule ?? event.code}`
    case 'overload':
      return `Too many control messages: ${event.dropped} dropped`
    case 'clock':
      return CLOCK[event.change]
    case 'error':
      return `Problem: ${event.error.message}`
    default:
      return describeReaderEvent(event, lookup)
  }
}

type EventOf<T extends WaxwingEvent['type']> = Extract<WaxwingEvent, { type: T }>

function requestText(event: EventOf<'request'>, lookup: Lookup): string {
  const { name, stream, reason, requestId } = event
  const span = spansText(event.spans, lookup.epochSeconds(stream))
  const why = reason === undefined ? '' : `, because: ${reason}`
  return `${name} asks to read ${stream} ${span}${why} (request ${requestId})`
}

function grantedText(event: EventOf<'granted'>, lookup: Lookup): string {
  const span = spanText(event.span, lookup.epochSeconds(event.stream))
  const right = event.rights === 'share' ? 'share on' : 'read'
  return `Granted: ${lookup.nameOf(event.principal)} may ${right} ${event.stream} ${span}`
}

function grantText({ stream, span, grantedBy }: EventOf<'grant'>, lookup: Lookup): string {
  const from = grantedBy.join(', then ')
  return `A grant came: ${stream} ${spanText(span, lookup.epochSeconds(stream))}, from ${from}`
}

function describeReaderEvent(event: ReaderEvent, lookup: Lookup): string {
  switch (event.type) {
    case 'gap': {
      const { first, last } = event.missing
      const which = first === last ? `message ${first}` : `messages ${first} to ${last}`
      return missingText(event, which, first === last)
    }
    case 'sessions-missing': {
      const { sessionCount, objectCount } = event
      const objects = objectCount === undefined ? '' : ` (${counted(objectCount, 'message')})`
      return missingText(event, `${counted(sessionCount, 'session')}${objects}`, sessionCount === 1)
    }
    case 'gap-filled':
      return `Came after all: message ${event.counter} of ${event.stream}`
    case 'duplicate':
      return `Came again: message ${event.counter} of ${event.stream} (a replay, or sent twice on the way)`
    case 'conflict':
      return `Two different messages at ${place(event)}: evidence against its producer`
    case 'moved':
      return `Not shown: a message of ${event.stream} was moved to ${event.address}`
    case 'stale':
      return event.ageMs === undefined
        ? `Not shown: a message of ${event.stream} does not say how old it is`
        : `Not shown: a message of ${event.stream} is ${formatDuration(event.ageMs / 1000)} old`
    case 'refused':
      if (event.code === 'ERR_LIMIT') return largeText(event)
      return `Not shown: ${place(event)} does not count (${event.code})`
    case 'not-authentic':
      return `Not authentic: something at ${event.address} was forged or changed on the way`
    case 'malformed':
      return `Not an object: ${counted(event.byteCount, 'byte')} at ${event.address} (${event.code})`
    case 'transfer-incomplete':
      return incompleteText(event)
    case 'transfer-conflict':
      return `A piece at ${place(event)} contradicts others of its message: evidence against its producer`
    case 'properties-changed':
      return `Changed on the way: ${event.names.join(', ')} beside ${place(event)}, which is shown as it was sealed`
    case 'parked':
      return `Kept until there is a key: a message at ${event.address} (kid ${event.kid ?? '?'})`
    case 'evicted':
      return `Given up: a kept message at ${event.address} (${EVICTIONS[event.reason]})`
    case 'drained':
      return `${counted(event.count, 'kept message')} can now be read (kid ${event.kid})`
    case 'two-writers': {
      const names = event.producers.map((id) => lookup.nameOf(id))
      return `Two producers write ${event.stream}: ${names.join(' and ')}`
    }
  }
}

/** Of what comes in pieces, the only thing that has a limit here. */
function largeText({ stream }: StreamFacts): string {
  return (
    `Not shown: a file of ${stream} that is too large to be held; it comes in pieces: ` +
    `waxwing receive FILE --stream ${stream}`
  )
}

function incompleteText(event: EventOf<'transfer-incomplete'>): string {
  const { stream, missing, pieceCount, reason } = event
  const ranges = missing.map(({ first, last }) =>
    first === last ? `${first}` : `${first}-${last}`,
  )
  const of = pieceCount === undefined ? '' : ` of ${counted(pieceCount, 'piece')}`
  const why = reason === 'quota' ? 'no room to wait for more' : 'waited for too long'
  return `Given up: a message of ${stream} in pieces, without ${ranges.join(', ')}${of} (${why})`
}

/** Where nothing but retained messages had come, what is missing need not be anybody's fault. */
function missingText(
  { stream, afterRetained }: StreamFacts & AfterRetained,
  which: string,
  isOne: boolean,
): string {
  if (afterRetained === true) {
    return `Not seen of ${stream}: ${which}, sent before this reader subscribed, or lost`
  }
  return `Missing in ${stream}: ${which} ${isOne ? 'is' : 'are'} lost, late or withheld`
}

/** Epochs as times: `from 2026-11-22 10:00 on`. */
export function spanText({ first, last }: Span, epochSeconds: number | undefined): string {
  const span = { first, last }
  if (epochSeconds === undefined) {
    return isOpenEnded(span) ? `from epoch ${first} on` : `epochs ${first} to ${last}`
  }
  const precision = epochSeconds % 60 === 0 ? 'minute' : 'second'
  const at = (epoch: number): string =>
    formatTime(new Date(epochStartMs(epoch, epochSeconds)), precision)
  if (isOpenEnded(span)) return first === 0 ? 'for all time' : `from ${at(first)} on`
  return `from ${at(first)} until ${at(last + 1)}`
}

export function spansText(spans: readonly Span[], epochSeconds: number | undefined): string {
  return spans.map((span) => spanText(span, epochSeconds)).join(' and ')
}

/** Anything as JSON: bytes in hex, dates in ISO 8601, errors by code and message. */
export function toJson(value: unknown): Json {
  if (value === null || value === undefined) return null
  if (value instanceof Uint8Array) return toHex(value)
  if (value instanceof Date) return value.toISOString()
  if (value instanceof WaxwingError) return { code: value.code, message: value.message }
  if (value instanceof Map) return toJson(Object.fromEntries(value))
  if (Array.isArray(value)) return value.map(toJson)
  if (typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]))
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value
  }
  return typeof value === 'bigint' ? value.toString() : null
}

function place({ stream, session, counter }: StreamFacts): string {
  return `message ${counter ?? '?'} of ${stream} (session ${shortId(session ?? '?')})`
}

const DENIALS = {
  'not-authorized': 'Denied: you may not read this',
  'pending-approval': 'Somebody was asked, and has not decided yet',
  'rate-limited': 'Asked too often',
  'out-of-span': 'Denied: not for this time',
} as const

const EVICTIONS = {
  quota: 'too many are kept',
  denied: 'access was denied',
  expired: 'kept too long',
} as const

const CLOCK = {
  back: 'The clock went back',
  ahead: 'The clock jumped ahead',
  unknown: 'The clock does not know the time any more',
} as const
