// SPDX-License-Identifier: Apache-2.0
/**
 * What one send may ask for.
 *
 * @module
 */

import { WaxwingError, type SendOptions } from '@waxwing/core'
import { assertAddress, isControlFilter } from '@waxwing/transport-kit'

export type QualityOfService = 0 | 1 | 2

export interface MqttSendOptions extends SendOptions {
  /**
   * Instead of the transport's own. 0: may be lost. 1: may come twice. 2: once to the broker. Control
   * messages have 1 at least.
   */
  readonly qos?: QualityOfService
}

/**
 * What is sent to an address, or asked for by a filter, when `wanted` was asked for: control messages
 * must not get lost (`docs/spec/09-bindings.md` Section 9.3.2).
 */
export function qualityFor(addressOrFilter: string, wanted: QualityOfService): QualityOfService {
  return wanted === 0 && isControlFilter(addressOrFilter) ? 1 : wanted
}

/** Checks a send for what no broker can change. */
export function assertSendable(
  address: string,
  payload: Uint8Array,
  options: MqttSendOptions,
  limits: { readonly maxPayloadBytes: number; readonly protocolVersion: number },
): void {
  assertAddress(address)
  if (payload.length > limits.maxPayloadBytes) {
    throw new RangeError(
      `payload is ${payload.length} bytes, limit is ${limits.maxPayloadBytes} (maxPayloadBytes)`,
    )
  }
  const { qos = 1, expiresAfterSeconds: expiry = 0, properties = {} } = options
  if (![0, 1, 2].includes(qos)) throw new RangeError('qos must be 0, 1 or 2')
  if (!Number.isInteger(expiry) || expiry < 0 || expiry > 0xffff_ffff) {
    throw new RangeError('expiresAfterSeconds must be an integer from 0 to 4294967295')
  }
  if (limits.protocolVersion !== 5 && Object.keys(properties).length > 0) {
    throw new WaxwingError('ERR_UNSUPPORTED', 'MQTT 3.1.1 has no properties')
  }
}
