// SPDX-License-Identifier: Apache-2.0
/**
 * A forward proxy: asks for a client what its request names (RFC 7252 Section 5.7.2). It sees of
 * protected messages what OSCORE leaves outside, and passes them on unchanged (RFC 8613 Section 10).
 *
 * @module
 */

import type { Handler, Request } from '../handler.js'
import type { Lookup } from '../hosts.js'
import { withoutOptions } from '../options.js'
import { type CoapUri, uriOptions } from '../uri.js'
import { Forwarding, type ForwardingOptions } from './forwarding.js'
import { nothingHere, Refusal } from './refusal.js'
import { type AllowedTargets, listed, proxiedUri, TARGET_OPTIONS, Targets } from './target.js'

export interface ForwardProxyOptions extends ForwardingOptions {
  /**
   * Which servers may be asked. There is no default: a proxy that asks anybody lets anybody reach what
   * only the proxy can reach, and attack others under its address.
   */
  readonly allow: AllowedTargets
  /** Finds the addresses of names. Default: as the machine does, IPv4 first. */
  readonly lookup?: Lookup
  /** The proxy's own hosts, or each as `host:port`: requests for these are `local`. */
  readonly names?: readonly string[]
  /** Answers what is for the proxy itself. By default nothing is there. */
  readonly local?: Handler
}

/**
 * Makes a forward proxy, to be given to a server.
 *
 * @example
 * ```ts
 * const endpoint = await openUdpEndpoint({})
 * const network = blockwiseClient()(endpoint.network)
 * const handler = forwardProxy({ network, allow: ['sensor.example', '192.0.2.7:5683'] })
 * const server = await coapServer({ handler })
 * ```
 *
 * @throws {TypeError} If `allow` is neither a list nor a function.
 * @throws {RangeError} If a name has blanks.
 */
export function forwardProxy(options: ForwardProxyOptions): Handler {
  const forwarding = new Forwarding(options)
  const targets = new Targets(options.allow, options.lookup)
  const isOwn = listed(options.names ?? [])
  const local = options.local ?? nothingHere
  return async (request) => {
    const uri = proxiedUri(request)
    if (uri instanceof Refusal) return uri.response
    if (uri === undefined || isOwn(uri)) return local(asLocal(request, uri))
    return forwarding.forward(request, async () => ({
      peer: await targets.find(uri, request.peer),
      uri: uriOptions(uri),
    }))
  }
}

/** RFC 7252 Section 5.7.2: what names the proxy itself is treated as if it had come directly. */
function asLocal(request: Request, uri: CoapUri | undefined): Request {
  if (uri === undefined) return request
  const rest = withoutOptions(request.options, ...TARGET_OPTIONS)
  return { ...request, options: [...uriOptions(uri), ...rest] }
}
