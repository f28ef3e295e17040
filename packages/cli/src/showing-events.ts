// SPDX-License-Identifier: Apache-2.0
/**
 * Showing an endpoint's events as they come: to people in plain words beside the results, to programs
 * as results of their own.
 *
 * @module
 */

import { fromBase64Url } from '@waxwing/core'
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

/** Tells events from the very start, when there is no endpoint to look things up in yet. */
export class EventTeller {
  endpoint: Endpoint | undefined
  readonly #output: Output
  readonly #showsAll: boolean

  /** @param showsAll - `false`: only what went wrong. */
  constructor(output: Output, showsAll: boolean) {
    this.#output = output
    this.#showsAll = showsAll
  }

  tell(event: WaxwingEvent): void {
    const output = this.#output
    if (event.type === 'error') {
      output.warn(`Problem: ${event.error.message} (${event.error.code})`)
    } else if (this.#showsAll) {
      if (output.json) output.result({ event: event.type, ...factsOf(event) }, [])
      else output.note(describeEvent(event, lookupOf(this.endpoint)))
    }
  }
}

function factsOf(event: WaxwingEvent): { readonly [key: string]: Json } {
  const facts = Object.entries(event).filter(([name]) => name !== 'type')
  return Object.fromEntries(facts.map(([name, value]) => [name, toJson(value)]))
}
