// SPDX-License-Identifier: Apache-2.0
/**
 * The records of generations in the store.
 *
 * Several processes may hold one generation, and each record holds all that one of them knows of it.
 * So a record is only ever replaced by who knows what stands there: whoever was slower merges what
 * the other wrote, and writes again.
 *
 * @module
 */

import { ArrayFields, equalBytes, WaxwingError, type CborValue, type Change } from '@waxwing/core'
import type { Generation } from './generation.js'
import { grantFromCbor, grantToCbor, type HeldGrant } from './held-grant.js'
import type { Runtime } from './runtime.js'
import { Table } from './table.js'
import { Turns } from './turns.js'

/** Other processes may win so often, and no oftener, before something is wrong. */
const MAX_RACES = 64

/** A generation as it stands in the store. */
export interface GenerationRecord {
  readonly manifest: Uint8Array
  readonly own: boolean
  readonly producerCredential: Uint8Array | null
  /** As `NodeRing.serialize` gave it. */
  readonly ring: readonly CborValue[]
  readonly grants: readonly HeldGrant[]
  readonly closingEpoch: number | null
  /** 0 if nothing was forgotten. */
  readonly forgottenBefore: number
  /** Whether it is our own, or an object of it was opened. */
  readonly isUsed: boolean
}

export interface StoredGeneration {
  /** The generation's id, in hex. */
  readonly id: string
  readonly record: GenerationRecord
  readonly bytes: Uint8Array
}

export class GenerationRecords {
  readonly #runtime: Runtime
  readonly #table: Table<GenerationRecord>
  readonly #turns = new Turns()
  /** What stands in the store, as far as is known here. */
  readonly #standing = new WeakMap<Generation, Uint8Array>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#table = new Table(runtime.store, 'generation', { toCbor, fromCbor })
  }

  /** @param known - The generation of an id, if its record is left out where nothing of it is new. */
  async scan(
    known: (id: string) => Generation | undefined = () => undefined,
  ): Promise<readonly StoredGeneration[]> {
    const entries = await this.#table.scan({}, (id, bytes) => {
      const generation = known(id)
      return generation === undefined || !this.#isKnown(generation, bytes)
    })
    return entries.map(({ key, record, bytes }) => ({ id: key, record, bytes }))
  }

  async get(id: string): Promise<StoredGeneration | undefined> {
    const read = await this.#table.read(id)
    return read && { id, ...read }
  }

  /** Notes what stands in the store, once the generation holds all of it. */
  note(generation: Generation, { bytes }: Pick<StoredGeneration, 'bytes'>): void {
    this.#standing.set(generation, bytes)
  }

  /**
   * Records generations as they stand now, and makes other changes with it: all of that or nothing.
   *
   * @param merge - Takes over what another process recorded meanwhile, and notes it.
   * @returns `false`, with nothing changed in the store, if an expectation of `others` was not met.
   */
  write(
    generations: readonly Generation[],
    others: readonly Change[],
    merge: (known: Generation, stored: StoredGeneration) => void,
  ): Promise<boolean> {
    return this.#turns.take(() => this.#write(generations, others, merge))
  }

  async #write(
    generations: readonly Generation[],
    others: readonly Change[],
    merge: (known: Generation, stored: StoredGeneration) => void,
  ): Promise<boolean> {
    for (let race = 0; race < MAX_RACES; race++) {
      const changes = generations.map((generation) => this.#changeOf(generation))
      if (await this.#runtime.store.write([...others, ...changes.map(({ change }) => change)])) {
        for (const { generation, change } of changes) this.note(generation, { bytes: change.value })
        return true
      }
      if (!(await this.#mergeNews(generations, merge))) return false
    }
    throw new WaxwingError('ERR_STORE_BUSY', 'another process keeps changing a generation')
  }

  async #mergeNews(
    generations: readonly Generation[],
    merge: (known: Generation, stored: StoredGeneration) => void,
  ): Promise<boolean> {
    let isAnyNew = false
    for (const generation of generations) {
      const stored = await this.get(generation.id)
      if (this.#isKnown(generation, stored?.bytes)) continue
      isAnyNew = true
      if (stored === undefined) this.#standing.delete(generation)
      else merge(generation, stored)
    }
    return isAnyNew
  }

  /** Whether a record is the one that was written or noted here last. */
  #isKnown(generation: Generation, bytes: Uint8Array | undefined): boolean {
    const standing = this.#standing.get(generation)
    if (standing === undefined || bytes === undefined) return standing === bytes
    return equalBytes(standing, bytes)
  }

  #changeOf(generation: Generation): {
    generation: Generation
    change: Change & { value: Uint8Array }
  } {
    const { id, manifest, own, producerCredential, ring, grants, forgottenBefore } = generation
    const put = this.#table.put(id, {
      manifest: manifest.bytes,
      own,
      producerCredential,
      ring: ring.serialize(),
      grants: [...grants.values()],
      closingEpoch: generation.closingEpoch ?? null,
      forgottenBefore,
      isUsed: generation.isUsed,
    })
    return { generation, change: { ...put, expect: this.#standing.get(generation) ?? null } }
  }
}

function toCbor(record: GenerationRecord): CborValue {
  return [
    record.manifest,
    record.own,
    record.producerCredential,
    record.ring,
    record.grants.map(grantToCbor),
    record.closingEpoch,
    record.forgottenBefore,
    record.isUsed,
  ]
}

function fromCbor(value: CborValue): GenerationRecord {
  const list = new ArrayFields('generation record', value)
  const record = {
    manifest: list.bytes(0, 'manifest'),
    own: list.bool(1, 'own'),
    producerCredential: list.bytesOrNull(2, 'credential'),
    ring: list.array(3, 'ring'),
    grants: list.array(4, 'grants').map(grantFromCbor),
    closingEpoch: list.uintOrNull(5, 'closing epoch'),
    forgottenBefore: list.uint(6, 'forgotten before'),
    isUsed: list.bool(7, 'is used'),
  }
  list.end()
  return record
}
