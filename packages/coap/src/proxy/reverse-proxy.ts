// SPDX-License-Identifier: Apache-2.0
/**
 * A reverse proxy: stands in for servers that its clients do not know of (RFC 7252 Section 5.7.3).
 *
 * A protected message shows its host at the most, never its path (RFC 8613 Section 4.1.3.3). So it finds a
 * route by `host`, or the route of no path.
 *
 * @module
 */

import type { CoapMessage, CoapOption } from '@waxwing/oscore'
import { RESPONSE } from '../codes.js'
import type { Handler, Request } from '../handler.js'
import type { Lookup } from '../hosts.js'
import { OPTION, optionValues, readText, textOption, withoutOptions } from '../options.js'
import { type CoapUri, parseCoapUri, uriOf, uriOptions } from '../uri.js'
import { Forwarding, type ForwardingOptions } from './forwarding.js'
import { nothingHere, refuse, Refusal } from './refusal.js'
import { isDotSegment, readUri, Targets } from './target.js'

/** Which requests go to which server. */
export interface ReverseRoute {
  /** Only requests with this Uri-Host. */
  readonly host?: string
  /** Only this path and what is below it, as `sensors/north`. Default all paths. */
  readonly path?: string
  /** `coap://host:port/path`: what stands in the place of `path`. */
  readonly to: string
}

export interface ReverseProxyOptions extends ForwardingOptions {
  /** Of several that fit, one with a host comes first, then the one with the longest path. */
  readonly routes: readonly ReverseRoute[]
  /** Finds the addresses of names. Default: as the machine does, IPv4 first. */
  readonly lookup?: Lookup
  /** Answers what no route fits. By default nothing is there. */
  readonly local?: Handler
}

interface Route {
  readonly host: string | undefined
  readonly path: readonly string[]
  readonly to: CoapUri
}

/**
 * Makes a reverse proxy, to be given to a server.
 *
 * @throws {RangeError} If a route leads to no `coap` URI, or to one with a query; if a name has blanks.
 */
export function reverseProxy(options: ReverseProxyOptions): Handler {
  const forwarding = new Forwarding(options)
  const routes = options.routes.map(parseRoute).toSorted(byPrecedence)
  const targets = new Targets(() => true, options.lookup) // who wrote the routes allowed them
  return async (request) => {
    const uri = readUri(() => uriOf(request))
    if (uri instanceof Refusal) return uri.response
    if (isProxied(request)) return refuse(RESPONSE.proxyingNotSupported, '')
    const route = routes.find((candidate) => fits(candidate, uri))
    if (route === undefined) return (options.local ?? nothingHere)(request)
    const path = [...route.to.path, ...uri.path.slice(route.path.length)]
    const response = await forwarding.forward(request, async () => ({
      peer: await targets.find(route.to),
      uri: uriOptions({ ...route.to, path, query: uri.query }),
    }))
    return { ...response, options: relocated(response, route) }
  }
}

function parseRoute({ host, path = '', to }: ReverseRoute): Route {
  const target = parseTarget(to)
  const isNamed = (segment: string): boolean => segment !== ''
  return {
    host: host?.toLowerCase(),
    path: path.split('/').filter(isNamed),
    to: { ...target, path: target.path.filter(isNamed) },
  }
}

function parseTarget(to: string): CoapUri {
  const uri = readUri(() => parseCoapUri(to))
  if (uri instanceof Refusal || uri.query.length > 0) {
    throw new RangeError(`to must be a coap URI without a query, got ${to}`)
  }
  return uri
}

function byPrecedence(a: Route, b: Route): number {
  const hosts = Number(b.host !== undefined) - Number(a.host !== undefined)
  return hosts === 0 ? b.path.length - a.path.length : hosts
}

function fits({ host, path }: Route, uri: CoapUri): boolean {
  return (host === undefined || host === uri.host) && startsWith(uri.path, path)
}

function startsWith(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((segment, index) => path[index] === segment)
}

function isProxied({ options }: Request): boolean {
  return options.some(({ number }) => number === OPTION.proxyUri || number === OPTION.proxyScheme)
}

/**
 * Location-Path, as the proxy's own clients have to ask for it. A place beside the route is nothing that
 * they can reach; then no location is said.
 */
function relocated(response: CoapMessage, { path, to }: Route): readonly CoapOption[] {
  const location = optionValues(response, OPTION.locationPath).map((value) => readText(value) ?? '')
  if (location.length === 0) return response.options
  const rest = withoutOptions(response.options, OPTION.locationPath)
  const isReachable = startsWith(location, to.path) && !location.some(isDotSegment)
  if (!isReachable) return withoutOptions(rest, OPTION.locationQuery)
  const reachable = [...path, ...location.slice(to.path.length)]
  return [...rest, ...reachable.map((segment) => textOption(OPTION.locationPath, segment))]
}
