// SPDX-License-Identifier: Apache-2.0
/**
 * Control messages that must get through: kept in the store until the first hop took them and, where
 * one is due, until the recipient's signed `ack` came (`docs/spec/07-granting.md` Section 7.7).
 *
 * Waits by the monotonic clock: a clock that is set neither stops a message nor repeats it. Several
 * processes may share the store; each knows what the others left, and none writes over another's.
 *
 * @module
 */

import { toHex, type Change, type Transport } from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import { Table } from '../table.js'
import { mediumOf, pausesOver, type Pauses } from './medium.js'
import type { Reply } from './messenger.js'
import { recordFromCbor, recordToCbor, type OutboxRecord, type Posting } from './outbox-record.js'

export type { Posting } from './outbox-record.js'

interface Entry {
  readonly record: OutboxRecord
  /** Monotonic milliseconds. */
  dueAt: number
  /** Being handed to the transport, which may take long. */
  isUnderWay: boolean
}

/** Messages that are part of a write. */
export interface Prepared {
  readonly changes: readonly Change[]
  /**
   * Does the write that the changes are part of. If it fails, or says that nothing was written,
   * there is nothing to send.
   */
  readonly within: (write: () => Promise<boolean>) => Promise<boolean>
  /** Sends them, once they are written. Resolves when the first hop has taken them. */
  readonly send: () => Promise<void>
}

/** What waits for an acknowledgement. */
export interface Awaited {
  /** SHA-256 of the signed message, in hex. */
  readonly digest: string
  /** Who is to acknowledge: id in base64url. */
  readonly principal: string
}

const RETRIES: Pauses = { firstMs: 60_000, lastMs: 21_600_000 }
/** After a transport refused. */
const REFUSED_RETRY_MS = 10_000
/** An acknowledgement that is still missing after so many sendings is reported. */
const ALARM_AFTER = 3
const KEY_BYTES = 12

export class Outbox {
  readonly #runtime: Runtime
  readonly #table: Table<OutboxRecord>
  readonly #transport: Transport | undefined
  readonly #pauses: Pauses
  readonly #refusedMs: number
  readonly #entries = new Map<string, Entry>()
  /** What was prepared and may stand in the store already, but is not ours to send yet. */
  readonly #prepared = new Set<string>()
  #cancelTimer: (() => void) | undefined
  #cancelLook: (() => void) | undefined
  #closed = false

  constructor(runtime: Runtime, transport: Transport | undefined) {
    this.#runtime = runtime
    this.#transport = transport
    const medium = mediumOf(transport)
    this.#pauses = pausesOver(medium, RETRIES)
    this.#refusedMs = Math.max(REFUSED_RETRY_MS, medium.answerMs)
    const codec = { toCbor: recordToCbor, fromCbor: recordFromCbor }
    this.#table = new Table(runtime.store, 'outbox', codec)
  }

