// SPDX-License-Identifier: Apache-2.0
/**
 * A cache before a network (RFC 7252 Section 5.6), above block-wise transfer, so that it holds whole
 * representations. Of what it cannot understand it keeps nothing: neither protected messages (RFC 8613
 * Section 10), nor observations, nor options that are unsafe to forward.
 *
 * @module
 */

import { equalBytes } from '@waxwing/core'
import { type CoapMessage, optionValue } from '@waxwing/oscore'
import { codeClass, isSafeMethod, RESPONSE } from '../codes.js'
import type { Handler, Layer, NotificationListener, Request, Response } from '../handler.js'
import { OPTION, optionValues, withoutOptions } from '../options.js'
import {
  cacheKeyOf,
  exceedsCacheKey,
  flightKeyOf,
  isCacheable,
  locationKeyOf,
  resourceKeyOf,
} from './cache-key.js'
import { Flight, type Landing } from './flight.js'
import { refuse } from './refusal.js'
import { type CacheLimits, ResponseStore } from './response-store.js'
import {
  canBeValidated,
  isFresh,
  isWorthKeeping,
  reusable,
  revived,
  served,
  type StoredResponse,
} from './stored-response.js'

export interface CachingOptions extends CacheLimits {
  /** Milliseconds of a clock that is never set back. Default that of the process. */
  readonly now?: () => number
}

/** What a cache did, and what it holds. */
export interface CacheStats {
  /** Requests that a stored response answered. */
  readonly hits: number
  /** Requests that were sent on. */
  readonly misses: number
  /** Of these, those that found a stored response still good (2.03). */
  readonly validated: number
  /** Requests that were answered by what another one, under way already, brought. */
  readonly shared: number
  readonly entries: number
  readonly bytes: number
}

/** A cache. */
export interface Caching {
  /** Stands before the network whose responses are to be stored. May stand before several. */
  readonly layer: Layer
  readonly stats: CacheStats
  /** Forgets all responses. */
  clear(): void
}

/**
 * Makes a cache.
 *
 * @example
 * ```ts
 * const cache = caching({ maxBytes: 1024 * 1024 })
 * const network = cache.layer(blockwiseClient()(endpoint.network))
 * const handler = forwardProxy({ network, allow: ['sensor.example'] })
 * ```
 *
 * @throws {RangeError} If a limit is no integer above 0.
 */
export function caching(options: CachingOptions = {}): Caching {
  const cache = new Cache(options)
  return {
    layer: (next) => (request) => cache.handle(request, next),
    get stats() {
      return cache.stats
    },
    clear: () => cache.clear(),
  }
}

/** A request that nothing stored answers. */
interface Question {
  readonly request: Request
  /** The Cache-Key. */
  readonly key: string
  readonly flightKey: string
  readonly next: Handler
}

class Cache {
  readonly #store: ResponseStore
  readonly #now: () => number
  readonly #flights = new Map<string, Flight>()
  readonly #counts = { hits: 0, misses: 0, validated: 0, shared: 0 }

  constructor({ now, ...limits }: CachingOptions) {
    this.#store = new ResponseStore(limits)
    this.#now = now ?? (() => performance.now())
  }

