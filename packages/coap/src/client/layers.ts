// SPDX-License-Identifier: Apache-2.0
/**
 * What stands between a client and its network: bodies in blocks, each protected where that is asked for
 * (RFC 8613 Section 4.1.3.4).
 *
 * @module
 */

import { blockwiseClient, type BlockwiseOptions } from '../blockwise/index.js'
import type { ClientSecurity } from '../client-security.js'
import type { Handler } from '../handler.js'

/** How a client sends bodies, and what protects them. */
export interface ClientLayersOptions extends BlockwiseOptions {
  /** Left out: nothing is protected. */
  readonly security?: ClientSecurity | undefined
}

/** What an OSCORE message may have besides the block in it. */
const PROTECTION_BYTES = 112

/**
 * Blocks are protected one by one, inside; a message that is too large all the same, such as one to a peer
 * that knows no block-wise transfer within OSCORE, is sliced outside.
 */
export function clientLayers(network: Handler, options: ClientLayersOptions): Handler {
  const { security, ...blocks } = options
  if (security === undefined) return blockwiseClient(blocks)(network)
  const { blockSize = 1024 } = blocks
  const outer = blockwiseClient({ ...blocks, wholeMessageBytes: blockSize + PROTECTION_BYTES })
  const inner = blockwiseClient({ ...blocks, wholeMessageBytes: 0 })
  return inner(security.layer(outer(network)))
}
