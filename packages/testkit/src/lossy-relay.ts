// SPDX-License-Identifier: Apache-2.0
/**
 * A UDP relay on loopback that loses, repeats and reorders datagrams, by a seed: what a bad network
 * does. Each sender gets a socket of its own, as behind a NAT.
 *
 * @module
 */

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

export interface LossyRelayOptions {
  /** The loopback port behind it. */
  readonly targetPort: number
  /** Makes its choices the same in each run, as far as datagrams come in the same order. Default 1. */
  readonly seed?: number
  /** Shares of the datagrams, 0 to 1, in either direction. Default 0. */
  readonly loss?: number
  readonly duplication?: number
  /** Of those that are held back for up to `delayMs`, so that others overtake them. */
  readonly reordering?: number
  /** Default 20. */
  readonly delayMs?: number
}

export interface RelayStats {
  readonly forwarded: number
  readonly lost: number
  readonly duplicated: number
  readonly reordered: number
}

export interface LossyRelay {
  readonly port: number
  readonly stats: RelayStats
  /** Until `heal`, nothing passes. */
  sever(): void
  heal(): void
  close(): Promise<void>
}

const DEFAULT_DELAY_MS = 20

/** Relays a free loopback port to another one. */
export async function startLossyRelay(options: LossyRelayOptions): Promise<LossyRelay> {
  const near = await boundSocket()
  const fate = new Fate(options)
  const far = new Map<number, Socket>()
  near.on('message', (datagram, { port }) => {
    const socket = far.get(port) ?? createFar(near, port, fate)
    far.set(port, socket)
    fate.decide(() => socket.send(datagram, options.targetPort, '127.0.0.1'))
  })
  return {
    port: near.address().port,
    stats: fate.stats,
    sever: () => void (fate.isSevered = true),
    heal: () => void (fate.isSevered = false),
    async close() {
      fate.close()
      await Promise.all([near, ...far.values()].map(closeSocket))
    },
  }
}

/** What happens to each datagram. */
class Fate {
  isSevered = false
  readonly stats = { forwarded: 0, lost: 0, duplicated: 0, reordered: 0 }
  readonly #options: LossyRelayOptions
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  #state: number

  constructor(options: LossyRelayOptions) {
    this.#options = options
    this.#state = (options.seed ?? 1) | 0
  }

  decide(send: () => void): void {
    const { loss = 0, duplication = 0 } = this.#options
    if (this.isSevered || this.#random() < loss) {
      this.stats.lost++
      return
    }
    this.#forward(send)
    if (this.#random() >= duplication) return
    this.stats.duplicated++
    this.#forward(send)
  }

  close(): void {
    this.isSevered = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  #forward(send: () => void): void {
    const { reordering = 0, delayMs = DEFAULT_DELAY_MS } = this.#options
    this.stats.forwarded++
    if (this.#random() >= reordering) {
      send()
      return
    }
    this.stats.reordered++
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      send()
    }, this.#random() * delayMs)
    this.#timers.add(timer)
  }

  /** From 0 to below 1: mulberry32. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function createFar(near: Socket, port: number, fate: Fate): Socket {
  const socket = createSocket('udp4')
  socket.on('error', () => undefined) // a target that is gone is no news
  socket.on('message', (datagram) => fate.decide(() => near.send(datagram, port, '127.0.0.1')))
  return socket
}

async function boundSocket(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.on('error', () => undefined)
  const listening = once(socket, 'listening')
  socket.bind(0, '127.0.0.1')
  await listening
  return socket
}

async function closeSocket(socket: Socket): Promise<void> {
  const closed = once(socket, 'close')
  socket.close()
  await closed
}
