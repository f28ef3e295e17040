// SPDX-License-Identifier: Apache-2.0
/**
 * The durable state of one stream that we produce, and the steps that change it: permitting epochs,
 * rotating, noting sessions. Every step is one atomic write; a crash before it leaves the old state
 * whole, a crash after it the new one.
 *
 * @module
 */

import { fromHex, maxObjects, toHex, WaxwingError, type Trail } from '@waxwing/core'
import type { RotationReason } from '../events.js'
import type { Generation } from '../generation.js'
import type { ProducerOptions } from '../options.js'
import { continuityOf } from './continuity.js'
import { CounterRoom } from './counter-room.js'
import { EpochGuard } from './epoch-guard.js'
import {
  choicesDiffer,
  fitsIdentity,
  makeGeneration,
  manifestChoices,
  type MakingInputs,
  type ManifestChoices,
} from './new-generation.js'
import {
  StreamTable,
  type CounterRecord,
  type SessionRecord,
  type StreamRecord,
} from './stream-record.js'

const TRAIL_SESSIONS = 4
/** Another process may win a race so often, and no oftener, before something is wrong. */
const MAX_RACES = 16

/** What came of reserving counters. */
export type Reservation =
  | 'reserved'
  /** Another process began a generation, which is now in use. */
  | 'other-generation'
  /** The generation has used all that it may. */
  | 'worn'
  /** The store may have been put back to an earlier state: nobody knows what was used. */
  | 'unproven'

export class StreamState {
  readonly name: string
  readonly #inputs: MakingInputs
  readonly #choices: ManifestChoices
  readonly #table: StreamTable
  #record: StreamRecord
  #bytes: Uint8Array
  #generation: Generation
  #room: CounterRoom | undefined

  private constructor(inputs: {
    making: MakingInputs
    choices: ManifestChoices
    table: StreamTable
    record: StreamRecord
    bytes: Uint8Array
    generation: Generation
  }) {
    this.name = inputs.record.name
    this.#inputs = inputs.making
    this.#choices = inputs.choices
    this.#table = inputs.table
    this.#record = inputs.record
    this.#bytes = inputs.bytes
    this.#generation = inputs.generation
    this.#room = roomOf(inputs.record)
  }

  /**
   * Reads a stream's state, or makes its first generation. Where the record speaks of a
   * generation that is lost, made with other choices or in another domain, a new one follows it.
   *
   * @throws {WaxwingError} `ERR_NOT_AUTHORIZED` if we may not use the name, however long we have;
   *   `ERR_UNSUPPORTED` if the store cannot keep the counters that are chosen.
   */
  static async open(
    making: MakingInputs,
    name: string,
    options: ProducerOptions,
  ): Promise<{ state: StreamState; rotated: RotationReason | undefined }> {
    const table = new StreamTable(making.runtime)
    for (let race = 0; race < MAX_RACES; race++) {
      const read = await table.read(name)
      const generation = read && (await making.book.find(read.record.generationId))
      const choices = manifestChoices(options, generation)
      const fits = generation !== undefined && fitsIdentity(making, generation)
      if (read !== undefined && fits && !choicesDiffer(generation, choices)) {
        const state = new StreamState({ making, choices, table, ...read, generation })
        return { state, rotated: undefined }
      }
      const made = await StreamState.#make(making, { name, choices, table }, read)
      if (made === undefined) continue
      const reason = generation === undefined ? 'state-loss' : 'demand'
      return { state: made, rotated: read === undefined ? undefined : reason }
    }
    throw racing(name)
  }

