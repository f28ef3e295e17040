// SPDX-License-Identifier: Apache-2.0
/**
 * Which addresses there are for whoever subscribed. A broker tells of a resource only when it is asked,
 * so a subscription looks at its beginning, whenever the common bell rings, and at intervals, since not
 * every publisher rings it.
 *
 * @module
 */

import { isControlAddress, toHex } from '@waxwing/core'
import { bellValue } from './bells.js'
import { type Found, readListing } from './listing.js'
import { closedError } from './refusals.js'
import type { Registration } from './registration.js'
import { Rounds } from './rounds.js'
import { TopicTable, type TopicTableInputs } from './topic-table.js'
import { COMMON_BELL, listingPrefix } from './topics.js'
import { Watch } from './watch.js'

export class Directory {
  readonly #inputs: TopicTableInputs
  readonly #registrations = new Set<Registration>()
  readonly #topics: TopicTable
  /** Two, so that control messages are found however long it takes to find data. */
  readonly #rounds: readonly Rounds[]
  #bell: Watch | undefined
  /** Whether the broker has not refused it yet. */
  #mayHang = true
  #timer: NodeJS.Timeout | undefined

  constructor(inputs: TopicTableInputs) {
    this.#inputs = inputs
    this.#topics = new TopicTable(inputs)
    const goesOn = (): boolean => this.#isWanted
    this.#rounds = [true, false].map(
      (isControl) => new Rounds(() => this.#lookForAll(isControl), goesOn),
    )
  }

  /** Resolves when whatever is sent from now on will be noticed. */
  async add(registration: Registration): Promise<void> {
    this.#registrations.add(registration)
    await this.#hear()
    try {
      await this.#list(prefixOf(registration), [registration], true)
    } finally {
      this.#lookLater()
    }
    if (this.#inputs.signal.aborted) throw closedError()
    registration.began()
  }

  remove(registration: Registration): void {
    registration.close()
    this.#registrations.delete(registration)
    for (const topic of this.#topics) topic.leave(registration)
    this.#topics.forgetIdle()
    if (this.#registrations.size === 0) this.close()
  }

  /** The broker answers again after it did not: it may have forgotten everything. */
  returned(): void {
    this.#mayHang = true
    for (const topic of this.#topics) topic.returned()
    this.#bell?.renew()
    this.#look()
  }

  /** Calls no handler any more. */
  close(): void {
    clearTimeout(this.#timer)
    this.#bell?.close()
    this.#bell = undefined
    for (const registration of this.#registrations) registration.close()
    for (const topic of this.#topics) topic.close()
  }

  /** Listens to the common bell; where there is none, hangs one up. */
  async #hear(): Promise<void> {
    if ((await this.#isHeard()) || !this.#mayHang || !this.#isWanted) return
    const { control, signal } = this.#inputs
    try {
      await control.put(COMMON_BELL, bellValue(), signal)
      await this.#isHeard()
    } catch (error) {
      this.#mayHang = false // then the interval has to do
      this.#report(error)
    }
  }

  async #isHeard(): Promise<boolean> {
    this.#bell ??= this.#watchBell()
    const bell = this.#bell
    await bell.registered
    return this.#bell === bell
  }

  #watchBell(): Watch {
    const { control, options, report } = this.#inputs
    const terms = { renewMs: options.renewMs, retryMs: options.retryMinMs }
    let heard: string | undefined
    const bell = new Watch(control, COMMON_BELL, terms, {
      value: (payload) => {
        const value = toHex(payload)
        if (heard !== undefined && heard !== value) this.#look()
        heard = value
        return Promise.resolve()
      },
      gone: () => {
        if (this.#bell !== bell) return
        this.#bell = undefined
        if (heard !== undefined) this.#look()
      },
      report,
    })
    return bell
  }

  /** Whether anybody listens. */
  get #isWanted(): boolean {
    return this.#registrations.size > 0 && !this.#inputs.signal.aborted
  }

  #look(): void {
    for (const rounds of this.#rounds) void rounds.ask()
  }

  #lookLater(): void {
    clearTimeout(this.#timer)
    if (this.#isWanted)
      this.#timer = setTimeout(() => this.#look(), this.#inputs.options.discoverMs)
  }

  /** Looks what there is. What cannot be listed for one filter hides nothing from the others. */
  async #lookForAll(isControl: boolean): Promise<void> {
    await this.#hear()
    const registrations = [...this.#registrations].filter(
      ({ filter }) => isControlAddress(filter) === isControl,
    )
    for (const [prefix, group] of Map.groupBy(registrations, prefixOf)) {
      await this.#list(prefix, group, false).catch((error: unknown) => this.#report(error))
    }
    this.#topics.forgetIdle()
    this.#lookLater()
  }

  /** @param isFirst - They just subscribed, and wait until the broker knows. */
  async #list(
    prefix: string,
    registrations: readonly Registration[],
    isFirst: boolean,
  ): Promise<void> {
    const { data, control, signal } = this.#inputs
    const broker = isControlAddress(prefix.slice(1)) ? control : data
    const listing = readListing(await broker.list(prefix, signal))
    const known = registrations.map((registration) => this.#apply(listing, registration, isFirst))
    if (isFirst) await Promise.all(known)
    else for (const each of known) each.catch((error: unknown) => this.#report(error))
  }

  async #apply(
    listing: ReadonlyMap<string, Found>,
    registration: Registration,
    isFirst: boolean,
  ): Promise<void> {
    const known: Promise<void>[] = []
    for (const [address, found] of listing) {
      if (registration.isClosed || !registration.takes(address)) continue
      const topic = this.#topics.obtain(address, registration)
      if (topic !== undefined) known.push(topic.join(registration), topic.found(found, isFirst))
    }
    await Promise.all(known)
  }

  #report(error: unknown): void {
    if (!this.#inputs.signal.aborted) this.#inputs.report(error)
  }
}

function prefixOf({ filter }: Registration): string {
  return listingPrefix(filter)
}
