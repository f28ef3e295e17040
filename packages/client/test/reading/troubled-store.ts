// SPDX-License-Identifier: Apache-2.0
/**
 * A store that refuses, for as long as a test likes, what a reader wants of it.
 *
 * @module
 */

import { WaxwingError, type Store } from '@waxwing/core'
import { faultyStore, memoryStore } from '../../src/testing.js'

export interface Troubles {
  /** No object is parked. */
  parking: boolean
  /** Not even this many writes that park are taken; the ones after are, unless all are refused. */
  firstParkings: number
  /** No session is looked up. */
  lookups: boolean
  /** No parked object is read. */
  parkedReads: boolean
  /** Nothing is recorded as seen, and no parked object marked or deleted. */
  settling: boolean
}

export const ALL_WELL: Troubles = {
  parking: false,
  firstParkings: 0,
  lookups: false,
  parkedReads: false,
  settling: false,
}

/** @returns The store, and what is wrong with it: to be changed by the test. */
export function troubledStore(inner: Store = memoryStore()): { store: Store; troubles: Troubles } {
  const troubles = { ...ALL_WELL }
  const refuseIf = (isRefused: boolean): void => {
    if (isRefused) throw new WaxwingError('ERR_STORE_FULL', 'no room')
  }
  const store = faultyStore(inner, {
    beforeWrite: (_, changes) => {
      const parks = changes.some(({ table, value }) => table === 'parked-object' && value !== null)
      if (parks) refuseIf(troubles.parking || troubles.firstParkings-- > 0)
      else if (changes.some(({ table }) => table === 'seen' || table === 'parked')) {
        refuseIf(troubles.settling)
      }
    },
    beforeRead: (table) => {
      refuseIf(troubles.lookups && table === 'seen')
      refuseIf(troubles.parkedReads && table === 'parked-object')
    },
  })
  return { store, troubles }
}
