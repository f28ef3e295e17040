// SPDX-License-Identifier: Apache-2.0
/** Messages of anybody: what is a payload is taken, and nothing else does harm. */
import * as fc from 'fast-check'
import rhea from 'rhea'
import { describe, expect, it } from 'vitest'
import { decodeMessage, encodeMessage } from '../../src/amqp-1-0/message.js'
import { UnreadableError } from '../../src/amqp-1-0/value-reader.js'

const { data_section, data_sections, sequence_section, encode } = rhea.message
const BYTES = Buffer.from([0, 1, 2, 255])

/** A section, by its number. */
function section(number: number, ...value: readonly number[]): Buffer {
  return Buffer.from([0x00, 0x53, number, ...value])
}

describe('what was encoded', () => {
  it('is decoded to the same payload, properties and addresses', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 300 })
    const property = fc.property(
      fc.uint8Array({ maxLength: 2_000 }),
      fc.dictionary(text, text, { maxKeys: 5 }),
      text,
      (payload, properties, address) => {
        const { 'delivery-count': _, 'content-type': __, ...others } = properties
        const outgoing = { payload, properties: others, to: address, subject: address }
        const message = decodeMessage(encodeMessage(outgoing))
        expect(message).toMatchObject({ to: address, subject: address, properties: others })
        expect(Buffer.compare(message.payload, payload)).toBe(0)
      },
    )
    fc.assert(property, { numRuns: 300 })
  })

  it('keeps its content type apart from the other properties', () => {
    const properties = { 'content-type': 'application/cose', other: 'x' }
    const bytes = encodeMessage({ payload: BYTES, properties })
    expect(decodeMessage(bytes).properties).toEqual(properties)
    expect(rhea.message.decode(bytes)).toMatchObject({
      content_type: 'application/cose',
      application_properties: { other: 'x' },
      durable: true,
    })
  })
})

describe('what others encoded', () => {
  const payloadOf = (body: unknown): number[] => [...decodeMessage(encode({ body })).payload]

  it('is taken where it is one data section, several of them, or a binary value', () => {
    expect(payloadOf(data_section(BYTES))).toEqual([...BYTES])
    expect(payloadOf(data_sections([BYTES, Buffer.alloc(0), BYTES]))).toEqual([...BYTES, ...BYTES])
    expect(payloadOf(BYTES)).toEqual([...BYTES])
  })

  it('is refused where it is text, a sequence, a list, nothing, or has no body at all', () => {
    for (const body of ['text', sequence_section([1, 2]), [1, 2], null, { a: 1 }, 7]) {
      expect(() => payloadOf(body)).toThrow(UnreadableError)
    }
    expect(() => decodeMessage(section(0x70, 0x45))).toThrow(/no body/)
  })

  it('is read with names for descriptors as with numbers', () => {
    const name = Buffer.from('amqp:data:binary')
    const bytes = Buffer.concat([Buffer.from([0, 0xa3, name.length]), name, Buffer.of(0xa0, 1, 7)])
    expect([...decodeMessage(bytes).payload]).toEqual([7])
  })

  it('says how often it was delivered in vain, and whether anybody had it', () => {
    const bytes = encode({ delivery_count: 3, first_acquirer: true, body: data_section(BYTES) })
    const message = decodeMessage(bytes)
    expect(message).toMatchObject({ deliveryCount: 3, firstAcquirer: true })
    expect(message.properties).toEqual({ 'delivery-count': '3' })
  })

  it('has the properties that are text, and goes past those that are not', () => {
    const application_properties = { text: 'a', count: 7, flag: true, nothing: null, list: [1] }
    const bytes = encode({ application_properties, body: data_section(BYTES) })
    expect(decodeMessage(bytes).properties).toEqual({ text: 'a' })
  })

  it('cannot give an object that is handed over another nature', () => {
    const bytes = encode({
      application_properties: Object.fromEntries([['__proto__', 'x']]),
      body: data_section(BYTES),
    })
    const { properties } = decodeMessage(bytes)
    expect(Object.getPrototypeOf(properties)).toBe(Object.prototype)
    expect(Object.keys(properties)).toEqual(['__proto__'])
  })
})

describe('hostile bytes', () => {
  const body = section(0x75, 0xa0, 1, 7)

  it('claim an array of four thousand million nothings, and are passed over', () => {
    const bomb = Buffer.from([0xf0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x40])
    const annotations = section(0x72, 0xc1, 2 + bomb.length, 2, 0x40, ...bomb)
    const started = performance.now()
    expect([...decodeMessage(Buffer.concat([annotations, body])).payload]).toEqual([7])
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it('claim more properties than anybody has, and are refused', () => {
    const many = section(0x74, 0xd1, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff)
    expect(() => decodeMessage(Buffer.concat([many, body]))).toThrow(/too many/)
  })

  it('are refused in one way, whatever they are', () => {
    const seeds = [
      encodeMessage({ payload: BYTES, properties: { a: 'b', 'content-type': 'c' }, to: 'a/b' }),
      encode({ delivery_count: 1, message_annotations: { x: 1 }, body: data_sections([BYTES]) }),
    ]
    const changed = fc
      .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(200), fc.nat(255))), fc.nat(200))
      .map(([seed, changes, cut]) => {
        const bytes = new Uint8Array(seed)
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        return cut < 150 ? bytes : bytes.subarray(0, cut % bytes.length)
      })
    const property = fc.property(fc.oneof(changed, fc.uint8Array()), (bytes) => {
      try {
        expect(decodeMessage(bytes).payload.length).toBeLessThanOrEqual(bytes.length)
      } catch (error) {
        expect(error).toBeInstanceOf(UnreadableError)
      }
    })
    fc.assert(property, { numRuns: 5_000 })
  })
})
