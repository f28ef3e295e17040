// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { WaxwingError } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import {
  type CoapMessage,
  type CoapOption,
  constructNonce,
  encodeCoap,
  encodeOscoreOption,
  encodePartialIv,
  protectRequest,
  protectResponse,
  type SecurityContext,
  sortOptions,
  unprotectRequest,
  unprotectResponse,
} from '../../src/index.js'
import { encrypt } from '../../src/oscore/cose.js'
import { requests, responses } from '../coap/arbitrary-messages.js'
import { accept, INPUT, messageOf, only, option, pairOf } from '../support/contexts.js'
import { SUITES } from '../support/providers.js'

const OBSERVE = 6
const OSCORE = 9
const CLASS_U = new Set([3, 7, 21, 35, 39])
const NUM_RUNS = 60

const sorted = (message: CoapMessage): CoapMessage => ({
  ...message,
  options: sortOptions(message.options),
})
/** What is left of a response: options of Class U are none of it. */
const withoutClassU = (message: CoapMessage): CoapMessage => ({
  ...message,
  options: message.options.filter(({ number }) => !CLASS_U.has(number)),
})
const without = (message: CoapMessage, number: number): CoapMessage => ({
  ...message,
  options: message.options.filter((each) => each.number !== number),
})

/** A request that this library does not write: all options are Inner, and others stand outside. */
function sealedByHand(
  { common, sender }: SecurityContext,
  inner: CoapMessage,
  outer: readonly CoapOption[],
): CoapMessage {
  const kid = sender.senderId
  const partialIv = encodePartialIv(sender.sequence.take())
  const nonce = constructNonce({ commonIv: common.commonIv, idPiv: kid, partialIv })
  const operation = { common, aead: sender.aead, nonce, request: { kid, partialIv } }
  const header = encodeOscoreOption({ partialIv, kid })
  return {
    code: 2,
    options: sortOptions([...outer, { number: OSCORE, value: header }]),
    payload: encrypt(operation, encodeCoap(inner)),
  }
}

