// SPDX-License-Identifier: Apache-2.0
/**
 * The latest confirmed time, as it is kept over restarts (`docs/spec/05-keys.md` Section 5.7).
 *
 * @module
 */

import { MapFields, type Store } from '@waxwing/core'
import { Table } from './table.js'

const KEY = 'confirmed'

function table(store: Store): Table<number> {
  return new Table(store, 'time', {
    toCbor: (ms) => new Map([[1, Math.floor(ms)]]),
    fromCbor: (value) => new MapFields('time record', value).uint(1, 'confirmed'),
  })
}

/** Milliseconds since 1970; `undefined` if none was ever confirmed. */
export function readConfirmedTime(store: Store): Promise<number | undefined> {
  return table(store).get(KEY)
}

/** Keeps a confirmed time, in milliseconds since 1970. */
export async function writeConfirmedTime(store: Store, ms: number): Promise<void> {
  await store.write([table(store).put(KEY, ms)])
}
