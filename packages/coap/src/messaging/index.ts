// SPDX-License-Identifier: Apache-2.0
/**
 * Messaging over UDP (RFC 7252 Sections 3 to 5, RFC 7641 on the wire).
 *
 * @module
 */

export type { EndpointStats } from './messenger.js'
export type { EndpointLimits, TransmissionParameters } from './parameters.js'
export * from './udp-endpoint.js'
export { markVerified } from './verified.js'