/** What an intermediary may do to a message, and what it must not. */
const outerExtras: fc.Arbitrary<readonly CoapOption[]> = fc.array(
  fc.record({
    number: fc.constantFrom(
      1,
      4,
      5,
      6,
      8,
      11,
      12,
      14,
      15,
      16,
      17,
      20,
      23,
      27,
      28,
      60,
      252,
      258,
      999,
    ),
    value: fc.uint8Array({ maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 3 },
)

describe.each(SUITES)('algorithm $algorithm on $crypto.name', (suite) => {
  const input = { ...INPUT, masterSalt: undefined }

  it('gives every request back as it was', () => {
    const { client, server } = pairOf(input, suite)
    fc.assert(
      fc.property(requests, (request) => {
        const { message } = protectRequest(client, request)
        expect(accept(server, message).request).toEqual(sorted(request))
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('gives every response back as it was, with either nonce', () => {
    const { client, server } = pairOf(input, suite)
    fc.assert(
      fc.property(responses, fc.boolean(), (response, ownPartialIv) => {
        const plain = without(response, OBSERVE)
        const { message, exchange } = protectRequest(client, messageOf(1))
        const answer = protectResponse(accept(server, message).exchange, plain, { ownPartialIv })
        expect(unprotectResponse(exchange, answer)).toEqual(sorted(withoutClassU(plain)))
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('notices every bit of header and ciphertext that is changed', () => {
    const { client, server } = pairOf({ ...input, idContext: Uint8Array.of(1, 2) }, suite)
    const { message, exchange } = protectRequest(client, messageOf(2, [option(11, 'a')], 'on'))
    for (const changed of flips(message)) {
      expect(() => unprotectRequest(only(server), changed)).toThrow(WaxwingError)
    }
    const accepted = accept(server, message)
    for (const ownPartialIv of [true, false]) {
      const answer = protectResponse(accepted.exchange, messageOf(69, [], 'off'), { ownPartialIv })
      for (const changed of flips(answer)) {
        expect(() => unprotectResponse(exchange, changed)).toThrow(WaxwingError)
      }
    }
  })
})

describe('what an intermediary sees', () => {
  it('is POST, options of Class U and Observe, and nothing of the others', () => {
    const { client } = pairOf()
    fc.assert(
      fc.property(requests, (request) => {
        const { message } = protectRequest(client, request)
        const visible = request.options.filter(
          ({ number }) => CLASS_U.has(number) || number === OBSERVE,
        )
        expect(message.code).toBe(request.options.some(({ number }) => number === OBSERVE) ? 5 : 2)
        expect(without(message, OSCORE).options).toEqual(sortOptions(visible))
      }),
    )
  })

  it('is 2.04, or 2.05 with Observe', () => {
    const { client, server } = pairOf()
    fc.assert(
      fc.property(responses, (response) => {
        const { message } = protectRequest(client, messageOf(1, [option(OBSERVE)]))
        const answer = protectResponse(accept(server, message).exchange, response)
        const isNotification = response.options.some(({ number }) => number === OBSERVE)
        expect(answer.code).toBe(isNotification ? 69 : 68)
      }),
    )
  })
})

describe('what an intermediary adds without protection', () => {
  it('is discarded from requests, unless it is of Class U', () => {
    const { client, server } = pairOf()
    fc.assert(
      fc.property(
        requests,
        outerExtras,
        fc.integer({ min: 0, max: 255 }),
        (request, extras, code) => {
          const { message } = protectRequest(client, request)
          const host = option(3, 'elsewhere')
          const changed = {
            ...message,
            code,
            options: [...without(message, 3).options, ...extras, host],
          }
          const expected = sorted({ ...request, options: [...without(request, 3).options, host] })
          expect(encodeCoap(accept(server, changed).request)).toEqual(encodeCoap(expected))
        },
      ),
    )
  })

  it('is discarded from responses', () => {
    const { client, server } = pairOf()
    fc.assert(
      fc.property(
        responses,
        outerExtras,
        fc.integer({ min: 0, max: 255 }),
        (response, extras, code) => {
          const plain = without(response, OBSERVE)
          const { message, exchange } = protectRequest(client, messageOf(1))
          const answer = protectResponse(accept(server, message).exchange, plain)
          const changed = { ...answer, code, options: [...answer.options, ...extras] }
          expect(unprotectResponse(exchange, changed)).toEqual(sorted(withoutClassU(plain)))
        },
      ),
    )
  })

  it('does not stand beside what was protected: an Inner Uri-Host wins', () => {
    const { client, server } = pairOf()
    const inner = messageOf(1, [option(3, 'inner')])
    const message = sealedByHand(client, inner, [option(3, 'outer'), option(7, 'p')])
    expect(accept(server, message).request.options).toEqual([option(3, 'inner'), option(7, 'p')])
  })

  it.each([3, 7, 21, 35, 39])('may come once alone: option %i', (number) => {
    const { client, server } = pairOf()
    const { message } = protectRequest(client, messageOf(1))
    const added = (times: number): CoapMessage => ({
      ...message,
      options: [...Array.from({ length: times }, () => option(number, 'a')), ...message.options],
    })
    expect(() => accept(server, added(2))).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }) as Error,
    )
    expect(accept(server, added(1)).request.options).toEqual([option(number, 'a')])
    const twice = messageOf(1, [option(number, 'a'), option(number, 'b')])
    expect(() => protectRequest(client, twice)).toThrow(RangeError)
  })

  it('does not get into responses, whatever it is', () => {
    const { client, server } = pairOf()
    const { message, exchange } = protectRequest(client, messageOf(1))
    const sent = protectResponse(accept(server, message).exchange, messageOf(69, [option(4, 'e')]))
    const added = [3, 7, 21, 35, 39].map((number) => option(number, 'a'))
    const received = unprotectResponse(exchange, { ...sent, options: [...added, ...sent.options] })
    expect(received.options).toEqual([option(4, 'e')])
  })
})

describe('signaling messages', () => {
  it('are protected whole, requests and responses', () => {
    const { client, server } = pairOf()
    const ping = messageOf(0xe2, [option(2), option(6, 'x'), option(3, 'y')])
    const { message, exchange } = protectRequest(client, ping)
    expect(message).toHaveProperty('code', 2)
    expect(message.options.map(({ number }) => number)).toEqual([OSCORE])
    const accepted = accept(server, message)
    expect(accepted.request).toEqual(sorted(ping))
    const pong = messageOf(0xe3, [option(2), option(6, 'x')])
    const answer = protectResponse(accepted.exchange, pong)
    expect(answer).toHaveProperty('code', 68)
    expect(unprotectResponse(exchange, answer)).toEqual(pong)
  })
})

describe('a caller', () => {
  const { client, server } = pairOf()
  const { exchange } = accept(server, protectRequest(client, messageOf(1)).message)

  it.each([0, 64, 69, 192, 256, -1])('cannot protect code %i as a request', (code) => {
    expect(() => protectRequest(client, messageOf(code))).toThrow(RangeError)
  })

  it.each([0, 1, 32, 63, 192, 256])('cannot protect code %i as a response', (code) => {
    expect(() => protectResponse(exchange, messageOf(code))).toThrow(RangeError)
  })

  it('cannot protect what is protected', () => {
    const twice = messageOf(1, [option(OSCORE)])
    expect(() => protectRequest(client, twice)).toThrow(RangeError)
    expect(() => protectResponse(exchange, messageOf(69, [option(OSCORE)]))).toThrow(RangeError)
  })

  it('cannot protect more than the algorithm takes', () => {
    // Code, marker and payload are 65,535 bytes together.
    const longest = { ...messageOf(2), payload: new Uint8Array(65_533) }
    expect(accept(server, protectRequest(client, longest).message).request).toEqual(longest)
    const longer = { ...longest, payload: new Uint8Array(65_534) }
    expect(() => protectRequest(client, longer)).toThrow(
      expect.objectContaining({ code: 'ERR_LIMIT' }),
    )
  })

  it('is refused before a number or a nonce is spent', () => {
    const before = protectRequest(client, messageOf(1)).exchange.partialIv[0]!
    expect(() => protectRequest(client, messageOf(1, [option(65_536)]))).toThrow(RangeError)
    expect(protectRequest(client, messageOf(1)).exchange.partialIv[0]).toBe(before + 1)
    expect(() => protectResponse(exchange, messageOf(69, [option(65_536)]))).toThrow(RangeError)
    expect(exchange.takeNonce()).toBeDefined()
  })
})

/** The message with each bit of its OSCORE option and of its payload changed, one at a time. */
function* flips(message: CoapMessage): Generator<CoapMessage> {
  const value = message.options.find(({ number }) => number === OSCORE)!.value
  for (const flipped of flipsOf(value)) {
    const header = { number: OSCORE, value: flipped }
    yield { ...message, options: [...without(message, OSCORE).options, header] }
  }
  for (const payload of flipsOf(message.payload)) yield { ...message, payload }
}

function* flipsOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const copy = new Uint8Array(bytes)
    copy[bit >> 3]! ^= 1 << (bit & 7)
    yield copy
  }
}
