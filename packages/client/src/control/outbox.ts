// SPDX-License-Identifier: Apache-2.0
/**
 * Control messages that must get through: kept in the store until the first hop took them and, where
 * one is due, until the recipient's signed `ack` came (`docs/spec/07-granting.md` Section 7.7).
 *
 * @module
 */

import { MapFields, type CborValue, type Change, type Transport } from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import { Table } from '../table.js'
import type { Reply } from './messenger.js'

export interface Posting extends Reply {
  /** What waits for an acknowledgement; without it the message is done once it was sent. */
  readonly awaiting?: {
    /** SHA-256 of the signed message, in hex. */
    readonly digest: string
    /** Who is to acknowledge: id in base64url. */
    readonly principal: string
    readonly about: 'revocation' | 'share'
  }
}

interface Entry extends Posting {
  readonly attempts: number
  /** Milliseconds since 1970. */
  readonly nextAt: number
}

const FIRST_RETRY_MS = 60_000
const LAST_RETRY_MS = 21_600_000
/** An acknowledgement that is still missing after so many sendings is reported. */
const ALARM_AFTER = 3

export class Outbox {
  readonly #runtime: Runtime
  readonly #table: Table<Entry>
  #transport: Transport | undefined
  #entries = new Map<string, Entry>()
  #cancelTimer: (() => void) | undefined
  #nextKey = 0
  #closed = false

  constructor(runtime: Runtime, transport: Transport | undefined) {
    this.#runtime = runtime
    this.#transport = transport
    this.#table = new Table(runtime.store, 'outbox', {
      toCbor: entryToCbor,
      fromCbor: entryFromCbor,
    })
  }

  /** Reads what was left over, and sends it. */
  async load(): Promise<void> {
    for (const { key, record } of await this.#table.scan()) {
      this.#entries.set(key, record)
      this.#nextKey = Math.max(this.#nextKey, Number.parseInt(key, 36) + 1)
    }
    this.#schedule()
  }

  /**
   * Makes messages part of a write: they are as durable as what they go with.
   *
   * @returns The changes, and what sends them once the write has succeeded.
   */
  prepare(postings: readonly Posting[]): { changes: readonly Change[]; send: () => Promise<void> } {
    const entries = postings.map((posting): [string, Entry] => {
      const key = (this.#nextKey++).toString(36).padStart(12, '0')
      return [key, { ...posting, attempts: 0, nextAt: this.#runtime.time.now() }]
    })
    const changes = entries.map(([key, entry]) => this.#table.insert(key, entry))
    const send = async (): Promise<void> => {
      for (const [key, entry] of entries) this.#entries.set(key, entry)
      await Promise.all(entries.map(([key]) => this.#attempt(key)))
    }
    return { changes, send }
  }

  /** Records messages durably, then sends them. Resolves when the first hop has taken them. */
  async post(postings: readonly Posting[]): Promise<void> {
    if (postings.length === 0) return
    const { changes, send } = this.prepare(postings)
    await this.#runtime.store.write(changes)
    await send()
  }

  /** Notes an acknowledgement. Returns what was acknowledged. */
  async acknowledged(
    digest: string,
    principal: string,
  ): Promise<'revocation' | 'share' | undefined> {
    for (const [key, { awaiting }] of this.#entries) {
      if (awaiting?.digest !== digest || awaiting.principal !== principal) continue
      this.#entries.delete(key)
      await this.#runtime.store.write([this.#table.delete(key)])
      return awaiting.about
    }
    return undefined
  }

  /** Hands out what waits to be sent, where there is no transport to send it. */
  async take(): Promise<readonly Reply[]> {
    const taken = [...this.#entries]
    const done = taken.filter(([, entry]) => entry.awaiting === undefined)
    for (const [key] of done) this.#entries.delete(key)
    if (done.length > 0)
      await this.#runtime.store.write(done.map(([key]) => this.#table.delete(key)))
    return taken.map(([, { address, payload, retained }]) => ({ address, payload, retained }))
  }

  /** Sends what is due; called when the transport is connected again. */
  async flush(): Promise<void> {
    const now = this.#runtime.time.now()
    const due = [...this.#entries].filter(([, entry]) => entry.nextAt <= now)
    await Promise.all(due.map(([key]) => this.#attempt(key)))
    this.#schedule()
  }

  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
  }

  async #attempt(key: string): Promise<void> {
    const entry = this.#entries.get(key)
    if (entry === undefined || this.#transport === undefined || this.#closed) return
    const { address, payload, retained, awaiting } = entry
    await this.#transport.send(address, payload, { retained })
    if (awaiting === undefined) {
      this.#entries.delete(key)
      await this.#runtime.store.write([this.#table.delete(key)])
      return
    }
    const attempts = entry.attempts + 1
    const delay = Math.min(FIRST_RETRY_MS * 2 ** entry.attempts, LAST_RETRY_MS)
    const again = { ...entry, attempts, nextAt: this.#runtime.time.now() + delay }
    if (!this.#entries.has(key)) return // acknowledged meanwhile
    this.#entries.set(key, again)
    if (attempts === ALARM_AFTER) {
      const { principal, about } = awaiting
      this.#runtime.emit({ type: 'no-ack', principal, about })
    }
    await this.#runtime.store.write([this.#table.put(key, again)])
    this.#schedule()
  }

  #schedule(): void {
    this.#cancelTimer?.()
    if (this.#closed || this.#transport === undefined || this.#entries.size === 0) return
    const next = Math.min(...[...this.#entries.values()].map(({ nextAt }) => nextAt))
    const delay = Math.max(0, next - this.#runtime.time.now())
    this.#cancelTimer = this.#runtime.timers.after(delay, () => {
      this.flush().catch((error: unknown) => this.#runtime.report(error))
    })
  }
}

function entryToCbor(entry: Entry): CborValue {
  const { address, payload, retained, attempts, nextAt, awaiting } = entry
  const wait = awaiting ? [awaiting.digest, awaiting.principal, awaiting.about] : null
  return new Map<number, CborValue>([
    [1, address],
    [2, payload],
    [3, retained],
    [4, attempts],
    [5, Math.floor(nextAt)],
    [6, wait],
  ])
}

function entryFromCbor(value: CborValue): Entry {
  const map = new MapFields('outbox record', value)
  const entry = {
    address: map.text(1, 'address'),
    payload: map.bytes(2, 'payload'),
    retained: map.bool(3, 'retained'),
    attempts: map.uint(4, 'attempts'),
    nextAt: map.uint(5, 'next'),
  }
  const wait = map.arrayOrNull(6, 'awaiting')
  if (wait === null) return entry
  const [digest, principal, about] = wait
  return {
    ...entry,
    awaiting: {
      digest: String(digest),
      principal: String(principal),
      about: about === 'revocation' ? 'revocation' : 'share',
    },
  }
}
