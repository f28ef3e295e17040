// SPDX-License-Identifier: Apache-2.0
import { toHex } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import {
  type ClientExchange,
  type CoapMessage,
  decodeOscoreOption,
  encodeOscoreOption,
  optionValue,
  protectRequest,
  protectResponse,
  type ProtectResponseOptions,
  type ServerExchange,
  unprotectRequest,
  unprotectResponse,
} from '../../src/index.js'
import { accept, messageOf, only, option, type Pair, pairOf } from '../support/contexts.js'

const OBSERVE = 6
const OSCORE = 9
const CONTENT = 69
const refused = (code: string): unknown => expect.objectContaining({ code })

interface Observation {
  readonly client: ClientExchange
  readonly server: ServerExchange
  /** Protects a notification with a text. */
  readonly notify: (text: string, options?: ProtectResponseOptions) => CoapMessage
  /** The text of a notification that was accepted. */
  readonly read: (message: CoapMessage) => string
}

function observation(observe = ''): Observation {
  const pair = pairOf()
  const { message, exchange } = protectRequest(
    pair.client,
    messageOf(1, [option(OBSERVE, observe)]),
  )
  const { exchange: server } = accept(pair.server, message)
  return {
    client: exchange,
    server,
    notify: (text, options) =>
      protectResponse(server, messageOf(CONTENT, [option(OBSERVE, 'xyz')], text), options),
    read: (message_) => new TextDecoder().decode(unprotectResponse(exchange, message_).payload),
  }
}

const partialIvOf = (message: CoapMessage): string | undefined => {
  const { partialIv } = decodeOscoreOption(optionValue(message, OSCORE)!)
  return partialIv === undefined ? undefined : toHex(partialIv)
}

describe('a registration', () => {
  it('is a FETCH with the same Observe inside and outside', () => {
    const { client, server } = pairOf()
    const { message } = protectRequest(client, messageOf(1, [option(OBSERVE, '\u0001')]))
    expect(message).toHaveProperty('code', 5)
    expect(optionValue(message, OBSERVE)).toEqual(Uint8Array.of(1))
    const outside = message.options.filter(({ number }) => number !== OBSERVE)
    const { request } = accept(server, { ...message, options: outside })
    expect(request.options).toEqual([option(OBSERVE, '\u0001')])
  })

  it('cannot be made by an intermediary', () => {
    const { client, server } = pairOf()
    const { message, exchange } = protectRequest(client, messageOf(1))
    const changed = { ...message, code: 5, options: [option(OBSERVE), ...message.options] }
    const accepted = accept(server, changed)
    expect(accepted.request.options).toEqual([])
    const notification = protectResponse(accepted.exchange, messageOf(CONTENT, [option(OBSERVE)]))
    expect(() => unprotectResponse(exchange, notification)).toThrow(refused('ERR_MALFORMED'))
  })
})

