// SPDX-License-Identifier: Apache-2.0
/**
 * Moves sealed objects between transports, without keys.
 *
 * @module
 */

export { type AddressPair } from './address-map.js'
export { ArchiveFile } from './archive-file.js'
export * from './archive-sides.js'
export { bridge, type Bridge } from './bridge.js'
export * from './events.js'
export { type Retaining } from './flow.js'
export { type Kind } from './frame.js'
export { type BridgeOptions, type DeadLetters } from './options.js'
export { type Side } from './passed.js'
