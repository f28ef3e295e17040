// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { runArchiveMemory } from '../src/archive-memory.ts'

describe('an archive of 100,000 objects', () => {
  it('opens after one grant, in less than 200 MB of memory', async () => {
    const report = await runArchiveMemory({ objects: 100_000 })
    expect(report.opened).toBe(100_000)
    expect(report.skipped).toBe(0)
    expect(report.peakMiB).toBeLessThan(200)
    expect(report.keySeconds).toBeGreaterThan(0)
  }, 180_000)
})
