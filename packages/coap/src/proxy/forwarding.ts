// SPDX-License-Identifier: Apache-2.0
/**
 * What all CoAP-to-CoAP proxies do with a message (RFC 7252 Section 5.7.1, RFC 8768).
 *
 * Invariant: options that are safe to forward pass unchanged, known or not, and so does the payload: a
 * message that OSCORE protects leaves a proxy as it came.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import { toHex, utf8 } from '@waxwing/core'
import { type CoapMessage, type CoapOption, isResponseCode, optionValue } from '@waxwing/oscore'
import { RESPONSE } from '../codes.js'
import type { Handler, NotificationListener, Peer, Request, Response } from '../handler.js'
import { CODE_EMPTY } from '../messaging/datagram.js'
import { challengeFor } from '../messaging/verified.js'
import {
  isUnsafeToForward,
  OPTION,
  optionValues,
  readText,
  readUint,
  uintOption,
  withoutOptions,
} from '../options.js'
import { isRegistration } from '../registration.js'
import { areTooLong } from './limits.js'
import { refuse, Refusal, responseTo } from './refusal.js'
import { sharingObservations } from './shared-observations.js'
import { isDotSegment, TARGET_OPTIONS } from './target.js'

/** RFC 8768 Section 3: what a request without Hop-Limit begins with. */
export const DEFAULT_HOP_LIMIT = 16
const MAX_HOP_LIMIT = 255
/** The names of all proxies that a 5.08 passed. */
const MAX_NAMES_BYTES = 1024

/** What a proxy takes out of a request, and puts its own into the place of. */
const REPLACED = [...TARGET_OPTIONS, OPTION.hopLimit] as const

/** Options that are unsafe to forward, are understood here, and come once. */
const SINGLE_UNSAFE: ReadonlySet<number> = new Set([
  OPTION.uriHost,
  OPTION.observe,
  OPTION.uriPort,
  OPTION.maxAge,
  OPTION.block2,
  OPTION.proxyUri,
  OPTION.proxyScheme,
  OPTION.noResponse,
])

/** The same, and may come more than once. */
const REPEATABLE_UNSAFE: ReadonlySet<number> = new Set([OPTION.uriPath, OPTION.uriQuery])

export interface ForwardingOptions {
  /**
   * Sends requests to where their `peer` says, with block-wise transfer where that is wanted. Clients that
   * observe the same, unprotected, share one observation there, also those of several proxies.
   */
  readonly network: Handler
  /**
   * How this proxy calls itself in a 5.08 response (RFC 8768 Section 4); no other on the way may have the
   * name. Default `waxwing-` and random digits.
   */
  readonly name?: string
  /** The Hop-Limit of requests that come without one, from 1 to 255. Default 16. */
  readonly hopLimit?: number
}

/** Where a request goes next. */
export interface NextHop {
  readonly peer: Peer
  /** Uri-Host, Uri-Path and Uri-Query, as the next server is to see them. */
  readonly uri: readonly CoapOption[]
}

/** Sends requests on, and responses back. */
export class Forwarding {
  readonly #network: Handler
  readonly #name: string
  readonly #hopLimit: number

  /** @throws {RangeError} If the name is empty or has a blank, or `hopLimit` is out of range. */
  constructor({ network, name = newName(), hopLimit = DEFAULT_HOP_LIMIT }: ForwardingOptions) {
    if (!/^\S+$/.test(name)) throw new RangeError('name must be text without blanks')
    if (!Number.isInteger(hopLimit) || hopLimit < 1 || hopLimit > MAX_HOP_LIMIT) {
      throw new RangeError(`hopLimit must be an integer from 1 to 255, got ${hopLimit}`)
    }
    this.#network = sharingObservations(network)
    this.#name = name
    this.#hopLimit = hopLimit
  }

  /**
   * Asks the next server in the place of whoever sent a request. Failures of the network are responses.
   *
   * @param find - Says where it goes; may refuse.
   * @throws The reason of the request's signal, and what no network is to throw.
   */
  async forward(request: Request, find: () => Promise<NextHop>): Promise<Response> {
    // Notifications are not sent to an address that nobody proved. To find that out when the server has
    // answered would be too late for a protected request, which it takes once.
    const challenge = isRegistration(request) ? challengeFor(request) : undefined
    if (challenge !== undefined) return challenge
    const upstream = new Upstream(request.signal)
    try {
      checkOptions(request)
      const hopLimit = this.#nextHopLimit(request)
      const { peer, uri } = await find()
      request.signal.throwIfAborted()
      const options = [...uri, ...withoutOptions(request.options, ...REPLACED), hopLimit]
      if (areTooLong(options)) throw new Refusal(RESPONSE.badRequest, 'options are too long')
      // Who asks the next server is the proxy, whoever asked the proxy: nothing else is copied.
      const { code, payload, confirmable = true } = request
      const sent = { code, options, payload, peer, confirmable, signal: upstream.signal }
      return this.#relayed(await this.#network(sent), upstream)
    } catch (error) {
      upstream.end()
      request.signal.throwIfAborted()
      return responseTo(error)
    }
  }

