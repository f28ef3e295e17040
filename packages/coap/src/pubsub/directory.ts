// SPDX-License-Identifier: Apache-2.0
/**
 * Which addresses there are for whoever subscribed. A broker tells of a resource only when it is asked,
 * so a subscription looks at its beginning, whenever the common bell rings, and at intervals, since not
 * every publisher rings it.
 *
 * @module
 */

import { isControlAddress, toHex, WaxwingError } from '@waxwing/core'
import { bellValue } from './bells.js'
import type { Broker } from './broker.js'
import { type Found, readListing } from './listing.js'
import type { ResolvedOptions } from './options.js'
import { closedError } from './refusals.js'
import type { Registration } from './registration.js'
import { Topic } from './topic.js'
import { COMMON_BELL, listingPrefix } from './topics.js'
import { Watch } from './watch.js'

/** What {@link Directory} needs. */
export interface DirectoryInputs {
  /** Observes the topic-data resources of data. */
  readonly data: Broker
  /** Everything else: data do not stand in its way. */
  readonly control: Broker
  readonly options: ResolvedOptions
  /** Aborted when nothing is read any more. */
  readonly signal: AbortSignal
  readonly report: (error: unknown) => void
}

export class Directory {
  readonly #inputs: DirectoryInputs
  readonly #registrations = new Set<Registration>()
  readonly #topics = new Map<string, Topic>()
  #bell: Watch | undefined
  /** Whether the broker has not refused it yet. */
  #mayHang = true
  #timer: NodeJS.Timeout | undefined
  #isLooking = false
  #mustLook = false
  #isFull = false

  constructor(inputs: DirectoryInputs) {
    this.#inputs = inputs
  }

  /** Resolves when whatever is sent from now on will be noticed. */
  async add(registration: Registration): Promise<void> {
    this.#registrations.add(registration)
    await this.#hear()
    await this.#lookFor([registration], true)
    if (this.#inputs.signal.aborted) throw closedError()
    registration.began()
  }

  remove(registration: Registration): void {
    registration.close()
    this.#registrations.delete(registration)
    for (const topic of this.#topics.values()) topic.leave(registration)
    this.#forgetIdle()
    if (this.#registrations.size === 0) this.close()
  }

  /** The broker answers again after it did not: it may have forgotten everything. */
  returned(): void {
    this.#mayHang = true
    for (const topic of this.#topics.values()) topic.returned()
    this.#bell?.renew()
    this.#look()
  }

  /** Calls no handler any more. */
  close(): void {
    clearTimeout(this.#timer)
    this.#bell?.close()
    this.#bell = undefined
    for (const registration of this.#registrations) registration.close()
    for (const topic of this.#topics.values()) topic.close()
  }

  /** Listens to the common bell; where there is none, hangs one up. */
  async #hear(): Promise<void> {
    if ((await this.#isHeard()) || !this.#mayHang) return
    const { control, signal, report } = this.#inputs
    try {
      await control.put(COMMON_BELL, bellValue(), signal)
      await this.#isHeard()
    } catch (error) {
      this.#mayHang = false // then the interval has to do
      if (!signal.aborted) report(error)
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

  /** Looks what there is; once more for all who ask while it looks. */
  #look(): void {
    this.#mustLook = true
    if (this.#isLooking) return
    this.#isLooking = true
    void this.#run()
  }

  async #run(): Promise<void> {
    const { signal, report } = this.#inputs
    while (this.#mustLook && this.#registrations.size > 0 && !signal.aborted) {
      this.#mustLook = false
      await this.#hear()
      await this.#lookFor([...this.#registrations], false).catch((error: unknown) => {
        if (!signal.aborted) report(error)
      })
      this.#forgetIdle()
    }
    this.#isLooking = false
  }

  #lookLater(): void {
    const { signal, options } = this.#inputs
    clearTimeout(this.#timer)
    if (signal.aborted || this.#registrations.size === 0) return
    this.#timer = setTimeout(() => this.#look(), options.discoverMs)
  }

  /** @param isFirst - They just subscribed. */
  async #lookFor(registrations: readonly Registration[], isFirst: boolean): Promise<void> {
    const { control, signal } = this.#inputs
    const byPrefix = Map.groupBy(registrations, ({ filter }) => listingPrefix(filter))
    try {
      for (const [prefix, group] of byPrefix) {
        const listing = readListing(await control.list(prefix, signal))
        await Promise.all(group.map((registration) => this.#apply(listing, registration, isFirst)))
      }
    } finally {
      this.#lookLater()
    }
  }

  async #apply(
    listing: ReadonlyMap<string, Found>,
    registration: Registration,
    isFirst: boolean,
  ): Promise<void> {
    const known: Promise<void>[] = []
    for (const [address, found] of listing) {
      if (registration.isClosed || !registration.takes(address)) continue
      const topic = this.#topicOf(address)
      if (topic !== undefined) known.push(topic.join(registration), topic.found(found, isFirst))
    }
    await Promise.all(known)
  }

  #topicOf(address: string): Topic | undefined {
    const known = this.#topics.get(address)
    if (known !== undefined) return known
    if (this.#topics.size >= this.#inputs.options.maxAddresses) return this.#refuse()
    const topic = this.#newTopic(address)
    this.#topics.set(address, topic)
    return topic
  }

  #newTopic(address: string): Topic {
    const { data, control, options, signal, report } = this.#inputs
    const { renewMs, retryMinMs: retryMs, maxPayloadBytes } = options
    const isControl = isControlAddress(address)
    const inputs = {
      broker: control,
      terms: { renewMs, retryMs },
      maxPayloadBytes,
      lifetimeMs: isControl ? options.requestLifetimeMs : options.slotLifetimeMs,
      signal,
      report,
    }
    return new Topic(address, isControl ? control : data, inputs)
  }

  #refuse(): undefined {
    if (this.#isFull) return
    this.#isFull = true
    const message = 'there are more addresses than maxAddresses; the others are not listened to'
    this.#inputs.report(new WaxwingError('ERR_LIMIT', message, { rule: 'maxAddresses' }))
  }

  #forgetIdle(): void {
    for (const [address, topic] of this.#topics) {
      if (!topic.isIdle) continue
      topic.close()
      this.#topics.delete(address)
      this.#isFull = false
    }
  }
}
