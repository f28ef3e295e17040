// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { concatBytes, encodeCbor, WaxwingError } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { EdhocError, receiveMessage1, startInitiator } from '../../src/edhoc/index.js'
import {
  decodeCiphertext,
  decodeMessage1,
  decodeMessage2,
  decodePlaintext2,
  decodePlaintext3,
  decodePlaintext4,
  encodeCiphertext,
  encodeMessage1,
  encodeMessage2,
  encodePlaintext2,
  encodePlaintext3,
} from '../../src/edhoc/messages.js'
import { encodeEad } from '../../src/edhoc/ead.js'
import { encodeSequence } from '../../src/edhoc/sequence.js'
import { isShortAsError } from '../../src/edhoc/error-message.js'
import { forgedMessage2 } from './forged.js'
import { exchange, METHODS, worldOf } from './world.js'

/** Sequences of small items, of which messages consist. */
const items = fc.oneof(
  fc.integer({ min: -30, max: 30 }),
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 8, maxLength: 8 }),
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  fc.constantFrom(null, true, 'a', [], [2], [2, 3], new Map(), new Map([[4, new Uint8Array(1)]])),
)
const sequences = fc.array(items, { maxLength: 7 }).map((list) => encodeSequence(list))
const bytes = fc.oneof(fc.uint8Array({ maxLength: 60 }), sequences)

interface Codec {
  readonly name: string
  readonly again: (input: Uint8Array) => Uint8Array
}

/** Each decoder, and the encoder that gives back what it accepted. */
const CODECS: readonly Codec[] = [
  { name: 'message_1', again: (input) => encodeMessage1(decodeMessage1(input)) },
  {
    name: 'message_2',
    again: (input) => {
      const { gY, ciphertext2 } = decodeMessage2(input)
      return encodeMessage2(gY, ciphertext2)
    },
  },
  { name: 'message_3', again: (input) => encodeCiphertext(decodeCiphertext(input, 'message_3')) },
  { name: 'PLAINTEXT_2', again: (input) => encodePlaintext2(decodePlaintext2(input, 8)) },
  { name: 'PLAINTEXT_3', again: (input) => encodePlaintext3(decodePlaintext3(input, 8)) },
  { name: 'PLAINTEXT_4', again: (input) => encodeEad(decodePlaintext4(input)) },
]

describe.each(CODECS)('the decoder of $name', ({ again }) => {
  it('gives back byte for byte what it accepts, and refuses all else with one code', () => {
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          expect(again(input)).toEqual(input)
        } catch (error) {
          if (!(error instanceof WaxwingError)) throw error
          expect(error.code).toBe('ERR_MALFORMED')
        }
      }),
      { numRuns: 1500 },
    )
  })
})

describe('any bytes', () => {
  it('are a message_1, or refused, with an answer unless they may be an error message', () => {
    const { responder } = worldOf()
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          receiveMessage1(responder, input)
        } catch (error) {
          if (!(error instanceof EdhocError)) throw error
          expect(error.reply === undefined).toBe(isShortAsError(input))
        }
      }),
      { numRuns: 500 },
    )
  })

  it('inside a message_2 of somebody without a key end the session', async () => {
    const { initiator } = worldOf()
    await fc.assert(
      fc.asyncProperty(bytes, async (plaintext2) => {
        const { message1, waiting } = startInitiator(initiator)
        const message2 = forgedMessage2(message1, plaintext2)
        await expect(waiting.receive(message2)).rejects.toBeInstanceOf(EdhocError)
      }),
      { numRuns: 200 },
    )
  })
})

describe('messages', () => {
  it('are at their limit when PLAINTEXT_2 has 8160 bytes', async () => {
    for (const method of METHODS) {
      const world = worldOf({ method })
      const plain = (await exchange(world)).messages.message2.length
      const withPadding = async (paddingBytes: number): Promise<number> => {
        const ead2 = [{ label: 1, value: new Uint8Array(paddingBytes) }]
        return (await exchange(world, { ead: [[], ead2] })).messages.message2.length
      }
      // Behind the head of two bytes around message_2 stands G_Y. Label and head take four bytes here.
      const room = 8160 - (plain - 2 - 32) - 4
      expect(await withPadding(room)).toBe(3 + 32 + 8160)
      await expect(withPadding(room + 1)).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    }
  })

  it('that claim more than a keystream has are refused', async () => {
    const { waiting } = startInitiator(worldOf({ suite: 0 }).initiator)
    const gY = Uint8Array.of(9, ...new Uint8Array(31))
    const message2 = encodeCbor(concatBytes(gY, new Uint8Array(8161)))
    await expect(waiting.receive(message2)).rejects.toMatchObject({ code: 'ERR_LIMIT' })
  })
})
