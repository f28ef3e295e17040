// SPDX-License-Identifier: Apache-2.0
/**
 * An MQTT broker in this process, on a free loopback port: an honest one that writes down what it
 * carries, until it is told to do what a broker in other hands could do.
 *
 * It has nothing of Waxwing: what it does to messages it does to bytes.
 *
 * @module
 */

import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { Aedes } from 'aedes'

/** A message as the broker has it. */
export interface Carried {
  readonly topic: string
  readonly payload: Uint8Array
}

export class EmbeddedBroker {
  /** `mqtt://127.0.0.1:port`; it speaks MQTT 3.1.1. */
  readonly url: string
  /** Everything that clients published, in order. */
  readonly carried: readonly Carried[]
  readonly #aedes: Aedes
  readonly #server: Server
  readonly #state: { withholds: boolean }

  static async start(): Promise<EmbeddedBroker> {
    const aedes = await Aedes.createBroker()
    const server = createServer((socket) => void aedes.handle(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new EmbeddedBroker(aedes, server)
  }

  private constructor(aedes: Aedes, server: Server) {
    const carried: Carried[] = []
    // What clients published and the broker keeps to itself, in base64.
    const withheld = new Set<string>()
    const state = { withholds: false }
    aedes.authorizePublish = (_client, { topic, payload }, done) => {
      const bytes = Buffer.from(payload)
      carried.push({ topic, payload: new Uint8Array(bytes) })
      if (state.withholds) withheld.add(bytes.toString('base64'))
      done(null)
    }
    // What the broker sends by itself comes from no client.
    aedes.authorizeForward = (_client, packet) => {
      const { clientId } = packet as { clientId?: string }
      const text = Buffer.from(packet.payload).toString('base64')
      return clientId !== undefined && withheld.has(text) ? null : packet
    }
    const { port } = server.address() as AddressInfo
    this.url = `mqtt://127.0.0.1:${port}`
    this.carried = carried
    this.#aedes = aedes
    this.#server = server
    this.#state = state
  }

  /** Takes what is published while `work` runs, and passes none of it on. */
  async withhold(work: () => Promise<unknown>): Promise<void> {
    this.#state.withholds = true
    try {
      await work()
    } finally {
      this.#state.withholds = false
    }
  }

  /** Sends something to whoever subscribed, as if a client had published it. */
  async send({ topic, payload }: Carried): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const packet = { cmd: 'publish', qos: 1, dup: false, retain: false } as const
      const message = { ...packet, topic, payload: Buffer.from(payload) }
      this.#aedes.publish(message, (error) => (error ? reject(error) : resolve()))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    await new Promise<void>((resolve) => {
      this.#aedes.close(resolve)
    })
  }
}
