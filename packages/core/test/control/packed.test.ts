// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import { constants, deflateRawSync } from 'node:zlib'
import {
  concatBytes,
  decodeCbor,
  decodePackedMessage,
  encodeCbor,
  fromHex,
  isPackedMessage,
  isSealedMessage,
  MAX_PACKED_REFERENCES,
  MAX_STATEMENT_BYTES,
  packedReference,
  packMessage,
  unpackMessage,
  WaxwingError,
} from '@waxwing/core'
import { sodiumProvider as crypto } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fixedBlock } from '../../../../tools/vectors/frozen/deflate.ts'
import { bytesUpTo, mutated } from '../support/arbitraries.js'
import { outcomeOf } from '../support/outcome.js'
import { holding } from '../support/packing.js'
import { vectorsOf, type VectorCase } from '../support/vectors.js'

const FILES: readonly (readonly [file: string, field: string])[] = [
  ['requests', 'message'],
  ['grant-messages', 'message'],
  ['denials', 'message'],
  ['acks', 'message'],
  ['revocations', 'message'],
  ['enrolments', 'message'],
  ['manifests', 'manifest'],
  ['credentials', 'credential'],
  ['key-cards', 'card'],
  ['bundles', 'bundle'],
  ['links', 'link'],
]
const statementsOf = (file: string, field: string): readonly Uint8Array[] =>
  vectorsOf<VectorCase & Record<string, unknown>>(file)
    .map((test) => test[field])
    .filter((value) => typeof value === 'string')
    .map((value) => fromHex(value))
const first = (file: string, field: string): Uint8Array => statementsOf(file, field)[0]!

const GRANT = first('grant-messages', 'message')
const CREDENTIAL = first('credentials', 'credential')
const CARD = first('key-cards', 'card')
const nothing = holding([])
const referencesOf = (bytes: Uint8Array): number => decodePackedMessage(bytes).references.length
const packedData = (data: Uint8Array, references: readonly Uint8Array[] = []): Uint8Array =>
  encodeCbor([references, data])

describe('a packed message', () => {
  it.each(FILES)('of %s unpacks to the very bytes that were packed', (file, field) => {
    for (const statement of statementsOf(file, field)) {
      for (const known of [[], [CREDENTIAL], [CARD, CREDENTIAL]]) {
        const packed = packMessage(crypto, statement, known)
        expect(packed.length).toBeLessThanOrEqual(statement.length)
        if (!isPackedMessage(packed)) expect(packed).toBe(statement)
        else expect(unpackMessage(packed, holding(known))).toEqual(statement)
      }
    }
  })

  it('of anything at all unpacks to it, whatever is referred to', () => {
    const parts = fc.array(bytesUpTo(300), { maxLength: 12 })
    fc.assert(
      fc.property(parts, bytesUpTo(200), fc.nat({ max: 3 }), (known, other, times) => {
        const text = concatBytes(...known, ...Array<Uint8Array>(times).fill(other))
        const packed = packMessage(crypto, text, known)
        if (!isPackedMessage(packed) || packed === text) return
        expect(referencesOf(packed)).toBeLessThanOrEqual(MAX_PACKED_REFERENCES)
        expect(unpackMessage(packed, holding(known))).toEqual(text)
      }),
    )
  })

  it('is told from statements, sealed messages and compact objects by its first byte', () => {
    const packed = packMessage(crypto, GRANT)
    expect(isPackedMessage(packed)).toBe(true)
    expect(isSealedMessage(packed)).toBe(false)
    expect(isPackedMessage(GRANT)).toBe(false)
  })

  it('is much shorter than the statement, and shorter still with what the other side holds', () => {
    const credential = statementsOf('credentials', 'credential')
    const request = first('requests', 'message')
    const alone = packMessage(crypto, request)
    expect(alone.length).toBeLessThan(request.length)
    const over = packMessage(crypto, request, credential)
    expect(over.length).toBeLessThanOrEqual(alone.length)
  })

  it('refers to what makes it shorter, and to nothing else', () => {
    const parts = Array.from({ length: 12 }, () => new Uint8Array(randomBytes(100)))
    const packed = packMessage(crypto, concatBytes(...parts.slice(0, 3)), parts)
    expect(referencesOf(packed)).toBe(3)
    const many = packMessage(crypto, concatBytes(...parts), parts)
    expect(referencesOf(many)).toBe(MAX_PACKED_REFERENCES)
    expect(unpackMessage(many, holding(parts))).toEqual(concatBytes(...parts))
    expect(referencesOf(packMessage(crypto, GRANT, parts))).toBe(0)
  })

  it('is the statement itself where packing does not help', () => {
    const noise = new Uint8Array(randomBytes(200))
    expect(packMessage(crypto, noise)).toBe(noise)
    expect(packMessage(crypto, new Uint8Array(0))).toHaveLength(0)
  })

  it('is refused where something that it refers to is not held', () => {
    const parts = [new Uint8Array(randomBytes(100)), new Uint8Array(randomBytes(100))]
    const packed = packMessage(crypto, concatBytes(...parts), parts)
    expect(outcomeOf(() => unpackMessage(packed, holding(parts.slice(0, 1))))).toBe(
      'ERR_KEY_UNKNOWN reference',
    )
    expect(outcomeOf(() => unpackMessage(packed, nothing))).toBe('ERR_KEY_UNKNOWN reference')
  })

  it('is another one, or none, with its references in another order', () => {
    const parts = [new Uint8Array(randomBytes(100)), new Uint8Array(randomBytes(100))]
    const text = concatBytes(...parts)
    const packed = packMessage(crypto, text, parts)
    const { references, data } = decodePackedMessage(packed)
    const swapped = packedData(data, references.toReversed())
    const find = holding(parts)
    if (outcomeOf(() => unpackMessage(swapped, find)) !== 'valid') return
    expect(unpackMessage(swapped, find)).not.toEqual(text)
  })
})

