// SPDX-License-Identifier: Apache-2.0
/**
 * Whom a proxy asks: what Proxy-Uri or Proxy-Scheme say (RFC 7252 Section 5.10.2), whether that is
 * allowed, and which address it has.
 *
 * Invariant: nothing goes to a target that nobody allowed, nor to more than one host (RFC 7252 Section
 * 11.3).
 *
 * @module
 */

import { isIP } from 'node:net'
import { WaxwingError } from '@waxwing/core'
import { optionValue } from '@waxwing/oscore'
import { RESPONSE } from '../codes.js'
import type { Peer, Request } from '../handler.js'
import { Hosts, type Lookup } from '../hosts.js'
import { canonicalPeer } from '../messaging/addresses.js'
import { OPTION, readText } from '../options.js'
import { type CoapUri, DEFAULT_PORT, parseCoapUri, uriOf } from '../uri.js'
import { Refusal } from './refusal.js'

/** The options that say what a request is about (RFC 7252 Sections 5.10.1 and 5.10.2). */
export const TARGET_OPTIONS: readonly number[] = [
  OPTION.uriHost,
  OPTION.uriPort,
  OPTION.uriPath,
  OPTION.uriQuery,
  OPTION.proxyUri,
  OPTION.proxyScheme,
]

/** A server that a proxy is to ask. */
export interface ProxyTarget {
  /** A name in lower case as the requester gave it; or the address, if it gave one. */
  readonly host: string
  readonly port: number
  /**
   * Where requests will go. Each address is written in one way alone: an IPv4 address as such, an IPv6
   * address in its shortest form, with a zone only if it is link-local.
   */
  readonly address: string
}

/**
 * Which targets are allowed: a list of hosts and of `host:port`, or a function that decides, once a name is
 * looked up. A host alone stands for all of its ports, `*.example` for all names below that one, and `*` for
 * anybody.
 */
export type AllowedTargets =
  readonly string[] | ((target: ProxyTarget, requester: Peer | undefined) => boolean)

/**
 * What a request to a forward proxy is about; `undefined` for one that is not to be forwarded. A refusal is
 * 4.02 for options that make no URI, and 5.05 for another scheme than `coap`.
 */
export function proxiedUri(request: Request): CoapUri | Refusal | undefined {
  const proxyUri = optionValue(request, OPTION.proxyUri)
  if (proxyUri !== undefined) return readUri(() => parseCoapUri(textOf(proxyUri)))
  const scheme = optionValue(request, OPTION.proxyScheme)
  if (scheme === undefined) return undefined
  if (textOf(scheme).toLowerCase() !== 'coap') return unsupported()
  if (optionValue(request, OPTION.uriHost) === undefined) return undefined
  return readUri(() => uriOf({ ...request, peer: { address: '', port: DEFAULT_PORT } }))
}

/** The URI that was read, or the refusal that {@link proxiedUri} tells of. */
export function readUri(read: () => CoapUri): CoapUri | Refusal {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
    if (error.code === 'ERR_UNSUPPORTED') return unsupported()
    return new Refusal(RESPONSE.badOption, 'no URI')
  }
}

/** Where a proxy may send requests. */
export class Targets {
  readonly #isListed: (authority: Pick<CoapUri, 'host' | 'port'>) => boolean
  readonly #isAllowed: (target: ProxyTarget, requester: Peer | undefined) => boolean
  readonly #hosts: Hosts

  /** @throws {TypeError} If `allow` is neither. */
  constructor(allow: AllowedTargets, lookup: Lookup | undefined) {
    const decides = typeof allow === 'function'
    if (!decides && !Array.isArray(allow)) {
      throw new TypeError('allow must be a list of hosts, or a function')
    }
    this.#isListed = decides ? () => true : listed(allow)
    this.#isAllowed = decides ? allow : () => true
    this.#hosts = new Hosts(lookup)
  }

  /**
   * The address of a target. What is not in the list is not even looked up.
   *
   * @param requester - Who asks.
   * @throws {Refusal} 5.05 if it is not allowed or a group of hosts.
   * @throws {WaxwingError} `ERR_TRANSPORT` if it has no address.
   */
  async find({ host, port }: Pick<CoapUri, 'host' | 'port'>, requester?: Peer): Promise<Peer> {
    if (!this.#isListed({ host, port })) throw unsupported()
    const isName = isIP(host) === 0
    const address = canonicalAddress(isName ? await this.#hosts.find(host) : host)
    if (isGroup(address)) throw unsupported()
    const target = { host: isName ? host : address, port, address }
    if (!this.#isAllowed(target, requester)) throw unsupported()
    return { address, port }
  }
}

/** What no path has (RFC 7252 Sections 5.10.1 and 5.10.7), and nobody knows what is made of it. */
export function isDotSegment(segment: string | undefined): boolean {
  return segment === '.' || segment === '..'
}

/** The text of an option, or what no URI can be. */
function textOf(value: Uint8Array): string {
  return readText(value) ?? ''
}

/** Tells whether an authority is in a list of hosts and of `host:port`. */
export function listed(
  entries: readonly string[],
): (authority: Pick<CoapUri, 'host' | 'port'>) => boolean {
  const all = new Set(entries.map(canonicalEntry))
  return ({ host, port }) =>
    patternsFor(canonicalHost(host)).some((each) => all.has(each) || all.has(`${each}:${port}`))
}

/** A host, and what stands for it: for a.b.example, `*.b.example`, `*.example` and `*`. */
function patternsFor(host: string): readonly string[] {
  const isName = isIP(host) === 0 && !host.startsWith('[')
  const labels = isName ? host.split('.') : []
  return [host, ...labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join('.')}`), '*']
}

function canonicalEntry(entry: string): string {
  const [, address = '', port = ''] = /^\[([^\]]*)\](:\d+)?$/.exec(entry) ?? []
  return isIP(address) === 0 ? entry.toLowerCase() : canonicalHost(address) + port
}

function canonicalHost(host: string): string {
  const canonical = isIP(host) === 0 ? host : canonicalAddress(host)
  return isIP(canonical) === 6 ? `[${canonical}]` : canonical
}

/** As {@link ProxyTarget.address} has it. Elsewhere than on a link, a zone says nothing. */
function canonicalAddress(written: string): string {
  const { address } = canonicalPeer({ address: written.toLowerCase(), port: DEFAULT_PORT })
  return /^fe[89ab]/.test(address) ? address : address.replace(/%.*$/, '')
}

/** Multicast, broadcast, and the addresses that mean any. */
function isGroup(address: string): boolean {
  if (isIP(address) === 6) return address.startsWith('ff') || address === '::'
  const first = Number(address.split('.', 1)[0])
  return first === 0 || first >= 224
}

/** RFC 7252 Section 5.7.2: one answer for all that this proxy will not do. */
function unsupported(): Refusal {
  return new Refusal(RESPONSE.proxyingNotSupported, 'not for this target')
}