describe('notifications', () => {
  it('have a Partial IV each, but for the first', () => {
    const { notify } = observation()
    const messages = [notify('a'), notify('b'), notify('c')]
    expect(messages.map(partialIvOf)).toEqual([undefined, '00', '01'])
  })

  it('have one each, if the first has one', () => {
    const { notify } = observation()
    expect([notify('a', { ownPartialIv: true }), notify('b')].map(partialIvOf)).toEqual([
      '00',
      '01',
    ])
  })

  it('carry Observe outside as it was, and inside empty', () => {
    const { notify, client } = observation()
    const message = notify('a', { ownPartialIv: true })
    expect(message).toHaveProperty('code', CONTENT)
    expect(optionValue(message, OBSERVE)).toEqual(new TextEncoder().encode('xyz'))
    expect(optionValue(unprotectResponse(client, message), OBSERVE)).toEqual(Uint8Array.of(0))
  })

  it('are kept out of caches by an Outer Max-Age, if wanted', () => {
    const { client, notify } = observation()
    const message = notify('a', { isUncached: true })
    expect(optionValue(message, 14)).toEqual(new Uint8Array(0))
    expect(optionValue(unprotectResponse(client, message), 14)).toBeUndefined()
    expect(optionValue(notify('b'), 14)).toBeUndefined()
  })

  it('are accepted in the order of their Partial IVs, once', () => {
    const { notify, read } = observation()
    const [a, b, c, d] = [notify('a'), notify('b'), notify('c'), notify('d')]
    expect(read(a)).toBe('a')
    expect(() => read(a)).toThrow(refused('ERR_REPLAYED'))
    expect(read(c)).toBe('c')
    expect(() => read(b)).toThrow(refused('ERR_REPLAYED'))
    expect(() => read(c)).toThrow(refused('ERR_REPLAYED'))
    expect(read(d)).toBe('d')
  })

  it('are older than all others without Partial IV', () => {
    const { notify, read } = observation()
    const [first, second] = [notify('a'), notify('b')]
    expect(read(second)).toBe('b')
    expect(() => read(first)).toThrow(refused('ERR_REPLAYED'))
  })

  it('go on after a bad one', () => {
    const { notify, read } = observation()
    const bad = { ...notify('a'), payload: new Uint8Array(20) }
    expect(() => read(bad)).toThrow(refused('ERR_NOT_AUTHENTIC'))
    expect(read(notify('b'))).toBe('b')
  })

  it('end with a response without Observe', () => {
    const { client, server, notify, read } = observation()
    expect(read(notify('a'))).toBe('a')
    expect(client.isDone).toBe(false)
    expect(read(protectResponse(server, messageOf(132, [], 'gone')))).toBe('gone')
    expect(client.isDone).toBe(true)
    expect(() => read(notify('b'))).toThrow(refused('ERR_REPLAYED'))
  })

  it('are not expected after a cancellation', () => {
    const { notify, read } = observation('\u0001')
    expect(() => read(notify('a'))).toThrow(refused('ERR_MALFORMED'))
  })

  it('belong to their registration', () => {
    const { client, server } = pairOf()
    const register = messageOf(1, [option(OBSERVE)])
    const [one, other] = [protectRequest(client, register), protectRequest(client, register)]
    const accepted = accept(server, one.message)
    const notification = protectResponse(accepted.exchange, messageOf(CONTENT, [option(OBSERVE)]), {
      ownPartialIv: true,
    })
    expect(() => unprotectResponse(other.exchange, notification)).toThrow(
      refused('ERR_NOT_AUTHENTIC'),
    )
    expect(unprotectResponse(one.exchange, notification).code).toBe(CONTENT)
  })
})

describe('a cancellation', () => {
  const register = messageOf(1, [option(OBSERVE)])
  const cancel = messageOf(1, [option(OBSERVE, '\u0001')])
  const registered = (): Pair & {
    readonly mine: ClientExchange
    readonly theirs: ServerExchange
  } => {
    const pair = pairOf()
    const { message, exchange } = protectRequest(pair.client, register)
    return { ...pair, mine: exchange, theirs: accept(pair.server, message).exchange }
  }

  it('is bound to the Partial IV of its registration', () => {
    const { client, server, mine, theirs } = registered()
    const { message, exchange } = protectRequest(client, cancel, { registration: mine })
    expect(partialIvOf(message)).toBe('01')
    expect(() => unprotectRequest(only(server), message)).toThrow(refused('ERR_NOT_AUTHENTIC'))
    const received = unprotectRequest(only(server), message, { registrations: () => [theirs] })
    expect(received).toMatchObject({ kind: 'accepted', request: cancel })
    const answer = protectResponse(received.exchange, messageOf(CONTENT, [], 'over'))
    expect(unprotectResponse(exchange, answer)).toEqual(messageOf(CONTENT, [], 'over'))
  })

  it('is found among several registrations, and belongs to no other', () => {
    const { client, server, theirs } = registered()
    const second = protectRequest(client, register)
    const ofSecond = accept(server, second.message).exchange
    const { message } = protectRequest(client, cancel, { registration: second.exchange })
    const among = (...registrations: ServerExchange[]): unknown =>
      unprotectRequest(only(server), message, { registrations: () => registrations })
    expect(() => among(theirs)).toThrow(refused('ERR_NOT_AUTHENTIC'))
    expect(among(theirs, ofSecond)).toHaveProperty('kind', 'accepted')
  })

  it('is bound to itself where no registration is given', () => {
    const { client, server, theirs } = registered()
    const { message } = protectRequest(client, cancel)
    const received = unprotectRequest(only(server), message, { registrations: () => [theirs] })
    expect(received).toHaveProperty('kind', 'accepted')
  })

  it('has a registration of its own context, and nothing else has one', () => {
    const { client, mine } = registered()
    const other = protectRequest(pairOf().client, register).exchange
    const plain = protectRequest(client, messageOf(1)).exchange
    for (const [request, registration] of [
      [register, mine],
      [messageOf(1), mine],
      [cancel, other],
      [cancel, plain],
    ] as const) {
      expect(() => protectRequest(client, request, { registration })).toThrow(RangeError)
    }
  })
})

