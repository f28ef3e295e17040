// SPDX-License-Identifier: Apache-2.0
/**
 * Reading what was kept on purpose: archives, and an intermediary's history
 * (`docs/spec/08-receiving.md` Section 8.2).
 *
 * Nothing is parked and nothing recorded: seen-ranges of its own tell what comes twice within one
 * reading, and the live ones are only asked whether a message was read before. Memory does not grow
 * with the archive.
 *
 * @module
 */

import {
  decodeObject,
  epochStartMs,
  isSealedMessage,
  objectDigest,
  readArchive,
  sealedKid,
  SeenRanges,
  toHex,
  WaxwingError,
  type DecodedObject,
  type ErrorCode,
  type OpenedObject,
  type Received,
} from '@waxwing/core'
import type { ObjectFacts } from '../events.js'
import type { Message } from '../message.js'
import { FAR, lookAhead, NEAR, type Reach } from './lookahead.js'
import type { Runtime } from '../runtime.js'
import { refusalOf, sealedAtMs } from './acceptance.js'
import { factsOf, NO_PROPERTIES, streamFactsOf, type Arrival } from './arrival.js'
import { messageOf } from './message-of.js'
import type { Found, Openings, Reading } from './openings.js'
import type { ReaderEvents } from './reader-events.js'
import type { ReadingOptions } from './reading-options.js'
import type { SeenBook } from './seen-book.js'
import type { Wanting } from './wanting.js'

export interface ArchiveReadingOptions {
  /** The first instant that is wanted. */
  readonly from?: Date
  /** The last instant that is wanted. */
  readonly until?: Date
  /** Takes the control messages in the archive: `endpoint.receive` makes use of its grants. */
  readonly onControl?: (bytes: Uint8Array) => unknown
}

/** An item of an archive that is not handed over, and why. */
export interface ArchiveSkip extends Partial<ObjectFacts> {
  readonly kind: 'skip'
  /** Where the item begins, in bytes from the archive's start; in a history, how many came before. */
  readonly offset: number
  readonly reason: 'no-key' | 'not-authentic' | 'refused' | 'duplicate' | 'conflict' | 'malformed'
  readonly code: ErrorCode
}

export interface ArchiveReadingInputs {
  readonly runtime: Runtime
  readonly options: ReadingOptions
  readonly openings: Openings
  readonly seen: SeenBook
  readonly wanting: Wanting
  readonly events: ReaderEvents
}

/** An item that was read and has still to have its turn. */
interface Read {
  readonly item: Uint8Array
  readonly offset: number
  /** Why it is none, where it is no object. */
  readonly arrival: Arrival | WaxwingError
}

/** What is known of where an item was kept. */
type Where = Pick<Arrival, 'address' | 'properties'>

const NOWHERE: Where = { address: undefined, properties: NO_PROPERTIES }
/** Sessions whose counters are remembered in one reading. */
const MAX_SESSIONS = 256
const SIGNED_MESSAGE = 0xd2

export class ArchiveReading {
  readonly #inputs: ArchiveReadingInputs
  readonly #span: ArchiveReadingOptions
  readonly #sessions = new Map<string, SeenRanges>()
  /** The kid and epoch for which keys were wanted last. */
  #wanted = ''

  constructor(inputs: ArchiveReadingInputs, options: ArchiveReadingOptions) {
    this.#inputs = inputs
    this.#span = options
  }

  /** @throws {WaxwingError} `ERR_MALFORMED` or `ERR_LIMIT` at the first damage, after all before it. */
  async *readArchive(
    source: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Message | ArchiveSkip, void> {
    for await (const read of lookAhead(this.#archived(source), this.#reach)) {
      const result = await this.#take(read)
      if (result !== undefined) yield result
    }
  }

  /** @throws {unknown} What the transport throws. */
  async *readHistory(source: AsyncIterable<Received>): AsyncGenerator<Message | ArchiveSkip, void> {
    for await (const read of lookAhead(this.#received(source), this.#reach)) {
      const result = await this.#take(read)
      if (result !== undefined) yield result
    }
  }

  /** How far it is worth to read ahead. */
  get #reach(): Reach {
    return this.#inputs.runtime.crypto.verifiesAhead === true ? FAR : NEAR
  }

  async *#archived(source: AsyncIterable<Uint8Array>): AsyncGenerator<Read, void> {
    for await (const { item, offset } of readArchive(source)) {
      yield this.#decode(item, offset, NOWHERE)
    }
  }

  async *#received(source: AsyncIterable<Received>): AsyncGenerator<Read, void> {
    let offset = 0
    for await (const { payload, address, properties } of source) {
      yield this.#decode(payload, offset++, { address, properties })
    }
  }

