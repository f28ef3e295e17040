// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { runAnyDatagrams } from '../src/datagrams.ts'

describe('any datagrams to a CoAP server', () => {
  it('leave it running and within its limits', async () => {
    const { problems, most, handled, received } = await runAnyDatagrams({ count: 20_000, seed: 1 })
    expect(problems).toEqual([])
    // They met what they were to meet.
    expect(handled).toBeGreaterThan(2_000)
    expect(received).toBeGreaterThan(handled)
    expect(most).toMatchObject({ peers: 12, observations: 12 })
    // 150 is the limit, which a busy machine may not quite reach.
    expect(most['rememberedMessages']).toBeGreaterThan(75)
  }, 60_000)
})