describe('responses', () => {
  it('are signaling messages only where the request was one', () => {
    const pong = messageOf(227)
    for (const [request, isTaken] of [
      [messageOf(226), true],
      [messageOf(1), false],
    ] as const) {
      const { client, server } = pairOf()
      const { message, exchange } = protectRequest(client, request)
      const answer = protectResponse(accept(server, message).exchange, pong)
      const take = (): CoapMessage => unprotectResponse(exchange, answer)
      if (isTaken) expect(take()).toEqual(pong)
      else expect(take).toThrow(refused('ERR_MALFORMED'))
    }
  })

  it('use the nonce of their request once', () => {
    const { client, server } = pairOf()
    const { exchange } = accept(server, protectRequest(client, messageOf(1)).message)
    const answers = [1, 2, 3].map(() => protectResponse(exchange, messageOf(CONTENT)))
    expect(answers.map(partialIvOf)).toEqual([undefined, '00', '01'])
  })

  it('are accepted once', () => {
    const { client, server } = pairOf()
    const { message, exchange } = protectRequest(client, messageOf(1))
    const accepted = accept(server, message)
    const answers = [1, 2].map(() => protectResponse(accepted.exchange, messageOf(CONTENT)))
    expect(unprotectResponse(exchange, answers[1]!).code).toBe(CONTENT)
    for (const answer of answers) {
      expect(() => unprotectResponse(exchange, answer)).toThrow(refused('ERR_REPLAYED'))
    }
  })

  it.each([false, true])('belong to their request, own Partial IV %s', (ownPartialIv) => {
    const { client, server } = pairOf()
    const one = protectRequest(client, messageOf(1))
    const other = protectRequest(client, messageOf(1))
    const accepted = accept(server, one.message)
    const answer = protectResponse(accepted.exchange, messageOf(CONTENT), { ownPartialIv })
    expect(() => unprotectResponse(other.exchange, answer)).toThrow(refused('ERR_NOT_AUTHENTIC'))
    expect(unprotectResponse(one.exchange, answer).code).toBe(CONTENT)
  })

  it('may name the server, and no other', () => {
    const { client, server } = pairOf()
    const { message, exchange } = protectRequest(client, messageOf(1))
    const answer = protectResponse(accept(server, message).exchange, messageOf(CONTENT))
    const named = (kid: Uint8Array): CoapMessage => ({
      ...answer,
      options: [{ number: OSCORE, value: encodeOscoreOption({ kid }) }],
    })
    const wrong = named(client.sender.senderId)
    expect(() => unprotectResponse(exchange, wrong)).toThrow(refused('ERR_NOT_AUTHENTIC'))
    expect(unprotectResponse(exchange, named(server.sender.senderId)).code).toBe(CONTENT)
  })
})
