// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { runParked } from '../src/parked.ts'

describe('2,000 parked objects', () => {
  it('take little memory each, and none once they are handed over', async () => {
    const report = await runParked(2_000)
    expect(report.handedOver).toBe(2_000)
    // Their payloads have 2,048 bytes; with so few of them, what else the heap holds is seen as well.
    expect(report.bytesEach).toBeLessThan(1_000)
    expect(report.leftMiB).toBeLessThan(8)
  }, 120_000)
})
