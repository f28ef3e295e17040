// SPDX-License-Identifier: Apache-2.0
/**
 * One observation at a server for all clients of a proxy that ask the same (RFC 7641 Section 5).
 *
 * A notification is acknowledged to the server when the first client has acknowledged it: one that is slow
 * or gone takes nothing from the others. What OSCORE protects is never shared: no two messages are the same.
 *
 * Invariant: whoever gives up ends the observation only for itself; the last one ends it.
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'
import { unlessAborted } from '../abortable.js'
import type { Handler, NotificationListener, Request, Response } from '../handler.js'
import { isObserved } from '../messaging/client-observation.js'
import { OPTION, withoutOptions } from '../options.js'
import { isRegistration } from '../registration.js'
import { isCacheable, registrationKeyOf } from './cache-key.js'
import { type Aged, freshUntil, isFresh, served } from './stored-response.js'

/** With {@link MAX_KEPT_BYTES} it is 32 MiB at the most; each further client has an observation of its own. */
const MAX_OBSERVATIONS = 1_024
/** The longest state that is kept for those who come later, and the longest question. */
const MAX_KEPT_BYTES = 16 * 1024
/** How long a state counts as fresh at the least: else each client that comes would have all told again. */
const LEAST_AGE_MS = 1_000

const OF_NETWORKS = new WeakMap<Handler, Handler>()

/** The network, with observations shared by all proxies before it. */
export function sharingObservations(network: Handler): Handler {
  const known = OF_NETWORKS.get(network)
  if (known !== undefined) return known
  const observations = new Map<string, SharedObservation>()
  const sharing: Handler = (request) => {
    if (!isShareable(request)) return network(request)
    const key = registrationKeyOf(request)
    const shared = observations.get(key)
    if (shared !== undefined) return shared.join(request.signal)
    if (observations.size >= MAX_OBSERVATIONS) return network(request)
    const first = new SharedObservation(request, network, () => {
      if (observations.get(key) === first) observations.delete(key)
    })
    observations.set(key, first)
    return first.join(request.signal)
  }
  OF_NETWORKS.set(network, sharing)
  return sharing
}

/** Whether others that ask the same may have what comes. */
function isShareable(request: Request): boolean {
  if (!isRegistration(request) || request.payload.length > MAX_KEPT_BYTES) return false
  if (request.options.some(({ number }) => number === OPTION.noResponse)) return false
  return isCacheable({ ...request, options: withoutOptions(request.options, OPTION.observe) })
}

/** A client of the proxy that observes, or waits for the first state. */
interface Member {
  listener: NotificationListener | undefined
  /** The newest state that came before it listened. */
  missed: CoapMessage | undefined
  /** No longer to be told that it gives up. */
  readonly release: () => void
}

class SharedObservation {
  readonly #request: Request
  readonly #network: Handler
  readonly #onComplete: () => void
  readonly #members = new Set<Member>()
  /** The registration that counts: what comes of an earlier one is nothing. */
  #upstream = new AbortController()
  #registering: Promise<CoapMessage> | undefined
  #newest: Aged | undefined
  #isOver = false
  #error: Error | undefined

  /** @param onComplete - Called, maybe twice, when nobody may join any more. */
  constructor(request: Request, network: Handler, onComplete: () => void) {
    this.#request = request
    this.#network = network
    this.#onComplete = onComplete
  }

  /** The newest state, and what follows. @throws The reason of the signal; what the network throws. */
  async join(signal: AbortSignal): Promise<Response> {
    const leave = (): void => this.#leave(member)
    const release = (): void => signal.removeEventListener('abort', leave)
    const member: Member = { listener: undefined, missed: undefined, release }
    this.#members.add(member)
    signal.addEventListener('abort', leave)
    try {
      const state = await unlessAborted(this.#state(), signal)
      if (member.missed === state) member.missed = undefined
      if (!isObserved(state)) return state
      return { ...state, notifications: (listener) => this.#begin(member, listener) }
    } catch (error) {
      this.#leave(member)
      throw error
    }
  }

  /** What is not fresh is asked for anew: the server may have forgotten (RFC 7641 Section 3.3.1). */
  #state(): Promise<CoapMessage> {
    if (this.#registering !== undefined) return this.#registering
    const newest = this.#newest
    const now = performance.now()
    if (newest !== undefined && isFresh(newest, now)) return Promise.resolve(served(newest, now))
    const before = this.#upstream
    this.#upstream = new AbortController()
    before.abort() // ahead of the next one: some servers keep one registration of a port
    this.#registering = this.#register(this.#upstream)
    return this.#registering
  }

  async #register(upstream: AbortController): Promise<CoapMessage> {
    try {
      const request = { ...this.#request, signal: upstream.signal }
      const { notifications, ...message } = await this.#network(request)
      this.#registering = undefined
      if (this.#isOver) return message
      void this.#take(message)
      if (notifications === undefined || !isObserved(message)) this.#finish()
      else notifications(this.#listenerOf(upstream))
      return message
    } catch (error) {
      this.#finish(error as Error)
      throw error
    }
  }

  #listenerOf(upstream: AbortController): NotificationListener {
    return {
      next: async (notification) => {
        if (this.#upstream === upstream) await this.#take(notification)
      },
      end: (error) => {
        if (this.#upstream === upstream) this.#finish(error)
      },
    }
  }

  /** @returns When somebody has acknowledged it. */
  async #take(message: CoapMessage): Promise<void> {
    const now = performance.now()
    const until = Math.max(freshUntil(message, now), now + LEAST_AGE_MS)
    const isKept = message.payload.length <= MAX_KEPT_BYTES
    this.#newest = isKept ? { ...message, freshUntil: until } : undefined
    if (!isObserved(message)) this.#onComplete()
    const taken: Promise<void>[] = []
    for (const member of this.#members) {
      if (member.listener === undefined) member.missed = message
      else taken.push(member.listener.next(message))
    }
    if (taken.length > 0) await Promise.race(taken)
  }

  #begin(member: Member, listener: NotificationListener): void {
    member.listener = listener
    if (member.missed !== undefined) void listener.next(member.missed)
    member.missed = undefined
    if (!this.#members.has(member)) listener.end(this.#error)
  }

  #leave(member: Member): void {
    member.release()
    const wasMember = this.#members.delete(member)
    if (wasMember) member.listener?.end()
    if (this.#members.size > 0) return
    this.#finish()
    this.#upstream.abort()
  }

  /** Ends it for whoever is left; at the server it has ended, or is ended by who calls this. */
  #finish(error?: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#error = error
    this.#onComplete()
    for (const { listener, release } of this.#members) {
      release()
      listener?.end(error)
    }
    this.#members.clear()
  }
}