  static async #make(
    making: MakingInputs,
    inputs: { name: string; choices: ManifestChoices; table: StreamTable },
    read: { record: StreamRecord; bytes: Uint8Array } | undefined,
  ): Promise<StreamState | undefined> {
    const { name, choices, table } = inputs
    const counters = await StreamState.#firstCounters(making, choices)
    const predecessor =
      read === undefined
        ? null
        : { generationId: fromHex(read.record.generationId), closingEpoch: read.record.permitted }
    const generation = makeGeneration(making, name, choices, predecessor)
    const guard = new EpochGuard(making.runtime.time, choices.epochSeconds, 0, 0)
    const record = { ...emptyRecord(name, generation.id, guard.judge().epoch), counters }
    const change = table.change(record, read?.bytes ?? null)
    if (!(await making.book.recordOwn(generation, [change]))) return undefined
    return new StreamState({ making, choices, table, record, bytes: change.value, generation })
  }

  /** None are used yet in a new generation. `null` in session mode. */
  static async #firstCounters(
    { runtime }: MakingInputs,
    { counterMode }: ManifestChoices,
  ): Promise<CounterRecord | null> {
    if (counterMode === 'session') return null
    return { life: toHex(await continuityOf(runtime.store).life()), reserved: 0 }
  }

  /** The counters that were reserved for this process; `undefined` in session mode. */
  get room(): CounterRoom | undefined {
    return this.#room
  }

  get generation(): Generation {
    return this.#generation
  }

  get permitted(): number {
    return this.#record.permitted
  }

  /** What the first objects of the running session say of the ones before it. */
  get trail(): Trail {
    const { sessions, sessionCount, objectCount } = this.#record
    const latest = sessions.map(({ session, lastCounter }) => ({
      session: fromHex(session),
      lastCounter,
    }))
    return { sessionCount, objectCount, latest }
  }

  /**
   * Reads the record again: another process may have changed it.
   *
   * @returns Whether another generation is now in use.
   */
  async reload(): Promise<boolean> {
    const read = await this.#table.read(this.name)
    if (read === undefined) return false
    const generation = await this.#inputs.book.find(read.record.generationId)
    if (generation === undefined) return false
    const changed = generation.id !== this.#generation.id
    this.#record = { ...read.record, running: changed ? null : this.#record.running }
    this.#bytes = read.bytes
    this.#generation = generation
    if (changed) this.#room = roomOf(read.record)
    return changed
  }

  /** Records an epoch as permitted. Returns whether another generation is now in use. */
  permit(epoch: number): Promise<boolean> {
    return this.#update((record) =>
      epoch <= record.permitted ? undefined : { ...record, permitted: epoch },
    )
  }

  /**
   * Reserves counters for this process, durably before it resolves.
   *
   * @param count - How many at least, if the generation has so many left.
   */
  async reserve(count: number): Promise<Reservation> {
    const room = this.#room
    if (room === undefined) throw new TypeError('the stream has no durable counters')
    const { runtime } = this.#inputs
    const wanted = Math.max(count, room.sizeAt(runtime.time.monotonic()))
    for (let race = 0; race < MAX_RACES; race++) {
      const from = this.#record.counters?.reserved ?? 0
      const end = Math.min(from + wanted, maxObjects(this.#generation.manifest.alg))
      if (from >= end) return 'worn'
      if (await this.#moveReserved(end)) {
        room.add(from, end)
        return 'reserved'
      }
      if (!(await this.#isProven())) return 'unproven'
      if (await this.reload()) return 'other-generation'
    }
    throw racing(this.name)
  }

  /** Gives back what is left of the counters, where nobody reserved any since. None are used any more. */
  async release(): Promise<void> {
    const rest = this.#room?.close()
    if (rest === undefined || rest.end !== this.#record.counters?.reserved) return
    await this.#moveReserved(rest.next) // if another process was faster, they are skipped
  }

  /** Records that a session runs, or how far it got. */
  noteSession(running: SessionRecord): Promise<boolean> {
    return this.#update((record) => ({ ...record, running }))
  }

  /** Moves the running session among the earlier ones. A matter of memory until the next write. */
  endSession(running: SessionRecord | undefined): void {
    const ended = running ?? this.#record.running
    if (ended === null) return
    const { sessions, sessionCount, objectCount } = this.#record
    this.#record = {
      ...this.#record,
      running: null,
      sessions: [ended, ...sessions].slice(0, TRAIL_SESSIONS),
      sessionCount: sessionCount + 1,
      objectCount: objectCount + ended.lastCounter + 1,
    }
  }

  /**
   * Begins a new generation in an epoch, which closes the one in use.
   *
   * @returns `false` if another process had begun one meanwhile; that is now in use.
   */
  async rotate(epoch: number): Promise<boolean> {
    for (let race = 0; race < MAX_RACES; race++) {
      const { generationId } = this.#generation.manifest
      const predecessor = { generationId, closingEpoch: this.#record.permitted }
      const counters = await StreamState.#firstCounters(this.#inputs, this.#choices)
      const made = makeGeneration(this.#inputs, this.name, this.#choices, predecessor)
      const record = { ...emptyRecord(this.name, made.id, epoch), counters }
      const change = this.#table.change(record, this.#bytes)
      if (await this.#inputs.book.recordOwn(made, [change])) {
        this.#record = record
        this.#bytes = change.value
        this.#generation = made
        this.#room = roomOf(record)
        return true
      }
      if (await this.reload()) return false
    }
    throw racing(this.name)
  }

  async #isProven(): Promise<boolean> {
    const life = await continuityOf(this.#inputs.runtime.store).life()
    return this.#record.counters?.life === toHex(life)
  }

  /** `false` if another process changed the record, or the store has another life. */
  async #moveReserved(reserved: number): Promise<boolean> {
    const { counters } = this.#record
    if (counters === null) return false
    const record = { ...this.#record, counters: { ...counters, reserved } }
    const change = this.#table.change(record, this.#bytes)
    const continuity = continuityOf(this.#inputs.runtime.store)
    if (!(await continuity.write(fromHex(counters.life), [change]))) return false
    this.#record = record
    this.#bytes = change.value
    return true
  }

  async #update(step: (record: StreamRecord) => StreamRecord | undefined): Promise<boolean> {
    let changed = false
    for (let race = 0; race < MAX_RACES; race++) {
      const record = step(this.#record)
      if (record === undefined) return changed
      const change = this.#table.change(record, this.#bytes)
      if (await this.#inputs.runtime.store.write([change])) {
        this.#record = record
        this.#bytes = change.value
        return changed
      }
      changed = (await this.reload()) || changed
      if (changed) return true
    }
    throw racing(this.name)
  }
}

function roomOf({ counters }: StreamRecord): CounterRoom | undefined {
  return counters === null ? undefined : new CounterRoom()
}

function emptyRecord(name: string, generationId: string, permitted: number): StreamRecord {
  return {
    name,
    generationId,
    permitted,
    running: null,
    sessions: [],
    sessionCount: 0,
    objectCount: 0,
    counters: null,
  }
}

function racing(name: string): WaxwingError {
  return new WaxwingError('ERR_STORE_BUSY', `another process keeps changing the stream ${name}`)
}
