// SPDX-License-Identifier: Apache-2.0
/**
 * What an application asks, as a message.
 *
 * @module
 */

import type { CoapMessage, CoapOption } from '@waxwing/oscore'
import { type Method, METHOD } from '../codes.js'
import { CONTENT_FORMAT } from '../content-formats.js'
import { OPTION, textOption, uintOption } from '../options.js'
import { type Payload, payloadBytes } from '../payload.js'
import { type CoapUri, parseCoapUri, proxiedUriOptions, uriOptions } from '../uri.js'

/** What may be said with any request. */
export interface AskOptions {
  /** The format of the payload, by its number. Default text/plain for text, none for bytes. */
  readonly contentFormat?: number
  /** The format that the response has to have. */
  readonly accept?: number
  /** Carried out only if the resource has one of these entity tags; an empty one: if it exists. */
  readonly ifMatch?: readonly Uint8Array[]
  /** Carried out only if the resource does not exist. */
  readonly ifNoneMatch?: boolean
  /** Entity tags of what is at hand: where one is still right, the answer is 2.03 without payload. */
  readonly etags?: readonly Uint8Array[]
  /** Further options. */
  readonly options?: readonly CoapOption[]
  /** Gives up: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Default `true`: messages are sent again until they are acknowledged. */
  readonly confirmable?: boolean
}

/** A request. */
export interface CoapRequestInit extends AskOptions {
  /** Default `GET`. */
  readonly method?: Method
  /** `coap://host[:port]/path?query`. */
  readonly uri: string
  readonly payload?: Payload
}

/** Where a message goes: a host that may be a name. */
export interface Destination {
  readonly host: string
  readonly port: number
}

/** A message, and where it goes. */
export interface Addressed {
  readonly message: CoapMessage
  readonly destination: Destination
}

// A scheme that a proxy may know and this package does not.
const OTHER_SCHEME = /^(?!coap:)[a-z][a-z0-9+.-]*:/i

/**
 * Makes a message of a request.
 *
 * @param proxy - Whom to send it to instead, if not to the host of the URI.
 * @throws {WaxwingError} `ERR_MALFORMED` and `ERR_UNSUPPORTED`, for the URI.
 */
export function addressed(init: CoapRequestInit, proxy: Destination | undefined): Addressed {
  const payload = payloadBytes(init.payload)
  const { options, destination } = target(init.uri, proxy)
  const code = METHOD[init.method ?? 'GET']
  if (code === undefined) throw new TypeError(`method must be one of CoAP, got ${init.method}`)
  return { message: { code, options: [...options, ...askedOptions(init)], payload }, destination }
}

/** The host and port of a proxy's URI. @throws {WaxwingError} As `parseCoapUri`. */
export function proxyDestination(uri: string): Destination {
  const { host, port } = parseCoapUri(uri)
  return { host, port }
}

function target(
  uri: string,
  proxy: Destination | undefined,
): { readonly options: readonly CoapOption[]; readonly destination: Destination } {
  if (proxy === undefined) {
    const parsed: CoapUri = parseCoapUri(uri)
    return { options: uriOptions(parsed), destination: parsed }
  }
  // Of what is in another scheme the proxy makes what it can (RFC 7252 Section 5.10.2).
  const options = OTHER_SCHEME.test(uri)
    ? [textOption(OPTION.proxyUri, uri)]
    : proxiedUriOptions(parseCoapUri(uri))
  return { options, destination: proxy }
}

function askedOptions(init: CoapRequestInit): readonly CoapOption[] {
  const { accept, ifMatch = [], ifNoneMatch = false, etags = [], options = [] } = init
  const format =
    init.contentFormat ?? (typeof init.payload === 'string' ? CONTENT_FORMAT.textPlain : undefined)
  return [
    ...ifMatch.map((value) => ({ number: OPTION.ifMatch, value })),
    ...etags.map((value) => ({ number: OPTION.etag, value })),
    ...(ifNoneMatch ? [uintOption(OPTION.ifNoneMatch, 0)] : []),
    ...(format === undefined ? [] : [uintOption(OPTION.contentFormat, format)]),
    ...(accept === undefined ? [] : [uintOption(OPTION.accept, accept)]),
    ...options,
  ]
}
