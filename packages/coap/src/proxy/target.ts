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
  /** As the requester named it: a name in lower case, or a numeric address. */
  readonly host: string
  readonly port: number
  /** The address that the host has. */
  readonly address: string
}

/**
 * Which targets are allowed: a list of hosts and of `host:port`, or a function that decides. A host alone
 * stands for all of its ports.
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

  constructor(allow: AllowedTargets, lookup: Lookup | undefined) {
    const decides = typeof allow === 'function'
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
    const address = isIP(host) === 0 ? await this.#hosts.find(host) : host
    if (isGroup(address)) throw unsupported()
    if (!this.#isAllowed({ host, port, address }, requester)) throw unsupported()
    return { address, port }
  }
}

/** The text of an option, or what no URI can be. */
function textOf(value: Uint8Array): string {
  return readText(value) ?? ''
}

/** Tells whether an authority is in a list of hosts and of `host:port`. */
export function listed(
  entries: readonly string[],
): (authority: Pick<CoapUri, 'host' | 'port'>) => boolean {
  const all = new Set(entries.map((entry) => entry.toLowerCase()))
  return ({ host, port }) => all.has(bracketed(host)) || all.has(`${bracketed(host)}:${port}`)
}

function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host
}

/** Multicast, broadcast, and the addresses that mean any. */
function isGroup(address: string): boolean {
  const plain = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '')
  if (isIP(plain) === 6) return plain.startsWith('ff') || /^[0:]+$/.test(plain)
  const first = Number(plain.split('.', 1)[0])
  return first === 0 || first >= 224
}

/** RFC 7252 Section 5.7.2: one answer for all that this proxy will not do. */
function unsupported(): Refusal {
  return new Refusal(RESPONSE.proxyingNotSupported, 'not for this target')
}
