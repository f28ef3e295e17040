// SPDX-License-Identifier: Apache-2.0
import { nodeProvider } from '@waxwing/core/node'
import { pureProvider } from '@waxwing/core/pure'
import { sodiumProvider } from '@waxwing/core/sodium'
import { verifyOnThreads } from '@waxwing/core/threads'
import { describe, expect, it } from 'vitest'

const signingKey = sodiumProvider.ed25519SigningKey(new Uint8Array(32).fill(7))

/** Every seventh is wrong. */
function signatures(
  count: number,
): readonly { readonly message: Uint8Array; readonly signature: Uint8Array }[] {
  return Array.from({ length: count }, (_, i) => {
    const message = sodiumProvider.randomBytes(1 + ((i * 37) % 500))
    const signature = signingKey.sign(message)
    if (i % 7 === 0) signature[i % 64]! ^= 1 << (i % 8)
    return { message, signature }
  })
}

describe.each([
  ['sodium', sodiumProvider, 4000],
  ['node', nodeProvider, 2000],
  ['pure', pureProvider, 100],
] as const)('threads with the provider %s', (_name, provider, count) => {
  it('find what the caller would have found', async () => {
    const failures: Error[] = []
    const onFailure = (error: Error): void => void failures.push(error)
    const threaded = verifyOnThreads(provider, { threads: 2, onFailure })
    const key = threaded.crypto.ed25519VerifyingKey(signingKey.publicKey)
    const alone = provider.ed25519VerifyingKey(signingKey.publicKey)
    const all = signatures(count)
    for (let from = 0; from < all.length; from += 300) {
      const some = all.slice(from, from + 300)
      for (const { message, signature } of some) key.verifyAhead?.(message, signature)
      await new Promise((resolve) => setTimeout(resolve, 1))
      for (const { message, signature } of some) {
        expect(key.verify(message, signature)).toBe(alone.verify(message, signature))
      }
    }
    await threaded.close()
    expect(failures).toEqual([])
  })
})

describe('threads', () => {
  it('do verify: the caller need not', async () => {
    let verified = 0
    const base = sodiumProvider.ed25519VerifyingKey(signingKey.publicKey)
    const counting = {
      ...sodiumProvider,
      ed25519VerifyingKey: () => ({
        publicKey: base.publicKey,
        verify: (message: Uint8Array, signature: Uint8Array) => {
          verified += 1
          return base.verify(message, signature)
        },
      }),
    }
    const threaded = verifyOnThreads(counting, { threads: 1 })
    const key = threaded.crypto.ed25519VerifyingKey(signingKey.publicKey)
    const [one] = signatures(2).slice(1)
    for (let tries = 0; ; tries++) {
      key.verifyAhead?.(one!.message, one!.signature)
      await new Promise((resolve) => setTimeout(resolve, 10))
      const before = verified
      expect(key.verify(one!.message, one!.signature)).toBe(true)
      if (verified === before) break
      expect(tries).toBeLessThan(1000)
    }
    await threaded.close()
  })

  it('that are closed, or dead, leave the work to the caller', async () => {
    const threaded = verifyOnThreads(sodiumProvider, { threads: 1 })
    const key = threaded.crypto.ed25519VerifyingKey(signingKey.publicKey)
    await threaded.close()
    for (const { message, signature } of signatures(20).filter((_, i) => i % 7 !== 0)) {
      key.verifyAhead?.(message, signature)
      expect(key.verify(message, signature)).toBe(true)
    }
    await threaded.close()
  })

  it('refuse a number of them that makes no sense', () => {
    for (const threads of [0, -1, 1.5, 65, Number.NaN]) {
      expect(() => verifyOnThreads(sodiumProvider, { threads })).toThrow(RangeError)
    }
  })

  it('refuse the keys that the provider refuses', async () => {
    const threaded = verifyOnThreads(sodiumProvider, { threads: 1 })
    expect(() => threaded.crypto.ed25519VerifyingKey(new Uint8Array(32))).toThrow(
      expect.objectContaining({ code: 'ERR_KEY_INVALID' }),
    )
    await threaded.close()
  })
})
