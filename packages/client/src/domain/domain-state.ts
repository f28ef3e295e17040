// SPDX-License-Identifier: Apache-2.0
/**
 * The state of a domain at its owner's: changed one step at a time, also by several processes on one
 * store. Each step begins with what stands in the store, and is written only if that still stands
 * there; so no two bundles ever carry one version.
 *
 * @module
 */

import {
  CLOCK_SKEW_SECONDS,
  decodeTrustBundle,
  signTrustBundle,
  WaxwingError,
  type Change,
  type Clock,
  type CryptoProvider,
  type Ed25519SigningKey,
  type TrustBundle,
  type TrustBundleFields,
} from '@waxwing/core'
import { Turns } from '../turns.js'
import type { DomainRecord, DomainRecords } from './domain-records.js'

const DAY_SECONDS = 86_400
/** How often a write is tried again because another process was faster. */
const MAX_ATTEMPTS = 16

/** One step: the domain after it, and what else is to be written with it. */
export interface Step<T> {
  /** `undefined`: as before. */
  readonly next: DomainRecord | undefined
  readonly changes?: readonly Change[]
  readonly result: T
}

export class DomainState {
  readonly #crypto: CryptoProvider
  readonly #clock: Clock
  readonly #records: DomainRecords
  readonly #turns = new Turns()
  #record: DomainRecord

  constructor(inputs: {
    readonly crypto: CryptoProvider
    readonly clock: Clock
    readonly records: DomainRecords
    readonly record: DomainRecord
  }) {
    this.#crypto = inputs.crypto
    this.#clock = inputs.clock
    this.#records = inputs.records
    this.#record = inputs.record
  }

  /** As it was when it was last read or written. */
  get record(): DomainRecord {
    return this.#record
  }

  /** Reads what stands in the store. @throws {WaxwingError} `ERR_STORE_CORRUPT` if it is gone. */
  async read(): Promise<DomainRecord> {
    const record = await this.#records.read()
    if (record === undefined) {
      throw new WaxwingError('ERR_STORE_CORRUPT', 'the domain is gone from the store')
    }
    this.#record = record
    return record
  }

  /**
   * Takes a step.
   *
   * @param plan - Given the domain as it stands, and the time in seconds since 1970. May be called
   *   again if another process was faster.
   * @throws {WaxwingError} `ERR_CLOCK` if the time is unknown or before the newest bundle;
   *   `ERR_STORE_BUSY` if other processes were faster again and again.
   */
  step<T>(plan: (record: DomainRecord, now: number) => Promise<Step<T>>): Promise<T> {
    return this.#turns.take(async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const held = await this.read()
        const { next, changes = [], result } = await plan(held, this.#nowFor(held))
        if (next === undefined && changes.length === 0) return result
        if (await this.#records.replace(held, next ?? held, changes)) {
          this.#record = next ?? held
          return result
        }
      }
      throw new WaxwingError('ERR_STORE_BUSY', 'other processes change the domain all the time')
    })
  }

  /** The signing key of the anchor in use. */
  anchorOf({ seed }: DomainRecord): Ed25519SigningKey {
    return this.#crypto.ed25519SigningKey(seed)
  }

  /** Signs the next bundle, with new content, by the anchor in use. */
  withBundle(record: DomainRecord, content: TrustBundleFields, now: number): DomainRecord {
    const version = record.bundle.version + 1
    const anchor = this.anchorOf(record)
    const { bundleDays } = record
    const bundle = signBundle(this.#crypto, { ...content, version }, { anchor, now, bundleDays })
    return { ...record, bundle }
  }

  #nowFor({ bundle }: DomainRecord): number {
    const now = secondsOf(this.#clock)
    if (now + CLOCK_SKEW_SECONDS < bundle.issued) {
      throw new WaxwingError('ERR_CLOCK', 'the clock is behind the newest trust bundle: set it')
    }
    return Math.max(now, bundle.issued)
  }
}

/** The time, in seconds since 1970. @throws {WaxwingError} `ERR_CLOCK` if it is unknown. */
export function secondsOf(clock: Clock): number {
  const now = clock.now()
  if (now !== undefined) return Math.floor(now / 1000)
  throw new WaxwingError('ERR_CLOCK', 'the time is unknown, and an anchor has to know it')
}

/**
 * Signs a bundle, valid from now on.
 *
 * @throws {WaxwingError} `ERR_LIMIT` if there is more in it than fits; `details.rule` says of what.
 */
export function signBundle(
  crypto: CryptoProvider,
  content: TrustBundleFields,
  by: { readonly anchor: Ed25519SigningKey; readonly now: number; readonly bundleDays: number },
): TrustBundle {
  const { anchor, now, bundleDays } = by
  const fields = { ...content, issued: now, expires: now + bundleDays * DAY_SECONDS }
  const bytes = signTrustBundle(crypto, fields, anchor)
  try {
    return decodeTrustBundle(crypto, bytes)
  } catch (cause) {
    const rule = (cause instanceof WaxwingError ? cause.details.field : undefined) ?? 'size'
    const message = `no member could read the trust bundle: ${rule}`
    throw new WaxwingError('ERR_LIMIT', message, { rule }, { cause })
  }
}
