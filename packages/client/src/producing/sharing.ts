// SPDX-License-Identifier: Apache-2.0
/**
 * What the producing side wants of the granting side. They meet only here.
 *
 * @module
 */

import type { Generation } from '../generation.js'
import type { GrantTerms } from '../options.js'

export interface Sharing {
  /**
   * Hands the manifest and the share grants for recovery and keepers durably to the transport, or to
   * the outbox where there is none. Resolves before the generation's first object may be sealed.
   */
  announce(generation: Generation): Promise<void>
  /** Grants a generation that was just begun to those who may read the stream, in the background. */
  grantAnew(generation: Generation): void
}

/** What a producer passes on about who may read its stream. */
export interface GrantActions {
  /**
   * Grants unasked.
   *
   * @param principal - Id in base64url, a unique beginning of it, or a unique name.
   * @returns The sealed grants, which were also sent where there is a transport.
   */
  grant(stream: string, principal: string, terms: GrantTerms): Promise<readonly Uint8Array[]>
  /** Revokes: rotates at once, unless `rotate` is `false`. */
  revoke(stream: string, principal: string, options: { rotate: boolean }): Promise<void>
}
