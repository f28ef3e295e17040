// SPDX-License-Identifier: Apache-2.0
/** What is sent, against an implementation that takes the steps of RFC 8613 one by one. */

import * as fc from 'fast-check'
import { toHex } from '@waxwing/core'
import { expect, it } from 'vitest'
import { coap, header, type Options, seal } from '../../../../tools/vectors/oscore/by-hand.ts'
import {
  type CoapMessage,
  type CoapOption,
  deriveContext,
  encodeCoap,
  encodePartialIv,
  maxIdBytes,
  protectRequest,
  protectResponse,
  ReplayGuard,
  SenderSequence,
  sortOptions,
} from '../../src/index.js'
import { requests, responses } from '../coap/arbitrary-messages.js'
import { accept, mirrored, recordFrom } from '../support/contexts.js'
import { SUITES } from '../support/providers.js'

const EMPTY = new Uint8Array(0)
const OBSERVE = 6
const OUTSIDE = new Set([3, 7, 21, 39])

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength })
const suites = fc.constantFrom(...SUITES)
const inputs = fc
  .record({
    masterSecret: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    masterSalt: bytes(20),
    idContext: fc.option(bytes(30), { nil: undefined }),
    ids: fc.uniqueArray(fc.uint8Array({ maxLength: 6 }), {
      minLength: 2,
      maxLength: 2,
      selector: toHex,
    }),
  })
  .map(({ ids, ...input }) => ({ ...input, senderId: ids[0]!, recipientId: ids[1]! }))
const numbers = fc.integer({ min: 0, max: 2 ** 40 - 2 })

const pairs = (options: readonly CoapOption[]): Options =>
  sortOptions(options).map(({ number, value }) => [number, value] as const)
const outside = (message: CoapMessage, value: Uint8Array): Options =>
  pairs([
    ...message.options.filter(({ number }) => OUTSIDE.has(number) || number === OBSERVE),
    { number: 9, value },
  ])
const inside = (message: CoapMessage): readonly CoapOption[] =>
  message.options.filter(({ number }) => !OUTSIDE.has(number))
const hasObserve = (message: CoapMessage): boolean =>
  message.options.some(({ number }) => number === OBSERVE)

it('requests and responses are sent as by hand', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ suite: suites, input: inputs, request: requests, response: responses }),
      fc.record({ first: numbers, own: numbers, ownPartialIv: fc.boolean() }),
      async ({ suite, input, request, response }, { first, own, ownPartialIv }) => {
        const { crypto, algorithm } = suite
        expect(maxIdBytes(algorithm)).toBeGreaterThanOrEqual(6)
        const both = { ...input, algorithm }
        const state = async (
          from: number,
        ): Promise<{ sequence: SenderSequence; replay: ReplayGuard }> => {
          const sequence = await SenderSequence.open(recordFrom(from), { blockSize: 1 })
          await sequence.ready()
          return { sequence, replay: ReplayGuard.ofFreshKeys() }
        }
        const client = deriveContext(crypto, both, await state(first))
        const server = deriveContext(crypto, mirrored(both), await state(own))
        const { senderId: kid, recipientId } = input
        const partialIv = encodePartialIv(first)
        const names = { requestKid: kid, requestPartialIv: partialIv }

        const sent = protectRequest(client, request).message
        const plaintext = coap(request.code, pairs(inside(request)), request.payload)
        const sealed = seal(both, { senderId: kid, idPiv: kid, partialIv, ...names }, plaintext)
        const options = outside(request, header(partialIv, kid, input.idContext))
        expect(toHex(encodeCoap(sent))).toBe(
          toHex(coap(hasObserve(request) ? 5 : 2, options, sealed)),
        )

        const { exchange } = accept(server, sent)
        const answer = protectResponse(exchange, response, { ownPartialIv })
        const ownIv = ownPartialIv ? encodePartialIv(own) : undefined
        const inner = inside(response).map(({ number, value }) => ({
          number,
          value: number === OBSERVE ? EMPTY : value,
        }))
        const nonce =
          ownIv === undefined ? { idPiv: kid, partialIv } : { idPiv: recipientId, partialIv: ownIv }
        const answered = seal(
          both,
          { senderId: recipientId, ...nonce, ...names },
          coap(response.code, pairs(inner), response.payload),
        )
        expect(toHex(encodeCoap(answer))).toBe(
          toHex(coap(hasObserve(response) ? 69 : 68, outside(response, header(ownIv)), answered)),
        )
      },
    ),
    { numRuns: 300 },
  )
})
