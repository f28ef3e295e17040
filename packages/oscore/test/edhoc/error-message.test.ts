// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { fromHex, toHex, WaxwingError } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import {
  decodeErrorMessage,
  EdhocError,
  encodeErrorMessage,
  type ErrorMessage,
  receiveMessage1,
  startInitiator,
} from '../../src/edhoc/index.js'
import { replyOf, thrownBy } from './failures.js'
import { C_R, worldOf } from './world.js'

const messages: fc.Arbitrary<ErrorMessage> = fc.oneof(
  fc
    .string({ unit: 'grapheme' })
    .map((diagnostic) => ({ kind: 'unspecified' as const, diagnostic })),
  fc
    .array(fc.integer({ min: -65_536, max: 65_535 }), { minLength: 1, maxLength: 5 })
    .map((suitesR) => ({ kind: 'wrong-suite' as const, suitesR })),
  fc.constant({ kind: 'unknown-credential' as const }),
  fc.tuple(fc.integer({ min: -65_536, max: -1 }), fc.uint8Array()).map(([code, info]) => ({
    kind: 'other' as const,
    code,
    info,
  })),
)

const FORMS: readonly (readonly [hex: string, message: ErrorMessage])[] = [
  ['016161', { kind: 'unspecified', diagnostic: 'a' }],
  ['0202', { kind: 'wrong-suite', suitesR: [2] }],
  ['02820203', { kind: 'wrong-suite', suitesR: [2, 3] }],
  ['03f5', { kind: 'unknown-credential' }],
  ['17f6', { kind: 'other', code: 23, info: null }],
  ['2003', { kind: 'other', code: -1, info: 3 }],
]

describe('an error message', () => {
  it.each(FORMS)('is written as %s', (hex, message) => {
    expect(toHex(encodeErrorMessage(message))).toBe(hex)
    expect(decodeErrorMessage(fromHex(hex))).toEqual(message)
  })

  it('is read back as what it was', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decodeErrorMessage(encodeErrorMessage(message))).toEqual(message)
      }),
    )
  })

  it.each([
    ['', 'nothing'],
    ['01', 'no info'],
    ['0101', 'a number as diagnostic'],
    ['01616100', 'something behind it'],
    ['028102', 'one suite in an array'],
    ['0280', 'no suite'],
    ['02826102', 'a suite that is no number'],
    ['03f4', 'an unknown credential that is not so'],
    ['616101', 'text as its code'],
    ['1801 6161'.replace(' ', ''), 'a code that is longer than it has to be'],
  ])('is not %s: %s', (hex) => {
    expect(() => decodeErrorMessage(fromHex(hex))).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }),
    )
  })

  it('of code 0 is recognised, whatever stands behind it, and never written', () => {
    for (const hex of ['00', '00f5', '006161f6']) {
      expect(decodeErrorMessage(fromHex(hex))).toEqual({ kind: 'success' })
    }
    expect(() => encodeErrorMessage({ kind: 'success' })).toThrow(RangeError)
    for (const code of [0, 1, 2, 3]) {
      expect(() => encodeErrorMessage({ kind: 'other', code, info: null })).toThrow(RangeError)
    }
  })

  it('is decoded, or refused with one code, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        try {
          decodeErrorMessage(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(WaxwingError)
          expect(error).toMatchObject({ code: 'ERR_MALFORMED' })
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('an error message in the place of', () => {
  const world = worldOf()

  it.each(FORMS)('any message ends the session: %s', async (hex, error) => {
    const bytes = fromHex(hex)
    const { message1, waiting } = startInitiator(world.initiator)
    expect(await waiting.receive(bytes)).toMatchObject({ kind: 'error', error })
    await expect(waiting.receive(bytes)).rejects.toMatchObject({ code: 'ERR_CLOSED' })

    const answer = receiveMessage1(world.responder, message1).message2({ connectionId: C_R })
    expect(await answer.waiting.receive(bytes)).toEqual({ kind: 'error', error })
    await expect(answer.waiting.receive(bytes)).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('message_4 closes the session', async () => {
    const { message1, waiting } = startInitiator(world.initiator)
    const { message2 } = receiveMessage1(world.responder, message1).message2({ connectionId: C_R })
    const outcome = await waiting.receive(message2)
    if (outcome.kind !== 'proven') throw new Error('not proven')
    const { session } = outcome.responder.message3()
    expect(session.oscore()).toBeDefined()
    expect(session.receiveMessage4(fromHex('016161'))).toEqual({
      kind: 'error',
      error: { kind: 'unspecified', diagnostic: 'a' },
    })
    expect(() => session.exporter(0, new Uint8Array(0), 1)).toThrow(
      expect.objectContaining({ code: 'ERR_CLOSED' }),
    )
  })

  it.each([...FORMS.map(([hex]) => hex), '01', '00', '0101', '0200', '2002'])(
    'message_1 is not answered: %s',
    (hex) => {
      const failure = thrownBy(() => receiveMessage1(world.responder, fromHex(hex)))
      expect(failure).toBeInstanceOf(EdhocError)
      expect(failure).toMatchObject({ code: 'ERR_MALFORMED', reply: undefined })
    },
  )

  it.each(['6161', '030240', '0302410e', '0118'])('what is none is answered: %s', (hex) => {
    const failure = thrownBy(() => receiveMessage1(world.responder, fromHex(hex)))
    expect(replyOf(failure)).toBeDefined()
  })

  it('any message is not answered, even if it is none', async () => {
    const { message1, waiting } = startInitiator(world.initiator)
    const answer = receiveMessage1(world.responder, message1).message2({ connectionId: C_R })
    for (const step of [waiting, answer.waiting]) {
      await expect(step.receive(fromHex('0101'))).rejects.toMatchObject({
        code: 'ERR_MALFORMED',
        reply: undefined,
      })
    }
  })
})
