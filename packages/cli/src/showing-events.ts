// SPDX-License-Identifier: Apache-2.0
/**
 * Showing an endpoint's events as they come: to people in plain words beside the results, to programs
 * as results of their own.
 *
 * @module
 */

import { CONTROL_PREFIX, fromBase64Url, type WaxwingError } from '@waxwing/core'
import type { Endpoint, WaxwingEvent } from '@waxwing/client'
import { shortId, type Json, type Output } from './output.js'
import { describeEvent, toJson, type Lookup } from './wording.js'

/** What wording needs to know, from the endpoint. */
export function lookupOf(endpoint: Endpoint | undefined): Lookup {
  return {
    epochSeconds: (streamOrKid) =>
      endpoint
        ?.generations()
        .find(({ stream, kid }) => stream === streamOrKid || kid === streamOrKid)?.manifest
        .epochSeconds,
    nameOf: (id) => {
      const bytes = fromBase64Url(id)
      const known = bytes && endpoint?.parts.trustBook.principalOf(bytes)
      return known?.name ?? shortId(id)
    },
  }
}

/**
 * Tells events from the very start. Until the endpoint is open nothing can be looked up for them, so
 * they wait; what goes wrong does not.
 */
export class EventTeller {
  readonly #output: Output
  readonly #showsAll: boolean
  #endpoint: Endpoint | undefined
  #waiting: WaxwingEvent[] = []
  #lastError = ''
  /** Streams of which it was said that a file is too large: each of its pieces is refused. */
  readonly #tooLarge = new Set<string>()
  /** Of what it was said last that it is kept: many messages may come in a row. */
  #lastParked = ''

  /** @param showsAll - `false`: only what went wrong. */
  constructor(output: Output, showsAll: boolean) {
    this.#output = output
    this.#showsAll = showsAll
  }

  /** The endpoint is open: tells what has waited. */
  opened(endpoint: Endpoint): void {
    this.#endpoint = endpoint
    for (const event of this.#waiting.splice(0)) this.tell(event)
  }

  tell(event: WaxwingEvent): void {
    const output = this.#output
    if (event.type === 'error') {
      this.#tellError(event.error)
      return
    }
    if (!this.#showsAll) return
    if (this.#endpoint === undefined) this.#waiting.push(event)
    else if (output.json) output.result({ event: event.type, ...factsOf(event) }, [])
    else if (!isStale(event) && !this.#isToldOf(event))
      output.note(describeEvent(event, lookupOf(this.#endpoint)))
  }

  /** Whether it would say for each of many what it has said for one of them. */
  #isToldOf(event: WaxwingEvent): boolean {
    if (event.type === 'parked') {
      const last = this.#lastParked
      this.#lastParked = `${event.kid ?? ''} ${event.address ?? ''}`
      return this.#lastParked === last
    }
    if (event.type === 'drained') this.#lastParked = ''
    if (event.type !== 'refused' || event.code !== 'ERR_LIMIT') return false
    if (this.#tooLarge.has(event.stream)) return true
    this.#tooLarge.add(event.stream)
    return false
  }

  /** Each once, until another comes. Of the connection itself `watchConnection` tells. */
  #tellError({ code, message }: WaxwingError): void {
    const isTold = code === 'ERR_TRANSPORT' && message.startsWith('connection failed')
    if (isTold || message === this.#lastError) return
    this.#lastError = message
    this.#output.warn(`Problem: ${message} (${code})`)
  }
}

/** What a broker keeps of somebody who was revoked, or whose card is over, is no news to people. */
function isStale(event: WaxwingEvent): boolean {
  return (
    event.type === 'control-refused' &&
    event.address.startsWith(`${CONTROL_PREFIX}trust/`) &&
    (event.code === 'ERR_REVOKED' || event.code === 'ERR_EXPIRED')
  )
}

function factsOf(event: WaxwingEvent): { readonly [key: string]: Json } {
  const facts = Object.entries(event).filter(([name]) => name !== 'type')
  return Object.fromEntries(facts.map(([name, value]) => [name, toJson(value)]))
}
