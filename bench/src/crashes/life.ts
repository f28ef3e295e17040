// SPDX-License-Identifier: Apache-2.0
/**
 * What the two processes that get killed have in common: a clock that can be set, a store that can be
 * full, opening again and again until it works, and a log of it all.
 *
 * What they write is there after a kill without a sync: only they die, and not the machine.
 *
 * @module
 */

import { openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  openEndpoint,
  type Endpoint,
  type EndpointOptions,
  type WaxwingEvent,
} from '@waxwing/client'
import {
  decodeObject,
  isControlAddress,
  toHex,
  WaxwingError,
  type Clock,
  type Store,
  type Transport,
} from '@waxwing/core'
import { mqttTransport } from '@waxwing/mqtt'
import { sqliteStore, type SqliteStore } from '@waxwing/store-sqlite'
import { formatEntry, STORE_FULL, type LogEntry } from './life-log.ts'

export interface LifeSetup {
  readonly url: string
  readonly clientId: string
  readonly storePath: string
  readonly storeKey: Uint8Array
  readonly logPath: string
  /** By how much the clock is wrong, in milliseconds. */
  readonly offsetMs: number
  /** Whether the store gets no further page, where no disk can be filled. */
  readonly isFull: boolean
}

/** Between two tries of what the store refused. */
const RETRY_MS = 50
/** SQLite takes what is there for the least limit. */
const NO_FURTHER_PAGE = 1
/** What must never be said of a message: nobody forges, nobody revokes. */
const REFUSALS: ReadonlySet<string> = new Set([
  'refused',
  'evicted',
  'not-authentic',
  'conflict',
  'moved',
  'stale',
  'malformed',
  'wrong-nodes',
  'crowded-nodes',
  'two-writers',
])

export class Life {
  /** Resolved when it does what it is there for. */
  readonly begun: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  readonly #setup: LifeSetup
  readonly #file: number
  #offsetMs: number
  #roomy: SqliteStore | undefined
  #tight: SqliteStore | undefined
  #isFull: boolean

  constructor(setup: LifeSetup) {
    this.#setup = setup
    this.#file = openSync(setup.logPath, 'a')
    this.#offsetMs = setup.offsetMs
    this.#isFull = setup.isFull
  }

  log(entry: LogEntry): void {
    writeSync(this.#file, formatEntry(entry))
  }

  /** Sets the clock. */
  jump(offsetMs: number): void {
    this.#offsetMs = offsetMs
  }

  /** Has the store get no further page, or as many as it likes. */
  setFull(isFull: boolean): void {
    this.#isFull = isFull
    void this.#tight?.close()
    this.#tight = isFull && this.#roomy !== undefined ? this.#openStore(NO_FURTHER_PAGE) : undefined
  }

  /** Opens the endpoint, however often that takes. */
  open(options: Pick<EndpointOptions, 'name'> = {}): Promise<Endpoint> {
    this.log({ kind: 'start' })
    return this.untilDone(async () => {
      this.#roomy ??= this.#openStore()
      this.setFull(this.#isFull)
      const { url, clientId } = this.#setup
      return await openEndpoint({
        ...options,
        store: this.#store(),
        transport: this.#noting(mqttTransport({ url, clientId })),
        clock: this.#clock(),
        onEvent: (event) => this.#note(event),
      })
    })
  }

  /** Does something until it succeeds, and notes each time why it did not. */
  async untilDone<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        this.failed(error)
      }
      await sleep(RETRY_MS)
    }
  }

  /** Notes why something failed, and where, unless that is what is expected. */
  failed(error: unknown): void {
    const code = error instanceof WaxwingError ? error.code : 'untyped'
    const text = code === STORE_FULL ? '' : ` ${String(error)} ${(error as Error).stack ?? ''}`
    this.log({ kind: 'failed', why: `${code}${text}`.replaceAll('\n', ' ') })
  }

  #note(event: WaxwingEvent): void {
    if (event.type === 'error') this.failed(event.error)
    else if (REFUSALS.has(event.type)) this.log({ kind: 'refusal', what: wordsOf(event) })
  }

  /** Notes what the transport brings, in its order. */
  #noting(transport: Transport): Transport {
    const subscribe = transport.subscribe.bind(transport)
    transport.subscribe = (filter, handler) =>
      subscribe(filter, (received) => {
        if (!isControlAddress(received.address)) {
          const { kid, session, counter } = decodeObject(received.payload)
          const place = { kid: toHex(kid), session: toHex(session), counter }
          this.log({ kind: 'arrived', redelivered: received.redelivered, ...place })
        }
        return handler(received)
      })
    return transport
  }

  #clock(): Clock {
    return { now: () => Date.now() + this.#offsetMs, monotonic: () => performance.now() }
  }

  #openStore(maxPages?: number): SqliteStore {
    const { storePath, storeKey } = this.#setup
    const limit = maxPages === undefined ? {} : { maxPages }
    return sqliteStore(storePath, { key: { keyBytes: storeKey }, create: false, ...limit })
  }

  /** Nobody else writes, so nobody has to be told of it. */
  #store(): Store {
    const roomy = this.#roomy as SqliteStore
    return {
      get: (table, key) => roomy.get(table, key),
      scan: (table, query) => roomy.scan(table, query),
      write: (changes) => (this.#tight ?? roomy).write(changes),
      continuity: {
        life: () => (this.#tight ?? roomy).continuity.life(),
        write: (life, changes) => (this.#tight ?? roomy).continuity.write(life, changes),
      },
      close: () => roomy.close(),
    }
  }
}

/** An event in one line, without the bytes of objects. */
function wordsOf(event: WaxwingEvent): string {
  return JSON.stringify(event, (_, value: unknown) =>
    value instanceof Uint8Array ? undefined : value,
  )
}
