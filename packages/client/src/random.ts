// SPDX-License-Identifier: Apache-2.0
/**
 * Choosing at random, so that nobody outside can choose.
 *
 * @module
 */

import type { Runtime } from './runtime.js'

/** A random integer from 0 to `below - 1`. */
export function randomBelow({ crypto }: Pick<Runtime, 'crypto'>, below: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = crypto.randomBytes(4)
  return (((a << 24) | (b << 16) | (c << 8) | d) >>> 0) % below
}
