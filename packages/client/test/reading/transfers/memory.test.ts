// SPDX-License-Identifier: Apache-2.0
/** What a large payload costs in memory, from its source to who takes its pieces. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { MessageHandler, Received, Transport } from '@waxwing/core'
import { afterAll, expect, it } from 'vitest'
import { openEndpoint } from '../../../src/endpoint.js'
import { memoryStore } from '../../../src/memory-store.js'

const MIB = 1_048_576
const TOTAL = 32 * MIB
/** Pieces that the intermediary holds before it takes no more. */
const QUEUE = 4

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
afterAll(() => setFlagsFromString('--no-expose-gc'))

/** A transport that keeps nothing but what is on its way, and takes no more than that. */
function narrow(): Transport {
  const handlers: MessageHandler[] = []
  let queued = 0
  const wake: (() => void)[] = []
  const deliver = async (address: string, payload: Uint8Array): Promise<void> => {
    await new Promise<void>((resolve) => {
      const received: Received = {
        address,
        payload,
        properties: {},
        retained: false,
        redelivered: false,
        acknowledge: async () => resolve(),
      }
      for (const handler of handlers) void handler(received)
    })
    queued--
    for (const one of wake.splice(0)) one()
  }
  return {
    limits: { maxPayloadBytes: 2 * MIB, binary: true, retained: false },
    async send(address, payload) {
      if (address !== 'plant/1') return
      for (;;) {
        if (queued < QUEUE) break
        await new Promise<void>((resolve) => void wake.push(resolve))
      }
      queued++
      void deliver(address, payload)
    },
    async subscribe(filter, handler) {
      if (filter === 'plant/1') handlers.push(handler)
      return { close: async () => undefined }
    },
    onStatus: () => () => undefined,
    close: async () => undefined,
  }
}

it('32 MiB go through in constant memory, piece by piece', async () => {
  const transport = narrow()
  await using endpoint = await openEndpoint({ store: memoryStore(), transport, name: 'plant' })
  const producer = await endpoint.producer('plant/1')
  const reader = endpoint.reader('plant/1', { transfers: 'pieces', autoAcknowledge: true })
  const part = new Uint8Array(100_000)
  function* source(): Generator<Uint8Array> {
    for (let left = TOTAL; left > 0; left -= part.length) {
      part.fill(left & 0xff)
      yield part.subarray(0, Math.min(left, part.length))
    }
  }
  collect()
  const before = process.memoryUsage().arrayBuffers
  let bytes = 0
  let most = 0
  const sending = producer.publishFrom(source(), { size: TOTAL })
  for await (const { plaintext, piece } of reader) {
    expect(piece).toBeDefined()
    bytes += plaintext.length
    collect()
    most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    if (bytes === TOTAL) break
  }
  // Eight pieces on their way, four in between, some that are being opened.
  expect(most).toBeLessThan(24 * MIB)
  expect(bytes).toBe(TOTAL)
  await sending
}, 60_000)
