// SPDX-License-Identifier: Apache-2.0
import type { CryptoProvider } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import { EPOCH } from '../support/domain.js'
import { countingCrypto, forge, say, streamAndReader } from '../support/generation.js'
import { source } from '../support/node-source.js'
import { nodesOf, SPAN } from '../support/stream.js'

describe('a content key under which too much failed', () => {
  it('is not tried on what the producer did not sign, and still opens what it did', () => {
    const { crypto: counted, opened } = countingCrypto()
    const { opener, ring, sealed } = streamAndReader(
      { alg: 10 },
      { crypto: counted, maxFailures: 3 },
    )
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 5; i++) opener.open(forge(object))
    expect(opened()).toBe(3)
    expect(say(opener.open(object))).toBe('opened')
  })

  it('does not come off it by failures elsewhere, which somebody may bring about', () => {
    const { crypto: counted, opened } = countingCrypto()
    const { opener, ring, sealed } = streamAndReader(
      { alg: 10 },
      { crypto: counted, maxFailures: 3 },
    )
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 3; i++) opener.open(forge(object))
    for (let session = 10; session < 90; session++) opener.open(forge(sealed(EPOCH, session)))
    opener.reset()
    const before = opened()
    expect(say(opener.open(forge(object)))).toBe('failed, provisional')
    expect(opened()).toBe(before)
  })

  it('opens nothing more where nothing is signed', () => {
    const { crypto: counted, opened } = countingCrypto()
    const fields = { alg: 10, signatureMode: 'none' } as const
    const { opener, ring, sealed } = streamAndReader(fields, { crypto: counted, maxFailures: 3 })
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 3; i++) opener.open(forge(object))
    // Another session has another key; and a crowd of them does not make the first forgotten.
    for (let session = 10; session < 90; session++) {
      expect(say(opener.open(sealed(EPOCH, session)))).toBe('opened')
    }
    const before = opened()
    expect(say(opener.open(object))).toBe('failed, provisional')
    expect(opened()).toBe(before)
  })

  it('is not fresh again for a grant, nor for one that leads to it from higher up', () => {
    const { crypto: counted, opened } = countingCrypto()
    const fields = { alg: 10, signatureMode: 'none' } as const
    const { opener, ring, sealed } = streamAndReader(fields, { crypto: counted, maxFailures: 3 })
    ring.add(nodesOf({ first: EPOCH, last: EPOCH }), source('narrow'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 3; i++) opener.open(forge(object))
    ring.add(nodesOf(SPAN), source('wide'))
    opener.reset()
    opener.reset()
    const before = opened()
    expect(say(opener.open(object))).toBe('failed, provisional')
    expect(opened()).toBe(before)
    expect(say(opener.open(sealed(EPOCH, 4)))).toBe('opened')
  })

  it('counts what failed before a grant together with what fails after it', () => {
    const { crypto: counted, opened } = countingCrypto()
    const fields = { alg: 10, signatureMode: 'none' } as const
    const { opener, ring, sealed } = streamAndReader(fields, { crypto: counted, maxFailures: 5 })
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 20; i++) {
      opener.open(forge(object))
      opener.reset()
    }
    expect(opened()).toBe(5)
  })

  it('is not forgotten for a crowd of sessions under which more failed', () => {
    const { crypto: counted, opened } = countingCrypto()
    const fields = { alg: 10, signatureMode: 'none' } as const
    const { opener, ring, sealed } = streamAndReader(fields, { crypto: counted, maxFailures: 3 })
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 2; i++) opener.open(forge(object))
    for (let session = 10; session < 90; session++) {
      const other = forge(sealed(EPOCH, session))
      for (let i = 0; i < 3; i++) opener.open(other)
    }
    opener.open(forge(object))
    const before = opened()
    expect(say(opener.open(object))).toBe('failed, provisional')
    expect(opened()).toBe(before)
  })

  it('is not worn by what opened', () => {
    const { crypto: counted, opened } = countingCrypto()
    const { opener, ring, sealed } = streamAndReader(
      { alg: 10 },
      { crypto: counted, maxFailures: 3 },
    )
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 5; i++) expect(say(opener.open(object))).toBe('opened')
    opener.open(forge(object))
    expect(opened()).toBe(6)
  })

  it('keeps its count while the objects of two sessions come in turn', () => {
    const { crypto: counted, opened } = countingCrypto()
    const fields = { alg: 10, signatureMode: 'none' } as const
    const { opener, ring, sealed } = streamAndReader(fields, { crypto: counted, maxFailures: 3 })
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    const other = sealed(EPOCH, 4)
    for (let i = 0; i < 3; i++) {
      opener.open(forge(object))
      opener.open(other)
    }
    const before = opened()
    expect(say(opener.open(object))).toBe('failed, provisional')
    expect(opened()).toBe(before)
  })

  it.each([
    ['by 2^20 failures where tags have 8 bytes', 10, 2 ** 20],
    ['by no such number where they have 16', 24, 2 ** 20 + 8],
  ] as const)('is worn %s', (_, alg, tried) => {
    let opened = 0
    const open = (): boolean => {
      opened++
      return false
    }
    const aead: CryptoProvider['aead'] = () => ({ seal: () => undefined, open })
    const { opener, ring, sealed } = streamAndReader(
      { alg, signatureMode: 'none' },
      { crypto: { ...nodeProvider, aead } },
    )
    ring.add(nodesOf(SPAN), source('grant'))
    const object = sealed(EPOCH)
    for (let i = 0; i < 2 ** 20 + 8; i++) opener.open(object)
    expect(opened).toBe(tried)
  })
})
