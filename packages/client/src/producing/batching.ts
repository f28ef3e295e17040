// SPDX-License-Identifier: Apache-2.0
/**
 * Objects that wait for a signature in common (`docs/spec/04-objects.md` Section 4.3.4): until there are
 * enough of them, or the first has waited long enough.
 *
 * @module
 */

import {
  MAX_BATCH_OBJECTS,
  signBatch,
  type CryptoProvider,
  type Ed25519SigningKey,
  type UnsignedObject,
} from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { BatchOptions } from '../options.js'
import type { Timers } from '../timers.js'

/** Objects that share a signature, at the most. */
export const DEFAULT_OBJECTS = 64
const DEFAULT_WAIT_MS = 20
/** How far a session got is noted every second, and what waits is signed for that. */
const MAX_WAIT_MS = 1000

interface Waiting {
  readonly unsigned: UnsignedObject
  readonly signed: (object: Uint8Array) => void
}

export class Batching {
  readonly #crypto: CryptoProvider
  readonly #key: Ed25519SigningKey
  readonly #timers: Timers
  readonly #limit: number
  readonly #waitMs: number
  #generation: Generation | undefined
  #waiting: Waiting[] = []
  #cancelTimer: (() => void) | undefined

  /** @throws {RangeError} If an option is out of its range. */
  constructor(
    inputs: { crypto: CryptoProvider; key: Ed25519SigningKey; timers: Timers },
    options: BatchOptions = {},
  ) {
    const { objects = DEFAULT_OBJECTS, waitMs = DEFAULT_WAIT_MS } = options
    assertWithin(objects, 1, MAX_BATCH_OBJECTS, 'batch.objects')
    assertWithin(waitMs, 0, MAX_WAIT_MS, 'batch.waitMs')
    this.#crypto = inputs.crypto
    this.#key = inputs.key
    this.#timers = inputs.timers
    this.#limit = objects
    this.#waitMs = waitMs
  }

  /** Has an object wait. Resolves with it when it is signed, in the order of the calls. */
  add(generation: Generation, unsigned: UnsignedObject): Promise<Uint8Array> {
    if (this.#generation !== generation) this.flush()
    this.#generation = generation
    const object = new Promise<Uint8Array>((resolve) => {
      this.#waiting.push({ unsigned, signed: resolve })
    })
    if (this.#waiting.length >= this.#limit) this.flush()
    else this.#cancelTimer ??= this.#timers.after(this.#waitMs, () => this.flush())
    return object
  }

  /** Signs what waits. */
  flush(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const generation = this.#generation
    const waiting = this.#waiting
    if (generation === undefined || waiting.length === 0) return
    this.#waiting = []
    const objects = this.sign(
      generation,
      waiting.map(({ unsigned }) => unsigned),
    )
    for (const [i, { signed }] of waiting.entries()) signed(objects[i]!)
  }

  /** Signs objects together at once, in as many batches as they need. */
  sign(generation: Generation, unsigned: readonly UnsignedObject[]): readonly Uint8Array[] {
    const { generationId } = generation.manifest
    const signer = { generationId, key: this.#key }
    const objects: Uint8Array[] = []
    for (let from = 0; from < unsigned.length; from += this.#limit) {
      objects.push(...signBatch(this.#crypto, unsigned.slice(from, from + this.#limit), signer))
    }
    return objects
  }
}

function assertWithin(value: number, lowest: number, highest: number, name: string): void {
  if (Number.isInteger(value) && value >= lowest && value <= highest) return
  throw new RangeError(`${name} must be a whole number from ${lowest} to ${highest}, got ${value}`)
}
