// SPDX-License-Identifier: Apache-2.0
import {
  CborTag,
  decodeStatement,
  decodeStatementOf,
  encodeCbor,
  encodeSign1,
  MAX_STATEMENT_BYTES,
  signStatement,
  sigStructure,
  STATEMENT_TYPES,
  typOf,
  verifyStatement,
  type CborValue,
  type HeaderMap,
  type StatementType,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesUpTo, mutated } from '../support/arbitraries.js'
import { stranger } from '../support/domain.js'
import { fieldOf, outcomeOf } from '../support/outcome.js'

const PLANT = stranger('plant')
const DESK = stranger('desk')
const OTHER = stranger('someone else')
const verifying = sodiumProvider.ed25519VerifyingKey(PLANT.key.publicKey)

function signed(type: StatementType, recipient: Uint8Array | null): Uint8Array {
  return signStatement({ type, author: PLANT.id, key: PLANT.key, recipient, payload: ['hello'] })
}

function withHeader(entries: readonly (readonly [number, CborValue])[], other?: HeaderMap) {
  const unprotectedHeader = other ?? new Map()
  const protectedHeader = new Map(entries)
  return encodeSign1({ protectedHeader, unprotectedHeader, payload: Uint8Array.of(0) }, (bytes) =>
    PLANT.key.sign(bytes),
  )
}

const verdict = (bytes: Uint8Array): string => outcomeOf(() => decodeStatement(bytes))

