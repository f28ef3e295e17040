// SPDX-License-Identifier: Apache-2.0
/**
 * All crypto providers, for tests that run on each, and those that offer one algorithm.
 *
 * @module
 */

import type { AeadAlgorithm, CryptoProvider } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { pureProvider } from '@waxwing/core/pure'
import { sodiumProvider } from '@waxwing/core/sodium'

/** Every provider; the fastest first. */
export const providers: readonly CryptoProvider[] = [sodiumProvider, nodeProvider, pureProvider]

/** Those that offer the algorithm. */
export function providersOf(alg: AeadAlgorithm): readonly CryptoProvider[] {
  return providers.filter((provider) => provider.aeads.has(alg))
}
