// SPDX-License-Identifier: Apache-2.0
/**
 * The durable state of one stream that we produce, and the steps that change it: permitting epochs,
 * rotating, noting sessions. Every step is one atomic write; a crash before it leaves the old state
 * whole, a crash after it the new one.
 *
 * @module
 */

import { fromHex, WaxwingError, type Trail } from '@waxwing/core'
import type { RotationReason } from '../events.js'
import type { Generation } from '../generation.js'
import type { ProducerOptions } from '../options.js'
import { EpochGuard } from './epoch-guard.js'
import {
  choicesDiffer,
  fitsIdentity,
  makeGeneration,
  manifestChoices,
  type MakingInputs,
  type ManifestChoices,
} from './new-generation.js'
import { StreamTable, type SessionRecord, type StreamRecord } from './stream-record.js'

const TRAIL_SESSIONS = 4
/** Another process may win a race so often, and no oftener, before something is wrong. */
const MAX_RACES = 16

export class StreamState {
  readonly name: string
  readonly #inputs: MakingInputs
  readonly #choices: ManifestChoices
  readonly #table: StreamTable
  #record: StreamRecord
  #bytes: Uint8Array
  #generation: Generation

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
  }

  /**
   * Reads a stream's state, or makes its first generation. Where the record speaks of a
   * generation that is lost, made with other choices or in another domain, a new one follows it.
   *
   * @throws {WaxwingError} `ERR_NOT_AUTHORIZED` if we may not use the name, however long we have.
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
    const predecessor =
      read === undefined
        ? null
        : { generationId: fromHex(read.record.generationId), closingEpoch: read.record.permitted }
    const generation = makeGeneration(making, name, choices, predecessor)
    const guard = new EpochGuard(making.runtime.time, choices.epochSeconds, 0, 0)
    const record = emptyRecord(name, generation.id, guard.judge().epoch)
    const change = table.change(record, read?.bytes ?? null)
    if (!(await making.book.recordOwn(generation, [change]))) return undefined
    return new StreamState({ making, choices, table, record, bytes: change.value, generation })
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
    return changed
  }

  /** Records an epoch as permitted. Returns whether another generation is now in use. */
  permit(epoch: number): Promise<boolean> {
    return this.#update((record) =>
      epoch <= record.permitted ? undefined : { ...record, permitted: epoch },
    )
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
      const made = makeGeneration(this.#inputs, this.name, this.#choices, predecessor)
      const record = emptyRecord(this.name, made.id, epoch)
      const change = this.#table.change(record, this.#bytes)
      if (await this.#inputs.book.recordOwn(made, [change])) {
        this.#record = record
        this.#bytes = change.value
        this.#generation = made
        return true
      }
      if (await this.reload()) return false
    }
    throw racing(this.name)
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

function emptyRecord(name: string, generationId: string, permitted: number): StreamRecord {
  return {
    name,
    generationId,
    permitted,
    running: null,
    sessions: [],
    sessionCount: 0,
    objectCount: 0,
  }
}

function racing(name: string): WaxwingError {
  return new WaxwingError('ERR_STORE_BUSY', `another process keeps changing the stream ${name}`)
}
