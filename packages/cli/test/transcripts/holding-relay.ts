// SPDX-License-Identifier: Apache-2.0
/**
 * A relay to a broker of MQTT that makes one moment last: when a command has asked for a topic, and has no
 * answer yet.
 *
 * @module
 */

import { once } from 'node:events'
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface HoldingRelay {
  readonly port: number
  /** Resolves when somebody has asked for the topic. */
  readonly held: Promise<void>
  release(): void
}

/** Relays to a broker until the test ends; holds back its answers to who has asked for a topic. */
export async function startHoldingRelay(brokerPort: number, topic: string): Promise<HoldingRelay> {
  const { promise: held, resolve } = Promise.withResolvers<void>()
  const [sockets, holding] = [new Set<Socket>(), new Set<Socket>()]
  const server = createServer((near) => {
    const far = createConnection(brokerPort, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => [near, far].map((one) => one.destroy()))
    }
    near.on('data', (bytes) => {
      if (bytes.includes(topic)) {
        holding.add(far.pause())
        resolve()
      }
      far.write(bytes)
    })
    far.on('data', (bytes) => near.write(bytes))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  return { port, held, release: () => holding.forEach((socket) => void socket.resume()) }
}
