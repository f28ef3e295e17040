// SPDX-License-Identifier: Apache-2.0
/**
 * OSCORE (RFC 8613) without I/O.
 *
 * @module
 */

export * from './oscore/nonce.js'
export * from './oscore/option.js'
export * from './oscore/replay-window.js'
export * from './coap/codec.js'
export * from './coap/message.js'
