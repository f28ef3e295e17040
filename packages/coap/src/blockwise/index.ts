// SPDX-License-Identifier: Apache-2.0
/**
 * Block-wise transfer (RFC 7959), as layers.
 *
 * @module
 */

export type { BlockSize } from './block.js'
export { blockwiseClient } from './client.js'
export { blockwiseServer, type BlockwiseServerOptions } from './server.js'
export type { BlockwiseOptions } from './settings.js'
