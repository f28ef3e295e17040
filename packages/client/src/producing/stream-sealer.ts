// SPDX-License-Identifier: Apache-2.0
/**
 * What a producer seals with at this moment: the epochs that the generation in use permits, and the
 * running session. All of it is synchronous; what has to be durable first is the producer's matter.
 *
 * @module
 */

import {
  ALG_AES_CCM_16_64_128,
  encodeMetadata,
  epochStartMs,
  maxTextBytes,
  utf8,
  WaxwingError,
  type Metadata,
  type ObjectShape,
  type Piece,
  type SealInputs,
} from '@waxwing/core'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { Receipt } from '../message.js'
import type { ProducerOptions, PublishOptions } from '../options.js'
import type { Runtime } from '../runtime.js'
import { Batching, DEFAULT_OBJECTS } from './batching.js'
import { EpochGuard } from './epoch-guard.js'
import { paddedMetadata } from './padding.js'
import { isSurelyWithin, pieceBytesWithin } from './piece-size.js'
import { drawSessionId, SealingSession } from './session.js'
import type { SessionRecord } from './stream-record.js'
import type { StreamState } from './stream-state.js'

/** The longest text of the algorithm whose length field has two bytes. */
const MAX_SHORT_TEXT_BYTES = 65_535
/** The first objects of a session carry the trail. */
const TRAIL_OBJECTS = 16
const NO_SESSION = new Uint8Array(0)

/** Text is sealed as UTF-8. */
export type Plaintext = Uint8Array | string

/** What an object is to its session. */
type Sealing = 'message' | 'heartbeat' | 'will'

/** Where an object stands in its session, and as what. */
interface Place {
  readonly sealing: Sealing
  readonly counter: number
  readonly piece?: Piece | undefined
}

export interface StreamSealerInputs {
  readonly runtime: Runtime
  readonly identity: OwnIdentity
  readonly processHint: string
  readonly options: Pick<ProducerOptions, 'timestamps' | 'padToBytes' | 'batch'>
  readonly state: StreamState
}

export class StreamSealer {
  readonly #inputs: StreamSealerInputs
  readonly #batching: Batching
  #guard: EpochGuard
  #session: SealingSession
  /** How many counters the next call needs. */
  #wanted = 1
  #openFor: string | undefined

  constructor(inputs: StreamSealerInputs) {
    this.#inputs = inputs
    const { runtime, identity, options } = inputs
    const { crypto, timers } = runtime
    this.#batching = new Batching({ crypto, timers, key: identity.signingKey }, options.batch)
    this.#guard = this.#makeGuard()
    this.#session = this.#drawSession()
  }

  get guard(): EpochGuard {
    return this.#guard
  }

