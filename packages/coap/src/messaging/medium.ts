// SPDX-License-Identifier: Apache-2.0
/**
 * What all parts of an endpoint share: where datagrams go, what time it is, how much is allowed.
 *
 * @module
 */

import type { Peer } from '../handler.js'
import type { EndpointLimits, TransmissionParameters } from './parameters.js'

export interface Medium {
  readonly transmission: TransmissionParameters
  readonly limits: EndpointLimits
  /** Milliseconds from an arbitrary start; never goes back. */
  readonly now: () => number
  /** Cryptographically random bytes. */
  readonly randomBytes: (count: number) => Buffer
  /** Whether datagrams can be sent to IPv6 addresses. */
  readonly speaksIpv6: boolean
  /** Hands a datagram to the network. Never throws. */
  readonly send: (datagram: Buffer, to: Peer) => void
  /** Takes errors that no caller waits for. */
  readonly report: (error: unknown) => void
}
