// SPDX-License-Identifier: Apache-2.0
/**
 * AMQP 0-9-1 and 1.0 as transports.
 *
 * @module
 */

export { amqpTransport, type AmqpTransportOptions } from './amqp-transport.js'
export type { AmqpReplaySpan, AmqpTransport } from './transport.js'
export type { Amqp10Options, AmqpNodes } from './amqp-1-0/options.js'
export type { AmqpConnectionOptions, AmqpSendOptions, AmqpTlsOptions } from './options.js'
export type {
  Amqp091Options,
  AmqpValue,
  DataExchange,
  DeadLetters,
  HistoryStream,
  RetainedStream,
} from './amqp-0-9-1/options.js'
