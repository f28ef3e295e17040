// SPDX-License-Identifier: Apache-2.0
/**
 * A TCP relay on loopback that can cut every connection: what a bad network does to a client
 * while the server stays up and keeps its sessions.
 *
 * @module
 */

import { once } from 'node:events'
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'

export interface CuttingProxy {
  readonly port: number
  /** Destroys all connections. New ones are taken at once. */
  cut(): void
  /** Relays nothing more over the connections there are, and leaves them open. */
  hush(): void
  /** Until `heal`, destroys all connections and every new one. */
  sever(): void
  heal(): void
  /** How many connections were taken so far. */
  readonly connectionCount: number
  close(): Promise<void>
}

/** Relays a free loopback port to another loopback port. */
export async function startProxy(targetPort: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  let severed = false
  let connectionCount = 0
  const server = createServer((near) => {
    if (severed) return void near.destroy()
    connectionCount++
    relay(sockets, near, createConnection(targetPort, '127.0.0.1'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    hush() {
      for (const socket of sockets) socket.unpipe().resume()
    },
    sever() {
      severed = true
      cut()
    },
    heal() {
      severed = false
    },
    get connectionCount() {
      return connectionCount
    },
    async close() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

function relay(sockets: Set<Socket>, near: Socket, far: Socket): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    sockets.add(from)
    from.pipe(to)
    from.on('error', () => undefined) // a cut connection is no news
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
  }
}
