// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  emptyDatagram,
  encodeDatagram,
  messageKey,
  readHeader,
  readMessage,
  readToken,
  stampMessageId,
  TYPE,
  unconfirm,
} from '../../src/messaging/datagram.ts'
import { canonicalPeer, plainAddress } from '../../src/messaging/addresses.ts'
import { decoded } from './decoded.ts'

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength })
const option = fc.record({ number: fc.nat(65_535), value: bytes(300) })
const message = fc.record({
  code: fc.integer({ min: 1, max: 255 }),
  options: fc
    .array(option, { maxLength: 6 })
    .map((options) => options.toSorted((a, b) => a.number - b.number)),
  payload: bytes(100),
})
const head = fc.record({
  type: fc.nat(3),
  messageId: fc.nat(65_535),
  token: bytes(8).map((token) => Buffer.from(token).toString('latin1')),
})

describe('a datagram', () => {
  it('is read as it was written', () => {
    const property = fc.property(head, message, ({ type, messageId, token }, whole) => {
      const datagram = encodeDatagram(type, messageId, token, whole)
      const read = decoded(datagram)
      expect(read.header).toEqual({ type, messageId, code: whole.code, tokenBytes: token.length })
      expect(read.token).toBe(token)
      expect(read.message).toEqual(whole)
    })
    fc.assert(property)
  })

  it('of any bytes is read, ignored or refused with ERR_MALFORMED', () => {
    const property = fc.property(bytes(40), fc.boolean(), (any, isVersionOne) => {
      const datagram = Buffer.from(any)
      if (isVersionOne && datagram.length > 0) datagram[0] = (datagram[0]! & 0x3f) | 0x40
      const header = readHeader(datagram)
      if (header === undefined) return
      try {
        const read = readMessage(datagram, header)
        expect(read.code).toBe(header.code)
      } catch (error) {
        expect(error).toBeInstanceOf(WaxwingError)
        expect(error).toMatchObject({ code: 'ERR_MALFORMED' })
      }
    })
    fc.assert(property, { numRuns: 2_000 })
  })

  it('has one key for its duplicates, by message id and token', () => {
    const key = (datagram: Buffer): string => messageKey(datagram, readHeader(datagram)!)
    const write = (messageId: number, token: string): Buffer =>
      encodeDatagram(TYPE.con, messageId, token, { code: 1, options: [], payload: Buffer.of(1) })
    expect(key(write(1, 'a'))).toBe(key(write(1, 'a')))
    const keys = [write(1, 'a'), write(2, 'a'), write(1, 'b'), write(1, '')].map(key)
    expect(new Set(keys).size).toBe(4)
  })

  it('gets its message id late, and may lose its wish for an acknowledgement', () => {
    const datagram = encodeDatagram(TYPE.con, 0, 'tok', {
      code: 69,
      options: [],
      payload: Buffer.from('text'),
    })
    stampMessageId(datagram, 0xabcd)
    unconfirm(datagram)
    expect(readHeader(datagram)).toMatchObject({ type: TYPE.non, messageId: 0xabcd, code: 69 })
    expect(readToken(datagram, readHeader(datagram)!)).toBe('tok')
    expect([...emptyDatagram(TYPE.ack, 0x0102)]).toEqual([0x60, 0, 1, 2])
  })
})

describe('an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['0:0:0:0:0:FFFF:192.0.2.1', '192.0.2.1'],
    ['2001:DB8::0:1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
  ])('has one spelling: %s', (given, expected) => {
    expect(canonicalPeer({ address: given, port: 5683 }).address).toBe(expected)
  })

  it('that only looks mapped stays as it is', () => {
    expect(plainAddress('::ffff:0:1')).toBe('::ffff:0:1')
  })
})
