// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeCompact,
  inboxAddress,
  requestAddress,
  toHex,
  trustAddress,
  WaxwingError,
} from '@waxwing/core'
import { loadVectors, type Vector } from '@waxwing/testkit'
import {
  decodeLetter,
  encodeLetter,
  MAX_ENVELOPE_BYTES,
  type SealingTerms,
} from '../src/envelope.js'

const SENDER = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const PRINCIPAL = new Uint8Array(32).fill(9)
const KNOWN: SealingTerms = { sender: SENDER, isDirect: true, carriesAddress: false }
const UNKNOWN: SealingTerms = { sender: undefined, isDirect: false, carriesAddress: false }

const compact = loadVectors<Vector & { object?: string; compact?: string }>('compact')
const pair = compact.find(({ result }) => result === 'valid')
const OBJECT = Buffer.from(pair?.object ?? '', 'hex')

describe('data', () => {
  it('travel in their compact form, and come out as the object', () => {
    const letter = encodeLetter('sms/49', OBJECT, KNOWN)
    expect(toHex(letter)).toBe(pair?.compact)
    expect(toHex(decodeLetter(letter).payload)).toBe(pair?.object)
    expect(decodeLetter(letter)).toMatchObject({ to: { kind: 'data' }, sender: undefined })
  })

  it('travel as they are where they have no compact form', () => {
    const other = Uint8Array.of(0xd2, 0x84, 1)
    expect(encodeLetter('sms/49', other, KNOWN)).toEqual(other)
    expect(decodeLetter(other).payload).toEqual(other)
  })

  it('travel unchanged, whatever bytes they are, with or without their address', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (payload, carriesAddress) => {
        const letter = encodeLetter('plant/1/ä', payload, { ...KNOWN, carriesAddress })
        const decoded = decodeLetter(letter)
        expect(toHex(decoded.payload)).toBe(toHex(payload))
        const to = carriesAddress ? { kind: 'address', address: 'plant/1/ä' } : { kind: 'data' }
        expect(decoded.to).toEqual(to)
      }),
    )
  })

  it('are compact behind their address too', () => {
    const letter = encodeLetter('p/1', OBJECT, { ...KNOWN, carriesAddress: true })
    expect(toHex(letter)).toBe(`4c03${Buffer.from('p/1').toString('hex')}${pair?.compact}`)
  })
})

describe('control messages', () => {
  const payload = Uint8Array.of(0xd0, 1, 2)
  const inbox = inboxAddress(PRINCIPAL)
  const [kid8, kid4] = [requestAddress(SENDER), requestAddress(SENDER.subarray(0, 4))]
  const trust = trustAddress(PRINCIPAL)

  it.each([
    ['its own inbox', inbox, KNOWN, '400102030405060708d00102', { kind: 'inbox' }],
    ['a place below it', `${inbox}/0-1`, KNOWN, '400102030405060708d00102', { kind: 'inbox' }],
    [
      'its own inbox, of nobody',
      inbox,
      { ...KNOWN, sender: undefined },
      '48d00102',
      { kind: 'inbox' },
    ],
    [
      'an inbox behind the number',
      inbox,
      { ...KNOWN, isDirect: false },
      `430102030405060708${'09'.repeat(32)}d00102`,
      { kind: 'address', address: inbox },
    ],
    [
      'a long kid',
      kid8,
      KNOWN,
      '4101020304050607080102030405060708d00102',
      { kind: 'address', address: kid8 },
    ],
    ['a short kid', kid4, UNKNOWN, '4a01020304d00102', { kind: 'address', address: kid4 }],
    [
      'another address',
      trust,
      UNKNOWN,
      `4c3c${Buffer.from(trust).toString('hex')}d00102`,
      { kind: 'address', address: trust },
    ],
  ] as const)('to %s say so', (_what, address, terms, hex, to) => {
    const letter = encodeLetter(address, payload, terms)
    expect(toHex(letter)).toBe(hex)
    expect(decodeLetter(letter)).toEqual({ to, sender: terms.sender, payload })
  })

  it('are no longer than the longest envelope allows', () => {
    const address = `p/${'x'.repeat(253)}`
    const letter = encodeLetter(address, OBJECT, { ...KNOWN, carriesAddress: true })
    const compactLength = (pair?.compact?.length ?? 0) / 2
    expect(letter.length - compactLength).toBeLessThanOrEqual(MAX_ENVELOPE_BYTES)
    expect(() => encodeLetter(`${address}x`, OBJECT, { ...KNOWN, carriesAddress: true })).toThrow(
      expect.objectContaining({ code: 'ERR_LIMIT' }) as Error,
    )
  })
})

describe('what comes', () => {
  it.each([
    ['nothing', '', 'ERR_MALFORMED'],
    ['a reserved kind', '45010203040506070800', 'ERR_UNSUPPORTED'],
    ['a reserved kind without a sender', '4e00', 'ERR_UNSUPPORTED'],
    ['bytes above the kinds', '50', 'ERR_UNSUPPORTED'],
    ['bytes below 80', '7f00', 'ERR_UNSUPPORTED'],
    ['half a sender', '40010203', 'ERR_MALFORMED'],
    ['half a kid', '4901020304', 'ERR_MALFORMED'],
    ['half a principal', `4b${'09'.repeat(31)}`, 'ERR_MALFORMED'],
    ['no address', '4c', 'ERR_MALFORMED'],
    ['an empty address', '4c00d0', 'ERR_MALFORMED'],
    ['half an address', '4c05616263', 'ERR_MALFORMED'],
    ['an address that is no text', '4c02ff41d0', 'ERR_MALFORMED'],
    ['an address with a wildcard', '4c03612f2bd0', 'ERR_MALFORMED'],
    ['an address of somebody else', '4c06736d732f3439d0', 'ERR_MALFORMED'],
    ['an address and nothing behind it', '4c0161', 'ERR_MALFORMED'],
    ['half a compact form', '0001', 'ERR_MALFORMED'],
  ])('is refused where it is %s', (_what, hex, code) => {
    const decode = (): unknown => decodeLetter(Buffer.from(hex, 'hex'))
    expect(decode).toThrow(expect.objectContaining({ code }) as Error)
  })

  it('is read or refused, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        fc.integer({ min: 0x3c, max: 0x54 }),
        (bytes, kind) => {
          bytes[0] = kind
          try {
            const { payload } = decodeLetter(bytes)
            if (kind < 0x40) expect(() => decodeCompact(bytes)).not.toThrow()
            expect(payload.buffer).not.toBe(bytes.buffer)
          } catch (error) {
            if (!(error instanceof WaxwingError)) throw error
            expect(['ERR_MALFORMED', 'ERR_UNSUPPORTED']).toContain(error.code)
          }
        },
      ),
      { numRuns: 3_000 },
    )
  })
})
