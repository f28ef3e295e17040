// SPDX-License-Identifier: Apache-2.0
/**
 * CoAP over UDP, protected between its ends.
 *
 * @module
 */

export * from './handler.js'
export * from './options.js'
