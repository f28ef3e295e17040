// SPDX-License-Identifier: Apache-2.0
/**
 * Sealing and opening through the SDK, on a memory store and without a transport: what the epochs,
 * sessions, seen-ranges and acknowledgements cost on top of the core.
 *
 * @module
 */

import {
  memoryStore,
  openEndpoint,
  type Endpoint,
  type Producer,
  type Reader,
} from '@waxwing/client'
import { sodiumProvider as crypto } from '@waxwing/core/sodium'
import type { Contender } from './measure.ts'

export interface ClientBench {
  readonly seal: Contender
  /** Opening and acknowledging. */
  readonly open: Contender
  close(): Promise<void>
}

export async function clientBench(signed: boolean, payloadBytes: number): Promise<ClientBench> {
  const endpoint = await openEndpoint({ store: memoryStore(), crypto, name: 'bench' })
  const signature = signed ? 'each' : 'none'
  const producer = await endpoint.producer('plant/1/temperature', { signature })
  const plaintext = crypto.randomBytes(payloadBytes)
  return {
    seal: {
      name: 'Producer.seal',
      run: (count) => {
        for (let i = 0; i < count; i++) producer.seal(plaintext)
      },
    },
    open: openContender(producer, endpoint, plaintext),
    close: () => endpoint.close(),
  }
}

function openContender(producer: Producer, endpoint: Endpoint, plaintext: Uint8Array): Contender {
  const reader: Reader = endpoint.reader('plant/#', { acceptUnsigned: true })
  let objects: Uint8Array[] = []
  return {
    name: 'Reader.open and acknowledge',
    prepare: (count) => {
      objects = Array.from({ length: count }, () => producer.seal(plaintext))
    },
    run: async () => {
      for (const object of objects) {
        const message = await reader.open(object)
        if (message.kind !== 'message') throw new Error('one’s own object must open')
        await message.acknowledge()
      }
    },
  }
}