  /**
   * Signs what waits for that, and says which session runs and how far it got; `undefined` before its
   * first object, and where counters are durable.
   */
  progress(): SessionRecord | undefined {
    this.#batching.flush()
    if (this.#inputs.state.room !== undefined) return undefined
    const { name, nextCounter } = this.#session
    return nextCounter === 0 ? undefined : { session: name, lastCounter: nextCounter - 1 }
  }

  /** Whether counters have to be reserved before anything can be sealed. */
  get lacksCounters(): boolean {
    const { room } = this.#inputs.state
    return room !== undefined && room.left < this.#wanted
  }

  /** How many counters the call needs that could not be made. */
  get countersWanted(): number {
    return this.#wanted
  }

  /** Where the object stands that was sealed last. */
  get lastReceipt(): Receipt {
    const { name, lastCounter } = this.#session
    const { id } = this.#inputs.state.generation
    return { generationId: id, session: name, counter: lastCounter }
  }

  /** Whether objects of the generation in use may be sealed. */
  get isOpen(): boolean {
    return this.#openFor === this.#inputs.state.generation.id
  }

  /** Objects of this generation may be sealed: its readers can learn of it. */
  openFor(generationId: string): void {
    this.#openFor = generationId
  }

  /** Takes the generation that is now in use, with a session of its own. */
  adopt(): void {
    this.#guard = this.#makeGuard()
    this.#session = this.#drawSession()
  }

  /** Ends the running session, and begins another. Without sessions, nothing. */
  beginSession(): void {
    if (this.#inputs.state.room !== undefined) return
    this.#inputs.state.endSession(this.progress())
    this.#session = this.#drawSession()
  }

  /** Seals and signs alone, unless something has to be made ready first. */
  seal(
    plaintext: Plaintext,
    options: PublishOptions,
    sealing: Exclude<Sealing, 'will'>,
  ): Uint8Array | undefined {
    const next = this.#next(plaintext, options, sealing)
    return next && this.#session.seal(next.epoch, next.inputs)
  }

  /**
   * Seals, and has the object signed as the stream does it: in a batch it waits for others. Not if
   * something has to be made ready first.
   */
  sealToSend(
    plaintext: Plaintext,
    options: PublishOptions,
    piece?: Piece,
  ): Uint8Array | Promise<Uint8Array> | undefined {
    const next = this.#next(plaintext, options, 'message', piece)
    if (next === undefined || !this.#isBatched)
      return next && this.#session.seal(next.epoch, next.inputs)
    const unsigned = this.#session.sealUnsigned(next.epoch, next.inputs)
    return this.#batching.add(this.#inputs.state.generation, unsigned)
  }

  /** Whether the next object, with this plaintext, would be longer than a transport takes. */
  isTooLong(plaintextBytes: number, options: PublishOptions, maxBytes: number): boolean {
    const { padToBytes } = this.#inputs.options
    const least = Math.min(maxBytes, MAX_SHORT_TEXT_BYTES)
    if (isSurelyWithin(least, plaintextBytes, options, padToBytes)) return false
    const { alg } = this.#inputs.state.generation.manifest
    const most = alg === ALG_AES_CCM_16_64_128 ? Math.min(maxBytes, MAX_SHORT_TEXT_BYTES) : maxBytes
    if (isSurelyWithin(most, plaintextBytes, options, padToBytes)) return false
    const { epoch } = this.#guard.judge()
    const counter = this.#sessionInUse().nextCounter
    const place = { sealing: 'message', counter } as const
    const metadata = this.#metadataFor(epoch, plaintextBytes, options, place)
    return metadata.length + plaintextBytes > maxTextBytes(this.#shapeOf(options), maxBytes)
  }

  /** The longest pieces that a transport takes. @throws {RangeError} If it takes none. */
  pieceBytesFor(options: PublishOptions, maxBytes: number): number {
    const { padToBytes } = this.#inputs.options
    const maxText = maxTextBytes(this.#shapeOf(options), maxBytes)
    return pieceBytesWithin(maxText, options, padToBytes)
  }

  /** Seals all, signed together where the stream does so; none if something has to be made ready. */
  sealAll(
    plaintexts: readonly Plaintext[],
    options: PublishOptions,
  ): readonly Uint8Array[] | undefined {
    const epoch = this.#epochInUse(plaintexts.length)
    if (epoch === undefined) return undefined
    // What cannot be sealed shows before the first counter is taken.
    const first = this.#sessionInUse().nextCounter
    const all = plaintexts.map((plaintext, i) =>
      this.#inputsFor(epoch, plaintext, options, { sealing: 'message', counter: first + i }),
    )
    if (!this.#isBatched) return all.map((inputs) => this.#sessionInUse().seal(epoch, inputs))
    const unsigned = all.map((inputs) => this.#sessionInUse().sealUnsigned(epoch, inputs))
    return this.#batching.sign(this.#inputs.state.generation, unsigned)
  }

  /**
   * Seals alone in a session that nobody records, unless something has to be made ready first.
   *
   * @throws {WaxwingError} `ERR_UNSUPPORTED` if there are no sessions.
   */
  sealWill(plaintext: Plaintext, options: PublishOptions): Uint8Array | undefined {
    if (this.#inputs.state.room !== undefined) {
      throw new WaxwingError('ERR_UNSUPPORTED', 'a stream with durable counters has no wills')
    }
    const epoch = this.#epochInUse()
    if (epoch === undefined) return undefined
    const inputs = this.#inputsFor(epoch, plaintext, options, { sealing: 'will', counter: 0 })
    return this.#drawSession().sealOnly(epoch, inputs)
  }

  get #isBatched(): boolean {
    return this.#inputs.state.generation.manifest.signatureMode === 'batch'
  }

  /** What the next object of the running session is made from. */
  #next(
    plaintext: Plaintext,
    options: PublishOptions,
    sealing: Sealing,
    piece?: Piece,
  ): { readonly epoch: number; readonly inputs: SealInputs } | undefined {
    const epoch = this.#epochInUse()
    if (epoch === undefined) return undefined
    const counter = this.#sessionInUse().nextCounter
    return {
      epoch,
      inputs: this.#inputsFor(epoch, plaintext, options, { sealing, counter, piece }),
    }
  }

  #sessionInUse(): SealingSession {
    if (this.#session.isOver) this.beginSession()
    return this.#session
  }

  #inputsFor(epoch: number, message: Plaintext, options: PublishOptions, place: Place): SealInputs {
    const plaintext = typeof message === 'string' ? utf8(message) : message
    if (!(plaintext instanceof Uint8Array)) throw new TypeError('a message must be bytes or text')
    const metadata = this.#metadataFor(epoch, plaintext.length, options, place)
    return { metadata, plaintext, clearPart: options.clearPart }
  }

  /** The epoch to seal in now, noted as used; `undefined` if something has to be made ready first. */
  #epochInUse(objectCount = 1): number | undefined {
    this.#wanted = Math.max(objectCount, 1)
    const { kind, epoch } = this.#guard.judge()
    if (kind !== 'seal' || !this.isOpen || this.lacksCounters) return undefined
    this.#wanted = 1
    this.#guard.use(epoch)
    return epoch
  }

  #metadataFor(
    epoch: number,
    plaintextBytes: number,
    options: PublishOptions,
    { sealing, counter, piece }: Place,
  ): Uint8Array {
    const { state, options: own } = this.#inputs
    const metadata: { -readonly [K in keyof Metadata]: Metadata[K] } = {}
    if (own.timestamps !== false) {
      const startMs = epochStartMs(epoch, state.generation.manifest.epochSeconds)
      metadata.offsetMs = Math.max(0, Math.floor(this.#guard.judgedAtMs - startMs))
    }
    if (options.contentType !== undefined) metadata.contentType = options.contentType
    if (options.headers !== undefined) metadata.headers = options.headers
    if (sealing === 'heartbeat') metadata.heartbeat = true
    if (piece !== undefined) metadata.piece = piece
    const hasSessions = state.room === undefined
    const hasTrail = hasSessions && sealing !== 'will' && counter < TRAIL_OBJECTS
    if (hasTrail) metadata.trail = state.trail
    const { padToBytes } = own
    if (padToBytes === undefined) return encodeMetadata(metadata)
    return paddedMetadata(metadata, plaintextBytes, padToBytes)
  }

  #shapeOf({ clearPart }: PublishOptions): ObjectShape {
    const { manifest } = this.#inputs.state.generation
    const batchObjects = this.#inputs.options.batch?.objects ?? DEFAULT_OBJECTS
    return { manifest, clearPart, batchObjects }
  }

  #drawSession(): SealingSession {
    const { runtime, identity, processHint, state } = this.#inputs
    const { generation, room } = state
    if (room !== undefined) {
      return new SealingSession({ runtime, generation, identity, id: NO_SESSION, room })
    }
    const { crypto, time } = runtime
    const facts = { processHint, nowMs: time.now(), monotonicMs: time.monotonic() }
    const id = drawSessionId(crypto, facts)
    return new SealingSession({ runtime, generation, identity, id })
  }

  #makeGuard(): EpochGuard {
    const { runtime, state } = this.#inputs
    const { permitted, generation } = state
    const { epochSeconds } = generation.manifest
    return new EpochGuard(runtime.time, epochSeconds, permitted, permitted)
  }
}

/** What has to be made ready first is not. */
export function notReady(): WaxwingError {
  return new WaxwingError('ERR_NOT_READY', 'await producer.ready() before sealing')
}
