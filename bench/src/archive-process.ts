// SPDX-License-Identifier: Apache-2.0
/**
 * Opens an archive with the grants that a store holds, and says what it took to do so.
 *
 * @module
 */

import { createReadStream } from 'node:fs'
import { openEndpoint } from '@waxwing/client'
import { sqliteStore } from '@waxwing/store-sqlite'
import { serve } from './worker.ts'

export interface ArchiveReading {
  readonly opened: number
  /** What was in it and was not opened, by reason. */
  readonly skipped: number
  readonly seconds: number
  /** The most memory that the process ever had. */
  readonly peakMiB: number
}

async function readWhole(
  archivePath: string,
  storePath: string,
  storeKey: Uint8Array,
): Promise<ArchiveReading> {
  const store = sqliteStore(storePath, { key: { keyBytes: storeKey } })
  const desk = await openEndpoint({ store })
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
  return { opened, skipped, seconds, peakMiB: process.resourceUsage().maxRSS / 1024 }
}

serve({ readWhole })
