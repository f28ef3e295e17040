// SPDX-License-Identifier: Apache-2.0
/**
 * Judging one item of what was kept on purpose, an archive's or a history's
 * (`docs/spec/08-receiving.md` Section 8.6).
 *
 * Nothing is parked and nothing recorded: the sessions of the reading tell what comes twice in it, and
 * the live ones are only asked whether a message was read before.
 *
 * @module
 */

import {
  decodeObject,
  epochStartMs,
  objectDigest,
  toHex,
  WaxwingError,
  type DecodedObject,
  type ErrorCode,
  type OpenedObject,
} from '@waxwing/core'
import type { ObjectFacts } from '../../events.js'
import type { Message } from '../../message.js'
import type { Runtime } from '../../runtime.js'
import { refusalOf, sealedAtMs } from '../acceptance.js'
import { factsOf, streamFactsOf, type Arrival } from '../arrival.js'
import { FAR, NEAR, type Reach } from '../lookahead.js'
import { messageOf } from '../message-of.js'
import type { Found, Openings, Reading } from '../openings.js'
import type { ReaderEvents } from '../reader-events.js'
import type { ReadingOptions } from '../reading-options.js'
import type { SeenBook } from '../seen-book.js'
import { KeptTransfers } from '../transfers/kept-transfers.js'
import type { KeptSessions } from './kept-sessions.js'

/** The span of time that is wanted, by what producers sealed. */
export interface WantedTime {
  /** The first instant that is wanted. */
  readonly from?: Date
  /** The last instant that is wanted. */
  readonly until?: Date
}

/** @throws {RangeError} If a time is none: everything would be wanted then. */
export function assertWantedTime({ from, until }: WantedTime): void {
  for (const [name, time] of Object.entries({ from, until })) {
    if (time === undefined || !Number.isNaN(time.getTime())) continue
    throw new RangeError(`${name} must be a valid Date`)
  }
}

/** An item that is not handed over, and why. */
export interface ArchiveSkip extends Partial<ObjectFacts> {
  readonly kind: 'skip'
  /** Where the item begins, in bytes from the archive's start; in a history, how many came before. */
  readonly offset: number
  readonly reason:
    | 'no-key'
    | 'not-authentic'
    | 'refused'
    | 'duplicate'
    | 'conflict'
    | 'malformed'
    /** The first piece of a payload of which others are missing, or had no room. */
    | 'incomplete'
  readonly code: ErrorCode
}

export interface KeptObjectsInputs {
  readonly runtime: Runtime
  readonly options: ReadingOptions
  readonly openings: Openings
  readonly seen: SeenBook
  readonly events: ReaderEvents
}

/** An item that was read and has still to have its turn. */
export interface Read {
  readonly item: Uint8Array
  readonly offset: number
  /** Why it is none, where it is no object. */
  readonly arrival: Arrival | WaxwingError
}

/** What is known of where an item was kept. */
export type Where = Pick<Arrival, 'address' | 'properties'>

/** An object that was verified, and when it was sealed compared with the wanted span. */
export interface Verified {
  readonly reading: Reading
  readonly opened: OpenedObject
  readonly session: string
  readonly when: 'before' | 'within' | 'after'
}

export class KeptObjects {
  readonly #inputs: KeptObjectsInputs
  readonly #span: WantedTime
  readonly #sessions: KeptSessions
  readonly #transfers: KeptTransfers
  readonly #onVerified: (verified: Verified) => void

  /** @param onVerified - Told of each object that counts, before it is handed over or left out. */
  constructor(
    inputs: KeptObjectsInputs,
    span: WantedTime,
    sessions: KeptSessions,
    onVerified: (verified: Verified) => void = () => undefined,
  ) {
    this.#inputs = inputs
    this.#span = span
    this.#sessions = sessions
    this.#transfers = new KeptTransfers(inputs)
    this.#onVerified = onVerified
  }

  /** How far it is worth to read ahead for the sake of signatures. */
  get reach(): Reach {
    return this.#inputs.runtime.crypto.verifiesAhead === true ? FAR : NEAR
  }

  /** Announces an object whose signature may be verified while others have their turn. */
  decode(item: Uint8Array, offset: number, where: Where): Read {
    try {
      const arrival = arrivalOf(decodeObject(item), where)
      this.#inputs.openings.expect(arrival.object, arrival.kid)
      return { item, offset, arrival }
    } catch (error) {
      if (error instanceof WaxwingError) return { item, offset, arrival: error }
      throw error
    }
  }