describe('a statement', () => {
  it.each(STATEMENT_TYPES)('of type %s comes back as it was signed', (type) => {
    for (const recipient of [null, DESK.id]) {
      const statement = decodeStatementOf(type, signed(type, recipient))
      expect(statement).toMatchObject({ type, author: PLANT.id, payload: encodeCbor(['hello']) })
      expect(outcomeOf(() => verifyStatement(statement, verifying, recipient))).toBe('valid')
    }
  })

  it.each(STATEMENT_TYPES)('of type %s is refused where any other is expected', (type) => {
    for (const other of STATEMENT_TYPES.filter((t) => t !== type)) {
      const outcome = outcomeOf(() => decodeStatementOf(other, signed(type, null)))
      expect(outcome).toBe('ERR_MALFORMED')
    }
  })

  it('is signed over its header, its payload, its type and its recipient', () => {
    const { message } = decodeStatement(signed('grant', DESK.id))
    const aad = encodeCbor(['waxwing control v1', 'waxwing-grant+cose', DESK.id])
    const structure = sigStructure(message.protectedBytes, aad, message.payload)
    expect(verifying.verify(structure, message.signature)).toBe(true)
  })

  it('is a plain CWT where it is a credential, so that anyone can check it', () => {
    const { message } = decodeStatement(signed('credential', null))
    const structure = sigStructure(message.protectedBytes, new Uint8Array(0), message.payload)
    expect(verifying.verify(structure, message.signature)).toBe(true)
    expect(typOf('credential')).toBe('waxwing-credential+cwt')
  })

  it('does not verify for another recipient, for everybody, or under another key', () => {
    const other = sodiumProvider.ed25519VerifyingKey(OTHER.key.publicKey)
    const statement = decodeStatement(signed('request', DESK.id))
    const verify = (key: typeof verifying, recipient: Uint8Array | null): string =>
      outcomeOf(() => verifyStatement(statement, key, recipient))
    expect(verify(verifying, DESK.id)).toBe('valid')
    expect(verify(verifying, OTHER.id)).toBe('ERR_SIGNATURE')
    expect(verify(verifying, null)).toBe('ERR_SIGNATURE')
    expect(verify(other, DESK.id)).toBe('ERR_SIGNATURE')
  })

  it('does not verify with any bit of its signature changed, nor with a byte missing', () => {
    const statement = decodeStatement(signed('ack', null))
    const { signature } = statement.message
    const verify = (changed: Uint8Array): string =>
      outcomeOf(() => {
        const message = { ...statement.message, signature: changed }
        verifyStatement({ ...statement, message }, verifying, null)
      })
    for (let bit = 0; bit < 512; bit += 7) {
      const changed = signature.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(verify(changed)).toBe('ERR_SIGNATURE')
    }
    expect(verify(signature.subarray(0, 63))).toBe('ERR_SIGNATURE')
    expect(verify(new Uint8Array(0))).toBe('ERR_SIGNATURE')
  })

  const TYP = [16, 'waxwing-ack+cose'] as const
  const ALG = [1, -19] as const
  const KID = [4, PLANT.id] as const
  const headers: readonly [string, readonly (readonly [number, CborValue])[], string][] = [
    ['no typ', [ALG, KID], 'ERR_UNSUPPORTED'],
    ['an unknown typ', [ALG, KID, [16, 'waxwing-note+cose']], 'ERR_UNSUPPORTED'],
    ['a typ that is a number', [ALG, KID, [16, 65_000]], 'ERR_UNSUPPORTED'],
    ['no alg', [KID, TYP], 'ERR_UNSUPPORTED'],
    ['alg EdDSA, which leaves the curve open', [[1, -8], KID, TYP], 'ERR_UNSUPPORTED'],
    ['alg ES256', [[1, -7], KID, TYP], 'ERR_UNSUPPORTED'],
    ['no kid', [ALG, [5, new Uint8Array(1)], TYP], 'ERR_MALFORMED'],
    ['a kid of 8 bytes', [ALG, [4, new Uint8Array(8)], TYP], 'ERR_MALFORMED'],
    ['a content type', [ALG, [3, 0], KID, TYP], 'ERR_UNSUPPORTED'],
    ['crit', [ALG, [2, [4]], KID, TYP], 'ERR_UNSUPPORTED'],
  ]
  it.each(headers)('is refused with %s in its header', (_, entries, code) => {
    expect(verdict(withHeader([ALG, KID, TYP]))).toBe('valid')
    expect(verdict(withHeader(entries))).toBe(code)
  })

  it('keeps its author when its buffer is used again', () => {
    const bytes = signed('ack', null)
    const { author } = decodeStatement(bytes)
    bytes.fill(0)
    expect(author).toEqual(PLANT.id)
  })

  it('says what of it is refused or not known', () => {
    const field = (entries: Parameters<typeof withHeader>[0], other?: HeaderMap) =>
      fieldOf(() => decodeStatement(withHeader(entries, other)))
    expect(field([ALG, KID, TYP])).toBeUndefined()
    expect(field([ALG, KID])).toBe('typ')
    expect(field([[1, -8], KID, TYP])).toBe('alg')
    expect(field([ALG, KID, TYP, [3, 0]])).toBe('header parameter')
    expect(field([ALG, KID, TYP], new Map([[33, 0]]))).toBe('header parameter')
    expect(field([ALG, [4, new Uint8Array(8)], TYP])).toBe('kid')
    expect(fieldOf(() => decodeStatementOf('grant', signed('ack', null)))).toBe('typ')
  })

  it('is refused with anything in its unprotected header', () => {
    expect(verdict(withHeader([ALG, KID, TYP], new Map([[33, 0]])))).toBe('ERR_UNSUPPORTED')
  })

  it('is refused without its tag, without its payload and above a mebibyte', () => {
    const protectedBytes = encodeCbor(new Map<number, CborValue>([ALG, KID, TYP]))
    const signature = new Uint8Array(64)
    const untagged = encodeCbor([protectedBytes, new Map(), new Uint8Array(1), signature])
    const detached = encodeCbor(new CborTag(18, [protectedBytes, new Map(), null, signature]))
    expect(verdict(untagged)).toBe('ERR_MALFORMED')
    expect(verdict(detached)).toBe('ERR_MALFORMED')
    const long = new Uint8Array(MAX_STATEMENT_BYTES + 1)
    expect(verdict(long)).toBe('ERR_LIMIT MAX_STATEMENT_BYTES')
    expect(verdict(long.subarray(1))).toBe('ERR_MALFORMED')
  })

  it('fails to decode with its documented errors alone', () => {
    const valid = STATEMENT_TYPES.map((type) => signed(type, null))
    fc.assert(
      fc.property(fc.oneof(mutated(valid), bytesUpTo(200)), (bytes) => {
        expect(['valid', 'ERR_MALFORMED', 'ERR_UNSUPPORTED']).toContain(verdict(bytes))
      }),
      { numRuns: 500 },
    )
  })
})
