// SPDX-License-Identifier: Apache-2.0
/**
 * A socket that is a member of a multicast group (RFC 7252 Section 8). It only listens: what is sent to
 * the group goes out from an endpoint of its sender, where it can be answered.
 *
 * Several processes of a machine may listen at one port.
 *
 * @module
 */

import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { WaxwingError } from '@waxwing/core'
import type { Peer } from '../handler.js'
import { plainAddress } from './addresses.js'

export interface GroupSocketOptions {
  /** The group's address; a link-local one of IPv6 with its zone. */
  readonly group: string
  readonly port: number
  /** The interface: its address for IPv4, `::%zone` for IPv6. Default: the system's choice. */
  readonly interface?: string
  /** Takes each datagram; it is not changed afterwards. */
  readonly receive: (datagram: Buffer, from: Peer) => void
  /** Told what happens to the socket. */
  readonly report: (error: unknown) => void
}

/** A member of a group. */
export interface GroupSocket {
  /** Leaves the group. Safe to call twice. */
  close(): Promise<void>
}

/** What a receiver that is busy for a moment should not lose; the system may give less. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

/**
 * Joins a group.
 *
 * @throws {WaxwingError} `ERR_TRANSPORT` if the group cannot be joined there.
 */
export async function openGroupSocket(options: GroupSocketOptions): Promise<GroupSocket> {
  const { group, port, receive, report } = options
  const type = isIPv6(group) ? 'udp6' : 'udp4'
  const socket = createSocket({ type, reuseAddr: true, recvBufferSize: RECEIVE_BUFFER_BYTES })
  const closed = Promise.withResolvers<void>()
  socket.once('close', closed.resolve)
  let isClosing = false
  const close = (): Promise<void> => {
    if (!isClosing) socket.close()
    isClosing = true
    return closed.promise
  }
  try {
    const listening = once(socket, 'listening')
    // Bound to the group, it gets nothing that was sent to the port of this machine alone.
    socket.bind({ port, ...(process.platform === 'win32' ? {} : { address: group }) })
    await listening
    socket.addMembership(group.replace(/%.*$/, ''), options.interface)
  } catch (cause) {
    await close()
    throw new WaxwingError('ERR_TRANSPORT', `the group ${group} cannot be joined`, {}, { cause })
  }
  socket.on('error', report)
  socket.on('message', (datagram, sender: RemoteInfo) =>
    receive(datagram, { address: plainAddress(sender.address), port: sender.port }),
  )
  return { close }
}
