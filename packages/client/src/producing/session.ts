// SPDX-License-Identifier: Apache-2.0
/**
 * One run of a producer within a generation (`docs/spec/05-keys.md` Section 5.5): its id, its counter
 * and the sealer of the epoch it is in.
 *
 * Invariant: the counter goes on over epochs and never repeats, and the session id is fresh, so that
 * no two objects of a generation share a key and a nonce, in clones of this device either. With
 * durable counters there is no id: then the room of counters keeps the invariant, but not for clones.
 *
 * @module
 */

import {
  concatBytes,
  maxObjects,
  ObjectSealer,
  toHex,
  utf8,
  WaxwingError,
  type CryptoProvider,
  type SealInputs,
  type UnsignedObject,
} from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { Runtime } from '../runtime.js'
import type { CounterRoom } from './counter-room.js'

/** A session's longest life. */
const MAX_SESSION_MS = 86_400_000
const SESSION_ID_BYTES = 7

let drawn = 0

/**
 * Draws a session id: randomness, hashed with what differs between processes, so that a weak
 * generator alone does not repeat one.
 */
export function drawSessionId(
  crypto: CryptoProvider,
  { processHint, nowMs, monotonicMs }: { processHint: string; nowMs: number; monotonicMs: number },
): Uint8Array {
  const unique = utf8(`${processHint}/${nowMs}/${monotonicMs}/${drawn++}`)
  return crypto.sha256(concatBytes(crypto.randomBytes(32), unique)).slice(0, SESSION_ID_BYTES)
}

export class SealingSession {
  readonly id: Uint8Array
  /** In hex. */
  readonly name: string
  /** On the monotonic clock. */
  readonly startedMs: number
  readonly #runtime: Runtime
  readonly #generation: Generation
  readonly #identity: OwnIdentity
  readonly #limit: number
  readonly #room: CounterRoom | undefined
  #sealer: ObjectSealer | undefined

  constructor(inputs: {
    runtime: Runtime
    generation: Generation
    identity: OwnIdentity
    id: Uint8Array
    /** Where counters are durable; the id is empty then. */
    room?: CounterRoom | undefined
  }) {
    this.#runtime = inputs.runtime
    this.#generation = inputs.generation
    this.#identity = inputs.identity
    this.#room = inputs.room
    this.id = inputs.id
    this.name = toHex(inputs.id)
    this.startedMs = inputs.runtime.time.monotonic()
    this.#limit = maxObjects(inputs.generation.manifest.alg)
  }

  /** The counter that the next object will carry. */
  get nextCounter(): number {
    return this.#room?.next ?? this.#sealer?.nextCounter ?? 0
  }

  /** The counter of the object that was sealed last; −1 before the first. */
  get lastCounter(): number {
    return this.#room?.last ?? this.nextCounter - 1
  }

  /** Whether a new session must begin before the next object. */
  get isOver(): boolean {
    if (this.#room !== undefined) return false
    const ageMs = this.#runtime.time.monotonic() - this.startedMs
    return this.nextCounter >= this.#limit || ageMs >= MAX_SESSION_MS
  }

  /** Seals one object in an epoch. @throws {WaxwingError} `ERR_KEY_UNKNOWN`, `ERR_COUNTER_EXHAUSTED`. */
  seal(epoch: number, inputs: SealInputs): Uint8Array {
    const sealer = this.#sealerOf(epoch)
    return this.#room === undefined
      ? sealer.seal(inputs)
      : this.#counted(this.#room, sealer, () => sealer.seal(inputs))
  }

  /** Seals one object of a batch, which has yet to be signed. @throws {WaxwingError} As {@link seal}. */
  sealUnsigned(epoch: number, inputs: SealInputs): UnsignedObject {
    const sealer = this.#sealerOf(epoch)
    return this.#room === undefined
      ? sealer.sealUnsigned(inputs)
      : this.#counted(this.#room, sealer, () => sealer.sealUnsigned(inputs))
  }

  /** Seals the only object of a session that ends with it, and forgets the key. */
  sealOnly(epoch: number, inputs: SealInputs): Uint8Array {
    const object = this.seal(epoch, inputs)
    this.#sealer?.wipe()
    return object
  }

  /** A counter that the sealer took has left the room, also if nothing came of it. */
  #counted<T>(room: CounterRoom, sealer: ObjectSealer, seal: () => T): T {
    if (room.left === 0) {
      throw new WaxwingError('ERR_COUNTER_EXHAUSTED', 'no counter is reserved')
    }
    try {
      return seal()
    } finally {
      room.useUpTo(sealer.nextCounter)
    }
  }

  #sealerOf(epoch: number): ObjectSealer {
    const known = this.#sealer
    const isAtNext =
      known !== undefined && known.nextCounter === (this.#room?.next ?? known.nextCounter)
    if (isAtNext && known.epoch === epoch) return known
    const sealer = this.#enter(epoch)
    known?.wipe()
    this.#sealer = sealer
    return sealer
  }

  #enter(epoch: number): ObjectSealer {
    const { manifest, ring } = this.#generation
    const [candidate] = ring.candidates(epoch)
    if (candidate === undefined) {
      throw new WaxwingError('ERR_KEY_UNKNOWN', 'the key of this epoch was forgotten')
    }
    const leaf = candidate.leaf()
    const { crypto } = this.#runtime
    const signingKey = manifest.signatureMode === 'none' ? undefined : this.#identity.signingKey
    const inputs = { crypto, manifest, leaf, epoch, session: this.id, signingKey }
    const sealer = new ObjectSealer(inputs, this.nextCounter)
    leaf.fill(0)
    return sealer
  }
}
