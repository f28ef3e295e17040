// SPDX-License-Identifier: Apache-2.0
/**
 * A resource: what answers its methods, and what it says of itself.
 *
 * @module
 */

import type { CoapMessage, CoapOption } from '@waxwing/oscore'
import { type Method, METHOD, RESPONSE } from '../codes.js'
import { CONTENT_FORMAT } from '../content-formats.js'
import { OPTION, textOption, uintOption, withoutOptions } from '../options.js'
import { type Payload, payloadBytes } from '../payload.js'
import type { Changes } from './changes.js'
import type { Link } from './link-format.js'
import type { ResourceRequest } from './resource-request.js'

/** What a handler answers; a whole message is one as well. */
export interface ResourceResponse {
  /** A code of `RESPONSE`. Default 2.05 for GET and FETCH, 2.02 for DELETE, otherwise 2.04. */
  readonly code?: number
  /** Text is sent as UTF-8. Bytes must not be changed after they were given. */
  readonly payload?: Payload
  /** Default text/plain for text, none for bytes. */
  readonly contentFormat?: number
  /** For how long the response is fresh; 0 to 4,294,967,295. Left out: 60 seconds, by the standard. */
  readonly maxAgeSeconds?: number
  /** 1 to 8 bytes that are others whenever the representation is another. */
  readonly etag?: Uint8Array
  /** The path of what was created, in segments. */
  readonly locationPath?: readonly string[]
  /** Further options. */
  readonly options?: readonly CoapOption[]
}

/** Answers one method. Nothing is the default code without a payload. */
export type ResourceHandler = (
  request: ResourceRequest,
) => ResourceResponse | undefined | void | Promise<ResourceResponse | undefined | void>

/** What a resource says of itself in `/.well-known/core` (RFC 6690 Section 3, RFC 8613 Section 9). */
export interface ResourceAttributes {
  /** Resource types. */
  readonly rt?: string | readonly string[]
  /** Interface descriptions. */
  readonly if?: string | readonly string[]
  /** The Content-Formats of its representations; a request that accepts only another gets 4.06. */
  readonly ct?: number | readonly number[]
  /** A name for people. */
  readonly title?: string
  /** How large it may be, in bytes. */
  readonly sz?: number
  /** Whether it is to be asked with OSCORE alone. */
  readonly osc?: boolean
  /** Any other; `true` is one without a value. */
  readonly [name: string]: string | number | boolean | readonly (string | number)[] | undefined
}

/**
 * A resource. A method without a handler gets 4.05.
 *
 * A plain GET or FETCH whose response is three times as long as it may be answered twice: a client that has
 * not proven its address is asked to do so first, and asks again (RFC 9175 Section 2.4).
 */
export interface Resource {
  readonly get?: ResourceHandler
  readonly put?: ResourceHandler
  readonly post?: ResourceHandler
  readonly delete?: ResourceHandler
  readonly fetch?: ResourceHandler
  readonly patch?: ResourceHandler
  readonly ipatch?: ResourceHandler
  /** Makes the resource observable: at each change, observers get what `get` or `fetch` answers then. */
  readonly changes?: Changes
  /** The Content-Formats that payloads may have; others get 4.15. Left out: all. */
  readonly consumes?: readonly number[]
  readonly attributes?: ResourceAttributes
}

const HANDLERS: Readonly<Record<Method, (resource: Resource) => ResourceHandler | undefined>> = {
  GET: (resource) => resource.get,
  PUT: (resource) => resource.put,
  POST: (resource) => resource.post,
  DELETE: (resource) => resource.delete,
  FETCH: (resource) => resource.fetch,
  PATCH: (resource) => resource.patch,
  iPATCH: (resource) => resource.ipatch,
}

/** What answers a method; `undefined` if nothing does. */
export function handlerOf(resource: Resource, method: Method): ResourceHandler | undefined {
  return HANDLERS[method](resource)
}

/** A handler's answer as a message. */
export function responseMessage(method: Method, given: ResourceResponse): CoapMessage {
  const { code = defaultCode(method), payload, maxAgeSeconds, etag, locationPath = [] } = given
  const format =
    given.contentFormat ?? (typeof payload === 'string' ? CONTENT_FORMAT.textPlain : undefined)
  const options: CoapOption[] = []
  if (format !== undefined) options.push(uintOption(OPTION.contentFormat, format))
  if (maxAgeSeconds !== undefined) options.push(uintOption(OPTION.maxAge, maxAgeSeconds))
  if (etag !== undefined) options.push({ number: OPTION.etag, value: etag })
  options.push(...locationPath.map((segment) => textOption(OPTION.locationPath, segment)))
  const said = options.map(({ number }) => number)
  options.push(...withoutOptions(given.options ?? [], ...said))
  return { code, options, payload: payloadBytes(payload) }
}

/** The link to a resource, with its attributes as text. */
export function linkTo(href: string, { attributes = {}, changes }: Resource): Link {
  const texts: [string, string | true][] = []
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue
    texts.push([name, value === true ? true : [value].flat().join(' ')])
  }
  if (changes !== undefined) texts.push(['obs', true])
  return { href, attributes: Object.fromEntries(texts) }
}

function defaultCode(method: Method): number {
  if (method === 'DELETE') return RESPONSE.deleted
  return METHOD[method] === METHOD.GET || METHOD[method] === METHOD.FETCH
    ? RESPONSE.content
    : RESPONSE.changed
}
