// SPDX-License-Identifier: Apache-2.0
/**
 * AMQP as a {@link Transport} (`docs/spec/09-bindings.md`): one object or control message is the body
 * of one message. The two versions of AMQP share a name, the form of addresses and, at
 * RabbitMQ, their queues.
 *
 * @module
 */

import { amqp091Transport } from './amqp-0-9-1/amqp-0-9-1-transport.js'
import type { Amqp091Options } from './amqp-0-9-1/options.js'
import { amqp10Transport } from './amqp-1-0/amqp-1-0-transport.js'
import type { Amqp10Options } from './amqp-1-0/options.js'
import type { AmqpTransport } from './transport.js'

/** `protocol` is `'0-9-1'` (default), which RabbitMQ speaks, or `'1.0'`. It is never changed silently. */
export type AmqpTransportOptions = Amqp091Options | Amqp10Options

/**
 * Opens a transport. It connects at once, and again whenever the connection breaks; failures on the
 * way are reported by `onStatus`. When the first connection is refused for good (wrong credentials, an
 * exchange of another type), everything that waits and everything later fails with `ERR_TRANSPORT`.
 *
 * @throws {TypeError | RangeError} Naming the option that is wrong.
 */
export function amqpTransport(options: AmqpTransportOptions): AmqpTransport {
  return options.protocol === '1.0' ? amqp10Transport(options) : amqp091Transport(options)
}
