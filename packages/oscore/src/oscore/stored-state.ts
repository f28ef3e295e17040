// SPDX-License-Identifier: Apache-2.0
/**
 * What changes in a context, kept in a store (RFC 8613 Section 7.5, Appendix B.1).
 *
 * The sequence is recorded ahead, and may be opened after any end. The replay window is kept when an
 * endpoint ends in good order and taken when it begins; where none was kept, it counts as lost. New keys
 * are said to be new once, by {@link keepFreshState}: what is not found in the store is never taken for it.
 *
 * Invariant: the store only goes forward. One that is set back, by a backup that is restored or a machine
 * that is copied, repeats nonces and accepts replays, and nothing here can notice. After either, the
 * endpoint derives a new context: by Appendix B.2, or by EDHOC.
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
import { ReplayWindow, type ReplayWindowState } from './replay-window.js'
import type { SequenceRecord } from './sender-sequence.js'

/** Where a store keeps the state of one context, which nobody else writes. Never used for other keys. */
export interface StorePlace {
  readonly store: Store
  readonly table: string
  /** 1 to 500 printable ASCII characters. The sequence and the window each add a suffix. */
  readonly key: string
}

const SEQUENCE_SUFFIX = '/sequence'
const WINDOW_SUFFIX = '/window'
const MARK_BYTES = 8

/** What stands in the store while a guard is in use. Fresh guards, which were not taken, have none. */
const marks = new WeakMap<ReplayGuard, Uint8Array>()

/**
 * Keeps the state of keys that nobody has used yet: no number was sent, no request accepted. Once, when
 * the keys themselves are kept.
 *
 * @throws {WaxwingError} `ERR_CONFLICT` if a sequence or a window is kept there; or as `Store.write`.
 */
export async function keepFreshState({ store, table, key }: StorePlace): Promise<void> {
  const sequence = { table, key: key + SEQUENCE_SUFFIX, value: encodeCbor(0), expect: null }
  const state = encodeWindow(new ReplayWindow().state)
  const window = { table, key: key + WINDOW_SUFFIX, value: state, expect: null }
  if (await store.write([sequence, window])) return
  throw new WaxwingError('ERR_CONFLICT', 'the state of other keys is kept in this place')
}

/**
 * Keeps the limit of a sequence in a store. Processes that share it reserve different blocks.
 *
 * `read` throws `ERR_STORE_CORRUPT` where none is found: it is lost, since {@link keepFreshState} was
 * to keep one. The context must not be used any more.
 */
export function sequenceInStore({ store, table, key: prefix }: StorePlace): SequenceRecord {
  const key = prefix + SEQUENCE_SUFFIX
  return {
    async read() {
      const value = await store.get(table, key)
      if (value === undefined) throw sequenceLost()
      return readLimit(value)
    },
    raise: (from, to) =>
      store.write([{ table, key, value: encodeCbor(to), expect: encodeCbor(from) }]),
  }
}

/**
 * Closes the guard, which accepts nothing afterwards, and keeps its window. A window that is lost is not
 * kept, nor is one of a guard after which somebody else took or kept another.
 *
 * @returns Whether it is kept.
 * @throws {WaxwingError} As `Store.write`; this may be called again then.
 */
export async function keepReplayWindow(
  { store, table, key }: StorePlace,
  guard: ReplayGuard,
): Promise<boolean> {
  guard.close()
  const { state } = guard
  if (state === undefined) return false
  const expect = marks.get(guard) ?? null
  return store.write([{ table, key: key + WINDOW_SUFFIX, value: encodeWindow(state), expect }])
}

/**
 * Takes the replay window that was kept: a mark stands in its place before this resolves, so that
 * nobody who starts later on this store finds it, and whoever took it before can keep none.
 *
 * @returns A guard whose window is lost, if none was kept or somebody else took it.
 * @throws {WaxwingError} `ERR_STORE_CORRUPT`, or as `Store.write`.
 */
export async function takeReplayWindow(
  crypto: CryptoProvider,
  { store, table, key: prefix }: StorePlace,
): Promise<ReplayGuard> {
  const key = prefix + WINDOW_SUFFIX
  const found = await store.get(table, key)
  const state = found === undefined ? undefined : readWindow(found)
  const mark = encodeCbor(crypto.randomBytes(MARK_BYTES))
  const isOurs = await store.write([{ table, key, value: mark, expect: found ?? null }])
  const isKnown = isOurs && state !== undefined
  const guard = isKnown ? ReplayGuard.restored(state) : ReplayGuard.lost(crypto)
  marks.set(guard, mark)
  return guard
}

function readLimit(bytes: Uint8Array): number {
  const limit = decodeStored(bytes)
  if (typeof limit !== 'number') throw corrupt()
  return limit
}

function encodeWindow({ highest, accepted }: ReplayWindowState): Uint8Array {
  return encodeCbor([highest, accepted])
}

/** `undefined` for the mark of a guard. */
function readWindow(bytes: Uint8Array): ReplayWindowState | undefined {
  const value = decodeStored(bytes)
  if (value instanceof Uint8Array && value.length === MARK_BYTES) return undefined
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

function sequenceLost(): WaxwingError {
  return new WaxwingError(
    'ERR_STORE_CORRUPT',
    'the limit of the sender sequence is lost: derive a new context, by Appendix B.2 or by EDHOC',
    { rule: 'lost sender sequence' },
  )
}
