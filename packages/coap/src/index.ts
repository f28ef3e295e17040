// SPDX-License-Identifier: Apache-2.0
/**
 * CoAP over UDP, protected between its ends.
 *
 * @module
 */

export type { CoapMessage, CoapOption } from '@waxwing/oscore'
export * from './blockwise/index.js'
export * from './client/client.js'
export type { ObservationTimes } from './client/observing.js'
export type { AskOptions, CoapRequestInit } from './client/request.js'
export * from './client-security.js'
export * from './client/coap-response.js'
export * from './codes.js'
export * from './content-formats.js'
export * from './handler.js'
export * from './messaging/index.js'
export type { Lookup } from './hosts.js'
export * from './options.js'
export type { Payload } from './payload.js'
export * from './proxy/index.js'
export * from './pubsub/index.js'
export * from './resources/index.js'
export * from './security/index.js'
export * from './server.js'
export * from './uri.js'
