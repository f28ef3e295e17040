// SPDX-License-Identifier: Apache-2.0
/**
 * Time as an argument. Nothing in this package reads a clock of its own.
 *
 * @module
 */

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z, or `undefined` where the device knows no time. */
  now(): number | undefined
  /** Milliseconds from an arbitrary start; never goes back while the process runs. */
  monotonic(): number
}

/** The platform's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}
