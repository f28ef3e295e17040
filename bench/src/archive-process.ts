// SPDX-License-Identifier: Apache-2.0
/**
 * Opens an archive with the grants that a store holds, and says what it took to do so.
 *
 * @module
 */

import { createReadStream } from 'node:fs'
import { openEndpoint } from '@waxwing/client'
import type { CryptoProvider } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { sqliteStore } from '@waxwing/store-sqlite'
import { serve } from './worker.ts'

export interface ArchiveReading {
  readonly opened: number
  /** What was in it and was not opened, by reason. */
  readonly skipped: number
  readonly seconds: number
  /** Of these, those that keys took: from the nodes of the grant to what opens objects. */
  readonly keySeconds: number
  /** The most memory that the process ever had. */
  readonly peakMiB: number
}

async function readWhole(
  archivePath: string,
  storePath: string,
  storeKey: Uint8Array,
): Promise<ArchiveReading> {
  const store = sqliteStore(storePath, { key: { keyBytes: storeKey } })
  const keyWork = { ms: 0 }
  const desk = await openEndpoint({ store, crypto: timed(keyWork) })
  const reader = desk.reader('plant/#')
  const started = performance.now()
  let opened = 0
  let skipped = 0
  for await (const item of reader.readArchive(createReadStream(archivePath))) {
    if (item.kind === 'message') opened++
    else skipped++
  }
  const seconds = (performance.now() - started) / 1000
  await desk.close()
  await store.close()
  const keySeconds = keyWork.ms / 1000
  const peakMiB = process.resourceUsage().maxRSS / 1024
  return { opened, skipped, seconds, keySeconds, peakMiB }
}

/** A provider that says how long deriving keys and setting them up took. */
function timed(spent: { ms: number }): CryptoProvider {
  const during = <T>(work: () => T): T => {
    const started = performance.now()
    try {
      return work()
    } finally {
      spent.ms += performance.now() - started
    }
  }
  return {
    ...sodiumProvider,
    aead: (alg, key) => during(() => sodiumProvider.aead(alg, key)),
    hmacSha512: (key, data) => during(() => sodiumProvider.hmacSha512(key, data)),
    hkdfExpandSha256: (prk, info, length) =>
      during(() => sodiumProvider.hkdfExpandSha256(prk, info, length)),
  }
}

serve({ readWhole })
