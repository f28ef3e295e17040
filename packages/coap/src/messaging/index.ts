// SPDX-License-Identifier: Apache-2.0
/**
 * Messaging over UDP (RFC 7252 Sections 3 to 5, RFC 7641 on the wire).
 *
 * @module
 */

export * from './group-datagrams.js'
export type { GroupResponseListener } from './group-requests.js'
export * from './group-socket.js'
export type { EndpointStats } from './messenger.js'
export type { EndpointLimits, TransmissionParameters } from './parameters.js'
export * from './udp-endpoint.js'
export { challengeFor, markVerified } from './verified.js'
