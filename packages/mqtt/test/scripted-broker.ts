// SPDX-License-Identifier: Apache-2.0
/**
 * A broker that does what a test says, for what well-behaved brokers do not do.
 *
 * @module
 */

import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { generate, parser, type Packet } from 'mqtt-packet'
import { onTestFinished } from 'vitest'

export interface Peer {
  readonly clientId: string
  send(packet: Packet): void
  /** Any bytes at all. */
  sendBytes(bytes: Uint8Array): void
  destroy(): void
}

export interface ScriptedBroker {
  readonly url: string
  /** Everything received, with the client that sent it. */
  readonly received: readonly { readonly clientId: string; readonly packet: Packet }[]
  /** Resolves with the first packet that passes. */
  until(test: (packet: Packet, clientId: string) => boolean): Promise<Packet>
}

type Script = (packet: Packet, peer: Peer) => void

/** Starts a broker on loopback that answers by the script; it ends with the test. */
export async function startScriptedBroker(
  protocolVersion: 4 | 5,
  script: Script,
): Promise<ScriptedBroker> {
  const received: { clientId: string; packet: Packet }[] = []
  const waiters = new Set<() => void>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    serve(socket, protocolVersion, (packet, peer) => {
      received.push({ clientId: peer.clientId, packet })
      script(packet, peer)
      for (const check of waiters) check()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const until: ScriptedBroker['until'] = async (test) => {
    const { promise, resolve } = Promise.withResolvers<Packet>()
    const check = (): void => {
      const found = received.find(({ packet, clientId }) => test(packet, clientId))
      if (found !== undefined) resolve(found.packet)
    }
    waiters.add(check)
    check()
    return promise
  }
  return { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, received, until }
}

function serve(socket: Socket, protocolVersion: 4 | 5, script: Script): void {
  const incoming = parser({ protocolVersion })
  let clientId = ''
  incoming.on('packet', (packet: Packet) => {
    if (packet.cmd === 'connect') clientId = packet.clientId
    script(packet, {
      clientId,
      send: (reply) => void socket.write(generate(reply, { protocolVersion })),
      sendBytes: (bytes) => void socket.write(bytes),
      destroy: () => void socket.destroy(),
    })
  })
  incoming.on('error', (error: Error) => socket.destroy(error))
  socket.on('data', (bytes: Buffer) => void incoming.parse(bytes))
}

/** Answers everything as a friendly broker would. */
export const friendly: Script = (packet, peer) => {
  const { messageId = 0 } = packet
  switch (packet.cmd) {
    case 'connect':
      peer.send({ cmd: 'connack', reasonCode: 0, returnCode: 0, sessionPresent: false })
      break
    case 'subscribe':
      peer.send({ cmd: 'suback', messageId, granted: packet.subscriptions.map(({ qos }) => qos) })
      break
    case 'unsubscribe':
      peer.send({ cmd: 'unsuback', messageId, granted: [0] })
      break
    case 'publish':
      if (packet.qos === 1) peer.send({ cmd: 'puback', messageId })
      if (packet.qos === 2) peer.send({ cmd: 'pubrec', messageId })
      break
    case 'pubrel':
      peer.send({ cmd: 'pubcomp', messageId })
      break
    case 'pingreq':
      peer.send({ cmd: 'pingresp' })
      break
    default:
  }
}
