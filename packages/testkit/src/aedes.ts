// SPDX-License-Identifier: Apache-2.0
/**
 * An MQTT 3.1.1 broker inside the test process, on a free loopback port. Sessions live in memory.
 *
 * @module
 */

import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Aedes, AedesOptions } from 'aedes'

export interface AedesBroker {
  /** `mqtt://127.0.0.1:port` */
  readonly url: string
  readonly port: number
  /** The broker itself, for its hooks (`authorizeSubscribe` and the like). */
  readonly broker: Aedes
  /** Destroys every connection; the sessions stay. */
  cut(): void
  close(): Promise<void>
}

/** Starts a broker that speaks MQTT 3.1.1 and refuses MQTT 5. */
export async function startAedes(options: AedesOptions = {}): Promise<AedesBroker> {
  const aedes = await import('aedes') // late: most users of this package need no broker
  const broker = await aedes.Aedes.createBroker(options)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    broker.handle(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    broker,
    cut,
    async close() {
      cut()
      server.close()
      await new Promise<void>((resolve) => {
        broker.close(resolve)
      })
    },
  }
}
