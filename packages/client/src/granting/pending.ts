// SPDX-License-Identifier: Apache-2.0
/**
 * Requests that wait for a person. They outlive the process: whoever decides may do it tomorrow.
 *
 * A reader asks again and again while it waits. Of one principal and kid only the newest request is
 * kept, under a name that stays the same, so that a person can still decide by what was on the screen.
 *
 * @module
 */

import {
  concatBytes,
  decodeMessage,
  malformed,
  MapFields,
  toBase64Url,
  WaxwingError,
  type CborValue,
  type CryptoProvider,
  type DecodedMessage,
} from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import { readRecord, Table } from '../table.js'

/** At most so many requests wait; the oldest gives way. */
const MAX_PENDING = 1000
const REQUEST_ID_LENGTH = 12

export type RequestMessage = Extract<DecodedMessage, { type: 'request' }>

interface Waiting {
  readonly message: Uint8Array
  /** When it came first, in seconds since 1970. */
  readonly received: number
}

/** The short name of what a principal asks of a kid: the same each time that it asks again. */
export function requestIdOf(
  crypto: Pick<CryptoProvider, 'sha256'>,
  { author, body }: Pick<RequestMessage, 'author' | 'body'>,
): string {
  return toBase64Url(crypto.sha256(concatBytes(author, body.kid))).slice(0, REQUEST_ID_LENGTH)
}

export class PendingRequests {
  readonly #runtime: Runtime
  readonly #table: Table<Waiting>
  /** Who waits since when, the oldest first. */
  readonly #waiting = new Map<string, number>()
  /** What was told to the application of each. */
  readonly #told = new Map<string, string>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    const codec = { toCbor: waitingToCbor, fromCbor: waitingFromCbor }
    this.#table = new Table(runtime.store, 'request', codec)
  }

  /** Reads who is waiting; again after another process decided something. */
  async load(): Promise<void> {
    const entries = await this.#table.scan()
    const byAge = entries.toSorted((x, y) => x.record.received - y.record.received)
    this.#waiting.clear()
    for (const { key, record } of byAge) this.#waiting.set(key, record.received)
  }

  /** Keeps a request in the place of an earlier one. Returns whether that is news for a person. */
  async keep(message: RequestMessage, now: number): Promise<boolean> {
    const requestId = requestIdOf(this.#runtime.crypto, message)
    const since = this.#waiting.get(requestId)
    const evicted = since === undefined ? this.#makeRoom() : []
    const received = since ?? now
    this.#waiting.set(requestId, received)
    const deletions = evicted.map((key) => this.#table.delete(key))
    const kept = this.#table.put(requestId, { message: message.bytes, received })
    await this.#runtime.store.write([...deletions, kept])
    const { spans, rights, reason } = message.body
    const summary = JSON.stringify([spans, rights, reason])
    if (this.#told.get(requestId) === summary) return false
    this.#told.set(requestId, summary)
    return true
  }

  has(requestId: string): boolean {
    return this.#waiting.has(requestId)
  }

  async remove(requestId: string): Promise<void> {
    this.#waiting.delete(requestId)
    this.#told.delete(requestId)
    await this.#runtime.store.write([this.#table.delete(requestId)])
  }

  async all(): Promise<readonly RequestMessage[]> {
    const entries = await this.#table.scan()
    const byAge = entries.toSorted((a, b) => a.record.received - b.record.received)
    return byAge.map(({ record }) => this.#decode(record))
  }

  async find(requestId: string): Promise<RequestMessage | undefined> {
    const waiting = await this.#table.get(requestId)
    return waiting && this.#decode(waiting)
  }

  /** @throws {WaxwingError} `ERR_KEY_UNKNOWN` if no such request waits. */
  async get(requestId: string): Promise<RequestMessage> {
    const waiting = await this.find(requestId)
    if (waiting !== undefined) return waiting
    throw new WaxwingError('ERR_KEY_UNKNOWN', `no request ${requestId} is waiting`)
  }

  #makeRoom(): readonly string[] {
    const [oldest] = this.#waiting.keys()
    if (oldest === undefined || this.#waiting.size < MAX_PENDING) return []
    this.#waiting.delete(oldest)
    this.#told.delete(oldest)
    return [oldest]
  }

  #decode({ message }: Waiting): RequestMessage {
    return readRecord('request', () => {
      const decoded = decodeMessage(this.#runtime.crypto, message)
      if (decoded.type === 'request') return decoded
      throw malformed('request record', 'message')
    })
  }
}

function waitingToCbor({ message, received }: Waiting): CborValue {
  return new Map<number, CborValue>([
    [1, message],
    [2, received],
  ])
}

function waitingFromCbor(value: CborValue): Waiting {
  const map = new MapFields('request record', value)
  return { message: map.bytes(1, 'message'), received: map.uint(2, 'received') }
}
