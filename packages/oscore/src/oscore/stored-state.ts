// SPDX-License-Identifier: Apache-2.0
/**
 * What changes in a context, kept in a store (RFC 8613 Section 7.5, Appendix B.1).
 *
 * The sequence is recorded ahead, and may be opened after any end. The replay window is kept when an
 * endpoint ends in good order and taken when it begins; where none was kept, it counts as lost. So the
 * first guard of new keys has to be kept as well, when the keys are.
 *
 * @module
 */

import {
  type CryptoProvider,
  decodeCbor,
  encodeCbor,
  type Store,
  WaxwingError,
} from '@waxwing/core'
import { ReplayGuard } from './replay-guard.js'
import type { ReplayWindowState } from './replay-window.js'
import type { SequenceRecord } from './sender-sequence.js'

/** One entry of a store, which nobody else writes. */
export interface StorePlace {
  readonly store: Store
  readonly table: string
  /** As the store wants it. One for each Sender Context or Recipient Context. */
  readonly key: string
}

/** Keeps the limit of a sequence in a store. Processes that share it reserve different blocks. */
export function sequenceInStore({ store, table, key }: StorePlace): SequenceRecord {
  return {
    async read() {
      const value = await store.get(table, key)
      return value === undefined ? 0 : readLimit(value)
    },
    raise(from, to) {
      // A limit of 0 is never written: it is no entry.
      const expect = from === 0 ? null : encodeCbor(from)
      return store.write([{ table, key, value: encodeCbor(to), expect }])
    },
  }
}

/**
 * Keeps the replay window. The guard must accept nothing afterwards. A window that is lost is not kept.
 *
 * @throws {WaxwingError} As `Store.write`.
 */
export async function keepReplayWindow(
  { store, table, key }: StorePlace,
  guard: ReplayGuard,
): Promise<void> {
  const { state } = guard
  const value = state === undefined ? null : encodeCbor([state.highest, state.accepted])
  await store.write([{ table, key, value }])
}

/**
 * Takes the replay window that was kept: it is removed before this resolves, so that no later start
 * finds an old one.
 *
 * @returns A guard whose window is lost, if none was kept or somebody else took it.
 * @throws {WaxwingError} `ERR_STORE_CORRUPT`, or as `Store.write`.
 */
export async function takeReplayWindow(
  crypto: CryptoProvider,
  { store, table, key }: StorePlace,
): Promise<ReplayGuard> {
  const value = await store.get(table, key)
  if (value === undefined) return ReplayGuard.lost(crypto)
  const isOurs = await store.write([{ table, key, value: null, expect: value }])
  return isOurs ? ReplayGuard.restored(readWindow(value)) : ReplayGuard.lost(crypto)
}

function readLimit(bytes: Uint8Array): number {
  const limit = decodeStored(bytes)
  if (typeof limit !== 'number') throw corrupt()
  return limit
}

function readWindow(bytes: Uint8Array): ReplayWindowState {
  const value = decodeStored(bytes)
  const [highest, accepted, ...more] = Array.isArray(value) ? (value as readonly unknown[]) : []
  if (!isWithin(highest, -1, 2 ** 40 - 1) || !isWithin(accepted, 0, 2 ** 32 - 1)) throw corrupt()
  if (more.length > 0) throw corrupt()
  return { highest, accepted }
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
}

function decodeStored(bytes: Uint8Array): unknown {
  try {
    return decodeCbor(bytes, 'OSCORE state')
  } catch (cause) {
    throw corrupt(cause)
  }
}

function corrupt(cause?: unknown): WaxwingError {
  return new WaxwingError(
    'ERR_STORE_CORRUPT',
    'the stored state of OSCORE is damaged',
    {},
    { cause },
  )
}
