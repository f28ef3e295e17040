// SPDX-License-Identifier: Apache-2.0
/** Whatever reads what anybody may have sent gives a value, or a `WaxwingError` with a code it names. */

import * as fc from 'fast-check'
import { WaxwingError } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import {
  type CoapMessage,
  encodeOscoreOption,
  encodePartialIv,
  fromHttp,
  OuterBlocks,
  parseOscoreField,
  protectRequest,
  RederivingClient,
  RederivingServer,
  toHttp,
  unprotectResponse,
} from '../../src/index.js'
import { freshContext, INPUT, messageOf, mirrored } from '../support/contexts.js'

const CODES = new Set([
  'ERR_MALFORMED',
  'ERR_KEY_UNKNOWN',
  'ERR_REPLAYED',
  'ERR_NOT_AUTHENTIC',
  'ERR_LIMIT',
])

const headers = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc
    .record({
      kid: fc.constantFrom(INPUT.senderId, INPUT.recipientId, new Uint8Array(0)),
      partialIv: fc.nat(2 ** 31).map(encodePartialIv),
      kidContext: fc.oneof(
        fc.uint8Array({ maxLength: 30 }),
        fc.uint8Array({ maxLength: 23 }).map((id) => Uint8Array.of(0x40 + id.length, ...id)),
      ),
    })
    .map(encodeOscoreOption),
)
const messages: fc.Arbitrary<CoapMessage> = fc.record({
  code: fc.integer({ min: 0, max: 255 }),
  options: fc.array(
    fc.oneof(
      headers.map((value) => ({ number: 9, value })),
      fc.record({
        number: fc.constantFrom(6, 23, 27, 999),
        value: fc.uint8Array({ maxLength: 4 }),
      }),
    ),
    { maxLength: 3 },
  ),
  payload: fc.uint8Array({ maxLength: 80 }),
})

/** Runs, and counts an error of another kind as a failure. */
function runs(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(WaxwingError)
    expect(CODES).toContain((error as WaxwingError).code)
    return false
  }
}

describe('whatever was sent', () => {
  const server = new RederivingServer(nodeProvider, mirrored(INPUT))
  const client = new RederivingClient(nodeProvider, INPUT)
  client.ask(messageOf(1))
  const { exchange } = protectRequest(freshContext(), messageOf(1))

  it('is no request #1, and no response to anything', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(runs(() => server.receive(message))).toBe(false)
        expect(runs(() => client.confirm(message, messageOf(1)))).toBe(false)
        expect(runs(() => unprotectResponse(exchange, message))).toBe(false)
      }),
      { numRuns: 1000 },
    )
  })

  it('is put together from blocks, or refused', () => {
    fc.assert(
      fc.property(fc.array(messages, { maxLength: 6 }), (all) => {
        for (const direction of ['request', 'response'] as const) {
          const blocks = new OuterBlocks(direction, 100)
          for (const message of all) runs(() => blocks.add(message))
        }
      }),
      { numRuns: 500 },
    )
  })

  it('comes over HTTP, or is refused', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.uint8Array({ maxLength: 3 }),
        messages,
        (field, body, message) => {
          runs(() => parseOscoreField(field))
          runs(() => fromHttp('request', field, body))
          runs(() => toHttp(message))
        },
      ),
      { numRuns: 500 },
    )
  })
})
