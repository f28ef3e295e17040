// SPDX-License-Identifier: Apache-2.0
/**
 * A server's resources as one handler: finds the resource, checks what the standard asks to be checked
 * before and after it, and lists them all in `/.well-known/core`.
 *
 * @module
 */

import { utf8 } from '@waxwing/core'
import { type CoapMessage, optionValue } from '@waxwing/oscore'
import { codeClass, isSafeMethod, METHOD, type Method, methodOf, RESPONSE } from '../codes.js'
import { CONTENT_FORMAT, contentFormatOf } from '../content-formats.js'
import type { Handler, Request, Response } from '../handler.js'
import { OPTION, readUint } from '../options.js'
import { warn } from '../process-warning.js'
import { isRegistration } from '../registration.js'
import { formatPath, pathOf, queryOf } from '../uri.js'
import { conditionHolds, isConditional, Turns, validated } from './conditions.js'
import { filterLinks } from './link-filter.js'
import { formatLinkFormat, type Link } from './link-format.js'
import { observe } from './observation.js'
import { refusedOption } from './request-options.js'
import { handlerOf, linkTo, type Resource, responseMessage } from './resource.js'
import { ResourceRequest, UnreadablePayload } from './resource-request.js'
import { type Route, Routes } from './routes.js'

/** The path under which servers say what they have (RFC 6690 Section 4). */
const WELL_KNOWN_CORE = '.well-known/core'

/** Settings of {@link resources}. */
export interface ResourcesOptions {
  /** Further links for `/.well-known/core`, such as those of a resource that another handler answers. */
  readonly links?: readonly Link[]
  /** Told what a handler threw; the peer only learns 5.00. Default: a warning of the process. */
  readonly onError?: (error: unknown, request: Request) => void
}

/**
 * Makes resources one handler.
 *
 * @param table - Resources by their path, without outer slashes: `'sensors/temperature'`. A last segment
 *   `*` stands for any path below that no other entry has; such resources are not listed. An entry for
 *   `'.well-known/core'` replaces the list.
 * @throws {TypeError} If a path is none, or a link cannot be written.
 */
export function resources(
  table: Readonly<Record<string, Resource>>,
  options: ResourcesOptions = {},
): Handler {
  const { links = [], onError = warn } = options
  const listed = Object.entries(table).filter(([path]) => path !== WELL_KNOWN_CORE)
  const all = [...new Routes(Object.fromEntries(listed)).exact().map(toLink), ...links]
  formatLinkFormat(all) // a link that cannot be written shows at once
  const routes = new Routes({ [WELL_KNOWN_CORE]: wellKnownCore(all), ...table })
  const shared = { turns: new Turns(), onError }
  return (request) => answer(request, routes, shared)
}

/** What all requests share. */
interface Shared {
  readonly turns: Turns
  readonly onError: NonNullable<ResourcesOptions['onError']>
}

function toLink([path, resource]: readonly [readonly string[], Resource]): Link {
  return linkTo(formatPath(path), resource)
}

function wellKnownCore(links: readonly Link[]): Resource {
  return {
    get: ({ query }) => ({
      payload: formatLinkFormat(filterLinks(links, query)),
      contentFormat: CONTENT_FORMAT.linkFormat,
    }),
    attributes: { ct: CONTENT_FORMAT.linkFormat },
  }
}

async function answer(request: Request, routes: Routes, shared: Shared): Promise<Response> {
  const method = methodOf(request.code)
  if (method === undefined) return error(RESPONSE.methodNotAllowed)
  const isProxied = request.options.some(
    ({ number }) => number === OPTION.proxyUri || number === OPTION.proxyScheme,
  )
  if (isProxied) return error(RESPONSE.proxyingNotSupported)
  const refused = refusedOption(request.options)
  if (refused !== undefined) return error(RESPONSE.badOption, `option ${refused}`)
  const target = readTarget(request)
  if (target === undefined) return error(RESPONSE.badOption, 'path or query')
  const route = routes.find(target.path)
  if (route === undefined) return error(RESPONSE.notFound)
  return new Visit({ request, method, route, ...target, ...shared }).answer()
}

