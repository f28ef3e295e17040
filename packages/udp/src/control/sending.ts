// SPDX-License-Identifier: Apache-2.0
/**
 * Control messages on their way to whoever takes them (`docs/spec/09-bindings.md` Section 9.11.4): to the
 * peers that are known for the address, and, where these do not take it or were tried before, to those
 * of the group that say that they do.
 *
 * Who is known is a hint of anyone. So all of the known get a message at once, and a second message to
 * an address goes to the group as well: a peer that takes what is not for it hides nobody for long.
 *
 * @module
 */

import type { Peer } from '@waxwing/coap'
import type { Correspondents } from '@waxwing/transport-kit'
import { inboxOf, Pauses, transportError } from '@waxwing/transport-kit'
import { RESOURCE } from '../addresses.js'
import { inquiryFor } from '../inquiry.js'
import type { Lan } from '../lan/lan.js'
import { pause } from '../pause.js'
import { formatPeer, parsePeer } from './peers.js'
import type { Questions } from './questions.js'
import type { Unicast } from './unicast.js'

export interface ControlSendingTerms {
  readonly correspondents: Correspondents
  readonly questions: Questions
  readonly unicast: Unicast
  readonly lan: Lan
  readonly controlTimeoutMs: number
  /** Aborted when nothing is sent any more. */
  readonly signal: AbortSignal
}

const MAX_ADDRESSES = 1_024
/** For so long who took something is offered the next one first. */
const TAKER_LIFETIME_MS = 600_000
const MAX_TAKERS = 8
/** The group is asked when nobody who is known has taken it by then. */
const KNOWN_MS = 2_000
const PAUSE_MIN_MS = 100
const PAUSE_MAX_MS = 3_000
/** Of one message, before it is offered to all of them again. */
const MAX_OFFERS = 32
/** What may go to an address that nobody has proved: not more than asking whether it is wanted. */
const SMALL_BYTES = 128

/** An address that something was sent to. */
interface Known {
  /** Who took something, the last one first. */
  readonly takers: readonly Peer[]
  readonly until: number
}

/** A question, who answered so far, and whom to tell of more. */
interface Asking {
  readonly found: Peer[]
  readonly told: Set<(peer: Peer) => void>
  readonly over: Promise<void>
}

export class ControlSending {
  readonly #terms: ControlSendingTerms
  readonly #known = new Map<string, Known>()
  /** Questions under way, by address. */
  readonly #asking = new Map<string, Asking>()
  readonly #sends = new Set<Promise<void>>()

  constructor(terms: ControlSendingTerms) {
    this.#terms = terms
  }

  /**
   * Resolves when an endpoint has acknowledged the message.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` if nobody did in time; the reason of the signal.
   */
  send(address: string, payload: Uint8Array): Promise<void> {
    const sending = this.#send(address, payload).finally(() => this.#sends.delete(sending))
    this.#sends.add(sending)
    return sending
  }

