import { describe, expect, it } from 'vitest'
import { runManyReaders } from '../src/many-readers.ts'

describe('a stream with many readers', () => {
  it('is granted to all of them anew when it rotates, and to all who ask', async () => {
    const report = await runManyReaders({ readers: 40, kem: 'x-wing' })
    expect(report.problems).toEqual([])
    expect(report.grantBytes).toBeGreaterThan(1120)
  })
})