interface Target {
  readonly path: readonly string[]
  readonly query: readonly string[]
}

/** `undefined` where the options are not text, or a segment consists of dots. */
function readTarget(request: Request): Target | undefined {
  try {
    return { path: pathOf(request), query: queryOf(request) }
  } catch {
    return undefined
  }
}

interface VisitInput extends Target, Shared {
  readonly request: Request
  readonly method: Method
  readonly route: Route
}

/** One request at its resource. */
class Visit {
  readonly #input: VisitInput
  readonly #resource: Resource

  constructor(input: VisitInput) {
    this.#input = input
    this.#resource = input.route.resource
  }

  async answer(): Promise<Response> {
    const { request, method, turns } = this.#input
    const refusal = this.#refusal()
    if (refusal !== undefined) return refusal
    if (isConditional(request)) return turns.take(this.#resource, () => this.#callIf())
    const { changes } = this.#resource
    if (changes === undefined || !isRegistration(request)) return this.#call(method)
    return observe({ changes, current: () => this.#call(method), signal: request.signal })
  }

  async #callIf(): Promise<Response> {
    const holds = await this.#conditionHolds()
    return holds ? this.#call(this.#input.method) : error(RESPONSE.preconditionFailed)
  }

  /** What is wrong with the request, whatever the resource would say. */
  #refusal(): Response | undefined {
    const { request, method } = this.#input
    const { consumes, attributes } = this.#resource
    if (handlerOf(this.#resource, method) === undefined) return error(RESPONSE.methodNotAllowed)
    const given = contentFormatOf(request)
    const isForeign = consumes !== undefined && (given === undefined || !consumes.includes(given))
    if (isForeign && request.payload.length > 0) return error(RESPONSE.unsupportedContentFormat)
    const accept = acceptOf(request)
    const formats = attributes?.ct === undefined ? undefined : [attributes.ct].flat()
    const isOffered = accept === undefined || formats === undefined || formats.includes(accept)
    return isOffered ? undefined : error(RESPONSE.notAcceptable)
  }

  /** Without a `get`, all that is known of the resource is that the table has it. */
  async #conditionHolds(): Promise<boolean> {
    const { request } = this.#input
    const current = this.#resource.get && (await this.#call('GET'))
    return conditionHolds(request, current ?? error(RESPONSE.content))
  }

  async #call(method: Method): Promise<CoapMessage> {
    const { request, path, query, route, onError } = this.#input
    const asked = METHOD[method] === request.code ? request : asGet(request)
    try {
      const view = new ResourceRequest(asked, path, route.depth, query)
      const given = await handlerOf(this.#resource, method)?.(view)
      return finished(asked, responseMessage(method, given ?? {}))
    } catch (thrown) {
      if (thrown instanceof UnreadablePayload) return error(RESPONSE.badRequest, thrown.message)
      onError(thrown, request)
      return error(RESPONSE.internalServerError)
    }
  }
}

/** A condition is decided by what a plain GET of the same path and query would answer. */
function asGet(request: Request): Request {
  const kept = [OPTION.uriHost, OPTION.uriPort, OPTION.uriPath, OPTION.uriQuery] as const
  const options = request.options.filter(({ number }) => kept.some((one) => one === number))
  return { ...request, code: METHOD.GET, options, payload: new Uint8Array(0) }
}

/** 4.06 and 2.03 only in the place of what changed nothing. */
function finished(request: Request, response: CoapMessage): CoapMessage {
  if (!isSafeMethod(request.code) || codeClass(response.code) !== 2) return response
  const accept = acceptOf(request)
  if (accept !== undefined && contentFormatOf(response) !== accept) {
    return error(RESPONSE.notAcceptable)
  }
  return validated(request, response)
}

function acceptOf(request: CoapMessage): number | undefined {
  const value = optionValue(request, OPTION.accept)
  return value === undefined ? undefined : readUint(value)
}

/** An error with a text for people, which says nothing that the request did not. */
function error(code: number, diagnostic = ''): CoapMessage {
  return { code, options: [], payload: utf8(diagnostic) }
}
