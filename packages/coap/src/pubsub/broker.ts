// SPDX-License-Identifier: Apache-2.0
/**
 * What a transport asks of a broker: the few requests of draft-ietf-core-coap-pubsub that it needs, each
 * repeated while nobody answers.
 *
 * All of them may be repeated without harm: a topic-data resource or a slot that is written twice holds
 * the same, and a slot that is gone stays gone.
 *
 * @module
 */

import { equalBytes, fromUtf8, malformed, utf8 } from '@waxwing/core'
import type { CoapMessage, CoapOption } from '@waxwing/oscore'
import { MAX_BLOCK_BYTES } from '../blockwise/block.js'
import { codeClass, METHOD, RESPONSE } from '../codes.js'
import { CONTENT_FORMAT } from '../content-formats.js'
import type { Handler, Peer, Response } from '../handler.js'
import { OPTION, textOption, uintOption } from '../options.js'
import type { Lane } from './lanes.js'
import type { Reachability } from './reachability.js'
import {
  cutShort,
  isTooLong,
  isUnanswered,
  isWorthRepeating,
  Refusal,
  unanswerable,
} from './refusals.js'
import type { Path } from './topics.js'

/** After this many requests without a response, between which others were answered, one is given up. */
const MAX_ATTEMPTS = 8
const EMPTY = new Uint8Array(0)

/** What {@link Broker} needs. */
export interface BrokerInputs {
  readonly lane: Lane
  /** Where the broker is. */
  readonly peer: () => Promise<Peer>
  /** Before the path: Uri-Host, where the broker has a name. */
  readonly hostOptions: readonly CoapOption[]
  readonly reachability: Reachability
}

/** A request before it is sent. */
interface Asking {
  readonly method: number
  readonly options: readonly CoapOption[]
  readonly payload?: Uint8Array
  readonly signal: AbortSignal
  /** Default that for messages. */
  readonly network?: Handler
}

export class Broker {
  readonly #inputs: BrokerInputs

  constructor(inputs: BrokerInputs) {
    this.#inputs = inputs
  }

  /**
   * Writes a resource. What is longer than a block is read back: a server that does not recognise
   * duplicates (libcoap 4.3.1) takes the last block, where it comes twice, for a body of its own.
   *
   * @returns Whether the resource was not there before, as far as the broker says.
   * @throws {WaxwingError} `ERR_TRANSPORT` where it refuses, or goes on keeping only the last block.
   */
  async put(path: Path, payload: Uint8Array, signal: AbortSignal): Promise<boolean> {
    let isNew = false
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      isNew = (await this.#write(path, payload, signal)) || isNew
      if (await this.#isWhole(path, payload, signal)) return isNew
    }
    throw cutShort(`/${path.join('/')}`)
  }

  /** @returns `undefined` where there is nothing. */
  async get(path: Path, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const options = pathOptions(path)
    const response = await this.#ask({ method: METHOD.GET, options, signal })
    if (response.code === RESPONSE.notFound) return undefined
    assertSuccess(response, `GET /${path.join('/')}`)
    return response.payload
  }

  /** Registers for a resource (RFC 7641). @returns `undefined` where there is nothing. */
  async observe(path: Path, signal: AbortSignal): Promise<Response | undefined> {
    const options = [uintOption(OPTION.observe, 0), ...pathOptions(path)]
    const response = await this.#ask({ method: METHOD.GET, options, signal })
    if (response.code === RESPONSE.notFound) return undefined
    assertSuccess(response, `to observe /${path.join('/')}`)
    return response
  }

  /** Removes a resource; it may be gone already. */
  async remove(path: Path, signal: AbortSignal): Promise<void> {
    const options = pathOptions(path)
    const response = await this.#ask({ method: METHOD.DELETE, options, signal })
    if (response.code === RESPONSE.notFound) return
    assertSuccess(response, `DELETE /${path.join('/')}`)
  }

  /** All paths that begin like this, by discovery (RFC 6690 Section 4.1), in link format. */
  async list(prefix: string, signal: AbortSignal): Promise<string> {
    const query = textOption(OPTION.uriQuery, `href=${prefix}*`)
    const options = [...pathOptions(['.well-known', 'core']), query]
    const network = this.#inputs.lane.listings
    const response = await this.#ask({ method: METHOD.GET, options, signal, network })
    if (response.code === RESPONSE.notFound) return ''
    assertSuccess(response, 'discovery')
    try {
      return fromUtf8(response.payload)
    } catch (error) {
      throw malformed('link format', 'UTF-8', error)
    }
  }

  /** One request, whose answer does not matter. */
  async probe(path: Path, signal: AbortSignal): Promise<void> {
    const options = pathOptions(path)
    await this.#exchange({ method: METHOD.GET, options, signal }).catch(() => undefined)
  }

  /** Whether all of a body is there, or what somebody else wrote. Who may not read has to believe it. */
  async #isWhole(path: Path, payload: Uint8Array, signal: AbortSignal): Promise<boolean> {
    if (payload.length + utf8(path.join('/')).length <= MAX_BLOCK_BYTES) return true
    try {
      const kept = await this.get(path, signal)
      return kept === undefined || !isTail(kept, payload)
    } catch (error) {
      if (error instanceof Refusal || isTooLong(error)) return true
      throw error
    }
  }

  async #write(path: Path, payload: Uint8Array, signal: AbortSignal): Promise<boolean> {
    const format = uintOption(OPTION.contentFormat, CONTENT_FORMAT.octetStream)
    const options = [...pathOptions(path), format]
    const response = await this.#ask({ method: METHOD.PUT, options, payload, signal })
    assertSuccess(response, `PUT /${path.join('/')}`)
    return response.code === RESPONSE.created
  }

  /**
   * Asks until there is an answer.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` where other requests are answered and this one never is; what
   *   the network says, where it does not help to ask again. The reason of the signal.
   */
  async #ask(asking: Asking): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      await this.#inputs.reachability.whenUp()
      try {
        return await this.#exchange(asking)
      } catch (error) {
        if (asking.signal.aborted || !isWorthRepeating(error)) throw error
        if (attempt === MAX_ATTEMPTS) throw unanswerable(error)
      }
    }
  }

  async #exchange(asking: Asking): Promise<Response> {
    const { lane, hostOptions, reachability } = this.#inputs
    const { method, options, payload = EMPTY, signal, network = lane.messages } = asking
    signal.throwIfAborted()
    try {
      const peer = await this.#inputs.peer()
      const message: CoapMessage = { code: method, options: [...hostOptions, ...options], payload }
      const response = await network({ ...message, peer, signal })
      reachability.answered()
      return response
    } catch (error) {
      if (!signal.aborted && isUnanswered(error)) reachability.unanswered(error)
      throw error
    }
  }
}

/** Whether a part of a body is its end, and not all of it. Anything else somebody else has written. */
function isTail(part: Uint8Array, body: Uint8Array): boolean {
  return part.length < body.length && equalBytes(part, body.subarray(body.length - part.length))
}

function pathOptions(path: Path): readonly CoapOption[] {
  return path.map((segment) => textOption(OPTION.uriPath, segment))
}

function assertSuccess(response: CoapMessage, what: string): void {
  if (codeClass(response.code) !== 2) throw new Refusal(what, response)
}
