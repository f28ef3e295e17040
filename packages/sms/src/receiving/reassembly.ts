// SPDX-License-Identifier: Apache-2.0
/**
 * Segments until they are a message (`docs/spec/09-bindings.md` Section 9.10.6): in any order, repeated, of many
 * messages at once, within bounds of count, size and age.
 *
 * With a store each segment is in it when `add` resolves, and stays until the whole is forgotten. Age is
 * measured by a clock that never goes back, from the last segment, and begins anew with each process: the
 * time of day has no say in what is thrown away.
 *
 * @module
 */

import { concatBytes, equalBytes, WaxwingError, type Change, type Store } from '@waxwing/core'
import { limitError } from '@waxwing/transport-kit'
import { Completed, COMPLETED_TABLE, HALF_ROUND, roundOf, setKey } from './completed.js'
import {
  decodePart,
  encodePart,
  keyOf,
  messageNumberOf,
  PARTS_TABLE,
  type KeptPart,
} from './kept-part.js'
import type { Part, Place } from './parts.js'

export interface ReassemblyTerms {
  readonly store: Store | undefined
  readonly maxIncomplete: number
  readonly maxIncompleteBytes: number
  readonly incompleteSeconds: number
  /** A clock that never goes back, in milliseconds. */
  readonly nowMs: () => number
  readonly report: (error: unknown) => void
}

/** A message of which everything is there. */
export interface Whole {
  readonly source: string
  readonly isText: boolean
  readonly bytes: Uint8Array
  /** By number; a single one without a place. */
  readonly parts: readonly Part[]
  /** The segment with which it was whole, of several. */
  readonly last: Part | undefined
  /** Where it stands in the store; none where it does not. */
  readonly keys: readonly string[]
}

interface Incomplete {
  readonly key: string
  readonly source: string
  readonly messageNumber: number
  /** By number, from 1. */
  readonly parts: Map<number, Part>
  readonly total: number
  byteCount: number
  touchedAtMs: number
  readonly round: string | undefined
  /** Messages of the same round that began since. */
  overtakenBy: number
}

/** What one segment takes besides its bytes, roughly. */
const PART_OVERHEAD = 128

export class Reassembly {
  readonly #terms: ReassemblyTerms
  /** The one that was touched longest ago first. */
  readonly #incomplete = new Map<string, Incomplete>()
  readonly #completed = new Completed()
  #byteCount = 0
  #nextNumber = 0
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(terms: ReassemblyTerms) {
    this.#terms = terms
  }

  /**
   * Reads what an earlier process kept.
   *
   * @returns Also what was whole already and nobody had acknowledged, oldest first.
   * @throws {WaxwingError} As `Store.scan`.
   */
  static async open(
    terms: ReassemblyTerms,
  ): Promise<{ reassembly: Reassembly; wholes: readonly Whole[] }> {
    const reassembly = new Reassembly(terms)
    const wholes: Whole[] = []
    for (const entry of (await terms.store?.scan(COMPLETED_TABLE)) ?? []) {
      try {
        reassembly.#numberTaken(reassembly.#completed.restore(entry))
      } catch (error) {
        terms.report(error)
      }
    }
    for (const entry of (await terms.store?.scan(PARTS_TABLE)) ?? []) {
      try {
        const whole = reassembly.#restore(decodePart(entry))
        if (whole !== undefined) wholes.push(whole)
      } catch (error) {
        terms.report(error)
      }
    }
    return { reassembly, wholes }
  }

  /** Messages that wait for segments. */
  get size(): number {
    return this.#incomplete.size
  }

  /** What they take, in bytes, roughly. */
  get byteCount(): number {
    return this.#byteCount
  }

