// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { WaxwingError } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import {
  answerChallenge,
  type CoapMessage,
  constructNonce,
  ContextBook,
  deriveContext,
  encodeOscoreOption,
  isOscoreMessage,
  protectRequest,
  protectResponse,
  refusalFor,
  ReplayGuard,
  type SecurityContext,
  SenderSequence,
  unprotectRequest,
  unprotectResponse,
} from '../../src/index.js'
import { encrypt } from '../../src/oscore/cose.js'
import {
  accept,
  EMPTY,
  freshContext,
  INPUT,
  messageOf,
  mirrored,
  only,
  option,
  pairOf,
} from '../support/contexts.js'

const OSCORE = 9
const ECHO = 252
const refused = (code: string): unknown => expect.objectContaining({ code })

/** The refusal as `c.dd text`, or what it was instead. */
function refusalOf(context: SecurityContext | undefined, message: CoapMessage): string {
  try {
    unprotectRequest(() => (context === undefined ? [] : [context]), message)
    return 'accepted'
  } catch (error) {
    const refusal = refusalFor(error)
    if (refusal === undefined) throw error
    expect(refusal.options).toEqual([option(14)])
    const { code, payload } = refusal
    return `${code >> 5}.0${code & 31} ${new TextDecoder().decode(payload)}`
  }
}

function codeOf(call: () => unknown): string | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    if (error instanceof WaxwingError) return error.code
    throw error
  }
}

const withHeader = (message: CoapMessage, value: Uint8Array): CoapMessage => ({
  ...message,
  options: [{ number: OSCORE, value }],
})

describe('a request that is refused', () => {
  const { client, server } = pairOf()
  const request = (): CoapMessage => protectRequest(client, messageOf(1)).message

  it('of no context that is known: 4.01', () => {
    expect(refusalOf(undefined, request())).toBe('4.01 Security context not found')
    expect(refusalOf(freshContext(), request())).toBe('4.01 Security context not found')
  })

  it('that does not decrypt: 4.00', () => {
    const bad = { ...request(), payload: new Uint8Array(20) }
    expect(refusalOf(server, bad)).toBe('4.00 Decryption failed')
    expect(refusalOf(server, { ...bad, payload: new Uint8Array(8) })).toBe('4.00 Decryption failed')
  })

  it('that was there before: 4.01', () => {
    const message = request()
    expect(refusalOf(server, message)).toBe('accepted')
    expect(refusalOf(server, message)).toBe('4.01 Replay detected')
  })

  it.each([
    ['without OSCORE option', { ...messageOf(2, [], 'x') }],
    ['with two of them', messageOf(2, [option(OSCORE, 'a'), option(OSCORE, 'b')], 'x')],
    ['without payload', messageOf(2, [{ number: OSCORE, value: Uint8Array.of(9, 0, 5) }])],
    ['with a reserved flag', messageOf(2, [{ number: OSCORE, value: Uint8Array.of(41, 0) }], 'x')],
    ['without kid', messageOf(2, [{ number: OSCORE, value: Uint8Array.of(1, 5) }], 'x')],
    ['without Partial IV', messageOf(2, [{ number: OSCORE, value: Uint8Array.of(8, 5) }], 'x')],
  ])('%s: 4.02', (_, message) => {
    expect(refusalOf(server, message)).toBe('4.02 Failed to decode COSE')
  })

  it('that a peer wrote badly: 4.02, and it was received all the same', () => {
    // A marker before nothing, the code of a response, no method, and OSCORE once more.
    for (const [number, plaintext] of [
      [70, [1, 0xff]],
      [71, [69]],
      [72, [0]],
      [73, [1, 0x90]],
    ] as const) {
      const message = forge(client, number, Uint8Array.from(plaintext))
      expect(refusalOf(server, message)).toBe('4.02 Failed to decode COSE')
      expect(refusalOf(server, message)).toBe('4.01 Replay detected')
    }
  })

  it('is nothing for errors of another kind', () => {
    expect(refusalFor(new RangeError('argument'))).toBeUndefined()
    expect(refusalFor(new WaxwingError('ERR_NOT_READY', 'wait'))).toBeUndefined()
  })
})

