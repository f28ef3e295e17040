// SPDX-License-Identifier: Apache-2.0
/**
 * NATS as a transport: JetStream, and core NATS for servers without it.
 *
 * @module
 */

export { natsTransport, type NatsTransport } from './nats-transport.js'
export type {
  NatsReplaySpan,
  NatsStreamOptions,
  NatsTlsOptions,
  NatsTransportOptions,
  Secret,
} from './options.js'
