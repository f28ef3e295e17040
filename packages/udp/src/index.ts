// SPDX-License-Identifier: Apache-2.0
/**
 * UDP multicast as a transport, for the LAN.
 *
 * @module
 */

export type { RecordOptions, UdpTransportOptions } from './options.js'
export { udpTransport, type UdpTransport } from './udp-transport.js'