describe('whatever comes', () => {
  it('is refused with one of four codes as a request, three as a response', () => {
    const { client, server } = pairOf()
    const { exchange } = protectRequest(client, messageOf(1))
    const { exchange: done, message: last } = protectRequest(client, messageOf(1))
    unprotectResponse(done, protectResponse(accept(server, last).exchange, messageOf(69)))
    const messages = fc.record({
      code: fc.integer({ min: 0, max: 255 }),
      options: fc.array(
        fc.record({
          number: fc.constantFrom(3, 6, OSCORE, 999),
          value: fc.uint8Array({ maxLength: 12 }),
        }),
      ),
      payload: fc.uint8Array({ maxLength: 30 }),
    })
    fc.assert(
      fc.property(messages, (message) => {
        const named = withHeader(
          message,
          encodeOscoreOption({ kid: server.recipient.recipientId, partialIv: Uint8Array.of(1) }),
        )
        for (const each of [message, named]) expect(refusalOf(server, each)).toMatch(/^4\.0[012] /)
        const codes = [exchange, done].map((each) => codeOf(() => unprotectResponse(each, message)))
        expect(codes[0]).toMatch(/^ERR_(MALFORMED|NOT_AUTHENTIC)$/)
        expect(codes[1]).toBe('ERR_REPLAYED')
      }),
      { numRuns: 500 },
    )
  })
})

describe('a context is found', () => {
  const named = (recipientId: number, idContext?: number): SecurityContext =>
    freshContext({
      ...INPUT,
      senderId: Uint8Array.of(0xee),
      recipientId: Uint8Array.of(recipientId),
      idContext: idContext === undefined ? undefined : Uint8Array.of(idContext),
    })
  const [a, a1, a2, b] = [named(1), named(1, 1), named(1, 2), named(2)]
  const book = new ContextBook()
  for (const context of [a, a1, a2, b, a]) book.add(context)
  const found = (kid: number, kidContext?: number): readonly SecurityContext[] =>
    book.find(Uint8Array.of(kid), kidContext === undefined ? undefined : Uint8Array.of(kidContext))

  it('by kid, and by kid context where there is one', () => {
    expect(found(1)).toEqual([a1, a2, a])
    expect(found(1, 2)).toEqual([a2])
    expect(found(1, 3)).toEqual([])
    expect(found(2)).toEqual([b])
    expect(found(3)).toEqual([])
  })

  it('until it is deleted', () => {
    const other = new ContextBook()
    other.add(a)
    other.delete(b)
    expect(other.find(Uint8Array.of(1), undefined)).toEqual([a])
    other.delete(a)
    expect(other.find(Uint8Array.of(1), undefined)).toEqual([])
  })

  it('among several of one kid by trying, and a replay for one is none for another', () => {
    const inputs = [1, 2].map((idContext) => ({ ...INPUT, idContext: Uint8Array.of(idContext) }))
    const servers = inputs.map((input) => freshContext(mirrored(input)))
    const all = new ContextBook()
    for (const server of servers) all.add(server)
    for (const [i, input] of inputs.entries()) {
      const { message } = protectRequest(freshContext(input), messageOf(1), {
        withKidContext: false,
      })
      const received = unprotectRequest(all.find, message)
      expect(received.exchange.context).toBe(servers[i])
      expect(() => unprotectRequest(all.find, message)).toThrow(WaxwingError)
    }
  })

  it('by no request that names another ID Context', () => {
    const { client, server } = pairOf({ ...INPUT, idContext: Uint8Array.of(1) })
    const { message } = protectRequest(client, messageOf(1))
    const kid = client.sender.senderId
    const renamed = encodeOscoreOption({
      kid,
      partialIv: Uint8Array.of(0),
      kidContext: Uint8Array.of(2),
    })
    expect(() => unprotectRequest(only(server), withHeader(message, renamed))).toThrow(
      refused('ERR_KEY_UNKNOWN'),
    )
    expect(accept(server, message).request.code).toBe(1)
  })
})

