// SPDX-License-Identifier: Apache-2.0
/**
 * A peer by hand: it sends what a test says, and counts.
 *
 * @module
 */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { CoapMessage } from '@waxwing/oscore'
import { expect, onTestFinished } from 'vitest'
import type { Peer } from '../../src/handler.ts'
import { encodeDatagram, TYPE } from '../../src/messaging/datagram.ts'
import { decoded, type Decoded } from './decoded.ts'
import { GET } from './endpoints.ts'

export interface RawMessage extends Decoded {
  readonly from: Peer
  readonly bytes: number
}

export interface RawPeer {
  readonly address: Peer
  readonly sentBytes: number
  readonly receivedBytes: number
  /** The most that it ever had received of what it had sent. */
  readonly worstRatio: number
  send(datagram: Uint8Array, to: Peer): void
  /** Sends a confirmable request, or what `type` says. */
  ask(to: Peer, init?: Partial<CoapMessage> & { type?: number; token?: string }): number
  /** The next message that came. */
  next(): Promise<RawMessage>
  /** Those that came and were not taken. */
  readonly waiting: readonly RawMessage[]
}

/** Opens a socket on loopback that ends with the test. */
export async function openRawPeer(): Promise<RawPeer> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  const waiting: RawMessage[] = []
  const counts = { sentBytes: 0, receivedBytes: 0, worstRatio: 0 }
  let messageId = 0
  socket.on('message', (datagram, from) => {
    counts.receivedBytes += datagram.length
    counts.worstRatio = Math.max(counts.worstRatio, counts.receivedBytes / counts.sentBytes)
    waiting.push({ ...decoded(datagram), from, bytes: datagram.length })
  })
  const send = (datagram: Uint8Array, to: Peer): void => {
    counts.sentBytes += datagram.length
    socket.send(datagram, to.port, to.address)
  }
  return {
    address: socket.address(),
    get sentBytes() {
      return counts.sentBytes
    },
    get receivedBytes() {
      return counts.receivedBytes
    },
    get worstRatio() {
      return counts.worstRatio
    },
    waiting,
    send,
    ask(to, { type = TYPE.con, token = 'tokn', ...message } = {}) {
      const whole = { code: GET, options: [], payload: new Uint8Array(0), ...message }
      send(encodeDatagram(type, ++messageId, token, whole), to)
      return messageId
    },
    async next() {
      await expect.poll(() => waiting.length, { interval: 2 }).toBeGreaterThan(0)
      return waiting.shift()!
    },
  }
}
