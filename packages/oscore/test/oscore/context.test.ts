// SPDX-License-Identifier: Apache-2.0
import { type AeadAlgorithm, toHex } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import {
  ContextBook,
  type ContextInput,
  deriveParameters,
  maxIdBytes,
  protectRequest,
  unprotectRequest,
} from '../../src/index.js'
import { accept, EMPTY, freshContext, INPUT, messageOf, mirrored } from '../support/contexts.js'

const keysOf = (input: ContextInput): readonly string[] =>
  Object.values(deriveParameters(nodeProvider, input)).map(toHex)

describe('deriveParameters', () => {
  it('depends on everything that was agreed', () => {
    const inputs: readonly ContextInput[] = [
      INPUT,
      { ...INPUT, masterSecret: new Uint8Array(16) },
      { ...INPUT, masterSalt: new Uint8Array(8) },
      { ...INPUT, idContext: EMPTY },
      { ...INPUT, idContext: Uint8Array.of(1) },
      { ...INPUT, algorithm: 30 },
    ]
    const keys = inputs.flatMap(keysOf)
    expect(new Set(keys).size).toBe(3 * inputs.length)
  })

  it('takes no salt for the empty one', () => {
    const { masterSalt: _, ...without } = INPUT
    expect(keysOf(without)).toEqual(keysOf({ ...INPUT, masterSalt: EMPTY }))
  })

  it.each([
    [10, 7],
    [30, 7],
    [1, 6],
    [3, 6],
    [24, 6],
  ] as const)(
    'has identifiers of at most what algorithm %i leaves: %i bytes',
    (algorithm, limit) => {
      expect(maxIdBytes(algorithm)).toBe(limit)
      const at = (length: number): ContextInput => ({
        ...INPUT,
        algorithm,
        senderId: new Uint8Array(length),
      })
      expect(keysOf(at(limit))).toHaveLength(3)
      expect(() => keysOf(at(limit + 1))).toThrow(RangeError)
      const recipientId = new Uint8Array(limit + 1)
      expect(() => keysOf({ ...at(limit), recipientId })).toThrow(RangeError)
    },
  )

  it('refuses two identifiers that are one', () => {
    expect(() => keysOf({ ...INPUT, recipientId: INPUT.senderId })).toThrow(RangeError)
    expect(() => keysOf({ ...INPUT, masterSecret: new Uint8Array(0) })).toThrow(RangeError)
  })
})

describe('deriveContext', () => {
  it('keeps copies of what it is given', () => {
    const input = { ...INPUT, senderId: Uint8Array.of(1), idContext: Uint8Array.of(2) }
    const context = freshContext(input)
    input.senderId.fill(9)
    input.idContext.fill(9)
    expect(context.sender.senderId).toEqual(Uint8Array.of(1))
    expect(context.common.kidContext).toEqual(Uint8Array.of(2))
  })

  it('takes no algorithm that the provider does not offer', () => {
    expect(() => freshContext(INPUT, sodiumProvider)).toThrow(
      expect.objectContaining({ code: 'ERR_UNSUPPORTED' }),
    )
    expect(freshContext({ ...INPUT, algorithm: 24 }, sodiumProvider).common.algorithm).toBe(24)
  })

  it('leaves no key behind', () => {
    const secrets: Uint8Array[] = []
    const keep = (secret: Uint8Array): Uint8Array => {
      secrets.push(secret)
      return secret
    }
    const watching = {
      ...nodeProvider,
      hkdfExtractSha256: (salt: Uint8Array, ikm: Uint8Array) =>
        keep(nodeProvider.hkdfExtractSha256(salt, ikm)),
      aead: (alg: AeadAlgorithm, key: Uint8Array) => nodeProvider.aead(alg, keep(key)),
    }
    const { message } = protectRequest(freshContext(INPUT, watching), messageOf(1))
    expect(secrets.map(({ length }) => length)).toEqual([32, 16, 16])
    expect(secrets.every((secret) => secret.every((byte) => byte === 0))).toBe(true)
    expect(accept(freshContext(mirrored(INPUT)), message).request.code).toBe(1)
  })

  it('may have its Common and Sender Context together with others', () => {
    const one = freshContext()
    const peers = [21, 22].map((id) => ({ ...INPUT, recipientId: Uint8Array.of(id) }))
    const contexts = peers.map((input) => ({ ...one, recipient: freshContext(input).recipient }))
    const book = new ContextBook()
    for (const context of contexts) book.add(context)
    for (const [i, input] of peers.entries()) {
      const { message } = protectRequest(freshContext(mirrored(input)), messageOf(1))
      expect(unprotectRequest(book.find, message).exchange.context).toBe(contexts[i])
    }
    const numbers = contexts.map(
      (context) => protectRequest(context, messageOf(1)).exchange.partialIv[0],
    )
    expect(numbers).toEqual([0, 1])
  })

  it('serves both roles with the same keys: the numbers go on', () => {
    const context = freshContext()
    const numbers = [1, 2, 3].map(() => protectRequest(context, messageOf(1)).exchange.partialIv[0])
    expect(numbers).toEqual([0, 1, 2])
  })
})
