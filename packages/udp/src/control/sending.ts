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
import { Pauses, transportError } from '@waxwing/transport-kit'
import { RESOURCE } from '../addresses.js'
import type { Lan } from '../lan/lan.js'
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
/** For so long who answered for an address is asked first. */
const ANSWER_LIFETIME_MS = 600_000
const PAUSE_MIN_MS = 100
const PAUSE_MAX_MS = 3_000
/** To one peer at once. */
const MAX_PEERS = 16

interface Known {
  /** Who took something, or said that it would. */
  readonly peers: readonly Peer[]
  readonly until: number
  /** Something was sent there. */
  readonly wasUsed: boolean
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
    const { peers, wasUsed } = this.#knownFor(address)
    this.#remember(address, peers, true)
    for (let isFirst = true; ; isFirst = false) {
      const delivery = new Delivery(this.#terms.unicast, address, payload)
      if (isFirst) for (const peer of peers) delivery.offer(peer)
      const mustAsk = !isFirst || wasUsed || peers.length === 0
      const taker = mustAsk ? await this.#sought(address, delivery) : await delivery.outcome()
      if (taker !== undefined) {
        this.#took(address, taker)
        return
      }
      signal.throwIfAborted()
      if (performance.now() >= until) break
      if (!isFirst || mustAsk) await sleep(pauses.next(), signal)
    }
    throw transportError(`nobody on the link takes ${address}`)
  }

  /** Offers it to whoever answers; the first taker ends it. */
  async #sought(address: string, delivery: Delivery): Promise<Peer | undefined> {
    const tell = (peer: Peer): void => delivery.offer(peer)
    const asking = this.#ask(address)
    for (const peer of asking.found) tell(peer)
    asking.told.add(tell)
    const early = delivery.taken
    const over = asking.over.then(() => delivery.outcome())
    try {
      return await Promise.race([early, over])
    } finally {
      asking.told.delete(tell)
    }
  }

  /** One question for all that wait for its answers. */
  #ask(address: string): Asking {
    const under = this.#asking.get(address)
    if (under !== undefined) return under
    const found: Peer[] = []
    const told = new Set<(peer: Peer) => void>()
    const inquiry = {
      filter: address,
      from: undefined,
      until: undefined,
      now: Date.now(),
      cursor: undefined,
    }
    const { questions } = this.#terms
    const over = questions
      .ask(RESOURCE.listeners, inquiry, (peer) => {
        found.push(peer)
        for (const tell of told) tell(peer)
      })
      .finally(() => this.#asking.delete(address))
    const asking = { found, told, over }
    this.#asking.set(address, asking)
    return asking
  }

  #knownFor(address: string): Pick<Known, 'peers' | 'wasUsed'> {
    const { correspondents, lan } = this.#terms
    const known = this.#known.get(address)
    const isFresh = known !== undefined && known.until > performance.now()
    const learned = correspondents.peersFor(address).flatMap((text) => parsePeer(text) ?? [])
    const all = new Map(
      [...(isFresh ? known.peers : []), ...learned].map((peer) => [formatPeer(peer), peer]),
    )
    const peers = [...all.values()].filter((peer) => lan.isNear(peer)).slice(0, MAX_PEERS)
    return { peers, wasUsed: isFresh && known.wasUsed }
  }

  #took(address: string, peer: Peer): void {
    const before = this.#known.get(address)?.peers ?? []
    const others = before.filter((other) => formatPeer(other) !== formatPeer(peer))
    this.#remember(address, [peer, ...others].slice(0, MAX_PEERS), true)
  }

  #remember(address: string, peers: readonly Peer[], wasUsed: boolean): void {
    this.#known.delete(address)
    this.#known.set(address, { peers, wasUsed, until: performance.now() + ANSWER_LIFETIME_MS })
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

  constructor(unicast: Unicast, address: string, payload: Uint8Array) {
    this.#unicast = unicast
    this.#address = address
    this.#payload = payload
  }

  /** Resolves with the first that took it; never, if none does. */
  get taken(): Promise<Peer> {
    return this.#taken.promise
  }

  /** Offers it to a peer, once. */
  offer(peer: Peer): void {
    const name = formatPeer(peer)
    if (this.#offered.has(name) || this.#offered.size >= 2 * MAX_PEERS) return
    const offer = this.#unicast
      .deliver(this.#address, this.#payload, peer)
      .then(() => this.#taken.resolve(peer))
      .catch(() => undefined) // another may take it; if none does, that is told
    this.#offered.set(name, offer)
  }

  /** Resolves with the first that took it; without one, when all that were offered it have refused. */
  async outcome(): Promise<Peer | undefined> {
    const none = Promise.all(this.#offered.values()).then(() => undefined)
    return Promise.race([this.#taken.promise, none])
  }
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  signal.addEventListener('abort', () => resolve(), { once: true })
  await promise
  clearTimeout(timer)
  signal.throwIfAborted()
}
