// SPDX-License-Identifier: Apache-2.0
/**
 * Reading a signed stream, live and from an archive, on the reader's own thread and with others that
 * verify (`verifyOnThreads`). Memory store; the transport hands over what lies ready, in bursts.
 *
 * @module
 */

import {
  memoryStore,
  openEndpoint,
  type Endpoint,
  type Producer,
  type Reader,
} from '@waxwing/client'
import type { CryptoProvider, MessageHandler, Transport } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { verifyOnThreads } from '@waxwing/core/threads'
import type { Contender } from './measure.ts'

const STREAM = 'plant/1/temperature'
const PAYLOAD = new Uint8Array(256).fill(0x5a)
/** As many as one read of a socket brings. */
const BURST = 128

export interface ThreadsBench {
  readonly live: readonly Contender[]
  readonly archive: readonly Contender[]
  close(): Promise<void>
}

export async function threadsBench(threads: number): Promise<ThreadsBench> {
  const threaded = verifyOnThreads(sodiumProvider, { threads })
  const alone = await End.open(sodiumProvider)
  const helped = await End.open(threaded.crypto)
  const name = `with ${threads} thread${threads === 1 ? '' : 's'} more`
  return {
    live: [alone.live('on one thread'), helped.live(name)],
    archive: [alone.archive('on one thread'), helped.archive(name)],
    async close() {
      await alone.endpoint.close()
      await helped.endpoint.close()
      await threaded.close()
    },
  }
}

class End {
  readonly endpoint: Endpoint
  readonly #producer: Producer
  readonly #transport: ReadyTransport
  readonly #reader: Reader
  #handled = 0
  #wanted = 0
  #wake: (() => void) | undefined

  private constructor(endpoint: Endpoint, producer: Producer, transport: ReadyTransport) {
    this.endpoint = endpoint
    this.#producer = producer
    this.#transport = transport
    this.#reader = endpoint.reader('plant/#')
  }

  static async open(crypto: CryptoProvider): Promise<End> {
    const transport = new ReadyTransport()
    const endpoint = await openEndpoint({ store: memoryStore(), transport, crypto, name: 'bench' })
    const end = new End(endpoint, await endpoint.producer(STREAM), transport)
    void end.#handleAll()
    return end
  }

  live(name: string): Contender {
    let objects: Uint8Array[] = []
    return {
      name,
      prepare: (count) => void (objects = this.#seal(count)),
      run: async (count) => {
        const all = new Promise<void>((resolve) => (this.#wake = resolve))
        this.#wanted = this.#handled + count
        await this.#transport.bring(objects)
        await all
      },
    }
  }

  archive(name: string): Contender {
    let objects: Uint8Array[] = []
    return {
      name,
      prepare: (count) => void (objects = this.#seal(count)),
      run: async (count) => {
        let read = 0
        for await (const item of this.#reader.readArchive(inPieces(objects))) {
          if (item.kind === 'message') read += 1
        }
        if (read !== count) throw new Error('all of the archive must open')
      },
    }
  }

  #seal(count: number): Uint8Array[] {
    return Array.from({ length: count }, () => this.#producer.seal(PAYLOAD))
  }

  async #handleAll(): Promise<void> {
    for await (const message of this.#reader) {
      await message.acknowledge()
      this.#handled += 1
      if (this.#handled === this.#wanted) this.#wake?.()
    }
  }
}

/** Brings its subscriber what lies ready, and sends nothing. */
class ReadyTransport implements Transport {
  readonly limits = { maxPayloadBytes: 1_048_576, binary: true, retained: false }
  readonly #handlers: MessageHandler[] = []

  async send(): Promise<void> {}

  async subscribe(
    filter: string,
    handler: MessageHandler,
  ): Promise<{ close: () => Promise<void> }> {
    if (filter.startsWith('plant')) this.#handlers.push(handler)
    return { close: () => Promise.resolve() }
  }

  onStatus(): () => void {
    return () => undefined
  }

  async close(): Promise<void> {}

  async bring(objects: readonly Uint8Array[]): Promise<void> {
    const [handler] = this.#handlers
    if (handler === undefined) throw new Error('nobody subscribed')
    for (const [i, payload] of objects.entries()) {
      await handler({
        address: STREAM,
        payload,
        properties: {},
        retained: false,
        redelivered: false,
        acknowledge: () => Promise.resolve(),
      })
      if (i % BURST === BURST - 1) await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

/** As a file is read. */
async function* inPieces(objects: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  const pieceObjects = 128
  for (let from = 0; from < objects.length; from += pieceObjects) {
    yield Buffer.concat(objects.slice(from, from + pieceObjects))
  }
}
