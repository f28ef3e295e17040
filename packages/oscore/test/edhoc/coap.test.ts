// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { concatBytes, fromHex, toHex, WaxwingError } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import {
  type CoapMessage,
  CODE_GET,
  CODE_POST,
  combineRequest,
  ContextBook,
  decodeEdhocPayload,
  deriveContext,
  encodeEdhocPayload,
  isCombinedRequest,
  OPTION,
  protectRequest,
  receiveMessage1,
  ReplayGuard,
  type SecurityContext,
  SenderSequence,
  splitRequest,
  startInitiator,
  unprotectRequest,
} from '../../src/index.js'
import type { EdhocSession } from '../../src/edhoc/index.js'
import { C_R, complete, worldOf } from './world.js'

const malformed = expect.objectContaining({ code: 'ERR_MALFORMED' }) as Error

describe('the payload of a request', () => {
  it.each([
    ['f503', { kind: 'message_1', message: fromHex('03') }],
    ['2703', { kind: 'session', connectionId: fromHex('27'), message: fromHex('03') }],
    ['411803', { kind: 'session', connectionId: fromHex('18'), message: fromHex('03') }],
    ['4003', { kind: 'session', connectionId: fromHex(''), message: fromHex('03') }],
    ['42010203', { kind: 'session', connectionId: fromHex('0102'), message: fromHex('03') }],
  ] as const)('%s says which session it is for', (hex, payload) => {
    expect(toHex(encodeEdhocPayload(payload))).toBe(hex)
    expect(decodeEdhocPayload(fromHex(hex))).toEqual(payload)
  })

  it.each([
    '',
    'f5',
    '27',
    '412703',
    'f403',
    'f603',
    '181803',
    '3818',
    '616103',
    '8003',
    '58',
    '4203',
  ])('is not %s', (hex) => {
    expect(() => decodeEdhocPayload(fromHex(hex))).toThrow(malformed)
  })
})

/** A context of a session, as fresh as its keys. */
function contextOf(session: EdhocSession): SecurityContext {
  const replay = ReplayGuard.ofFreshKeys()
  return deriveContext(nodeProvider, session.oscore(), {
    sequence: SenderSequence.ofFreshKeys(),
    replay,
  })
}

const REQUEST: CoapMessage = {
  code: CODE_GET,
  options: [
    { number: OPTION.uriPath, value: fromHex('74656d70') },
    { number: OPTION.uriHost, value: fromHex('68') },
  ],
  payload: new Uint8Array(0),
}

describe('the EDHOC + OSCORE request', () => {
  it('completes an exchange and carries the first protected request, in two round trips', async () => {
    const world = worldOf()
    const { message1, waiting } = startInitiator(world.initiator)
    const answer = receiveMessage1(world.responder, message1).message2({ connectionId: C_R })
    const outcome = await waiting.receive(answer.message2)
    if (outcome.kind !== 'proven') throw new Error('not proven')
    const { message3, session } = outcome.responder.message3()
    const { message } = protectRequest(contextOf(session), REQUEST)
    const combined = combineRequest(message3, message)

    expect(isCombinedRequest(combined)).toBe(true)
    expect(isCombinedRequest(message)).toBe(false)
    expect(combined.code).toBe(CODE_POST)
    expect(combined.payload).toEqual(concatBytes(message3, message.payload))
    const split = splitRequest(combined)
    expect(split).toEqual({ message3, connectionId: answer.waiting.connectionId, request: message })

    const { session: atServer } = await complete(answer.waiting, split.message3)
    const book = new ContextBook()
    book.add(contextOf(atServer))
    const received = unprotectRequest(book.find, split.request)
    expect(received).toMatchObject({ kind: 'accepted', request: { code: CODE_GET } })
    expect(received.kind === 'accepted' && received.request.options).toHaveLength(2)
  })

  const protectedRequest: CoapMessage = {
    code: CODE_POST,
    options: [{ number: OPTION.oscore, value: fromHex('090027') }],
    payload: fromHex('aabb'),
  }
  const message3 = fromHex('4101')

  it('is what it was made of again, whatever stands in the EDHOC option', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(bytes, bytes, fc.uint8Array({ maxLength: 3 }), (ciphertext, payload, value) => {
        const { payload: encoded } = combineRequest(message3, { ...protectedRequest, payload })
        expect(encoded).toEqual(concatBytes(message3, payload))
        const message = encodeEdhocPayload({
          kind: 'session',
          connectionId: ciphertext,
          message: payload,
        })
        fc.pre(ciphertext.length > 1)
        const options = [{ number: OPTION.edhoc, value }, ...protectedRequest.options]
        const split = splitRequest({ ...protectedRequest, options, payload: message })
        expect(split.request).toEqual({ ...protectedRequest, payload })
        expect(concatBytes(split.message3, payload)).toEqual(message)
      }),
    )
  })

  it('is made of what OSCORE protected, and of a message_3', () => {
    const unprotected = { ...protectedRequest, options: [] }
    const empty = { ...protectedRequest, payload: new Uint8Array(0) }
    const twice = combineRequest(message3, protectedRequest)
    for (const request of [unprotected, empty, twice]) {
      expect(() => combineRequest(message3, request)).toThrow(RangeError)
    }
    for (const bad of ['', '01', '41', '410100', '0202']) {
      expect(() => combineRequest(fromHex(bad), protectedRequest)).toThrow(malformed)
    }
  })

  it('is refused if a part of it is missing, or there twice', () => {
    const combined = combineRequest(message3, protectedRequest)
    const [oscore, edhoc] = combined.options
    for (const options of [
      [],
      [oscore!],
      [edhoc!],
      [oscore!, edhoc!, edhoc!],
      [{ number: OPTION.oscore, value: new Uint8Array(0) }, edhoc!],
      [{ number: OPTION.oscore, value: fromHex('0100') }, edhoc!],
      [{ number: OPTION.oscore, value: fromHex('ff') }, edhoc!],
    ]) {
      expect(() => splitRequest({ ...combined, options })).toThrow(malformed)
    }
    for (const payload of ['', '4101', '41', 'aabb', '01aabb', '580101aabb', '5f4101ffaa']) {
      expect(() => splitRequest({ ...combined, payload: fromHex(payload) })).toThrow(malformed)
    }
  })

  it('is taken apart, or refused with one code, whatever the bytes', () => {
    const { options } = combineRequest(message3, protectedRequest)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (payload) => {
        try {
          splitRequest({ code: CODE_POST, options, payload })
        } catch (error) {
          expect(error).toBeInstanceOf(WaxwingError)
          expect(error).toMatchObject({ code: 'ERR_MALFORMED' })
        }
      }),
      { numRuns: 1000 },
    )
  })
})
