// SPDX-License-Identifier: Apache-2.0
/**
 * Which crypto provider is used where the application does not say: the fastest that can be loaded.
 * They agree on every input, so that this is a matter of speed alone.
 *
 * @module
 */

import type { CryptoProvider } from '@waxwing/core'

/** Loads sodium where its native module is, else node where that is, else the pure one. */
export async function loadCrypto(): Promise<CryptoProvider> {
  try {
    return (await import('@waxwing/core/sodium')).sodiumProvider
  } catch {
    try {
      return (await import('@waxwing/core/node')).nodeProvider
    } catch {
      return (await import('@waxwing/core/pure')).pureProvider
    }
  }
}
