// SPDX-License-Identifier: Apache-2.0
/**
 * What a producer seals with at this moment: the epochs that the generation in use permits, and the
 * running session. All of it is synchronous; what has to be durable first is the producer's matter.
 *
 * @module
 */

import { encodeMetadata, epochStartMs, type Metadata } from '@waxwing/core'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { Receipt } from '../message.js'
import type { ProducerOptions, PublishOptions } from '../options.js'
import type { Runtime } from '../runtime.js'
import { EpochGuard } from './epoch-guard.js'
import { paddedMetadata } from './padding.js'
import { drawSessionId, SealingSession } from './session.js'
import type { SessionRecord } from './stream-record.js'
import type { StreamState } from './stream-state.js'

/** The first objects of a session carry the trail. */
const TRAIL_OBJECTS = 16

/** What an object is to its session. */
type Sealing = 'message' | 'heartbeat' | 'will'

export interface StreamSealerInputs {
  readonly runtime: Runtime
  readonly identity: OwnIdentity
  readonly processHint: string
  readonly options: Pick<ProducerOptions, 'timestamps' | 'padToBytes'>
  readonly state: StreamState
}

export class StreamSealer {
  readonly #inputs: StreamSealerInputs
  #guard: EpochGuard
  #session: SealingSession
  #openFor: string | undefined

  constructor(inputs: StreamSealerInputs) {
    this.#inputs = inputs
    this.#guard = this.#makeGuard()
    this.#session = this.#drawSession()
  }

  get guard(): EpochGuard {
    return this.#guard
  }

  /** The running session, and how far it got; `undefined` before its first object. */
  get running(): SessionRecord | undefined {
    const { name, nextCounter } = this.#session
    return nextCounter === 0 ? undefined : { session: name, lastCounter: nextCounter - 1 }
  }

  /** Where the object stands that was sealed last. */
  get lastReceipt(): Receipt {
    const { name, nextCounter } = this.#session
    const { id } = this.#inputs.state.generation
    return { generationId: id, session: name, counter: nextCounter - 1 }
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

  /** Ends the running session, and begins another. */
  beginSession(): void {
    this.#inputs.state.endSession(this.running)
    this.#session = this.#drawSession()
  }

  /** Seals, unless something has to be made ready first. */
  seal(
    plaintext: Uint8Array,
    options: PublishOptions,
    sealing: Exclude<Sealing, 'will'>,
  ): Uint8Array | undefined {
    const epoch = this.#epochInUse()
    if (epoch === undefined) return undefined
    if (this.#session.isOver) this.beginSession()
    const metadata = this.#metadataFor(epoch, plaintext.length, options, sealing)
    return this.#session.seal(epoch, { metadata, plaintext, clearPart: options.clearPart })
  }

  /** Seals alone in a session that nobody records, unless something has to be made ready first. */
  sealWill(plaintext: Uint8Array, options: PublishOptions): Uint8Array | undefined {
    const epoch = this.#epochInUse()
    if (epoch === undefined) return undefined
    const metadata = this.#metadataFor(epoch, plaintext.length, options, 'will')
    const { clearPart } = options
    return this.#drawSession().sealOnly(epoch, { metadata, plaintext, clearPart })
  }

  /** The epoch to seal in now, noted as used; `undefined` if something has to be made ready first. */
  #epochInUse(): number | undefined {
    const { kind, epoch } = this.#guard.judge()
    if (kind !== 'seal' || this.#openFor !== this.#inputs.state.generation.id) return undefined
    this.#guard.use(epoch)
    return epoch
  }

  #metadataFor(
    epoch: number,
    plaintextBytes: number,
    options: PublishOptions,
    sealing: Sealing,
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
    const hasTrail = sealing !== 'will' && this.#session.nextCounter < TRAIL_OBJECTS
    if (hasTrail) metadata.trail = state.trail
    const { padToBytes } = own
    if (padToBytes === undefined) return encodeMetadata(metadata)
    return paddedMetadata(metadata, plaintextBytes, padToBytes)
  }

  #drawSession(): SealingSession {
    const { runtime, identity, processHint, state } = this.#inputs
    const { crypto, time } = runtime
    const facts = { processHint, nowMs: time.now(), monotonicMs: time.monotonic() }
    const id = drawSessionId(crypto, facts)
    return new SealingSession({ runtime, generation: state.generation, identity, id })
  }

  #makeGuard(): EpochGuard {
    const { runtime, state } = this.#inputs
    const { permitted, generation } = state
    const { epochSeconds } = generation.manifest
    return new EpochGuard(runtime.time, epochSeconds, permitted, permitted)
  }
}
