// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { toHex } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import { eadFromCbor, encodeEad } from '../../src/edhoc/ead.js'
import { encodePlaintext2 } from '../../src/edhoc/messages.js'
import { decodeSequence } from '../../src/edhoc/sequence.js'
import {
  decodeErrorMessage,
  type EadItem,
  padding,
  type PeerToResolve,
  startInitiator,
} from '../../src/edhoc/index.js'
import { replyOf } from './failures.js'
import { forgedMessage2 } from './forged.js'
import { exchange, worldOf } from './world.js'

const { randomBytes } = nodeProvider

const items: fc.Arbitrary<EadItem> = fc.record({
  label: fc.integer({ min: 1, max: 65_535 }),
  critical: fc.boolean(),
  value: fc.option(fc.uint8Array({ maxLength: 30 }), { nil: undefined }),
})
const fields = fc.array(items, { maxLength: 4 })

describe('EAD items', () => {
  it('are read back as what they were', () => {
    fc.assert(
      fc.property(fields, (field) => {
        expect(eadFromCbor(decodeSequence(encodeEad(field), 'EAD'), 'EAD')).toEqual(field)
      }),
    )
  })

  it('are written as labels, negative where they are critical, with or without a value', () => {
    expect(
      toHex(
        encodeEad([
          { label: 1 },
          { label: 2, critical: true },
          { label: 24, value: Uint8Array.of(7) },
          { label: 65_535, critical: true, value: new Uint8Array(0) },
        ]),
      ),
    ).toBe('01211818410739fffe40')
  })

  it.each([[{ label: -1 }], [{ label: 65_536 }], [{ label: 1.5 }], [{ label: 0, critical: true }]])(
    'are not %o',
    (item) => {
      expect(() => encodeEad([item])).toThrow(RangeError)
    },
  )

  it('are 16 at the most', () => {
    const sixteen = Array.from({ length: 16 }, () => ({ label: 1, value: Uint8Array.of(7) }))
    const values = decodeSequence(encodeEad(sixteen), 'EAD')
    expect(eadFromCbor(values, 'EAD')).toHaveLength(16)
    expect(() => encodeEad([...sixteen, { label: 1 }])).toThrow(RangeError)
    expect(() => eadFromCbor([...values, 1], 'EAD')).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED', details: { field: 'EAD' } }),
    )
  })

  it('are not looked at in a sequence that has no end', () => {
    expect(decodeSequence(new Uint8Array(64), 'EAD')).toHaveLength(64)
    expect(() => decodeSequence(new Uint8Array(65), 'EAD')).toThrow(
      expect.objectContaining({ details: { field: 'number of items' } }),
    )
  })

  it.each(['40', '014040', 'f6', '6161', '1a00010000', '3a00010000', '80'])(
    'are not the sequence %s',
    (hex) => {
      const values = decodeSequence(Buffer.from(hex, 'hex'), 'EAD')
      expect(() => eadFromCbor(values, 'EAD')).toThrow(
        expect.objectContaining({ code: 'ERR_MALFORMED', details: { field: 'EAD' } }),
      )
    },
  )
})

describe('EAD', () => {
  it('of all four messages arrives, in its order, with any padding between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(fields, fields, fields, fields),
        fc.nat({ max: 300 }),
        async (ead, paddingBytes) => {
          const world = worldOf()
          const knownEad = ead.flat().map(({ label }) => label)
          const between = padding(paddingBytes, randomBytes)
          const padded = ead.map((field) => [
            ...field.flatMap((item) => [...between, item]),
            ...between,
          ])
          const arrived = await exchange(
            {
              initiator: { ...world.initiator, knownEad },
              responder: { ...world.responder, knownEad },
            },
            { ead: padded },
          )
          expect(arrived.ead).toEqual(ead)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('that is not critical may be unknown, at every message', async () => {
    const field: readonly EadItem[] = [{ label: 7, critical: false, value: undefined }]
    const ead = [field, field, field, field]
    expect((await exchange(worldOf(), { ead })).ead).toEqual(ead)
  })

  it('that is critical and not known ends the session, at every message', async () => {
    const critical: readonly EadItem[] = [{ label: 7, critical: true }]
    for (const at of [0, 1, 2, 3]) {
      const ead = [0, 1, 2, 3].map((number) => (number === at ? critical : []))
      const failure = await exchange(worldOf(), { ead }).catch((error: unknown) => error)
      expect(failure, `EAD_${at + 1}`).toMatchObject({
        code: 'ERR_UNSUPPORTED',
        details: { field: 'EAD' },
      })
      expect(decodeErrorMessage(replyOf(failure)!).kind).toBe('unspecified')
    }
  })

  it('is there for whoever resolves the credential of the peer', async () => {
    const world = worldOf()
    const seen: PeerToResolve[] = []
    const watched = <T extends (typeof world)['initiator' | 'responder']>(end: T): T => ({
      ...end,
      resolve: (idCred: Parameters<T['resolve']>[0], peer: PeerToResolve) => {
        seen.push(peer)
        return end.resolve(idCred, peer)
      },
    })
    const ead = [[], [{ label: 2 }], [{ label: 3 }], []]
    await exchange(
      { initiator: watched(world.initiator), responder: watched(world.responder) },
      { ead },
    )
    expect(seen.map(({ ead: [item], method, suite }) => [item?.label, method, suite.id])).toEqual([
      [2, 3, 2],
      [3, 3, 2],
    ])
  })

  it('of a message_2 that nobody vouches for is not looked at before its form is right', async () => {
    const { message1, waiting } = startInitiator(worldOf().initiator)
    const forged = forgedMessage2(
      message1,
      encodePlaintext2({
        cR: Uint8Array.of(1),
        idCred: { kind: 'kid', kid: Uint8Array.of(1) },
        signatureOrMac: new Uint8Array(8),
        ead: [{ label: 9, critical: true }],
      }),
    )
    await expect(waiting.receive(forged)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
  })
})

describe('padding', () => {
  it('takes exactly as many bytes as asked', () => {
    const lengths = [...Array(600).keys(), 65_538, 65_539, 65_540, 65_541, 65_542]
    for (const length of lengths) {
      expect(encodeEad(padding(length, randomBytes)), `${length} bytes`).toHaveLength(length)
    }
    for (const bad of [-1, 0.5, Number.NaN])
      expect(() => padding(bad, randomBytes)).toThrow(RangeError)
  })

  it('looks as RFC 9528 Section 3.8.1 shows it', () => {
    const e9 = (): Uint8Array => Uint8Array.of(0xe9)
    expect([1, 3].map((length) => toHex(encodeEad(padding(length, e9))))).toEqual(['00', '0041e9'])
    expect(toHex(encodeEad(padding(2, randomBytes)))).toBe('0040')
  })

  it('makes messages longer by what it takes', async () => {
    const plain = (await exchange(worldOf())).messages
    const ead = [10, 20, 19, 4].map((length) => padding(length, randomBytes))
    const padded = (await exchange(worldOf(), { ead })).messages
    const added = (['message1', 'message2', 'message3', 'message4'] as const).map(
      (name) => padded[name].length - plain[name].length,
    )
    // Another byte where the byte string around a ciphertext needs a longer head.
    expect(added).toEqual([10, 20, 20, 4])
  })
})