  get stats(): CacheStats {
    return { ...this.#counts, entries: this.#store.size, bytes: this.#store.bytes }
  }

  clear(): void {
    this.#store.clear()
    for (const flight of this.#flights.values()) this.#outdate(flight)
  }

  async handle(request: Request, next: Handler): Promise<Response> {
    request.signal.throwIfAborted()
    if (!isCacheable(request)) return this.#pass(request, next)
    const key = cacheKeyOf(request)
    const stored = this.#store.find(key)
    if (stored !== undefined && isFresh(stored, this.#now())) {
      this.#counts.hits += 1
      return this.#answer(request, served(stored, this.#now()))
    }
    const question = { request, key, flightKey: flightKeyOf(request), next }
    const flight = this.#flights.get(question.flightKey)
    // Nothing may be awaited between this look and the start of a flight: else each would start one.
    if (flight !== undefined) return this.#share(flight, question)
    const first = this.#take(question)
    this.#flights.set(first.key, first)
    const { response } = await first.wait(request.signal)
    return this.#answer(request, response)
  }

  /** Waits for what another request brings, and asks alone where that is not for others. */
  async #share(flight: Flight, question: Question): Promise<Response> {
    const { request } = question
    const { reusable: found } = await flight.wait(request.signal)
    if (found !== undefined && isFresh(found, this.#now())) {
      this.#counts.shared += 1
      return this.#answer(request, served(found, this.#now()))
    }
    const alone = this.#take(question)
    alone.outdate() // nobody could tell it later that the resource changed: so it stores nothing
    const { response } = await alone.wait(request.signal)
    return this.#answer(request, response)
  }

  /** Asks the server. */
  #take(question: Question): Flight {
    this.#counts.misses += 1
    const about = { resource: resourceKeyOf(question.request), key: question.flightKey }
    const fly = (flight: Flight): Promise<Landing> => this.#ask(question, flight)
    return new Flight(about, fly, (flight) => this.#forget(flight))
  }

  async #ask({ key, request, next }: Question, flight: Flight): Promise<Landing> {
    const stored = this.#store.find(key)
    const tagged = stored !== undefined && canBeValidated(stored) ? stored : undefined
    const since = this.#now()
    const options = [...withoutOptions(request.options, OPTION.etag), ...etagsOf(tagged)]
    const { notifications: _, ...response } = await next({
      ...request,
      options,
      signal: flight.signal,
    })
    const entry =
      response.code === RESPONSE.valid
        ? this.#revive(tagged, response, since)
        : reusable(response, flight.resource, since)
    const isOfKey = codeClass(response.code) === 2 || !exceedsCacheKey(request)
    if (isOfKey && !flight.isOutdated) this.#keep(key, entry, response)
    if (response.code !== RESPONSE.valid) return { response, reusable: entry }
    if (entry === undefined)
      return { response: refuse(RESPONSE.badGateway, ''), reusable: undefined }
    return { response: served(entry, this.#now()), reusable: entry }
  }

  /** The stored response that was found good; `undefined` where the server speaks of another one. */
  #revive(
    tagged: StoredResponse | undefined,
    valid: CoapMessage,
    since: number,
  ): StoredResponse | undefined {
    if (tagged === undefined || !hasEtagOf(valid, tagged)) return undefined
    this.#counts.validated += 1
    return revived(tagged, valid, since)
  }

  /** What failed at the server says nothing of what is stored. */
  #keep(key: string, entry: StoredResponse | undefined, response: CoapMessage): void {
    const isKept = entry !== undefined && isWorthKeeping(entry, this.#now())
    if (isKept) this.#store.replace(key, entry)
    else if (codeClass(response.code) !== 5) this.#store.replace(key, undefined)
  }

  /** What is not answered from here; it may change what is stored (Section 5.9.1). */
  async #pass(request: Request, next: Handler): Promise<Response> {
    if (optionValue(request, OPTION.oscore) !== undefined) return next(request)
    if (isSafeMethod(request.code)) return this.#observed(request, await next(request))
    // RFC 7967: it may be executed, and nothing ever be heard of it.
    const isSilent = optionValue(request, OPTION.noResponse) !== undefined
    if (isSilent) this.#expire(resourceKeyOf(request))
    try {
      const response = await next(request)
      if (codeClass(response.code) !== 4) this.#expireChanged(request, response)
      return response
    } catch (error) {
      this.#expire(resourceKeyOf(request)) // whether it was executed, nobody knows
      throw error
    }
  }

  #expireChanged(request: Request, { options }: CoapMessage): void {
    this.#expire(resourceKeyOf(request))
    const place = options.filter(({ number }) => LOCATION.has(number))
    if (place.length > 0) this.#expire(locationKeyOf(request, place))
  }

  /** A notification says that what is stored is the past. */
  #observed(request: Request, response: Response): Response {
    const { notifications } = response
    if (notifications === undefined) return response
    const resource = resourceKeyOf(request)
    const watch = (listener: NotificationListener): NotificationListener => ({
      next: (notification) => {
        this.#expire(resource)
        return listener.next(notification)
      },
      end: (error) => listener.end(error),
    })
    return { ...response, notifications: (listener) => notifications(watch(listener)) }
  }

  #expire(resource: string): void {
    this.#store.expire(resource)
    for (const flight of this.#flights.values()) {
      if (flight.resource === resource) this.#outdate(flight)
    }
  }

  /** Who asks from now on wants what the server has now. */
  #outdate(flight: Flight): void {
    flight.outdate()
    this.#forget(flight)
  }

  #forget(flight: Flight): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
  }

  /** 2.03 to who named the representation's entity-tag (Section 5.10.6.2). */
  #answer(request: Request, message: CoapMessage): Response {
    if (message.code !== RESPONSE.content) return message
    const known = optionValues(request, OPTION.etag)
    const [etag] = optionValues(message, OPTION.etag)
    if (etag === undefined || !known.some((value) => equalBytes(value, etag))) return message
    const options = message.options.filter(({ number }) => OF_VALID.has(number))
    return { code: RESPONSE.valid, options, payload: new Uint8Array(0) }
  }
}

const LOCATION: ReadonlySet<number> = new Set([OPTION.locationPath, OPTION.locationQuery])
const OF_VALID: ReadonlySet<number> = new Set([OPTION.etag, OPTION.maxAge])

function etagsOf(stored: StoredResponse | undefined): CoapMessage['options'] {
  return stored?.options.filter(({ number }) => number === OPTION.etag) ?? []
}

function hasEtagOf(valid: CoapMessage, stored: StoredResponse): boolean {
  const value = optionValue(valid, OPTION.etag)
  const expected = optionValue(stored, OPTION.etag)
  return value !== undefined && expected !== undefined && equalBytes(value, expected)
}
