// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { fromHex, toHex, WaxwingError } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import {
  formatOscoreField,
  fromHttp,
  OSCORE_MEDIA_TYPE,
  parseOscoreField,
  protectRequest,
  protectResponse,
  toHttp,
  unprotectResponse,
} from '../../src/index.js'
import { accept, messageOf, pairOf } from '../support/contexts.js'

describe('the OSCORE header field', () => {
  // RFC 8613 Sections 11.2 and 11.5.
  it.each([
    ['', 'AA'],
    ['0925', 'CSU'],
  ])('of option "%s" is %s', (option, field) => {
    expect(formatOscoreField(fromHex(option))).toBe(field)
    expect(toHex(parseOscoreField(field))).toBe(option)
  })

  it.each(['', 'A', 'CSU=', 'CS+', 'CS U', 'CSV'])('is not "%s"', (field) => {
    expect(() => parseOscoreField(field)).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }),
    )
  })

  it('gives every option back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), (option) => {
        fc.pre(option.length > 1 || option[0] !== 0)
        expect(parseOscoreField(formatOscoreField(option))).toEqual(option)
      }),
    )
  })
})

describe('an exchange over HTTP', () => {
  it('ends where it would end over CoAP', () => {
    const { client, server } = pairOf()
    const { message, exchange } = protectRequest(client, messageOf(1, [], 'question'))
    const sent = toHttp(message)
    expect(sent.headers['Content-Type']).toBe(OSCORE_MEDIA_TYPE)
    const accepted = accept(server, fromHttp('request', sent.headers.OSCORE, sent.body))
    expect(accepted.request).toEqual(messageOf(1, [], 'question'))
    const answer = toHttp(protectResponse(accepted.exchange, messageOf(69, [], 'answer')))
    expect(answer.headers.OSCORE).toBe('AA')
    const received = fromHttp('response', answer.headers.OSCORE, answer.body)
    expect(received.code).toBe(68)
    expect(unprotectResponse(exchange, received)).toEqual(messageOf(69, [], 'answer'))
  })

  it('has OSCORE messages alone', () => {
    expect(() => toHttp(messageOf(2, [], 'plain'))).toThrow(WaxwingError)
    expect(() => fromHttp('request', 'AQ', Uint8Array.of(1))).toThrow(WaxwingError)
    expect(() => fromHttp('request', 'CSU', new Uint8Array(0))).toThrow(WaxwingError)
  })
})
