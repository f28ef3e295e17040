// SPDX-License-Identifier: Apache-2.0
/**
 * One run of a producer within a generation (`docs/spec/05-keys.md` Section 5.5): its id, its counter
 * and the sealer of the epoch it is in.
 *
 * Invariant: the counter goes on over epochs and never repeats, and the session id is fresh, so that
 * no two objects of a generation share a key and a nonce, in clones of this device either.
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
  #sealer: ObjectSealer | undefined

  constructor(inputs: {
    runtime: Runtime
    generation: Generation
    identity: OwnIdentity
    id: Uint8Array
  }) {
    this.#runtime = inputs.runtime
    this.#generation = inputs.generation
    this.#identity = inputs.identity
    this.id = inputs.id
    this.name = toHex(inputs.id)
    this.startedMs = inputs.runtime.time.monotonic()
    this.#limit = maxObjects(inputs.generation.manifest.alg)
  }

  /** The counter that the next object will carry. */
  get nextCounter(): number {
    return this.#sealer?.nextCounter ?? 0
  }

  /** Whether a new session must begin before the next object. */
  get isOver(): boolean {
    const ageMs = this.#runtime.time.monotonic() - this.startedMs
    return this.nextCounter >= this.#limit || ageMs >= MAX_SESSION_MS
  }

  /** Seals one object in an epoch. @throws {WaxwingError} `ERR_KEY_UNKNOWN`, `ERR_COUNTER_EXHAUSTED`. */
  seal(epoch: number, inputs: SealInputs): Uint8Array {
    return this.#sealerOf(epoch).seal(inputs)
  }

  /** Seals one object of a batch, which has yet to be signed. @throws {WaxwingError} As {@link seal}. */
  sealUnsigned(epoch: number, inputs: SealInputs): UnsignedObject {
    return this.#sealerOf(epoch).sealUnsigned(inputs)
  }

  /** Seals the only object of a session that ends with it, and forgets the key. */
  sealOnly(epoch: number, inputs: SealInputs): Uint8Array {
    const object = this.seal(epoch, inputs)
    this.#sealer?.wipe()
    return object
  }

  #sealerOf(epoch: number): ObjectSealer {
    const known = this.#sealer
    if (known?.epoch === epoch) return known
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
