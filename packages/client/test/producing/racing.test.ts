// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { openEndpoint } from '../../src/endpoint.js'
import { memoryStore } from '../../src/memory-store.js'
import { faultyStore } from '../../src/testing.js'

describe('a stream whose record another process keeps changing', () => {
  it('is not opened in the end: the store is too busy', async () => {
    const inner = memoryStore()
    const store = {
      ...faultyStore(inner, {}),
      get: inner.get.bind(inner),
      scan: inner.scan.bind(inner),
      write: (changes: Parameters<typeof inner.write>[0]) =>
        changes.some(({ table }) => table === 'stream')
          ? Promise.resolve(false)
          : inner.write(changes),
    }
    const endpoint = await openEndpoint({ store, name: 'plant' })
    await expect(endpoint.producer('plant/1')).rejects.toMatchObject({ code: 'ERR_STORE_BUSY' })
    await endpoint.close()
  })
})
