// SPDX-License-Identifier: Apache-2.0
/**
 * Requests that wait for a person. They outlive the process: whoever decides may do it tomorrow.
 *
 * @module
 */

import {
  decodeMessage,
  MapFields,
  toBase64Url,
  toHex,
  WaxwingError,
  type CborValue,
  type DecodedMessage,
} from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import { Table } from '../table.js'

/** At most so many requests wait; the oldest gives way. */
const MAX_PENDING = 1000
const REQUEST_ID_LENGTH = 12

export type RequestMessage = Extract<DecodedMessage, { type: 'request' }>

interface Waiting {
  readonly message: Uint8Array
  /** In seconds since 1970. */
  readonly received: number
}

/** The short name of a request. */
export function requestIdOf(message: Pick<DecodedMessage, 'digest'>): string {
  return toBase64Url(message.digest).slice(0, REQUEST_ID_LENGTH)
}

export class PendingRequests {
  readonly #runtime: Runtime
  readonly #table: Table<Waiting>
  /** By author and kid, the oldest first: the id of the request that waits. */
  readonly #waiting = new Map<string, string>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    const codec = { toCbor: waitingToCbor, fromCbor: waitingFromCbor }
    this.#table = new Table(runtime.store, 'request', codec)
  }

  /** Reads who is waiting; again after another process decided something. */
  async load(): Promise<void> {
    const entries = await this.#table.scan()
    this.#waiting.clear()
    for (const { key, record } of entries.toSorted(
      (x, y) => x.record.received - y.record.received,
    )) {
      this.#waiting.set(nameOf(this.#decode(record)), key)
    }
  }

  /** Keeps a request. Of one author and kid only the newest waits. */
  async keep(message: RequestMessage, received: number): Promise<void> {
    const name = nameOf(message)
    const dropped: string[] = []
    const replaced = this.#waiting.get(name)
    if (replaced !== undefined) dropped.push(replaced)
    else if (this.#waiting.size >= MAX_PENDING) dropped.push(...this.#takeOldest())
    const requestId = requestIdOf(message)
    this.#waiting.delete(name)
    this.#waiting.set(name, requestId)
    const deletions = dropped
      .filter((key) => key !== requestId)
      .map((key) => this.#table.delete(key))
    const kept = this.#table.put(requestId, { message: message.bytes, received })
    await this.#runtime.store.write([...deletions, kept])
  }

  async remove(requestId: string): Promise<void> {
    for (const [name, key] of this.#waiting) if (key === requestId) this.#waiting.delete(name)
    await this.#runtime.store.write([this.#table.delete(requestId)])
  }

  async all(): Promise<readonly RequestMessage[]> {
    const entries = await this.#table.scan()
    const byAge = entries.toSorted((a, b) => a.record.received - b.record.received)
    return byAge.map(({ record }) => this.#decode(record))
  }

  /** @throws {WaxwingError} `ERR_KEY_UNKNOWN` if no such request waits. */
  async get(requestId: string): Promise<RequestMessage> {
    const waiting = await this.#table.get(requestId)
    if (waiting === undefined) {
      throw new WaxwingError('ERR_KEY_UNKNOWN', `no request ${requestId} is waiting`)
    }
    return this.#decode(waiting)
  }

  #takeOldest(): readonly string[] {
    const [oldest] = this.#waiting
    if (oldest === undefined) return []
    this.#waiting.delete(oldest[0])
    return [oldest[1]]
  }

  #decode({ message }: Waiting): RequestMessage {
    const decoded = decodeMessage(this.#runtime.crypto, message)
    if (decoded.type === 'request') return decoded
    throw new WaxwingError('ERR_STORE_CORRUPT', 'a record of table request cannot be read')
  }
}

function nameOf({ author, body }: RequestMessage): string {
  return `${toHex(author)}/${toHex(body.kid)}`
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
