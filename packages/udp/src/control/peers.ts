// SPDX-License-Identifier: Apache-2.0
/**
 * Peers as text, for tables of who is reached where: the address, a space, the port.
 *
 * @module
 */

import { isIP } from 'node:net'
import type { Peer } from '@waxwing/coap'

export function formatPeer({ address, port }: Peer): string {
  return `${address} ${port}`
}

/** `undefined` where it is none: a table may be older than this program. */
export function parsePeer(text: string): Peer | undefined {
  const [address = '', digits = ''] = text.split(' ')
  const port = Number(digits)
  return isIP(address) !== 0 && port >= 1 && port <= 65_535 ? { address, port } : undefined
}
