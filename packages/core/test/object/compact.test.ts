// SPDX-License-Identifier: Apache-2.0
import {
  decodeCompact,
  decodeObject,
  encodeCompact,
  isCompact,
  ObjectSealer,
  utf8,
  encodeMetadata,
  type ManifestFields,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, bytesUpTo, mutated } from '../support/arbitraries.js'
import { EPOCH, stranger } from '../support/domain.js'
import { fieldOf, outcomeOf } from '../support/outcome.js'
import { manifestOf } from '../support/stream.js'
import { contract, expand } from '../twin/compact.ts'
import { Refusal } from '../twin/refusal.ts'
import { referenceEncode, type ObjectParts } from './reference.js'

const PLANT = stranger('plant')
const EMPTY = encodeMetadata({})

const counter = fc
  .integer({ min: 1, max: 3 })
  .chain((length) => bytesOf(length))
  .filter(({ length, 0: first }) => length === 1 || first !== 0)

const parts: fc.Arbitrary<ObjectParts> = fc.record({
  alg: fc.constantFrom(1, 3, 10, 24),
  kid: fc.oneof(bytesOf(8), bytesOf(4)),
  partialIv: fc.oneof(bytesOf(10), counter),
  epoch: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  signature: fc.option(bytesOf(64), { nil: undefined }),
  ciphertext: bytesUpTo(300),
})

const EXAMPLE: ObjectParts = {
  alg: 24,
  kid: new Uint8Array(8).fill(1),
  partialIv: new Uint8Array(10).fill(2),
  epoch: 500_000,
  signature: new Uint8Array(64).fill(4),
  ciphertext: new Uint8Array(40).fill(5),
}
const UNSIGNED: ObjectParts = { ...EXAMPLE, signature: undefined }
const DURABLE: ObjectParts = { ...UNSIGNED, alg: 10, partialIv: Uint8Array.of(1, 0) }

/** What of an object travels besides its plaintext, in the compact form. */
function addedBytes(fields: Partial<ManifestFields>): number {
  const manifest = manifestOf(PLANT, null, fields)
  const sealer = new ObjectSealer({
    crypto: nodeProvider,
    manifest,
    leaf: new Uint8Array(32),
    epoch: EPOCH,
    session: new Uint8Array(manifest.counterMode === 'session' ? 7 : 0),
    signingKey: manifest.signatureMode === 'none' ? undefined : PLANT.key,
  })
  const plaintext = utf8('21.5')
  return encodeCompact(sealer.seal({ metadata: EMPTY, plaintext })).length - plaintext.length
}

