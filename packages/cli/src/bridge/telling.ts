// SPDX-License-Identifier: Apache-2.0
/**
 * What happens on a bridge, in plain words: what is lost always, what is only in the way once.
 *
 * @module
 */

import { errorCodeOf } from '../exit-codes.js'
import type { BridgeEvent } from '@waxwing/bridge'
import { counted, messageOf, type Json, type Output } from '../output.js'
import type { SideName } from './side.js'

/** So many different things are told once; then they are only counted. */
const MAX_TOLD = 1000

export class BridgeTeller {
  readonly #output: Output
  readonly #places: Readonly<Record<SideName, string>>
  readonly #told = new Set<string>()
  readonly #lost = new Set<SideName>()

  constructor(output: Output, places: Readonly<Record<SideName, string>>) {
    this.#output = output
    this.#places = places
  }

  tell(event: BridgeEvent): void {
    if (this.#output.json) this.#output.result(eventJson(event), [])
    else this.#say(event)
  }

  #say(event: BridgeEvent): void {
    switch (event.type) {
      case 'connection':
        return this.#connection(event.side, event.state === 'connected')
      case 'error':
        return this.#once(`${this.#places[event.side]}: ${messageOf(event.error)}`)
      case 'retry':
        return this.#once(
          `${this.#beyond(event.side)} does not take ${about(event)}; trying again.`,
        )
      case 'different':
        return this.#once(
          `Both sides keep another message at ${event.address}: neither is replaced.`,
        )
      case 'foreign':
        return this.#once(`Left out what is not sealed, at ${event.address}.`)
      case 'refused':
        return this.#refused(event)
    }
  }

  #connection(side: SideName, isConnected: boolean): void {
    const place = this.#places[side]
    if (!isConnected) {
      this.#lost.add(side)
      this.#output.warn(`Lost ${place}; trying again.`)
    } else if (this.#lost.delete(side)) {
      this.#told.clear() // what goes wrong now is news
      this.#output.note(`Connected to ${place} again.`)
    } else this.#output.note(`Connected to ${place}.`)
  }

  #refused(event: Extract<BridgeEvent, { type: 'refused' }>): void {
    const fates = {
      rejected: 'It was handed back',
      'dead-letter': 'It is among the dead letters',
      dropped: 'It is LOST: --dead-letters FILE would keep it',
    }
    const line = `${this.#beyond(event.side)} refuses ${about(event)}. ${fates[event.resort]}.`
    this.#output.warn(line)
  }

  #beyond(side: SideName): string {
    return this.#places[side === 'from' ? 'to' : 'from']
  }

  #once(line: string): void {
    if (this.#told.has(line) || this.#told.size >= MAX_TOLD) return
    this.#told.add(line)
    this.#output.warn(line)
  }
}

function about(event: Extract<BridgeEvent, { type: 'refused' | 'retry' }>): string {
  const { address, byteCount, error } = event
  return `${counted(byteCount, 'byte')} to ${address} (${messageOf(error)})`
}

function eventJson(event: BridgeEvent): { readonly [key: string]: Json } {
  const { type, ...rest } = event
  if (!('error' in rest)) return { event: type, ...rest }
  const { error, ...facts } = rest
  return { event: type, ...facts, error: errorCodeOf(error), message: messageOf(error) }
}
