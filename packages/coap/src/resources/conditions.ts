// SPDX-License-Identifier: Apache-2.0
/**
 * Requests that hold only under a condition: If-Match, If-None-Match (RFC 7252 Section 5.10.8) and the
 * validation of what the client has (Section 5.10.6.2).
 *
 * @module
 */

import { equalBytes } from '@waxwing/core'
import { type CoapMessage, optionValue } from '@waxwing/oscore'
import { codeClass, RESPONSE } from '../codes.js'
import { etagOf } from '../entity-tag.js'
import { OPTION, optionValues, withoutOptions } from '../options.js'
import type { Resource } from './resource.js'

/** Whether a request asks for a condition before it is carried out. */
export function isConditional(request: CoapMessage): boolean {
  return request.options.some(
    ({ number }) => number === OPTION.ifMatch || number === OPTION.ifNoneMatch,
  )
}

/** Whether a condition holds of what a GET answers now. */
export function conditionHolds(request: CoapMessage, current: CoapMessage): boolean {
  // What cannot be read at the moment may be there all the same.
  const isMissing = current.code === RESPONSE.notFound
  if (optionValue(request, OPTION.ifNoneMatch) !== undefined && !isMissing) return false
  const wanted = optionValues(request, OPTION.ifMatch)
  if (wanted.length === 0) return true
  if (codeClass(current.code) !== 2) return false
  const etag = etagOf(current)
  return wanted.some((tag) => tag.length === 0 || equalBytes(tag, etag))
}

/** 2.03 in the place of a representation that the client said it has. */
export function validated<T extends CoapMessage>(request: CoapMessage, response: T): T {
  const known = optionValues(request, OPTION.etag)
  const etag = optionValue(response, OPTION.etag)
  if (response.code !== RESPONSE.content || etag === undefined) return response
  if (!known.some((tag) => equalBytes(tag, etag))) return response
  const options = withoutOptions(response.options, OPTION.contentFormat)
  return { ...response, code: RESPONSE.valid, options, payload: new Uint8Array(0) }
}

/**
 * Lets those who decide by the state of a resource step one after the other: between the condition and
 * what is done under it, no other such request gets its turn.
 */
export class Turns {
  readonly #last = new WeakMap<Resource, Promise<unknown>>()

  take<T>(resource: Resource, step: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(resource) ?? Promise.resolve()).then(step, step)
    this.#last.set(resource, turn)
    return turn
  }
}
