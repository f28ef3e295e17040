// SPDX-License-Identifier: Apache-2.0
/**
 * How a client is given its protection.
 *
 * @module
 */

import type { Layer } from './handler.js'

/** Protects what a client asks. */
export interface ClientSecurity {
  /**
   * Stands between the client's requests and the network: requests leave it protected, responses that
   * verified come back. Requests name whom they are for by `authorityOf`, not by the peer, which may be
   * a proxy. What it sends to establish keys goes through the same network.
   */
  readonly layer: Layer
}
