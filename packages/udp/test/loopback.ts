// SPDX-License-Identifier: Apache-2.0
/**
 * Groups on the loopback interface, one for each test.
 *
 * @module
 */

import { randomInt } from 'node:crypto'

/** Options for transports that hear each other and nobody else, and wait no longer than needed. */
export function loopbackOptions(): {
  group: string
  port: number
  interface: string
  maxUnacknowledged: number
  discoveryMs: number
  leisureMs: number
} {
  return {
    group: `239.255.${randomInt(1, 255)}.${randomInt(1, 255)}`,
    port: randomInt(20_000, 32_000),
    interface: '127.0.0.1',
    maxUnacknowledged: 16,
    discoveryMs: 90,
    leisureMs: 5,
  }
}
