// SPDX-License-Identifier: Apache-2.0
/**
 * What an intermediary can do to messages on the way, scripted or at seeded random
 * (`docs/spec/11-threats.md`): the test's own adversary.
 *
 * Each message that a client sends passes the rules once, in the order in which they were added;
 * the first rule that returns a fault decides. Held messages come out after the given number of
 * others have passed, or at `release`.
 *
 * @module
 */

import { seededRandom } from './seeded-random.js'
import { matchesFilter } from './topic-filter.js'

/** A message as the broker has it. */
export interface Carried {
  readonly address: string
  readonly payload: Uint8Array
  readonly retained: boolean
  readonly properties: Readonly<Record<string, string>>
  /** When the broker got it, by its clock; milliseconds since 1970, or `undefined`. */
  readonly receivedMs: number | undefined
  /** By the broker's monotonic clock: when it is dropped. */
  readonly expiresMs: number
}

export type Fault =
  /** The sender is told `ERR_TRANSPORT`; nobody gets the message. */
  | { readonly kind: 'refuse' }
  /** The sender is told that all is well; nobody gets the message. */
  | { readonly kind: 'drop' }
  /** Everybody gets it `times` times. Default 2. */
  | { readonly kind: 'duplicate'; readonly times?: number }
  /** Held until `messages` others have passed. Default: until `release`. */
  | { readonly kind: 'delay'; readonly messages?: number }
  /** Comes after the next message instead of before it. */
  | { readonly kind: 'reorder' }
  /** `bits` bits are flipped. Default 1. */
  | { readonly kind: 'corrupt'; readonly bits?: number }
  /** Cut to `toBytes`. Default: a random shorter length. */
  | { readonly kind: 'truncate'; readonly toBytes?: number }
  | { readonly kind: 'redirect'; readonly address: string }
  /** Followed by an old message: of the same address, drawn at random. */
  | { readonly kind: 'replay' }

export type Rule = (message: Carried) => Fault | undefined

/** The faults that {@link Faults.random} can draw; each with its probability, 0 to 1. */
export interface RandomFaults {
  readonly drop?: number
  readonly duplicate?: number
  readonly delay?: number
  readonly reorder?: number
  readonly corrupt?: number
  readonly truncate?: number
  readonly replay?: number
  /** Only addresses that match. Default `#`. */
  readonly filter?: string
}

export interface Faults {
  /** Adds a rule. Returns a function that removes it. */
  rule(rule: Rule): () => void
  /** One fault for the next message whose address matches. */
  once(filter: string, fault: Fault): void
  /** One fault for each message whose address matches. Returns a function that ends it. */
  always(filter: string, fault: Fault): () => void
  /** Faults at random, repeatable by the broker's seed. Returns a function that ends it. */
  random(faults: RandomFaults): () => void
  /** Lets all held messages out, in the order in which they came. */
  release(): void
  /** Ends all rules and lets all held messages out. */
  clear(): void
}

interface Held {
  readonly message: Carried
  remaining: number
}

const RANDOM_KINDS = [
  'drop',
  'duplicate',
  'delay',
  'reorder',
  'corrupt',
  'truncate',
  'replay',
] as const

/** Random delays hold a message for at most this many others. */
const MAX_RANDOM_DELAY = 8

export class FaultInjector implements Faults {
  readonly #rules: Set<Rule> = new Set()
  readonly #random: () => number
  readonly #past: readonly Carried[]
  readonly #route: (message: Carried) => void
  #held: Held[] = []

  /** `past` is everything carried so far; `route` delivers what comes out. */
  constructor(seed: number, past: readonly Carried[], route: (message: Carried) => void) {
    this.#random = seededRandom(seed)
    this.#past = past
    this.#route = route
  }

  rule(rule: Rule): () => void {
    const own: Rule = (message) => rule(message)
    this.#rules.add(own)
    return () => void this.#rules.delete(own)
  }

  once(filter: string, fault: Fault): void {
    const remove = this.rule((message) => {
      if (!matchesFilter(filter, message.address)) return undefined
      remove()
      return fault
    })
  }

  always(filter: string, fault: Fault): () => void {
    return this.rule(({ address }) => (matchesFilter(filter, address) ? fault : undefined))
  }

  random(faults: RandomFaults): () => void {
    const { filter = '#' } = faults
    return this.rule(({ address }) => {
      if (!matchesFilter(filter, address)) return undefined
      let draw = this.#random()
      for (const kind of RANDOM_KINDS) {
        draw -= faults[kind] ?? 0
        if (draw < 0) return this.#drawn(kind)
      }
      return undefined
    })
  }

  release(): void {
    const held = this.#held
    this.#held = []
    for (const { message } of held) this.#route(message)
  }

  clear(): void {
    this.#rules.clear()
    this.release()
  }

  /** Decides on one message: `false` if the sender is to be refused. */
  pass(message: Carried): boolean {
    const fault = this.#decide(message)
    if (fault?.kind === 'refuse') return false
    const due = this.#due() // before this message is held, so that it does not count itself
    for (const changed of this.#apply(message, fault)) this.#route(changed)
    for (const late of due) this.#route(late)
    return true
  }

  #decide(message: Carried): Fault | undefined {
    for (const rule of this.#rules) {
      const fault = rule(message)
      if (fault !== undefined) return fault
    }
    return undefined
  }

  #apply(message: Carried, fault: Fault | undefined): readonly Carried[] {
    switch (fault?.kind) {
      case undefined:
        return [message]
      case 'refuse':
      case 'drop':
        return []
      case 'duplicate':
        return Array.from({ length: fault.times ?? 2 }, () => message)
      case 'delay':
        return this.#hold(message, fault.messages ?? Infinity)
      case 'reorder':
        return this.#hold(message, 1)
      case 'corrupt':
        return [{ ...message, payload: this.#flip(message.payload, fault.bits ?? 1) }]
      case 'truncate':
        return [{ ...message, payload: this.#cut(message.payload, fault.toBytes) }]
      case 'redirect':
        return [{ ...message, address: fault.address }]
      case 'replay':
        return [message, ...this.#old(message)]
    }
  }

  #hold(message: Carried, messages: number): readonly Carried[] {
    this.#held.push({ message, remaining: messages })
    return []
  }

  #due(): readonly Carried[] {
    for (const held of this.#held) held.remaining--
    const due = this.#held.filter(({ remaining }) => remaining <= 0)
    this.#held = this.#held.filter(({ remaining }) => remaining > 0)
    return due.map(({ message }) => message)
  }

  /** Flips that many different bits (all of them, if there are fewer). */
  #flip(payload: Uint8Array, bits: number): Uint8Array {
    const changed = payload.slice()
    const chosen = new Set<number>()
    while (chosen.size < Math.min(bits, payload.length * 8)) {
      chosen.add(this.#below(payload.length * 8))
    }
    for (const bit of chosen) changed[bit >>> 3]! ^= 1 << (bit & 7)
    return changed
  }

  #cut(payload: Uint8Array, toBytes: number | undefined): Uint8Array {
    return payload.slice(0, toBytes ?? this.#below(payload.length))
  }

  #old(message: Carried): readonly Carried[] {
    const old = this.#past.filter((one) => one !== message && one.address === message.address)
    const drawn = old[this.#below(old.length)]
    return drawn ? [{ ...drawn, retained: false }] : []
  }

  #drawn(kind: (typeof RANDOM_KINDS)[number]): Fault {
    return kind === 'delay' ? { kind, messages: 1 + this.#below(MAX_RANDOM_DELAY) } : { kind }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}
