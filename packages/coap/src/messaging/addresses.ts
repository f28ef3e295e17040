// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses, one spelling for each: peers are recognised by it.
 *
 * @module
 */

import { isIPv4, SocketAddress } from 'node:net'
import type { Peer } from '../handler.js'

/** What an IPv4 address looks like to a socket that speaks IPv6 (RFC 4291 Section 2.5.5.2). */
const MAPPED = '::ffff:'

/** The address as a datagram's sender would be told; an IPv4 one in its own form. */
export function canonicalPeer(peer: Peer): Peer {
  return isIPv4(peer.address) ? peer : { address: canonicalIpv6(peer.address), port: peer.port }
}

/** The address of a sender, as a socket tells it; an IPv4 one in its own form. */
export function plainAddress(address: string): string {
  return address.startsWith(MAPPED) ? withoutMapping(address) : address
}

/** The address as a socket of this type needs it. */
export function addressFor(type: 'udp4' | 'udp6', address: string): string {
  return type === 'udp6' && isIPv4(address) ? MAPPED + address : address
}

function canonicalIpv6(address: string): string {
  const [bare = '', zone] = address.split('%')
  const plain = plainAddress(new SocketAddress({ address: bare, family: 'ipv6' }).address)
  return zone === undefined ? plain : `${plain}%${zone}`
}

function withoutMapping(address: string): string {
  const rest = address.slice(MAPPED.length)
  return isIPv4(rest) ? rest : address
}