describe('hostile bytes in a packed message', () => {
  it('end in bytes or in one of three errors, whatever they are', () => {
    const known = [CREDENTIAL, CARD]
    const seeds = [GRANT, CREDENTIAL, CARD].map((one) => packMessage(crypto, one, known))
    const find = holding(known)
    const outcomes = new Set<string>()
    fc.assert(
      fc.property(fc.oneof(mutated(seeds), bytesUpTo(100)), (bytes) => {
        outcomes.add(outcomeOf(() => unpackMessage(bytes, find)))
      }),
      { numRuns: 5000 },
    )
    const allowed = [
      'valid',
      'ERR_MALFORMED',
      'ERR_LIMIT MAX_STATEMENT_BYTES',
      'ERR_LIMIT unpacked length',
      'ERR_KEY_UNKNOWN reference',
    ]
    expect(allowed).toEqual(expect.arrayContaining([...outcomes]))
    expect(outcomes.size).toBeGreaterThan(1)
  })

  it('end so as well inside of the DEFLATE data', () => {
    const datas = [constants.Z_FIXED, constants.Z_HUFFMAN_ONLY, constants.Z_DEFAULT_STRATEGY].map(
      (strategy) => new Uint8Array(deflateRawSync(GRANT, { strategy, level: 9 })),
    )
    fc.assert(
      fc.property(mutated(datas), (data) => {
        expect(['valid', 'ERR_MALFORMED']).toContain(
          outcomeOf(() => unpackMessage(packedData(data), nothing)),
        )
      }),
      { numRuns: 5000 },
    )
  })

  it('never give more than a statement may have, and never take memory for more', () => {
    const noise = new Uint8Array(randomBytes(MAX_STATEMENT_BYTES + 1)).map((byte) => byte & 15)
    const dense = (length: number): Uint8Array =>
      packedData(new Uint8Array(deflateRawSync(noise.subarray(0, length))))
    expect(unpackMessage(dense(MAX_STATEMENT_BYTES), nothing)).toHaveLength(MAX_STATEMENT_BYTES)
    const long = dense(MAX_STATEMENT_BYTES + 1)
    expect(outcomeOf(() => unpackMessage(long, nothing))).toBe('ERR_LIMIT unpacked length')
    const stored = new Uint8Array(deflateRawSync(new Uint8Array(randomBytes(70_000)), { level: 0 }))
    expect(unpackMessage(packedData(stored), nothing)).toHaveLength(70_000)
  })

  it('never give much more than 16 times what came', () => {
    for (const length of [100_000, MAX_STATEMENT_BYTES, 50 * MAX_STATEMENT_BYTES]) {
      const bomb = packedData(new Uint8Array(deflateRawSync(new Uint8Array(length))))
      expect(bomb.length).toBeLessThan(60_000)
      expect(outcomeOf(() => unpackMessage(bomb, nothing))).toBe('ERR_LIMIT unpacked length')
    }
    const zeros = new Uint8Array(80_000)
    expect(packMessage(crypto, zeros)).toBe(zeros)
    expect(packMessage(crypto, zeros.subarray(0, 65_536)).length).toBeLessThan(200)
  })

  it('have no more blocks than a writer makes, since each of them costs', () => {
    // Stored blocks of nothing; the last one ends it.
    const blocks = (count: number): Uint8Array =>
      packedData(
        concatBytes(
          ...Array<Uint8Array>(count - 1).fill(fromHex('000000ffff')),
          fromHex('010000ffff'),
        ),
      )
    expect(unpackMessage(blocks(256), nothing)).toHaveLength(0)
    expect(outcomeOf(() => unpackMessage(blocks(300), nothing))).toBe('ERR_LIMIT blocks')
    // 128 symbols a block, which is the fewest that zlib can be made to write.
    const text = new Uint8Array(randomBytes(60_000)).map((byte) => byte & 15)
    const small = deflateRawSync(text, { memLevel: 1, level: 1 })
    expect(unpackMessage(packedData(new Uint8Array(small)), nothing)).toEqual(text)
  })

  it('are refused unread where they are longer than a statement', () => {
    const long = packedData(new Uint8Array(MAX_STATEMENT_BYTES))
    expect(outcomeOf(() => unpackMessage(long, nothing))).toBe('ERR_LIMIT MAX_STATEMENT_BYTES')
  })

  it('are asked for nothing where the frame is wrong', () => {
    const asked: Uint8Array[] = []
    const nine = Array.from({ length: 9 }, () => packedReference(crypto, CARD))
    const packed = packedData(Uint8Array.of(3, 0), nine)
    const find = (reference: Uint8Array): undefined => void asked.push(reference)
    expect(() => unpackMessage(packed, find)).toThrow(WaxwingError)
    expect(asked).toEqual([])
  })
})

