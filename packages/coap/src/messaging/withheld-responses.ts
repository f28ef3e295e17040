// SPDX-License-Identifier: Apache-2.0
/**
 * Responses that could not be sent before their requesters proved their addresses, to requests that must
 * not be executed again; found by what the request says, because it comes again as another message.
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'

/** A response, and what it was the response to. */
export interface WithheldResponse {
  /** Of the request, without what differs when it is repeated. */
  readonly fingerprint: string
  readonly response: CoapMessage
  /** How long it is, about. */
  readonly bytes: number
}

/** Who holds one, until it is sent. */
export interface Withholding {
  withheld?: WithheldResponse | undefined
}

export class WithheldResponses {
  /** Equal requests have one fingerprint, and are each executed. */
  readonly #holders = new Map<string, Set<Withholding>>()

  get isEmpty(): boolean {
    return this.#holders.size === 0
  }

  add(holder: Withholding): void {
    if (holder.withheld === undefined) return
    const { fingerprint } = holder.withheld
    const holders = this.#holders.get(fingerprint) ?? new Set()
    this.#holders.set(fingerprint, holders.add(holder))
  }

  delete(holder: Withholding): void {
    if (holder.withheld === undefined) return
    const { fingerprint } = holder.withheld
    const holders = this.#holders.get(fingerprint)
    holders?.delete(holder)
    if (holders?.size === 0) this.#holders.delete(fingerprint)
  }

  /** The response to an equal request, which is held no longer then. */
  take(fingerprint: string): WithheldResponse | undefined {
    const [holder] = this.#holders.get(fingerprint) ?? []
    const withheld = holder?.withheld
    if (holder === undefined || withheld === undefined) return undefined
    this.delete(holder)
    holder.withheld = undefined
    return withheld
  }
}
