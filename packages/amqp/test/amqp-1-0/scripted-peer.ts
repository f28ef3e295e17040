// SPDX-License-Identifier: Apache-2.0
/** A server of AMQP 1.0 whose every answer a test decides: rhea on the other side, and raw bytes. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import rhea, { type Connection, type Container, type EventContext, type Sender } from 'rhea'
import { onTestFinished } from 'vitest'
import { amqpTransport, type Amqp10Options, type AmqpTransport } from '@waxwing/amqp'

export interface ScriptedPeer {
  readonly container: Container
  readonly url: string
  /** Connections so far, the first one first. */
  readonly connections: Connection[]
}

/** Takes everybody, and says `undefined` of itself; what tests listen to does the rest. */
export async function startPeer(
  script: (container: Container) => void,
  container: Container = rhea.create_container({ id: 'scripted' }),
): Promise<ScriptedPeer> {
  const connections: Connection[] = []
  container.options['sender_options'] = { autosettle: true }
  container.options['receiver_options'] = { autoaccept: false, credit_window: 100 }
  for (const event of ['error', 'protocol_error', 'disconnected', 'connection_error']) {
    container.on(event, () => undefined)
  }
  container.on('connection_open', ({ connection }: EventContext) => connections.push(connection))
  // Both ends of each link are what the client asked for, unless the script says otherwise.
  container.on('sender_open', ({ sender }: EventContext) => {
    if (sender !== undefined) sender.set_source(sender.source)
  })
  container.on('receiver_open', ({ receiver }: EventContext) => {
    if (receiver !== undefined) receiver.set_target(receiver.target)
  })
  script(container)
  // rhea, as a server, sends no more when 2,048 deliveries follow one that is not settled.
  const tuning = { tcp_no_delay: true, session_buffer_size: { outgoing: 10_000 } }
  const options = { host: '127.0.0.1', port: 0, ...tuning }
  const server = container.listen(options)
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const connection of connections) socketOf(connection).destroy()
  })
  return {
    container,
    connections,
    url: `amqp://127.0.0.1:${(server.address() as AddressInfo).port}`,
  }
}

/** The socket under a connection, for what no library would send. */
export function socketOf(connection: Connection): { write(b: Uint8Array): void; destroy(): void } {
  return Reflect.get(connection, 'socket') as { write(b: Uint8Array): void; destroy(): void }
}

export function transportTo(url: string, options: Partial<Amqp10Options> = {}): AmqpTransport {
  const transport = amqpTransport({
    protocol: '1.0',
    nodes: 'plain',
    url,
    reconnectMinMs: 5,
    reconnectMaxMs: 20,
    ...options,
  })
  onTestFinished(() => transport.close())
  return transport
}

/** Sends these bytes as a payload over a link of the server. */
export function sendPayload(sender: Sender | undefined, bytes: readonly number[]): void {
  sender?.send({ body: rhea.message.data_section(Buffer.from(bytes)) as object })
}
