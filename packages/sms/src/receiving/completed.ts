// SPDX-License-Identifier: Apache-2.0
/**
 * Messages that were whole, so that a late copy of a segment begins no new one that a later message under
 * the same reference would be mixed with (`docs/spec/09-bindings.md` Section 9.10.6).
 *
 * Of each segment there is a digest. With a store, what was handed over is known there as well: a segment whose
 * answer the centre did not hear comes again to the next process. The newest are kept, and of references of
 * eight bits only those that cannot have come round.
 *
 * @module
 */

import { hash } from 'node:crypto'
import {
  ArrayFields,
  decodeCbor,
  encodeCbor,
  WaxwingError,
  type Change,
  type StoreEntry,
} from '@waxwing/core'
import type { Part, Place } from './parts.js'

export const COMPLETED_TABLE = 'sms/completed'

const MAX_COMPLETED = 512
/** Half of the references of eight bits: one that comes again sooner is a copy, and later another message. */
export const HALF_ROUND = 128
const MAX_SEGMENTS = 255
const DIGEST_LENGTH = 12 // of base64: 9 bytes

type Placed = Part & { readonly place: Place }

interface Entry {
  readonly messageNumber: number
  /** By number of the segment. */
  readonly digests: readonly string[]
  isKept: boolean
}

export class Completed {
  /** The one that was whole first, first. */
  readonly #entries = new Map<string, Entry>()
  /** Entries of the store that have to go with the next write. */
  #removals: Change[] = []

  /** Takes an entry of the store, in the order of their keys. @throws {WaxwingError} `ERR_STORE_CORRUPT`. */
  restore({ key: place, value }: StoreEntry): number {
    const messageNumber = Number(place)
    try {
      if (!Number.isSafeInteger(messageNumber)) throw new TypeError('no number of a message')
      const fields = new ArrayFields('completed message', decodeCbor(value, 'message'), 2)
      const digests = fields.array(1, 'digests', { max: MAX_SEGMENTS }).map(String)
      this.#add(fields.text(0, 'key'), { messageNumber, digests, isKept: true })
    } catch (cause) {
      const what = 'what a message in the store was of is damaged'
      throw new WaxwingError('ERR_STORE_CORRUPT', what, {}, { cause })
    }
    return messageNumber
  }

  /** Whether this very segment was of the message that was whole last under its reference. */
  has(key: string, part: Placed): boolean {
    return this.#entries.get(key)?.digests[part.place.number - 1] === digestOf(part)
  }

  /** @param parts - All of it, by number. */
  add(key: string, messageNumber: number, parts: readonly Part[]): void {
    this.#add(key, { messageNumber, digests: parts.map(digestOf), isKept: false })
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    if (entry.isKept) this.#removals.push(changeOf(entry.messageNumber, null))
  }

  /** What is written with the message's removal from the store. */
  keep(messageNumber: number): readonly Change[] {
    for (const [key, entry] of this.#entries) {
      if (entry.messageNumber !== messageNumber) continue
      entry.isKept = true
      return [changeOf(messageNumber, encodeCbor([key, [...entry.digests]]))]
    }
    return []
  }

  takeRemovals(): readonly Change[] {
    return this.#removals.splice(0)
  }

  #add(key: string, entry: Entry): void {
    this.delete(key)
    this.#entries.set(key, entry)
    const round = roundOf(key)
    if (round !== undefined) this.#endRound(round)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_COMPLETED) break
      this.delete(oldest)
    }
  }

  #endRound(round: string): void {
    const keys = [...this.#entries.keys()].filter((key) => roundOf(key) === round)
    for (const key of keys.slice(0, -HALF_ROUND)) this.delete(key)
  }
}

/** Whose references are counted: of one sender, to one number. `undefined` where they have more than eight bits. */
export function roundOf(key: string): string | undefined {
  const [source = '', destination = '', , width] = key.split(' ')
  return width === '8' ? `${source} ${destination}` : undefined
}

/**
 * The name of what is under one reference: segments of the same name are of one message. Its source and
 * destination are percent-encoded.
 */
export function setKey({ source, destination, isText, place }: Placed): string {
  const { width, reference, total } = place
  return [source, destination, isText, width, reference, total].join(' ')
}

function changeOf(messageNumber: number, value: Uint8Array | null): Change {
  return { table: COMPLETED_TABLE, key: String(messageNumber).padStart(15, '0'), value }
}

function digestOf({ bytes }: Part): string {
  return hash('sha256', bytes, 'base64').slice(0, DIGEST_LENGTH)
}