  /**
   * Takes a segment. Resolves once it is safe.
   *
   * @returns The message, if it is whole with this one.
   * @throws {WaxwingError} As `Store.write`: the segment is as good as not taken.
   */
  async add(part: Part & { readonly place: Place }): Promise<Whole | undefined> {
    this.expire()
    const key = setKey(part)
    if (this.#isRepeated(key, part)) {
      await this.#writing // the first copy may be on its way, and fail
      if (this.#isRepeated(key, part)) return undefined
      throw new WaxwingError('ERR_STORE_BUSY', 'a segment could not be kept')
    }
    const set = this.#setFor(key, part)
    this.#insert(set, part)
    const whole = this.#wholeOf(set, part)
    const place = keyOf(set.messageNumber, part.place)
    try {
      await this.#write([{ table: PARTS_TABLE, key: place, value: encodePart(part) }])
    } catch (error) {
      this.#completed.delete(key)
      if (whole === undefined) this.#remove(set, part)
      else this.putBack(whole, part)
      throw error
    }
    this.#makeRoom()
    return whole
  }

  /**
   * Keeps a message that is whole.
   *
   * @returns Its keys; none where there is no store.
   * @throws {WaxwingError} As `Store.write`.
   */
  async keep({ parts }: Whole): Promise<readonly string[]> {
    if (this.#terms.store === undefined) return []
    const messageNumber = this.#nextNumber++
    const changes = parts.map((part) => ({
      table: PARTS_TABLE,
      key: keyOf(messageNumber, part.place),
      value: encodePart(part),
    }))
    await this.#write(changes)
    return changes.map(({ key }) => key)
  }

  /** Deletes what is in the store of a message. @throws {WaxwingError} As `Store.write`. */
  async forget(keys: readonly string[]): Promise<void> {
    const known = keys.slice(0, 1).flatMap((key) => this.#completed.keep(messageNumberOf(key)))
    await this.#write([...keys.map((key) => ({ table: PARTS_TABLE, key, value: null })), ...known])
  }

  /** A message is not whole after all: this segment of it comes again. */
  putBack({ parts }: Whole, without: Part): void {
    for (const part of parts) {
      if (part === without || !hasPlace(part)) continue
      const key = setKey(part)
      this.#completed.delete(key)
      this.#insert(this.#setFor(key, part), part)
    }
    this.#makeRoom()
  }

  /** Gives up what is too old. */
  expire(): void {
    const oldest = this.#terms.nowMs() - 1_000 * this.#terms.incompleteSeconds
    for (const set of this.#incomplete.values()) {
      if (set.touchedAtMs > oldest) break
      this.#giveUp(set, 'it is too old', 'incompleteSeconds')
    }
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await this.#writing
  }

  #restore({ key, messageNumber, part }: KeptPart): Whole | undefined {
    this.#numberTaken(messageNumber)
    if (!hasPlace(part)) return { ...joined([part], undefined), keys: [key] }
    const setAt = setKey(part)
    const before = this.#incomplete.get(setAt)
    // Two messages under one reference: the later one goes on.
    if (before !== undefined && before.messageNumber !== messageNumber) {
      this.#giveUp(before, 'its reference was used again', 'reference')
    }
    const set = this.#incomplete.get(setAt) ?? this.#begin(setAt, part, messageNumber)
    this.#insert(set, part)
    return this.#wholeOf(set, part)
  }

  #numberTaken(messageNumber: number): void {
    this.#nextNumber = Math.max(this.#nextNumber, messageNumber + 1)
  }

  /** Whether this very segment is there already, or its message was whole. */
  #isRepeated(key: string, part: Part & { readonly place: Place }): boolean {
    const there = this.#incomplete.get(key)?.parts.get(part.place.number)
    if (there !== undefined) return equalBytes(there.bytes, part.bytes)
    return this.#completed.has(key, part)
  }