  /** Opens an object with the keys that are held by now. */
  open({ object, kid }: Arrival): Found {
    return this.#inputs.openings.open(object, kid)
  }

  /** Takes what is told of payloads of which not all pieces could be kept until the others came. */
  takeSkips(): readonly ArchiveSkip[] {
    return this.#transfers.takeSkips()
  }

  /** The reading is at its end: what is incomplete now stays so. */
  finish(): void {
    this.#transfers.finish()
  }

  /** @returns `undefined` for what is left out without a word, and for a piece that waits for others. */
  async judge(
    arrival: Arrival,
    offset: number,
    found: Found,
  ): Promise<Message | ArchiveSkip | undefined> {
    switch (found.kind) {
      case 'no-key':
        return skipOf(arrival, offset, 'no-key', 'ERR_KEY_UNKNOWN')
      case 'failed':
        return skipOf(arrival, offset, 'not-authentic', 'ERR_NOT_AUTHENTIC')
      case 'refused':
        return skipOf(arrival, offset, 'refused', found.error.code)
      case 'opened':
        return await this.#judgeOpened(arrival, offset, found.reading, found.opened)
    }
  }

  async #judgeOpened(
    arrival: Arrival,
    offset: number,
    reading: Reading,
    opened: OpenedObject,
  ): Promise<Message | ArchiveSkip | undefined> {
    const { runtime, options, seen } = this.#inputs
    if (!reading.isWanted) return undefined
    const when = this.#whenSealed(opened)
    const isLeftOut = when !== 'within' || opened.metadata.heartbeat === true
    const refusal = refusalOf(arrival, reading, opened, options)
    if (refusal !== undefined) {
      return isLeftOut ? undefined : skipOf(arrival, offset, 'refused', refusal.error.code)
    }
    const digest = objectDigest(runtime.crypto, arrival.object)
    const { generation } = reading
    const session = toHex(opened.session)
    const { verdict } = this.#sessions.of(generation, session).ranges.add(opened.counter, digest)
    if (verdict === 'new') this.#onVerified({ reading, opened, session, when })
    if (isLeftOut) return undefined
    if (verdict === 'duplicate') return skipOf(arrival, offset, 'duplicate', 'ERR_REPLAYED')
    const live = await seen.load(generation.id, opened.session, ({ ranges }) =>
      ranges.check(opened.counter, digest),
    )
    if (verdict === 'conflict' || live === 'conflict') {
      const object = arrival.object.bytes.slice()
      const facts = streamFactsOf(arrival, generation.stream)
      this.#inputs.events.emit({ type: 'conflict', object, ...facts })
      return skipOf(arrival, offset, 'conflict', 'ERR_CONFLICT')
    }
    const repeated = live === 'duplicate'
    const replay = 'repeatable' as const
    const inputs = { arrival, reading, opened, session, replay, repeated }
    const message = messageOf({ ...inputs, acknowledge: keep })
    const { piece } = message
    if (piece === undefined || options.transfers === 'pieces') return message
    return await this.#transfers.take(
      { message, piece, producerId: opened.producer.id },
      arrival,
      offset,
    )
  }

  #whenSealed(opened: OpenedObject): Verified['when'] {
    const { from, until } = this.#span
    const { epochSeconds } = opened.manifest
    const atMs = sealedAtMs(opened)
    const firstMs = atMs ?? epochStartMs(opened.epoch, epochSeconds)
    const lastMs = atMs ?? firstMs + epochSeconds * 1000 - 1
    if (from !== undefined && lastMs < from.getTime()) return 'before'
    return until !== undefined && firstMs > until.getTime() ? 'after' : 'within'
  }
}

/** What is kept is no queue: to acknowledge changes nothing. */
async function keep(): Promise<void> {}

function skipOf(
  arrival: Arrival,
  offset: number,
  reason: ArchiveSkip['reason'],
  code: ErrorCode,
): ArchiveSkip {
  return { kind: 'skip', offset, reason, code, ...factsOf(arrival) }
}

function arrivalOf(object: DecodedObject, { address, properties }: Where): Arrival {
  return {
    object,
    kid: toHex(object.kid),
    address,
    properties,
    retained: false,
    redelivered: false,
    acknowledge: undefined,
    received: undefined,
    parkedAt: undefined,
  }
}
