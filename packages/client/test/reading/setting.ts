// SPDX-License-Identifier: Apache-2.0
/**
 * A reader with a broker, a book and a stream around it, for tests.
 *
 * @module
 */

import { Trust, type Store } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import type { ReaderEvent } from '../../src/events.js'
import { GenerationBook } from '../../src/generation-book.js'
import type { Message } from '../../src/message.js'
import type { ReaderOptions } from '../../src/options.js'
import { Reader } from '../../src/reading/reader.js'
import {
  memoryBroker,
  memoryStore,
  memoryTransport,
  type FixedClock,
  type MemoryBroker,
  type MemoryTransport,
} from '../../src/testing.js'
import {
  giveKeys,
  makeStream,
  RecordedRequests,
  SessionSealer,
  STREAM,
  testRuntime,
  type TestRuntime,
  type TestStream,
} from '../support/stream.js'

export interface SettingOptions extends ReaderOptions {
  readonly store?: Store
  readonly broker?: MemoryBroker
  /** Default {@link STREAM}. */
  readonly filter?: string
  /** Whether the reader has the stream's keys from the start. Default `true`. */
  readonly keys?: boolean
  /** Default `true`. */
  readonly transport?: boolean
  readonly receiveMaximum?: number
  /** Default `reader`. */
  readonly clientId?: string
  readonly stream?: TestStream
  readonly trust?: Trust
  readonly startMs?: number
  /** Default: one of its own. */
  readonly clock?: FixedClock
}

export interface Setting extends AsyncDisposable {
  readonly runtime: TestRuntime
  readonly store: Store
  readonly trust: Trust
  readonly book: GenerationBook
  readonly broker: MemoryBroker
  readonly transport: MemoryTransport
  readonly requests: RecordedRequests
  readonly stream: TestStream
  readonly sealer: SessionSealer
  readonly reader: Reader
  readonly events: ReaderEvent[]
  /** Puts an object on the stream's address, or another. */
  inject(object: Uint8Array, address?: string): void
  /** Takes the messages that are ready, without acknowledging them. */
  take(): Promise<Message[]>
  /** Lets everything happen that can. */
  settle(): Promise<void>
}

/** Makes the setting and starts the reader. */
export async function setting(options: SettingOptions = {}): Promise<Setting> {
  const made = await prepare(options)
  await made.reader.start()
  return made
}

/** The setting, with a reader that was not started. */
export async function prepare(options: SettingOptions = {}): Promise<Setting> {
  const { store = memoryStore(), broker = memoryBroker(), filter = STREAM, keys = true } = options
  const runtime = testRuntime(store, options.startMs, options.clock)
  const trust = options.trust ?? new Trust({ crypto: sodiumProvider })
  const stream = options.stream ?? makeStream(trust)
  const book = new GenerationBook(runtime, trust)
  await book.load()
  if (keys && book.byKid(stream.kid).length === 0) await giveKeys(book, stream)
  const requests = new RecordedRequests()
  const { receiveMaximum = 64 } = options
  const transport = memoryTransport(broker, {
    clientId: options.clientId ?? 'reader',
    receiveMaximum,
  })
  const deps = { runtime, book, trust, requests }
  const reader = new Reader(
    options.transport === false ? deps : { ...deps, transport },
    filter,
    options,
  )
  const events: ReaderEvent[] = []
  reader.on('event', (event) => void events.push(event))
  const ready = new Ready(reader)
  return {
    runtime,
    store,
    trust,
    book,
    broker,
    transport,
    requests,
    stream,
    sealer: new SessionSealer(stream),
    reader,
    events,
    inject: (object, address = STREAM) => broker.inject(address, object),
    take: () => ready.take(),
    settle,
    async [Symbol.asyncDispose]() {
      await reader.close()
      await transport.close()
    },
  }
}

/** Lets promises and microtasks run until nothing happens of itself any more. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Asks for one message after the other, and gathers those that came. */
class Ready {
  readonly #iterator: AsyncIterator<Message>
  readonly #came: Message[] = []
  #isWaiting = false

  constructor(reader: Reader) {
    this.#iterator = reader[Symbol.asyncIterator]()
  }

  async take(): Promise<Message[]> {
    if (!this.#isWaiting) this.#wait()
    await settle()
    return this.#came.splice(0)
  }

  #wait(): void {
    this.#isWaiting = true
    this.#iterator.next().then(
      ({ done, value }) => {
        this.#isWaiting = false
        if (done === true) return
        this.#came.push(value)
        this.#wait()
      },
      () => undefined,
    )
  }
}

export function texts(messages: readonly Message[]): string[] {
  return messages.map((message) => message.text())
}

export function typesOf(events: readonly ReaderEvent[]): string[] {
  return events.map(({ type }) => type)
}