  #setFor(key: string, part: Part & { readonly place: Place }): Incomplete {
    const set = this.#incomplete.get(key)
    if (set !== undefined) {
      if (!set.parts.has(part.place.number)) return set
      this.#giveUp(set, 'its reference was used again', 'reference')
    }
    return this.#begin(key, part, this.#nextNumber++)
  }

  #begin(
    key: string,
    { source, place }: Part & { place: Place },
    messageNumber: number,
  ): Incomplete {
    const round = roundOf(key)
    if (round !== undefined) this.#overtake(round)
    const set: Incomplete = {
      key,
      source,
      messageNumber,
      parts: new Map(),
      total: place.total,
      byteCount: 0,
      touchedAtMs: 0,
      round,
      overtakenBy: 0,
    }
    this.#completed.delete(key)
    this.#incomplete.set(key, set)
    return set
  }

  /** Before the references of a sender come round, what is left of the last round is given up. */
  #overtake(round: string): void {
    for (const set of this.#incomplete.values()) {
      if (set.round !== round || ++set.overtakenBy < HALF_ROUND) continue
      this.#giveUp(set, 'its reference may be used again', 'reference')
    }
  }

  #insert(set: Incomplete, part: Part & { readonly place: Place }): void {
    const byteCount = part.bytes.length + PART_OVERHEAD
    set.parts.set(part.place.number, part)
    set.byteCount += byteCount
    set.touchedAtMs = this.#terms.nowMs()
    this.#byteCount += byteCount
    this.#incomplete.delete(set.key)
    this.#incomplete.set(set.key, set)
  }

  #remove(set: Incomplete, part: Part & { readonly place: Place }): void {
    if (this.#incomplete.get(set.key) !== set || !set.parts.delete(part.place.number)) return
    const byteCount = part.bytes.length + PART_OVERHEAD
    set.byteCount -= byteCount
    this.#byteCount -= byteCount
    if (set.parts.size === 0) this.#incomplete.delete(set.key)
  }

  #wholeOf(set: Incomplete, last: Part): Whole | undefined {
    if (set.parts.size < set.total) return undefined
    this.#drop(set)
    const parts = [...set.parts].toSorted(([a], [b]) => a - b).map(([, part]) => part)
    this.#completed.add(set.key, set.messageNumber, parts)
    const isKept = this.#terms.store !== undefined
    const keys = parts.map(({ place }) => keyOf(set.messageNumber, place))
    return { ...joined(parts, last), keys: isKept ? keys : [] }
  }

  #makeRoom(): void {
    const { maxIncomplete, maxIncompleteBytes } = this.#terms
    while (this.#incomplete.size > maxIncomplete) {
      this.#giveUp(
        this.#leastWorth(() => 1),
        'there are too many',
        'maxIncomplete',
      )
    }
    while (this.#byteCount > maxIncompleteBytes) {
      const set = this.#leastWorth(({ byteCount }) => byteCount)
      this.#giveUp(set, 'there are too many', 'maxIncompleteBytes')
    }
  }

  /**
   * The oldest one of whoever has most of what there is too much of: who sends many beginnings pushes out
   * their own, and a crowd that begins one each, none that is newer and longer.
   */
  #leastWorth(weightOf: (set: Incomplete) => number): Incomplete {
    const weights = new Map<string, number>()
    let most: Incomplete | undefined
    for (const set of this.#incomplete.values()) {
      const weight = (weights.get(set.source) ?? 0) + weightOf(set)
      weights.set(set.source, weight)
      if (weight > (weights.get(most?.source ?? '') ?? 0)) most = set
    }
    for (const set of this.#incomplete.values()) if (set.source === most?.source) return set
    throw new WaxwingError('ERR_INTERNAL', 'there is nothing to give up')
  }

  #giveUp(set: Incomplete, why: string, rule: string): void {
    this.#drop(set)
    const what = `an incomplete message from ${set.source} is given up, since ${why}`
    this.#terms.report(limitError(what, rule))
    const keys = [...set.parts.values()].map(({ place }) => keyOf(set.messageNumber, place))
    this.forget(keys).catch(this.#terms.report)
  }

  #drop(set: Incomplete): void {
    this.#incomplete.delete(set.key)
    this.#byteCount -= set.byteCount
  }

  /** One after the other, so that nothing is deleted before it was written. */
  #write(changes: readonly Change[]): Promise<void> {
    const { store } = this.#terms
    if (store === undefined) return Promise.resolve()
    const all = [...this.#completed.takeRemovals(), ...changes]
    const written = this.#writing.then(async () => void (await store.write(all)))
    this.#writing = written.catch(() => undefined)
    return written
  }
}

/** A message of one segment. */
export function single(part: Part): Whole {
  return { ...joined([part], undefined), keys: [] }
}

function hasPlace(part: Part): part is Part & { readonly place: Place } {
  return part.place !== undefined
}

function joined(parts: readonly Part[], last: Part | undefined): Omit<Whole, 'keys'> {
  const { source = '', isText = false } = parts[0] ?? {}
  return { source, isText, bytes: concatBytes(...parts.map(({ bytes }) => bytes)), parts, last }
}
