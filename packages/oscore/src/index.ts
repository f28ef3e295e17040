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
export * from './oscore/context.js'
export { ContextBook } from './oscore/context-book.js'
export * from './oscore/exchange.js'
export * from './oscore/replay-guard.js'
export * from './oscore/request.js'
export * from './oscore/response.js'
export * from './oscore/sender-sequence.js'
export { isOscoreMessage } from './oscore/oscore-message.js'
