// SPDX-License-Identifier: Apache-2.0
/**
 * Which cryptography is used where the application does not say: the fastest that can be loaded.
 * The providers agree on every input, so that this is a matter of speed alone.
 *
 * @module
 */

import type { CryptoProvider } from '@waxwing/core'

/** Loads sodium, with node for what it lacks, where these are; else the pure provider. */
export async function loadCrypto(): Promise<CryptoProvider> {
  try {
    const { nodeProvider } = await import('@waxwing/core/node')
    try {
      const { sodiumProvider } = await import('@waxwing/core/sodium')
      return withMoreAlgorithms(sodiumProvider, nodeProvider)
    } catch {
      return nodeProvider
    }
  } catch {
    return (await import('@waxwing/core/pure')).pureProvider
  }
}

/** One provider, with the content algorithms that only another offers. */
function withMoreAlgorithms(fast: CryptoProvider, other: CryptoProvider): CryptoProvider {
  return {
    ...fast,
    aeads: new Set([...fast.aeads, ...other.aeads]),
    aead: (alg, key) => (fast.aeads.has(alg) ? fast : other).aead(alg, key),
  }
}