  /** Resolves when all that is being sent was taken or refused. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#sends)
  }

  async #send(address: string, payload: Uint8Array): Promise<void> {
    const { controlTimeoutMs, signal } = this.#terms
    const until = performance.now() + controlTimeoutMs
    const pauses = new Pauses(PAUSE_MIN_MS, PAUSE_MAX_MS)
    const { takers, learned, wasUsed } = this.#knownFor(address)
    this.#remember(address, takers)
    const delivery = new Delivery(this.#terms.unicast, address, payload)
    const offerToKnown = (): void => {
      for (const peer of takers) delivery.offer(peer, true)
      for (const peer of learned) delivery.offer(peer, inboxOf(address) !== undefined)
    }
    offerToKnown()
    const isKnown = takers.length + learned.length > 0
    let taker = isKnown && !wasUsed ? await inTimeOr(delivery.outcome(), KNOWN_MS) : undefined
    while (taker === undefined) {
      taker = await this.#sought(address, delivery)
      signal.throwIfAborted()
      if (taker !== undefined) break
      if (performance.now() >= until) {
        throw transportError(`nobody on the link takes ${address}`, delivery.refusal)
      }
      await pause(pauses.next(), signal)
      signal.throwIfAborted()
      delivery.again()
      offerToKnown() // the group may not be heard there
    }
    this.#took(address, taker)
  }

  /**
   * Offers it to whoever answers, also after the first has taken it: that one may not be who it is for.
   * Resolves with the first.
   */
  async #sought(address: string, delivery: Delivery): Promise<Peer | undefined> {
    const tell = (peer: Peer): void => delivery.offer(peer, false)
    const { found, told, over } = this.#ask(address)
    for (const peer of found) tell(peer)
    told.add(tell)
    return Promise.race([delivery.taken, over.then(() => delivery.outcome())])
  }

  /** One question for all that wait for its answers. */
  #ask(address: string): Asking {
    const under = this.#asking.get(address)
    if (under !== undefined) return under
    const found: Peer[] = []
    const told = new Set<(peer: Peer) => void>()
    const { questions } = this.#terms
    const over = questions
      .ask(RESOURCE.listeners, inquiryFor(address), (peer) => {
        found.push(peer)
        for (const tell of told) tell(peer)
      })
      .finally(() => this.#asking.delete(address))
    const asking = { found, told, over }
    this.#asking.set(address, asking)
    return asking
  }

  #knownFor(address: string): {
    takers: readonly Peer[]
    learned: readonly Peer[]
    wasUsed: boolean
  } {
    const { correspondents, lan } = this.#terms
    const known = this.#known.get(address)
    const isFresh = known !== undefined && known.until > performance.now()
    const isNear = (peer: Peer): boolean => lan.isNear(peer)
    const learned = correspondents.peersFor(address).flatMap((text) => parsePeer(text) ?? [])
    return {
      takers: isFresh ? known.takers.filter(isNear) : [],
      learned: learned.filter(isNear),
      wasUsed: isFresh,
    }
  }

  #took(address: string, peer: Peer): void {
    const before = this.#known.get(address)?.takers ?? []
    const others = before.filter((other) => formatPeer(other) !== formatPeer(peer))
    this.#remember(address, [peer, ...others].slice(0, MAX_TAKERS))
  }

  #remember(address: string, takers: readonly Peer[]): void {
    this.#known.delete(address)
    this.#known.set(address, { takers, until: performance.now() + TAKER_LIFETIME_MS })
    if (this.#known.size <= MAX_ADDRESSES) return
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest)
      return
    }
  }
}

/** One message, offered to several peers. */
class Delivery {
  readonly #unicast: Unicast
  readonly #address: string
  readonly #payload: Uint8Array
  readonly #offered = new Map<string, Promise<void>>()
  readonly #taken = Promise.withResolvers<Peer>()
  #refusal: unknown

  constructor(unicast: Unicast, address: string, payload: Uint8Array) {
    this.#unicast = unicast
    this.#address = address
    this.#payload = payload
  }

  /** Resolves with the first that took it; never, if none does. */
  get taken(): Promise<Peer> {
    return this.#taken.promise
  }

  /** Why one of them did not take it. */
  get refusal(): unknown {
    return this.#refusal
  }

  /**
   * Offers it to a peer, once.
   *
   * @param isProved - The peer has received something at its address: it may be sent much. Else it is
   *   asked first whether it wants it.
   */
  offer(peer: Peer, isProved: boolean): void {
    const name = formatPeer(peer)
    if (this.#offered.has(name) || this.#offered.size >= MAX_OFFERS) return
    const offer = this.#deliver(peer, isProved).catch((error: unknown) => {
      this.#refusal = error // another may take it
    })
    this.#offered.set(name, offer)
  }

  /** Whoever did not take it may be offered it again. */
  again(): void {
    this.#offered.clear()
  }

  /** Resolves with the first that took it; without one, when all that were offered it have refused. */
  async outcome(): Promise<Peer | undefined> {
    const none = Promise.all(this.#offered.values()).then(() => undefined)
    return Promise.race([this.#taken.promise, none])
  }

  async #deliver(peer: Peer, isProved: boolean): Promise<void> {
    const isSmall = this.#payload.length <= SMALL_BYTES
    if (!isProved && !isSmall) await this.#unicast.probe(this.#address, peer)
    await this.#unicast.deliver(this.#address, this.#payload, peer)
    this.#taken.resolve(peer)
  }
}

/** What the promise resolves with, or nothing if that takes longer. */
async function inTimeOr<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(resolve, ms)
  const result = await Promise.race([promise, late])
  clearTimeout(timer)
  return result
}
