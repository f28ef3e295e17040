// SPDX-License-Identifier: Apache-2.0
/**
 * What a producer keeps durably about one of its streams (`docs/spec/05-keys.md` Section 5.6).
 *
 * The permitted epoch is the one promise that must never be lost: nothing is sealed in a later epoch
 * before it was recorded. Writes expect what was read, so that two processes on one store cannot
 * take it back from each other.
 *
 * @module
 */

import {
  ArrayFields,
  fromHex,
  malformed,
  MapFields,
  toHex,
  utf8,
  type CborValue,
  type Change,
} from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import { readRecord, Table } from '../table.js'

/** One run of the producer in the current generation: its id in hex, and its last known counter. */
export interface SessionRecord {
  readonly session: string
  readonly lastCounter: number
}

export function isSameSession(one: SessionRecord, other: SessionRecord | undefined): boolean {
  return one.session === other?.session && one.lastCounter === other.lastCounter
}

/** How far the counters of a durable-counter generation were reserved. */
export interface CounterRecord {
  /** Of the store, in hex: whatever was reserved in another life proves nothing. */
  readonly life: string
  /** All counters below may have been used. */
  readonly reserved: number
}

export interface StreamRecord {
  readonly name: string
  /** In hex. */
  readonly generationId: string
  /** The highest epoch in which objects may have been sealed. */
  readonly permitted: number
  /** The session that is or was running when this was written. */
  readonly running: SessionRecord | null
  /** Earlier sessions of this generation, the newest first, at most four. */
  readonly sessions: readonly SessionRecord[]
  /** Of this generation, the running session not counted. */
  readonly sessionCount: number
  readonly objectCount: number
  /** `null` in session mode. */
  readonly counters: CounterRecord | null
}

export class StreamTable {
  readonly #runtime: Pick<Runtime, 'store' | 'crypto'>
  readonly #table: Table<StreamRecord>

  constructor(runtime: Pick<Runtime, 'store' | 'crypto'>) {
    this.#runtime = runtime
    const codec = { toCbor: recordToCbor, fromCbor: recordFromCbor }
    this.#table = new Table(runtime.store, 'stream', codec)
  }

  /** Reads a stream's record, with its bytes to expect when it is written. */
  async read(name: string): Promise<{ record: StreamRecord; bytes: Uint8Array } | undefined> {
    const read = await this.#table.read(this.#key(name))
    if (read === undefined || read.record.name === name) return read
    return readRecord('stream', () => {
      throw malformed('stream record', 'name')
    })
  }

  /** The change that writes a record where the expected bytes, or nothing, stand. */
  change(record: StreamRecord, expect: Uint8Array | null): Change & { readonly value: Uint8Array } {
    return { ...this.#table.put(this.#key(record.name), record), expect }
  }

  #key(name: string): string {
    return toHex(this.#runtime.crypto.sha256(utf8(name)))
  }
}

function recordToCbor(record: StreamRecord): CborValue {
  const { running, sessions, counters } = record
  const map = new Map<number, CborValue>([
    [1, record.name],
    [2, fromHex(record.generationId)],
    [3, record.permitted],
    [4, running === null ? null : sessionToCbor(running)],
    [5, sessions.map(sessionToCbor)],
    [6, record.sessionCount],
    [7, record.objectCount],
  ])
  return counters === null ? map : map.set(8, [fromHex(counters.life), counters.reserved])
}

function recordFromCbor(value: CborValue): StreamRecord {
  const map = new MapFields('stream record', value)
  const running = map.mapOrNull(4, 'running')
  return {
    name: map.text(1, 'name'),
    generationId: toHex(map.bytes(2, 'generation id', { length: 32 })),
    permitted: map.uint(3, 'permitted epoch'),
    running: running === null ? null : sessionFromCbor(running),
    sessions: map.array(5, 'sessions').map(sessionFromCbor),
    sessionCount: map.uint(6, 'session count'),
    objectCount: map.uint(7, 'object count'),
    counters: map.has(8) ? countersFromCbor(map.value(8, 'counters')) : null,
  }
}

function countersFromCbor(value: CborValue): CounterRecord {
  const list = new ArrayFields('counter record', value, 2)
  const life = toHex(list.bytes(0, 'life', { length: 16 }))
  return { life, reserved: list.uint(1, 'reserved') }
}

function sessionToCbor({ session, lastCounter }: SessionRecord): CborValue {
  return new Map<number, CborValue>([
    [1, fromHex(session)],
    [2, lastCounter],
  ])
}

function sessionFromCbor(value: CborValue): SessionRecord {
  const map = new MapFields('session record', value)
  return {
    session: toHex(map.bytes(1, 'session', { length: 7 })),
    lastCounter: map.int(2, 'counter'),
  }
}