describe('after the replay window was lost', () => {
  const reboot = (): SecurityContext =>
    deriveContext(nodeProvider, mirrored(INPUT), {
      sequence: SenderSequence.ofFreshKeys(),
      replay: ReplayGuard.lost(nodeProvider),
    })

  it('a request is challenged, and accepted when it comes again with the echo', () => {
    const client = freshContext()
    const server = reboot()
    const old = protectRequest(client, messageOf(2, [], 'old')).message
    const asked = protectRequest(client, messageOf(2, [], 'open'))
    const received = unprotectRequest(only(server), asked.message)
    if (received.kind !== 'unconfirmed') throw new Error(received.kind)
    const challenge = protectResponse(received.exchange, received.challenge)
    const again = answerChallenge(
      messageOf(2, [], 'open'),
      unprotectResponse(asked.exchange, challenge),
    )
    const second = protectRequest(client, again!)
    const accepted = accept(server, second.message)
    expect(accepted.request.payload).toEqual(new TextEncoder().encode('open'))
    for (const replay of [old, asked.message, second.message]) {
      expect(() => unprotectRequest(only(server), replay)).toThrow(refused('ERR_REPLAYED'))
    }
    expect(accept(server, protectRequest(client, messageOf(1)).message).request.code).toBe(1)
  })

  it('a challenge has a Partial IV of its own, an Echo option alone, and no nonce twice', () => {
    const client = freshContext()
    const server = reboot()
    const { message } = protectRequest(client, messageOf(1))
    const headers = [1, 2].map(() => {
      const received = unprotectRequest(only(server), message)
      if (received.kind !== 'unconfirmed') throw new Error(received.kind)
      expect(received.challenge).toEqual(
        messageOf(129, [{ number: ECHO, value: server.recipient.replay.challenge! }]),
      )
      const response = protectResponse(received.exchange, received.challenge)
      return response.options.find(({ number }) => number === OSCORE)!.value
    })
    expect(headers).toEqual([Uint8Array.of(1, 0), Uint8Array.of(1, 1)])
  })

  it('an echo of somebody else, or of another start, confirms nothing', () => {
    const client = freshContext()
    const server = reboot()
    for (const value of [EMPTY, new Uint8Array(8), reboot().recipient.replay.challenge!]) {
      const { message } = protectRequest(client, messageOf(1, [{ number: ECHO, value }]))
      expect(unprotectRequest(only(server), message).kind).toBe('unconfirmed')
    }
    expect(server.recipient.replay.state).toBeUndefined()
  })

  it('a response that is no challenge is not answered', () => {
    const request = messageOf(1)
    expect(answerChallenge(request, messageOf(129))).toBeUndefined()
    expect(answerChallenge(request, messageOf(69, [option(ECHO, 'e')]))).toBeUndefined()
    const once = answerChallenge(
      messageOf(1, [option(ECHO, 'old')]),
      messageOf(129, [option(ECHO, 'e')]),
    )
    expect(once?.options).toEqual([option(ECHO, 'e')])
  })
})

it('errors that OSCORE sends are not OSCORE messages', () => {
  expect(isOscoreMessage(refusalFor(new WaxwingError('ERR_REPLAYED', 'x'))!)).toBe(false)
  expect(isOscoreMessage(protectRequest(freshContext(), messageOf(1)).message)).toBe(true)
})

/** A request with any plaintext, as a peer that holds the keys can make it. */
function forge(
  { common, sender }: SecurityContext,
  number: number,
  plaintext: Uint8Array,
): CoapMessage {
  const request = { kid: sender.senderId, partialIv: Uint8Array.of(number) }
  const nonce = constructNonce({ ...common, idPiv: request.kid, partialIv: request.partialIv })
  const payload = encrypt({ common, aead: sender.aead, nonce, request }, plaintext)
  return { code: 2, options: [{ number: OSCORE, value: encodeOscoreOption(request) }], payload }
}
