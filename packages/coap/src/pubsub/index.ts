// SPDX-License-Identifier: Apache-2.0
/**
 * Publish-subscribe over a CoAP broker.
 *
 * @module
 */

export { coapTransport, type CoapTransport } from './coap-transport.js'
export type { CoapTransportOptions } from './options.js'
