// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BlockedDirection,
  type CoapMessage,
  OuterBlocks,
  protectRequest,
} from '../../src/index.js'
import { accept, messageOf, option, pairOf } from '../support/contexts.js'

const NUMBERS = { request: { block: 27, size: 60 }, response: { block: 23, size: 28 } }
const refused = (code: string): unknown => expect.objectContaining({ code })

/** The message as a proxy cuts it, in blocks of 2^(4 + exponent) bytes. */
function cut(
  message: CoapMessage,
  direction: BlockedDirection,
  exponent = 0,
): readonly CoapMessage[] {
  const bytes = 2 ** (4 + exponent)
  const count = Math.ceil(message.payload.length / bytes)
  return Array.from({ length: count }, (_, i) => {
    const integer = i * 16 + (i < count - 1 ? 8 : 0) + exponent
    const value = Uint8Array.of(integer >> 8, integer & 0xff)
    const block = { number: NUMBERS[direction].block, value }
    const size = { number: NUMBERS[direction].size, value: Uint8Array.of(200) }
    const payload = message.payload.subarray(i * bytes, (i + 1) * bytes)
    return { ...message, options: [...message.options, block, size], payload }
  })
}

const protectedMessage = (bytes: number): CoapMessage =>
  protectRequest(pairOf().client, messageOf(2, [option(11, 'a')], 'x'.repeat(bytes))).message

describe('outer blocks', () => {
  it('give the message as it was', () => {
    const directions = fc.constantFrom<BlockedDirection>('request', 'response')
    fc.assert(
      fc.property(directions, fc.nat(200), fc.nat(2), (direction, bytes, exponent) => {
        const message = protectedMessage(bytes)
        const blocks = new OuterBlocks(direction, 1000)
        const results = cut(message, direction, exponent).map((block) => blocks.add(block))
        expect(results.at(-1)).toEqual(message)
        expect(results.slice(0, -1).every((result) => result === undefined)).toBe(true)
      }),
    )
  })

  it('are put together before anything is decrypted', () => {
    const { client, server } = pairOf()
    const { message } = protectRequest(client, messageOf(2, [], 'y'.repeat(50)))
    const blocks = new OuterBlocks('request', 100)
    const [whole] = cut(message, 'request').flatMap((block) => blocks.add(block) ?? [])
    expect(accept(server, whole!).request).toEqual(messageOf(2, [], 'y'.repeat(50)))
  })

  it('leave a message without them alone', () => {
    const message = protectedMessage(5)
    expect(new OuterBlocks('request', 1).add(message)).toBe(message)
    const other = cut(message, 'response')[0]!
    expect(new OuterBlocks('request', 1).add(other)).toBe(other)
  })

  it('begin anew with block 0', () => {
    const message = protectedMessage(40)
    const blocks = new OuterBlocks('request', 100)
    const all = cut(message, 'request')
    for (const block of [all[0]!, all[1]!, ...all.slice(0, -1)]) blocks.add(block)
    expect(blocks.add(all.at(-1)!)).toEqual(message)
  })

  it('end at the limit', () => {
    const all = cut(protectedMessage(40), 'request')
    const blocks = new OuterBlocks('request', 31)
    blocks.add(all[0]!)
    expect(() => blocks.add(all[1]!)).toThrow(refused('ERR_LIMIT'))
    expect(() => blocks.add(all[1]!)).toThrow(refused('ERR_MALFORMED'))
    expect(() => new OuterBlocks('request', 0)).toThrow(RangeError)
  })

  it.each<[string, (all: readonly CoapMessage[]) => CoapMessage]>([
    ['is missing', (all) => all[2]!],
    ['comes twice', (all) => all[0]!],
    [
      'is of another message',
      (all) => ({ ...all[1]!, options: cut(other, 'request')[1]!.options }),
    ],
    ['is short', (all) => ({ ...all[1]!, payload: all[1]!.payload.subarray(1) })],
    ['is long', (all) => ({ ...all[1]!, payload: new Uint8Array(17) })],
    ['has a reserved size', (all) => withBlock(all[1]!, Uint8Array.of(0x1f))],
    ['has an option of 4 bytes', (all) => withBlock(all[1]!, Uint8Array.of(0, 0, 0, 0x18))],
  ])('are refused where one %s', (what, wrong) => {
    const all = cut(protectedMessage(60), 'request')
    const blocks = new OuterBlocks('request', 1000)
    blocks.add(all[0]!)
    if (what === 'comes twice') blocks.add(all[1]!)
    const next = what === 'comes twice' ? all[1]! : wrong(all)
    expect(() => blocks.add(next)).toThrow(refused('ERR_MALFORMED'))
  })
})

const other = { ...protectedMessage(60), options: [option(9, 'other')] }

function withBlock(message: CoapMessage, value: Uint8Array): CoapMessage {
  return {
    ...message,
    options: message.options.map((each) => (each.number === 27 ? { number: 27, value } : each)),
  }
}
