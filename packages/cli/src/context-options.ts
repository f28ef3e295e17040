// SPDX-License-Identifier: Apache-2.0
/**
 * What all commands can be told, and how their endpoints take part.
 *
 * @module
 */

import type { EndpointOptions } from '@waxwing/client'
import type { StoreName } from './home.js'

/** The options that every command takes. */
export interface GlobalOptions {
  readonly home?: string
  readonly broker?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly passphrase?: boolean
  readonly passphraseFile?: string
  readonly brokerPasswordFile?: string
}

/**
 * How an endpoint takes part: not at all (`offline`), acting once beside others on the same home
 * (`passive`), acting once and taking what waits for it (`listening`), or answering for as long as it
 * runs (`active`).
 */
export type Part = 'offline' | 'passive' | 'listening' | 'active'

export interface OpenOptions extends Partial<EndpointOptions> {
  readonly part: Part
  /** Default `store`. */
  readonly storeName?: StoreName
  /** Show what happens as it happens. Default: only what goes wrong. */
  readonly showEvents?: boolean
  /** Go on without a broker where it cannot be reached: what is to be sent waits in the store. */
  readonly orOffline?: boolean
  /** What makes the broker's session of a long-running command its own. */
  readonly session?: string
}
