// SPDX-License-Identifier: Apache-2.0
/**
 * OSCORE (RFC 8613) without I/O.
 *
 * @module
 */

export * from './coap/codec.js'
export * from './coap/message.js'
export * from './coap/outer-blocks.js'
export * from './oscore/context.js'
export { ContextBook } from './oscore/context-book.js'
export * from './oscore/echo.js'
export { ClientExchange, ServerExchange } from './oscore/exchange.js'
export * from './oscore/http.js'
export * from './oscore/nonce.js'
export * from './oscore/option.js'
export { isOscoreMessage } from './oscore/oscore-message.js'
export type { SharedInput } from './oscore/rederivation.js'
export * from './oscore/rederiving-client.js'
export * from './oscore/rederiving-server.js'
export * from './oscore/refusal.js'
export * from './oscore/replay-guard.js'
export * from './oscore/replay-window.js'
export * from './oscore/request.js'
export * from './oscore/response.js'
export * from './oscore/sender-sequence.js'
export * from './oscore/stored-state.js'
export * from './edhoc/index.js'
