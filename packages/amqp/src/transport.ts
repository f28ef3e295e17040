// SPDX-License-Identifier: Apache-2.0
/**
 * What both versions of AMQP are as transports.
 *
 * @module
 */

import type { Received, Transport } from '@waxwing/core'
import type { AmqpSendOptions } from './options.js'

/** What of a history is read. */
export interface AmqpReplaySpan {
  readonly from?: Date
  readonly until?: Date
  /**
   * The first place in the stream, from 0. Each replayed message says its own in the property
   * `stream-offset`: one more goes on behind it. Together with `from`, the later of both counts.
   */
  readonly fromOffset?: number
}

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
  replay?(filter: string, span?: AmqpReplaySpan): AsyncIterable<Received>
}
