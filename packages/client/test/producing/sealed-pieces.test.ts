// SPDX-License-Identifier: Apache-2.0
/** Payloads in pieces that no transport carries. */
import { afterEach, describe, expect, it } from 'vitest'
import { openEndpoint, type Endpoint } from '../../src/endpoint.js'
import { memoryStore } from '../../src/memory-store.js'
import type { ProducerOptions, TransferState } from '../../src/options.js'
import type { Producer } from '../../src/producing/producer.js'

const STREAM = 'plant/1'

const opened: Endpoint[] = []
afterEach(async () => {
  for (const endpoint of opened.splice(0)) await endpoint.close()
})

async function offline(
  options: ProducerOptions = {},
): Promise<{ endpoint: Endpoint; producer: Producer }> {
  const endpoint = await openEndpoint({ store: memoryStore(), name: 'plant' })
  opened.push(endpoint)
  return { endpoint, producer: await endpoint.producer(STREAM, options) }
}

async function listed(source: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const items: Uint8Array[] = []
  for await (const item of source) items.push(item)
  return items
}

const payload = Uint8Array.from({ length: 5000 }, (_, i) => i * 7)

describe('a payload that is sealed in pieces without a transport', () => {
  it.each(['each', 'batch', 'none'] as const)(
    'comes out whole, signed as the stream is: %s',
    async (signature) => {
      const { endpoint, producer } = await offline({ signature })
      const headers = new Map([['file-name', 'a.bin']])
      const options = { size: payload.length, contentType: 'application/x', headers }
      const objects = await listed(producer.sealFrom([payload], { ...options, pieceBytes: 1024 }))
      expect(objects).toHaveLength(5)
      const reader = endpoint.reader(STREAM, { acceptUnsigned: true })
      const results = []
      for (const object of objects) results.push(await reader.open(object))
      expect(results.slice(0, -1).map(({ kind }) => kind)).toEqual(Array(4).fill('piece'))
      expect(results.at(-1)).toMatchObject({ plaintext: payload, contentType: 'application/x' })
    },
  )

  it('is one object where there is nothing in it', async () => {
    const { producer } = await offline()
    expect(await listed(producer.sealFrom([]))).toHaveLength(1)
  })

  it('has objects no longer than was said, and each is sealed when it is asked for', async () => {
    const { producer } = await offline()
    const states: TransferState[] = []
    const objects = await listed(
      producer.sealFrom([payload], { onProgress: (state) => states.push(state) }, 1000),
    )
    for (const { length } of objects) expect(length).toBeLessThanOrEqual(1000)
    expect(states.map(({ pieces }) => pieces)).toEqual(objects.map((_, i) => i + 1))
    expect(states.at(-1)?.bytes).toBe(payload.length)
  })

  it.each([
    ['fewer', payload.length + 1],
    ['more', payload.length - 1],
  ])('fails where the source has %s bytes than was said', async (_, size) => {
    const { producer } = await offline()
    await expect(listed(producer.sealFrom([payload], { size }))).rejects.toThrow(RangeError)
  })

  it('ends when it is told to, and with its producer', async () => {
    const { producer } = await offline()
    const control = new AbortController()
    const pieces = producer.sealFrom([payload], { pieceBytes: 100, signal: control.signal })
    await pieces.next()
    control.abort(new Error('enough'))
    await expect(pieces.next()).rejects.toThrow('enough')
    const others = producer.sealFrom([payload], { pieceBytes: 100 })
    await others.next()
    await producer.close()
    await expect(others.next()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await expect(listed(producer.sealFrom([payload]))).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('refuses options that do not go with pieces', async () => {
    const { producer } = await offline()
    const sealed = (options: object): Promise<unknown> => listed(producer.sealFrom([], options))
    await expect(sealed({ retained: true })).rejects.toThrow(TypeError)
    await expect(sealed({ pieceBytes: 0 })).rejects.toThrow(RangeError)
    await expect(sealed({ pieceBytes: 2 ** 21 })).rejects.toThrow(RangeError)
  })
})
