// SPDX-License-Identifier: Apache-2.0
/**
 * Many parked objects: what a reader keeps in memory of each must be little, because quotas are the
 * application's choice.
 *
 * @module
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ParkedReading } from './parked-process.ts'
import { Worker } from './worker.ts'

export interface ParkedReport extends ParkedReading {
  readonly objects: number
  /** How much the heap grew for each object, from a tenth of them to all. */
  readonly bytesEach: number
  /** How much more of the heap was used after all were handed over than before any was parked. */
  readonly leftMiB: number
}

export async function runParked(objects: number): Promise<ParkedReport> {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-parked-'))
  const worker = new Worker(new URL('./parked-process.ts', import.meta.url))
  try {
    const storeKey = crypto.getRandomValues(new Uint8Array(32))
    const path = join(folder, 'desk.db')
    const reading = await worker.call<ParkedReading>('run', objects, path, storeKey)
    const [none, tenth, all, after] = reading.memory
    if (!none || !tenth || !all || !after) throw new Error('it was measured four times')
    const grown = (all.heapMiB - tenth.heapMiB) * 2 ** 20
    const bytesEach = grown / (all.parked - tenth.parked)
    return { ...reading, objects, bytesEach, leftMiB: after.heapMiB - none.heapMiB }
  } finally {
    await worker.kill()
    rmSync(folder, { recursive: true })
  }
}