  /** Reads what is left to be sent; again after another process wrote or took something. */
  async load(): Promise<void> {
    const before = [...this.#entries.keys()]
    const found = await this.#table.scan()
    const keys = new Set(found.map(({ key }) => key))
    for (const key of before) if (!keys.has(key)) this.#entries.delete(key)
    for (const { key, record } of found) {
      if (this.#entries.has(key) || this.#prepared.has(key)) continue
      const restMs = record.nextAt - this.#runtime.time.now()
      const dueMs = Math.min(Math.max(restMs, 0), delayAfter(record.attempts, this.#pauses))
      this.#entries.set(key, { record, dueAt: this.#now() + dueMs, isUnderWay: false })
    }
    this.#schedule()
  }

  /**
   * Makes messages part of a write: they are as durable as what they go with.
   *
   * @param replaced - What is sent no more: something newer takes its place.
   */
  async prepare(
    postings: readonly Posting[],
    replaced: readonly Awaited[] = [],
  ): Promise<Prepared> {
    const outdated = await this.#keysOf(replaced)
    const records = postings.map((posting) => this.#recordOf(posting))
    for (const [key] of records) this.#prepared.add(key)
    const changes = [
      ...records.map(([key, record]) => this.#table.insert(key, record)),
      ...outdated.map((key) => this.#table.delete(key)),
    ]
    const within = async (write: () => Promise<boolean>): Promise<boolean> => {
      let isWritten = false
      try {
        isWritten = await write()
      } catch (error) {
        this.#lookAgain() // a store that failed may have written it
        throw error
      } finally {
        if (!isWritten) for (const [key] of records) this.#prepared.delete(key)
      }
      return isWritten
    }
    const send = async (): Promise<void> => {
      for (const key of outdated) this.#entries.delete(key)
      for (const [key, record] of records) {
        this.#prepared.delete(key)
        this.#entries.set(key, { record, dueAt: this.#now(), isUnderWay: false })
      }
      await all(records.map(([key]) => this.#attempt(key)))
    }
    return { changes, within, send }
  }

  /**
   * Records messages durably, then sends them. Resolves when the first hop has taken them.
   *
   * @throws {WaxwingError} What the transport says; they stay, and are sent again later.
   */
  async post(postings: readonly Posting[]): Promise<void> {
    if (postings.length === 0) return
    const { changes, within, send } = await this.prepare(postings)
    await within(() => this.#runtime.store.write(changes))
    await send()
  }

  /**
   * Notes an acknowledgement. Whoever refuses is not asked again.
   *
   * @param digest - Of what was acknowledged, in hex.
   * @returns Whether anything of ours waited for it.
   */
  async acknowledged(
    digest: string,
    principal: string,
    outcome: 'done' | 'refused' = 'done',
  ): Promise<boolean> {
    const found = this.#find(digest, principal) ?? (await this.#findStored(digest, principal))
    if (found === undefined) return false
    const { key, about } = found
    await this.#done(key)
    if (outcome === 'refused') this.#runtime.emit({ type: 'no-ack', principal, about })
    return true
  }

  /** Hands out what waits to be sent, where there is no transport to send it. */
  async take(): Promise<readonly Reply[]> {
    const taken = [...this.#entries].map(([key, entry]) => ({ key, entry, record: entry.record }))
    const done = taken.filter(({ record }) => record.awaiting === undefined)
    for (const { key } of done) this.#entries.delete(key) // whoever takes as well gets others
    const changes = done.map(({ key }) => this.#table.delete(key))
    try {
      if (changes.length > 0) await this.#runtime.store.write(changes)
    } catch (error) {
      for (const { key, entry } of done) this.#entries.set(key, entry)
      throw error
    }
    return taken.map(({ record: { address, payload, retained } }) => ({
      address,
      payload,
      retained,
    }))
  }

  /** Sends what is due; called when the transport is connected again. */
  async flush(): Promise<void> {
    const due = [...this.#entries].filter(([, { dueAt }]) => dueAt <= this.#now())
    await Promise.allSettled(due.map(([key]) => this.#attempt(key)))
    this.#schedule()
  }

  /** Sends nothing again. What is being sent goes out as long as the transport is open. */
  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
    this.#cancelLook?.()
  }

  /** @throws What the transport or the store says. */
  async #attempt(key: string): Promise<void> {
    const entry = this.#entries.get(key)
    if (entry === undefined || this.#transport === undefined || entry.isUnderWay) return
    const { address, payload, retained, awaiting } = entry.record
    entry.isUnderWay = true
    try {
      await this.#transport.send(address, payload, { retained })
      if (awaiting === undefined) await this.#done(key)
    } catch (error) {
      entry.isUnderWay = false
      if (this.#closed) return // it is kept
      entry.dueAt = this.#now() + this.#refusedMs
      this.#schedule()
      throw error
    }
    entry.isUnderWay = false
    if (awaiting !== undefined) await this.#waitFor(key, entry, awaiting)
  }

  async #waitFor(
    key: string,
    { record }: Entry,
    { principal, about }: NonNullable<Posting['awaiting']>,
  ): Promise<void> {
    if (!this.#entries.has(key)) return // acknowledged meanwhile
    const attempts = record.attempts + 1
    const delay = delayAfter(attempts, this.#pauses)
    const nextAt = Math.floor(this.#runtime.time.now() + delay)
    const again = { ...record, attempts, nextAt }
    this.#entries.set(key, { record: again, dueAt: this.#now() + delay, isUnderWay: false })
    this.#schedule()
    if (attempts === ALARM_AFTER) this.#runtime.emit({ type: 'no-ack', principal, about })
    // Another process may have taken the ack: what it deleted must not come back.
    const expect = this.#table.put(key, record).value
    const written = await this.#runtime.store.write([{ ...this.#table.put(key, again), expect }])
    if (!written && !this.#closed) await this.load()
  }

  async #done(key: string): Promise<void> {
    await this.#runtime.store.write([this.#table.delete(key)])
    this.#entries.delete(key) // only now: what the store still holds is still to be found
  }

  #find(digest: string, principal: string): Found | undefined {
    for (const [key, { record }] of this.#entries) {
      const found = asFound(key, record, digest, principal)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Another process on the same store may have sent it. */
  async #findStored(digest: string, principal: string): Promise<Found | undefined> {
    if (this.#runtime.store.onForeignChange === undefined) return undefined
    for (const { key, record } of await this.#table.scan()) {
      const found = asFound(key, record, digest, principal)
      if (found !== undefined) return found
    }
    return undefined
  }

  async #keysOf(replaced: readonly Awaited[]): Promise<readonly string[]> {
    const found = await Promise.all(
      replaced.map(
        async ({ digest, principal }) =>
          this.#find(digest, principal) ?? (await this.#findStored(digest, principal)),
      ),
    )
    return found.flatMap((one) => one?.key ?? [])
  }

  #recordOf(posting: Posting): [string, OutboxRecord] {
    const { crypto, time } = this.#runtime
    const key = toHex(crypto.randomBytes(KEY_BYTES))
    return [key, { ...posting, attempts: 0, nextAt: Math.floor(time.now()) }]
  }

  /** Finds what stands in the store, as soon as it can be read. */
  #lookAgain(): void {
    if (this.#closed) return
    this.#cancelLook?.()
    this.load().catch(() => {
      this.#cancelLook = this.#runtime.timers.after(REFUSED_RETRY_MS, () => this.#lookAgain())
    })
  }

  #schedule(): void {
    this.#cancelTimer?.()
    if (this.#closed || this.#transport === undefined) return
    const waiting = [...this.#entries.values()].filter(({ isUnderWay }) => !isUnderWay)
    if (waiting.length === 0) return
    const next = waiting.reduce((soonest, { dueAt }) => Math.min(soonest, dueAt), Infinity)
    this.#cancelTimer = this.#runtime.timers.after(Math.max(1, next - this.#now()), () => {
      this.#sendDue().catch((error: unknown) => this.#runtime.report(error))
    })
  }

  async #sendDue(): Promise<void> {
    const due = [...this.#entries].filter(([, { dueAt }]) => dueAt <= this.#now())
    const sent = all(due.map(([key]) => this.#attempt(key)))
    this.#schedule()
    await sent
  }

  #now(): number {
    return this.#runtime.time.monotonic()
  }
}

interface Found {
  readonly key: string
  readonly about: 'revocation' | 'share'
}

function asFound(
  key: string,
  { awaiting }: OutboxRecord,
  digest: string,
  principal: string,
): Found | undefined {
  if (awaiting?.digest !== digest || awaiting.principal !== principal) return undefined
  return { key, about: awaiting.about }
}

/** How long to wait after so many sendings. */
function delayAfter(attempts: number, { firstMs, lastMs }: Pauses): number {
  return Math.min(firstMs * 2 ** Math.max(0, attempts - 1), lastMs)
}

/** Waits for all, whatever becomes of some; then fails if one did. */
async function all(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
