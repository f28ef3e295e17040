// SPDX-License-Identifier: Apache-2.0
/** Packets: against the `smpp` package, which is not ours, and against bytes of nobody. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex, WaxwingError } from '@waxwing/core'
import {
  decodeDeliverSm,
  decodeSubmitResponse,
  encodePdu,
  encodeSubmitSm,
} from '../src/smpp/pdu.js'
import { PduReader } from '../src/smpp/pdu-reader.js'

const ADDRESS = { ton: 1, npi: 1, digits: '4915112345678' }
/** Up to sm_length: from 49 to 11, data coding 4. */
const FIXED = `0001013439000101313100${'00'.repeat(7)}0400`

describe('a submit_sm', () => {
  it('has its fields in the order of the tables, byte for byte', () => {
    const body = encodeSubmitSm({
      source: { ton: 5, npi: 0, digits: 'Waxwing' },
      destination: ADDRESS,
      esmClass: 0x40,
      dataCoding: 4,
      validityPeriod: '000000010000000R',
      registeredDelivery: 1,
      message: Uint8Array.of(5, 0, 3, 7, 2, 1, 0xaa),
    })
    expect(toHex(body)).toBe(
      [
        '00', // service_type
        '0500', // source
        '57617877696e6700',
        '0101', // destination
        '3439313531313233343536373800',
        '400000', // esm_class, protocol_id, priority_flag
        '00', // schedule_delivery_time
        '3030303030303031303030303030305200',
        '010004', // registered_delivery, replace_if_present_flag, data_coding
        '0007', // sm_default_msg_id, sm_length
        '050003070201aa',
      ].join(''),
    )
  })

  it('puts what is longer than a message into message_payload', () => {
    const body = encodeSubmitSm({
      source: ADDRESS,
      destination: ADDRESS,
      esmClass: 0,
      dataCoding: 4,
      validityPeriod: '',
      registeredDelivery: 0,
      message: new Uint8Array(),
      payload: new Uint8Array(300).fill(1),
    })
    expect(toHex(body)).toContain('00000400000424012c0101')
  })
})

describe('a deliver_sm', () => {
  const deliver = (tail: string): Uint8Array =>
    Buffer.from((FIXED + tail).replaceAll(' ', ''), 'hex')

  it('is read with its optional parameters', () => {
    const decoded = decodeDeliverSm(deliver('02abcd 020c00020007 14000000'))
    expect(decoded).toMatchObject({ source: { ton: 1, digits: '49' }, dataCoding: 4 })
    expect(toHex(decoded.message)).toBe('abcd')
    expect(toHex(decoded.tags.get(0x020c) ?? Buffer.of())).toBe('0007')
    expect(decoded.tags.get(0x1400)).toHaveLength(0)
  })

  it('is read from message_payload where the short message is empty', () => {
    expect(toHex(decodeDeliverSm(deliver('00 04240003010203')).message)).toBe('010203')
  })

  it.each([
    ['a message longer than the packet', '05abcd'],
    ['both a short message and a payload', '01ab 0424000101'],
    ['a parameter longer than the packet', '00 020c0005aa'],
    ['half a parameter', '00 020c'],
    ['more parameters than any packet has', '00' + '15000000'.repeat(65)],
  ])('is refused with %s', (_why, tail) => {
    expect(() => decodeDeliverSm(deliver(tail))).toThrow(/deliver_sm: bad/)
  })

  it.each([
    ['an address without an end', '000101'.padEnd(80, '34')],
    ['an address of control characters', `0001010a00${FIXED.slice(12)}00`],
    ['an address that is too long', `000101${'34'.repeat(21)}00${FIXED.slice(12)}00`],
  ])('is refused with %s', (_why, hex) => {
    expect(() => decodeDeliverSm(Buffer.from(hex, 'hex'))).toThrow(/deliver_sm: bad/)
  })

  it('is read or refused as malformed, whatever the bytes', () => {
    const changed = fc.tuple(fc.uint8Array({ maxLength: 80 }), fc.nat(90))
    fc.assert(
      fc.property(changed, ([noise, at]) => {
        const bytes = Buffer.concat([deliver('02abcd').subarray(0, at), noise])
        try {
          decodeDeliverSm(bytes)
          decodeSubmitResponse(bytes)
        } catch (error) {
          if (!(error instanceof WaxwingError)) throw error
          expect(error.code).toBe('ERR_MALFORMED')
        }
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('a stream of packets', () => {
  const packets = [0, 1, 40, 3_000].map((length, i) => ({
    command: 0x8000_0004,
    status: i,
    sequence: 0xffff_ffff - i,
    body: new Uint8Array(length).fill(i),
  }))
  const stream = Buffer.concat(packets.map(encodePdu))

  it('is cut at the right places, however it comes', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(lengths, (cuts) => {
        const reader = new PduReader()
        const found: unknown[] = []
        for (let at = 0, i = 0; at < stream.length; i++) {
          const end = at + (cuts[i % cuts.length] ?? 1)
          reader.push(stream.subarray(at, end))
          at = end
          for (let pdu = reader.next(); pdu !== undefined; pdu = reader.next()) found.push(pdu)
        }
        expect(found).toEqual(packets)
      }),
    )
  })

  it.each([0, 15, 66_561, 0xffff_ffff])('ends at a length of %i', (length) => {
    const reader = new PduReader()
    const header = Buffer.alloc(16)
    header.writeUInt32BE(length)
    reader.push(header)
    expect(() => reader.next()).toThrow(/command_length/)
  })
})
