// SPDX-License-Identifier: Apache-2.0
/**
 * What the reading side wants of the asking side. They meet only here.
 *
 * @module
 */

import { LAST_EPOCH, type DenialCode, type Span } from '@waxwing/core'
import type { Generation } from './generation.js'

/** Keys that are missing for an object. */
export interface Wanted {
  /** In hex. */
  readonly kid: string
  readonly epoch: number
  /** Where the object arrived. */
  readonly address: string
  /** The generation, where its manifest is known and only the epoch is missing. */
  readonly generation: Generation | undefined
  /** For who decides. */
  readonly reason: string | undefined
  /** Ask for everything from this epoch on, not for it alone. */
  readonly andLater: boolean
  /** Ask for everything up to this epoch with it. Default: for it alone. Nothing where `andLater` is set. */
  readonly lastEpoch?: number
}

/** The epochs that are wanted. */
export function wantedSpan({ epoch, andLater, lastEpoch = epoch }: Wanted): Span {
  return { first: epoch, last: andLater ? LAST_EPOCH : lastEpoch }
}

export interface KeyRequests {
  /**
   * Asks for keys: merged with what is asked already, limited, repeated until answered.
   *
   * @returns `false` if no answer is to be waited for: all of it was asked for before, and denied for good.
   */
  want(wanted: Wanted): boolean
  /** Makes a signed request for the caller to send itself. */
  makeRequest(wanted: Wanted): Promise<Uint8Array>
  /** Calls the listener at each denial that proved its authority. Returns a function that removes it. */
  onDenial(listener: (kid: string, code: DenialCode) => void): () => void
}
