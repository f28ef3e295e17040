// SPDX-License-Identifier: Apache-2.0
/**
 * The machine's network interfaces, as the group's sockets need them, and which peers are on their links.
 *
 * @module
 */

import { BlockList, isIPv6 } from 'node:net'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'

/** An interface that is up. */
export interface Attachment {
  /** What sockets call it; `undefined` for the system's choice. */
  readonly socketName: string | undefined
  /** What an IPv6 address of its link ends with: `%zone`, or nothing. */
  readonly zone: string
  /** Another one whenever anything of it changed. */
  readonly signature: string
  /** Whether this address belongs to one of the links. */
  isOnLink(address: string): boolean
}

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>

/**
 * Finds an interface that is up and has an address of the family.
 *
 * @param wanted - Its name or an address of it; `undefined` for any.
 * @param interfaces - For tests. Default: what the machine has.
 */
export function findAttachment(
  wanted: string | undefined,
  type: 'udp4' | 'udp6',
  interfaces: Interfaces = networkInterfaces(),
): Attachment | undefined {
  const all = addressesOf(type, interfaces)
  const chosen = all.find(({ name, info }) => name === wanted || info.address === wanted)
  if (wanted === undefined ? all.length === 0 : chosen === undefined) return undefined
  const ours = chosen === undefined ? all : all.filter(({ name }) => name === chosen.name)
  const links = linksOf(ours.map(({ info }) => info))
  return {
    socketName: chosen && (type === 'udp4' ? chosen.info.address : `::%${chosen.name}`),
    zone: chosen && type === 'udp6' ? `%${chosen.name}` : '',
    signature: JSON.stringify(ours.map(({ name, info }) => [name, info.cidr])),
    isOnLink: (address) => {
      const [bare = ''] = address.split('%')
      return links.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4')
    },
  }
}

/** The names of those that are up and have an address of the family. */
export function namesOf(type: 'udp4' | 'udp6'): readonly string[] {
  return [...new Set(addressesOf(type, networkInterfaces()).map(({ name }) => name))]
}

function addressesOf(
  type: 'udp4' | 'udp6',
  interfaces: Interfaces,
): readonly { readonly name: string; readonly info: NetworkInterfaceInfo }[] {
  const family = type === 'udp4' ? 'IPv4' : 'IPv6'
  return Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses.filter((info) => info.family === family).map((info) => ({ name, info })),
  )
}

function linksOf(addresses: readonly NetworkInterfaceInfo[]): BlockList {
  const links = new BlockList()
  links.addSubnet('fe80::', 10, 'ipv6')
  for (const { address, cidr, family } of addresses) {
    const prefix = Number(cidr?.split('/')[1] ?? (family === 'IPv4' ? 32 : 128))
    links.addSubnet(address, prefix, family === 'IPv4' ? 'ipv4' : 'ipv6')
  }
  return links
}
