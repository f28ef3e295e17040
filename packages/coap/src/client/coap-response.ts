// SPDX-License-Identifier: Apache-2.0
/**
 * A response, as applications read it.
 *
 * @module
 */

import { type CoapMessage, type CoapOption, optionValue } from '@waxwing/oscore'
import { codeClass, codeName } from '../codes.js'
import { contentFormatOf } from '../content-formats.js'
import { OPTION, optionValues, readText, readUint } from '../options.js'
import { readJson, readPayloadText } from '../payload.js'

/** How long a response is fresh that does not say (RFC 7252 Section 5.10.5). */
const DEFAULT_MAX_AGE_SECONDS = 60

/** What a server answered. An error code is an answer like any other. */
export class CoapResponse implements CoapMessage {
  readonly code: number
  readonly options: readonly CoapOption[]
  readonly payload: Uint8Array

  constructor({ code, options, payload }: CoapMessage) {
    this.code = code
    this.options = options
    this.payload = payload
  }

  /** The code as documents write it: `2.05`. */
  get codeName(): string {
    return codeName(this.code)
  }

  /** Whether the code is of class 2. */
  get isSuccess(): boolean {
    return codeClass(this.code) === 2
  }

  /** The number of the payload's format; `undefined` where the server does not say. */
  get contentFormat(): number | undefined {
    return contentFormatOf(this)
  }

  /** The entity tag; `undefined` without one. */
  get etag(): Uint8Array | undefined {
    return optionValue(this, OPTION.etag)
  }

  /** The path of what was created, in segments; empty where the server does not say. */
  get locationPath(): readonly string[] {
    return optionValues(this, OPTION.locationPath).map((value) => readText(value) ?? '')
  }

  /** For how long the response is fresh. Default 60. */
  get maxAgeSeconds(): number {
    const value = optionValue(this, OPTION.maxAge)
    return (value === undefined ? undefined : readUint(value)) ?? DEFAULT_MAX_AGE_SECONDS
  }

  /** The payload as text. @throws {WaxwingError} `ERR_MALFORMED` if it is not UTF-8. */
  text(): string {
    return readPayloadText(this.payload)
  }

  /** The payload as JSON. @throws {WaxwingError} `ERR_MALFORMED` if it is none. */
  json(): unknown {
    return readJson(this.payload)
  }
}
