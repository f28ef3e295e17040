// SPDX-License-Identifier: Apache-2.0
/**
 * Sender sequence numbers, recorded before they are used (RFC 8613 Sections 7.2 and 7.5, Appendix
 * B.1.1).
 *
 * Invariant: a number is taken only after a limit above it was durably recorded, and whoever opens the
 * record begins at the limit. So no number is used twice, wherever an endpoint is interrupted, as long as
 * the record is never set back: a backup that is restored and a machine that is copied repeat numbers.
 * The numbers that a block still had are lost with it, of which there are 2^40.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import { MAX_SEQUENCE_NUMBER } from './nonce.js'

const DEFAULT_BLOCK_SIZE = 256
/** One past the last number. */
const END = MAX_SEQUENCE_NUMBER + 1

/** Where the limit is kept: one value for each Sender Context, which nothing else writes. */
export interface SequenceRecord {
  /**
   * The limit: no number from it on was ever used. 0 is said of new keys alone: where no limit is found,
   * this throws.
   */
  read(): Promise<number>
  /**
   * Raises the limit, if it still is `from`. When it resolves to `true`, the new one survives the loss
   * of power. `false`: somebody else raised it.
   */
  raise(from: number, to: number): Promise<boolean>
}

export interface SequenceOptions {
  /** How many numbers are reserved at once: K of Appendix B.1.1. Default 256. */
  readonly blockSize?: number
}

/** Hands out the numbers of one Sender Context. */
export class SenderSequence {
  readonly #record: SequenceRecord | undefined
  readonly #blockSize: number
  #next: number
  /** Numbers below are recorded as used. */
  #limit: number
  #reserving: Promise<void> | undefined

  private constructor(record: SequenceRecord | undefined, first: number, blockSize: number) {
    this.#record = record
    this.#blockSize = blockSize
    this.#next = first
    this.#limit = record === undefined ? END : first
  }

  /**
   * Opens the record of a context that may have been used before.
   *
   * @throws {RangeError} If `blockSize` is no integer above 0.
   * @throws {WaxwingError} `ERR_STORE_CORRUPT` if the record holds no limit: the numbers are lost, and
   *   the endpoint needs a new context.
   */
  static async open(
    record: SequenceRecord,
    { blockSize = DEFAULT_BLOCK_SIZE }: SequenceOptions = {},
  ): Promise<SenderSequence> {
    if (!Number.isSafeInteger(blockSize) || blockSize < 1) {
      throw new RangeError(`blockSize must be an integer above 0, got ${blockSize}`)
    }
    return new SenderSequence(record, await readLimit(record), blockSize)
  }

  /**
   * Begins at 0, and records nothing: for a context whose keys are new and end with this process, such
   * as those of EDHOC or of Appendix B.2. With keys that were used before, it repeats nonces.
   */
  static ofFreshKeys(): SenderSequence {
    return new SenderSequence(undefined, 0, 1)
  }

  /**
   * Sees to it that {@link take} has a number, and records a new block if need be. Calls at the same
   * time share one.
   *
   * @throws {WaxwingError} What the record threw; nothing was reserved then.
   */
  async ready(): Promise<void> {
    if (this.#next < this.#limit || this.#next >= END) return
    this.#reserving ??= this.#reserve().finally(() => {
      this.#reserving = undefined
    })
    await this.#reserving
  }

  /**
   * Takes the next number, for one encryption.
   *
   * @throws {WaxwingError} `ERR_NOT_READY` if none is reserved: await {@link ready};
   *   `ERR_COUNTER_EXHAUSTED` after 2^40 - 1: derive a new context.
   */
  take(): number {
    if (this.#next >= END) {
      throw new WaxwingError('ERR_COUNTER_EXHAUSTED', 'the sender sequence numbers are used up')
    }
    if (this.#next >= this.#limit) {
      throw new WaxwingError('ERR_NOT_READY', 'no sender sequence number is reserved')
    }
    return this.#next++
  }

  async #reserve(): Promise<void> {
    const record = this.#record
    if (record === undefined) return
    let from = this.#limit
    for (;;) {
      const to = Math.min(from + this.#blockSize, END)
      if (await record.raise(from, to)) {
        this.#next = from
        this.#limit = to
        return
      }
      // Somebody else was faster, or a write that seemed to fail did not: go on behind it.
      const raised = await readLimit(record)
      if (raised <= from) throw corrupt()
      from = raised
      if (from >= END) {
        this.#next = END
        return
      }
    }
  }
}

async function readLimit(record: SequenceRecord): Promise<number> {
  const limit = await record.read()
  if (!Number.isSafeInteger(limit) || limit < 0 || limit > END) throw corrupt()
  return limit
}

function corrupt(): WaxwingError {
  return new WaxwingError('ERR_STORE_CORRUPT', 'the limit of the sender sequence is damaged')
}