  /** RFC 8768 Section 3. A second Hop-Limit is one that nobody knows, and nobody has to. */
  #nextHopLimit(request: CoapMessage): CoapOption {
    const value = optionValue(request, OPTION.hopLimit)
    if (value === undefined) return uintOption(OPTION.hopLimit, this.#hopLimit)
    const limit = readUint(value) ?? 0
    if (limit === 0 || limit > MAX_HOP_LIMIT) {
      throw new Refusal(RESPONSE.badRequest, 'Hop-Limit out of range')
    }
    if (limit === 1) throw new Refusal(RESPONSE.hopLimitReached, this.#name)
    return uintOption(OPTION.hopLimit, limit - 1)
  }

  #relayed({ notifications, ...response }: Response, upstream: Upstream): Response {
    const checked = this.#checked(response)
    if (checked.code !== response.code) upstream.abort()
    if (notifications === undefined || upstream.signal.aborted) {
      upstream.end()
      return checked
    }
    return {
      ...checked,
      notifications: (listener) => notifications(this.#relay(listener, upstream)),
    }
  }

  /** Passes on what a server sends later; after what cannot be passed on, nothing more. */
  #relay(listener: NotificationListener, upstream: Upstream): NotificationListener {
    let hasEnded = false
    const end = (error?: Error): void => {
      if (hasEnded) return
      hasEnded = true
      upstream.end()
      listener.end(error)
    }
    return {
      next: async (notification) => {
        if (hasEnded) return
        const checked = this.#checked(notification)
        await listener.next(checked)
        if (checked.code !== notification.code) {
          upstream.abort()
          end()
        }
      },
      end,
    }
  }

  /** The message, or 5.02 where nobody may pass it on (RFC 7252 Section 5.7.1). */
  #checked(message: CoapMessage): CoapMessage {
    if (message.code === CODE_EMPTY) return message // silence, as No-Response wants it (RFC 7967)
    if (!isResponseCode(message.code)) return refuse(RESPONSE.badGateway, 'no response')
    if (findUnsafe(message) !== undefined) {
      return refuse(RESPONSE.badGateway, 'an option of the response is unsafe to forward')
    }
    return message.code === RESPONSE.hopLimitReached ? this.#signed(message) : message
  }

  /** RFC 8768 Section 4: each proxy on the way writes its name before the others, as long as they fit. */
  #signed(message: CoapMessage): CoapMessage {
    const names = readText(message.payload) ?? ''
    if (names.split(' ').includes(this.#name)) return refuse(RESPONSE.badGateway, 'a loop')
    const payload = utf8(`${this.#name} ${names}`.trimEnd())
    return payload.length <= MAX_NAMES_BYTES ? { ...message, payload } : message
  }
}

function newName(): string {
  return `waxwing-${toHex(randomBytes(4))}`
}

/** The signal of a request that is sent on: that of who waits for it, until the proxy ends it. */
class Upstream {
  readonly #controller = new AbortController()
  readonly #downstream: AbortSignal
  readonly #follow: () => void

  constructor(downstream: AbortSignal) {
    this.#downstream = downstream
    this.#follow = () => this.#controller.abort(downstream.reason)
    if (downstream.aborted) this.#follow()
    else downstream.addEventListener('abort', this.#follow, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Nothing more is to come: stops listening to who waited. */
  end(): void {
    this.#downstream.removeEventListener('abort', this.#follow)
  }

  /** Nothing more is wanted. */
  abort(): void {
    this.end()
    this.#controller.abort()
  }
}

/** @throws {Refusal} 4.02. */
function checkOptions(request: CoapMessage): void {
  const unsafe = findUnsafe(request)
  if (unsafe !== undefined) {
    throw new Refusal(RESPONSE.badOption, `option ${unsafe} is unsafe to forward`)
  }
  const path = optionValues(request, OPTION.uriPath).map(readText)
  if (path.some(isDotSegment)) {
    throw new Refusal(RESPONSE.badOption, 'dot segments in Uri-Path')
  }
}

/** An option that is unsafe and unknown, or known and once too often (RFC 7252 Section 5.4.5). */
function findUnsafe({ options }: CoapMessage): number | undefined {
  const seen = new Set<number>()
  for (const { number } of options) {
    if (!isUnsafeToForward(number) || REPEATABLE_UNSAFE.has(number)) continue
    if (!SINGLE_UNSAFE.has(number) || seen.has(number)) return number
    seen.add(number)
  }
  return undefined
}
