// SPDX-License-Identifier: Apache-2.0
/**
 * What the owner of a domain chooses, and what it is told of its members.
 *
 * @module
 */

import type { Clock, CryptoProvider, Store } from '@waxwing/core'

export interface DomainStoreOptions {
  /** Holds the anchor's secret seed. */
  readonly store: Store
  /** Default: the fastest provider that can be loaded. */
  readonly crypto?: CryptoProvider
  readonly clock?: Clock
}

export interface DomainOptions extends DomainStoreOptions {
  /** What people call it, 1 to 255 bytes. Stays with the owner. */
  readonly name: string
  /**
   * Make a recovery principal, so that history can be opened after any loss. Default `true`. Without
   * one, what all who can read it have lost is lost.
   */
  readonly recovery?: boolean
  /** Where the recovery principal lives: a store of its own, to be kept off-line. */
  readonly recoveryStore?: Store
  /** Days that a trust bundle is valid, 1 to 3,650. Default 30. */
  readonly bundleDays?: number
}

/** A principal that was admitted, by its newest credential. */
export interface Member {
  readonly id: Uint8Array
  readonly name: string
  readonly unit: string | undefined
  readonly roles: readonly string[]
  readonly attributes: ReadonlyMap<string, string>
  readonly produces: readonly string[]
  /** Seconds since 1970. */
  readonly issued: number
  readonly expires: number
  readonly credential: Uint8Array
  readonly isKeeper: boolean
  /** Seconds since 1970. */
  readonly revokedSince: number | undefined
}