describe('DEFLATE data that others wrote', () => {
  const strategies = [
    constants.Z_DEFAULT_STRATEGY,
    constants.Z_FIXED,
    constants.Z_HUFFMAN_ONLY,
    constants.Z_RLE,
    constants.Z_FILTERED,
  ]
  const texts = fc.oneof(
    bytesUpTo(2000),
    fc
      .tuple(bytesUpTo(40), fc.nat({ max: 200 }))
      .map(([part, times]) => concatBytes(...Array<Uint8Array>(times).fill(part))),
    fc.uint8Array({ max: 3, maxLength: 4000 }),
  )

  it('is read as zlib reads it', () => {
    const options = fc.record({
      strategy: fc.constantFrom(...strategies),
      level: fc.nat({ max: 9 }),
    })
    fc.assert(
      fc.property(texts, options, (text, { strategy, level }) => {
        const data = new Uint8Array(deflateRawSync(text, { strategy, level }))
        expect(unpackMessage(packedData(data), nothing)).toEqual(text)
      }),
      { numRuns: 500 },
    )
  })

  it('points back into the last 32,768 bytes of long references, and no further', () => {
    const long = new Uint8Array(randomBytes(40_000))
    const find = holding([long])
    const farthest = packedData(fixedBlock([[3, 32_768]]).bytes, [packedReference(crypto, long)])
    expect(unpackMessage(farthest, find)).toEqual(long.subarray(-32_768, -32_765))
    const text = concatBytes(long.subarray(-32_000, -31_800), long.subarray(-300))
    const packed = packMessage(crypto, text, [long])
    expect(packed.length).toBeLessThan(60)
    expect(unpackMessage(packed, find)).toEqual(text)
    expect(packMessage(crypto, long.subarray(0, 300), [long])).toHaveLength(300)
  })

  it('keeps the frame in deterministic CBOR', () => {
    const packed = packMessage(crypto, GRANT, [CREDENTIAL])
    expect(encodeCbor(decodeCbor(packed, 'packed'))).toEqual(packed)
  })
})
