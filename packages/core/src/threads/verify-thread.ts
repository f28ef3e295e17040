// SPDX-License-Identifier: Apache-2.0
/**
 * A thread that verifies what stands in a {@link SignatureRing}, until the ring is closed.
 *
 * @module
 */

import { workerData } from 'node:worker_threads'
import type { CryptoProvider, Ed25519VerifyingKey } from '../crypto/provider.js'
import { RING_SLOTS, SignatureRing, SLOT_TAKEN, type SlotContent } from './signature-ring.js'

/** What the thread is given. */
export interface VerifyThreadData {
  readonly buffer: SharedArrayBuffer
  readonly provider: CryptoProvider['name']
}

const MAX_KEYS = 1024

const { buffer, provider } = workerData as VerifyThreadData
const crypto = await load(provider)
const ring = new SignatureRing(buffer)
const keys = new Map<number, Ed25519VerifyingKey>()

for (let position = ring.tail; ;) {
  const tail = ring.tail
  if (position === tail) {
    if (!ring.awaitBeyond(tail)) break
    continue
  }
  if (((tail - position) | 0) > RING_SLOTS) position = (tail - RING_SLOTS) | 0
  if (ring.claim(position, SLOT_TAKEN)) ring.settle(position, isValid(ring.contentOf(position)))
  position = (position + 1) | 0
}

/** The owner imported each key before it announced anything under it. */
function isValid({ keyId, publicKey, signature, message }: SlotContent): boolean {
  let key = keys.get(keyId)
  if (key === undefined) {
    if (keys.size >= MAX_KEYS) keys.clear()
    key = crypto.ed25519VerifyingKey(publicKey)
    keys.set(keyId, key)
  }
  return key.verify(message, signature)
}

async function load(name: CryptoProvider['name']): Promise<CryptoProvider> {
  if (name === 'sodium') return (await import('../sodium.js')).sodiumProvider
  if (name === 'node') return (await import('../node.js')).nodeProvider
  return (await import('../pure.js')).pureProvider
}
