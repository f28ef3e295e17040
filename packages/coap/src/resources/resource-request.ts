// SPDX-License-Identifier: Apache-2.0
/**
 * A request, as the handlers of resources read it.
 *
 * @module
 */

import { type CoapOption, optionValue } from '@waxwing/oscore'
import type { WaxwingError } from '@waxwing/core'
import { type Method, methodOf } from '../codes.js'
import { contentFormatOf } from '../content-formats.js'
import type { Peer, Request, RequestSecurity } from '../handler.js'
import { OPTION, readUint } from '../options.js'
import { readJson, readPayloadText } from '../payload.js'

/** Thrown by a view for what a peer sent: the answer is 4.00, and the handler need not catch it. */
export class UnreadablePayload extends Error {
  override readonly name: string = 'UnreadablePayload'

  constructor(cause: WaxwingError) {
    super(cause.message, { cause })
  }
}

/** A request to a resource. Everything but `security` is what the peer says. */
export class ResourceRequest {
  readonly method: Method
  /** The whole path, decoded. */
  readonly path: readonly string[]
  /** What of the path stands in the place of an asterisk; empty without one. */
  readonly rest: readonly string[]
  /** The arguments of the query, as they are: `['unit=celsius', 'now']`. */
  readonly query: readonly string[]
  readonly #request: Request

  constructor(request: Request, path: readonly string[], depth: number, query: readonly string[]) {
    this.#request = request
    this.method = methodOf(request.code) ?? 'GET'
    this.path = path
    this.rest = path.slice(depth)
    this.query = query
  }

  get payload(): Uint8Array {
    return this.#request.payload
  }

  /** All options, also those that have a member of their own here. */
  get options(): readonly CoapOption[] {
    return this.#request.options
  }

  /** What the peer says the payload is. */
  get contentFormat(): number | undefined {
    return contentFormatOf(this.#request)
  }

  /** The format that the response should have; the answer is 4.06 where it has another. */
  get accept(): number | undefined {
    const value = optionValue(this.#request, OPTION.accept)
    return value === undefined ? undefined : readUint(value)
  }

  /** Who asks; absent where the request was not protected. */
  get security(): RequestSecurity | undefined {
    return this.#request.security
  }

  get peer(): Peer {
    return this.#request.peer
  }

  /** Aborted when nobody waits any more for the response. */
  get signal(): AbortSignal {
    return this.#request.signal
  }

  /** The value of the first argument `name=value`; the empty string for `name` alone. */
  argument(name: string): string | undefined {
    const found = this.query.find((part) => part === name || part.startsWith(`${name}=`))
    return found?.slice(name.length + 1)
  }

  /** The payload as text. @throws {UnreadablePayload} Which becomes 4.00. */
  text(): string {
    return readable(() => readPayloadText(this.payload))
  }

  /** The payload as JSON. @throws {UnreadablePayload} Which becomes 4.00. */
  json(): unknown {
    return readable(() => readJson(this.payload))
  }
}

function readable<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new UnreadablePayload(error as WaxwingError)
  }
}
