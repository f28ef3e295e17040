// SPDX-License-Identifier: Apache-2.0
/**
 * The crypto providers on which OSCORE is tested.
 *
 * @module
 */

import type { AeadAlgorithm, CryptoProvider } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { pureProvider } from '@waxwing/core/pure'
import { sodiumProvider } from '@waxwing/core/sodium'

const providers: readonly CryptoProvider[] = [nodeProvider, sodiumProvider, pureProvider]

/** Those that offer the algorithm. */
export function providersOf(alg: AeadAlgorithm): readonly CryptoProvider[] {
  return providers.filter((provider) => provider.aeads.has(alg))
}

/** Every algorithm with every provider that offers it. */
export const SUITES: readonly {
  readonly crypto: CryptoProvider
  readonly algorithm: AeadAlgorithm
}[] = ([10, 30, 24, 1, 3] as const).flatMap((algorithm) =>
  providersOf(algorithm).map((crypto) => ({ crypto, algorithm })),
)