function refusalOf(call: () => unknown): string {
  try {
    call()
    return 'valid'
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}

describe('the compact form', () => {
  it('is of one object, and gives it back byte for byte', () => {
    fc.assert(
      fc.property(parts, (fields) => {
        const object = referenceEncode(fields)
        const compact = encodeCompact(object)
        expect(isCompact(compact)).toBe(true)
        expect(decodeCompact(compact)).toEqual(object)
        expect(encodeCompact(decodeObject(object))).toEqual(compact)
        expect(contract(object)).toEqual(compact)
      }),
      { numRuns: 500 },
    )
  })

  it('is the only one: whatever decodes is given back byte for byte', () => {
    const flags = fc.integer({ min: 0, max: 0x7f })
    const anything = fc
      .tuple(flags, fc.oneof(bytesUpTo(20), fc.uint8Array({ minLength: 15, maxLength: 120 })))
      .map(([first, rest]) => Uint8Array.of(first, ...rest))
    let decoded = 0
    fc.assert(
      fc.property(anything, (bytes) => {
        const outcome = outcomeOf(() => decodeCompact(bytes))
        expect(outcome).toBe(refusalOf(() => expand(bytes)))
        if (outcome !== 'valid') return
        decoded++
        const object = decodeCompact(bytes)
        expect(object).toEqual(expand(bytes))
        expect(encodeCompact(decodeObject(object))).toEqual(bytes)
      }),
      { numRuns: 1500 },
    )
    expect(decoded).toBeGreaterThan(100)
  })

  it('is accepted and refused as the slow twin says, whatever was changed about it', () => {
    const valid = [EXAMPLE, UNSIGNED, DURABLE].map((fields) =>
      encodeCompact(referenceEncode(fields)),
    )
    fc.assert(
      fc.property(mutated(valid), (bytes) => {
        expect(outcomeOf(() => decodeCompact(bytes))).toBe(refusalOf(() => expand(bytes)))
      }),
      { numRuns: 1500 },
    )
  })

  it('has a meaning for each of the lower 64 flags, and for none above', () => {
    for (let flags = 0; flags < 0x100; flags++) {
      const bytes = new Uint8Array(200).fill(7)
      bytes[0] = flags
      const outcome = flags < 0x40 ? 'valid' : flags < 0x80 ? 'ERR_UNSUPPORTED' : 'ERR_MALFORMED'
      expect(outcomeOf(() => decodeCompact(bytes))).toBe(outcome)
      expect(isCompact(bytes)).toBe(flags < 0x40 || (flags >= 0x50 && flags < 0x80))
      if (outcome === 'valid') expect(encodeCompact(decodeCompact(bytes))).toEqual(bytes)
    }
    expect(isCompact(new Uint8Array(0))).toBe(false)
  })

  it('is none where it is cut within what has a fixed length', () => {
    for (const fields of [EXAMPLE, UNSIGNED, DURABLE]) {
      const compact = encodeCompact(referenceEncode({ ...fields, ciphertext: new Uint8Array(0) }))
      expect(decodeObject(decodeCompact(compact)).ciphertext).toHaveLength(0)
      for (let length = 0; length < compact.length; length++) {
        const cut = compact.subarray(0, length)
        expect(outcomeOf(() => decodeCompact(cut))).toBe('ERR_MALFORMED')
      }
    }
  })

  it('takes no view into a larger buffer for more than it is', () => {
    const compact = encodeCompact(referenceEncode(DURABLE))
    const buffer = new Uint8Array(compact.length + 20).fill(9)
    buffer.set(compact, 7)
    const view = buffer.subarray(7, 7 + compact.length)
    expect(decodeCompact(view)).toEqual(referenceEncode(DURABLE))
  })

  it('is not there for a clear part, a batch signature or a counter that no producer reaches', () => {
    const batch = { index: 0, count: 1, path: new Uint8Array(0) }
    const without: readonly [string, ObjectParts][] = [
      ['clear part', { ...EXAMPLE, clearPart: new Uint8Array(0) }],
      ['batch signature', { ...EXAMPLE, batch }],
      ['Partial IV', { ...DURABLE, partialIv: Uint8Array.of(1, 0, 0, 0) }],
      ['Partial IV', { ...DURABLE, partialIv: Uint8Array.of(1, 0, 0, 0, 0) }],
    ]
    for (const [field, fields] of without) {
      const object = referenceEncode(fields)
      expect(outcomeOf(() => encodeCompact(object))).toBe('ERR_UNSUPPORTED')
      expect(fieldOf(() => encodeCompact(object))).toBe(field)
      expect(refusalOf(() => contract(object))).toBe('ERR_UNSUPPORTED')
    }
  })

  it('is made of objects only', () => {
    expect(outcomeOf(() => encodeCompact(encodeCompact(referenceEncode(EXAMPLE))))).toBe(
      'ERR_MALFORMED',
    )
    expect(outcomeOf(() => decodeCompact(referenceEncode(EXAMPLE)))).toBe('ERR_MALFORMED')
    expect(outcomeOf(() => decodeObject(encodeCompact(referenceEncode(EXAMPLE))))).toBe(
      'ERR_MALFORMED',
    )
  })

  it('adds as many bytes as the design allows', () => {
    expect(addedBytes({})).toBe(104)
    expect(addedBytes({ signatureMode: 'none' })).toBe(40)
    expect(addedBytes({ signatureMode: 'none', kidBytes: 4 })).toBe(36)
    const durable = { counterMode: 'durable', signatureMode: 'none', alg: 10 } as const
    expect(addedBytes(durable)).toBe(23)
    expect(addedBytes({ ...durable, kidBytes: 4 })).toBe(19)
  })
})
