// SPDX-License-Identifier: Apache-2.0
/**
 * What both versions of AMQP are as transports.
 *
 * @module
 */

import type { Transport } from '@waxwing/core'
import type { AmqpSendOptions } from './options.js'

/** A transport over AMQP. */
export interface AmqpTransport extends Transport {
  /**
   * @throws {TypeError} If the address is none, or longer than 255 bytes where it is a routing key.
   * @throws {RangeError} If the payload is longer than `limits.maxPayloadBytes`, or an option is out of
   *   its range.
   * @throws {WaxwingError} `ERR_TRANSPORT` if the broker refused; `ERR_LIMIT` if too much waits, or the
   *   node takes no message of this size; `ERR_CLOSED`.
   */
  send(address: string, payload: Uint8Array, options?: AmqpSendOptions): Promise<void>
}