  /** Announces an object whose signature may be verified while others have their turn. */
  #decode(item: Uint8Array, offset: number, where: Where): Read {
    try {
      const arrival = arrivalOf(decodeObject(item), where)
      this.#inputs.openings.expect(arrival.object, arrival.kid)
      return { item, offset, arrival }
    } catch (error) {
      if (error instanceof WaxwingError) return { item, offset, arrival: error }
      throw error
    }
  }

  async #take({ item, offset, arrival }: Read): Promise<Message | ArchiveSkip | undefined> {
    if (!(arrival instanceof WaxwingError)) return await this.#takeObject(arrival, offset)
    const { code } = arrival
    if (!isControl(item)) return { kind: 'skip', offset, reason: 'malformed', code }
    await this.#span.onControl?.(item)
    return undefined
  }

  async #takeObject(arrival: Arrival, offset: number): Promise<Message | ArchiveSkip | undefined> {
    const found = this.#inputs.openings.open(arrival.object, arrival.kid)
    const skip = (reason: ArchiveSkip['reason'], code: ErrorCode): ArchiveSkip => {
      return { kind: 'skip', offset, reason, code, ...factsOf(arrival) }
    }
    switch (found.kind) {
      case 'no-key':
        this.#want(arrival, found)
        return skip('no-key', 'ERR_KEY_UNKNOWN')
      case 'failed':
        return skip('not-authentic', 'ERR_NOT_AUTHENTIC')
      case 'refused':
        return skip('refused', found.error.code)
      case 'opened':
        return await this.#takeOpened(arrival, found.reading, found.opened, skip)
    }
  }

  async #takeOpened(
    arrival: Arrival,
    reading: Reading,
    opened: OpenedObject,
    skip: (reason: ArchiveSkip['reason'], code: ErrorCode) => ArchiveSkip,
  ): Promise<Message | ArchiveSkip | undefined> {
    const { runtime, options, seen } = this.#inputs
    if (!reading.isWanted || opened.metadata.heartbeat === true) return undefined
    if (!this.#isInSpan(opened)) return undefined
    const refusal = refusalOf(arrival, reading, opened, options)
    if (refusal !== undefined) return skip('refused', refusal.error.code)
    const digest = objectDigest(runtime.crypto, arrival.object)
    const { id } = reading.generation
    const session = toHex(opened.session)
    const { verdict } = this.#rangesOf(`${id}/${session}`).add(opened.counter, digest)
    if (verdict === 'duplicate') return skip('duplicate', 'ERR_REPLAYED')
    const live = await seen.load(id, opened.session, ({ ranges }) =>
      ranges.check(opened.counter, digest),
    )
    if (verdict === 'conflict' || live === 'conflict') {
      const object = arrival.object.bytes.slice()
      const facts = streamFactsOf(arrival, reading.generation.stream)
      this.#inputs.events.emit({ type: 'conflict', object, ...facts })
      return skip('conflict', 'ERR_CONFLICT')
    }
    const repeated = live === 'duplicate'
    const acknowledge = keep
    const replay = 'repeatable' as const
    return messageOf({ arrival, reading, opened, session, replay, repeated, acknowledge })
  }

  #isInSpan(opened: OpenedObject): boolean {
    const { from, until } = this.#span
    const { epochSeconds } = opened.manifest
    const atMs = sealedAtMs(opened)
    const firstMs = atMs ?? epochStartMs(opened.epoch, epochSeconds)
    const lastMs = atMs ?? firstMs + epochSeconds * 1000 - 1
    return (
      (from === undefined || lastMs >= from.getTime()) &&
      (until === undefined || firstMs <= until.getTime())
    )
  }

  /** Asks once for what many objects in a row lack. */
  #want(arrival: Arrival, { generation }: Extract<Found, { kind: 'no-key' }>): void {
    const { kid, object } = arrival
    const { epoch } = object
    const wanted = `${kid}/${epoch}`
    if (wanted === this.#wanted) return
    this.#wanted = wanted
    const address = generation?.stream ?? ''
    this.#inputs.wanting.askFor({ kid, epoch, address, generation, andLater: false })
  }

  #rangesOf(name: string): SeenRanges {
    const ranges = this.#sessions.get(name) ?? new SeenRanges()
    this.#sessions.delete(name)
    this.#sessions.set(name, ranges)
    if (this.#sessions.size > MAX_SESSIONS) {
      for (const oldest of this.#sessions.keys()) {
        this.#sessions.delete(oldest)
        break
      }
    }
    return ranges
  }
}

/** History is not a queue: to acknowledge changes nothing. */
async function keep(): Promise<void> {}

function arrivalOf(object: DecodedObject, { address, properties }: Where): Arrival {
  return {
    object,
    kid: toHex(object.kid),
    address,
    properties,
    retained: false,
    redelivered: false,
    acknowledge: undefined,
    parkedAt: undefined,
  }
}

/** Tells control messages, signed or sealed, from bytes that are neither object nor message. */
function isControl(item: Uint8Array): boolean {
  if (item[0] === SIGNED_MESSAGE) return true
  if (!isSealedMessage(item)) return false
  try {
    return sealedKid(item).length > 0
  } catch {
    return false
  }
}
