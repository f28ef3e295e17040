// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import type { CryptoProvider } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { pureProvider } from '@waxwing/core/pure'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import { type Completed, CREDENTIAL_KINDS, exchange, METHODS, SUITES, worldOf } from './world.js'

const methods = fc.constantFrom(...METHODS)
const suites = fc.constantFrom(...SUITES)
const kinds = fc.constantFrom(...CREDENTIAL_KINDS)
const identifiers = fc.uint8Array({ maxLength: 7 })

function expectAgreement({ initiator, responder }: Completed): void {
  const none = new Uint8Array(0)
  expect(initiator.exporter(32_768, none, 40)).toEqual(responder.exporter(32_768, none, 40))
  const ofInitiator = initiator.oscore()
  const { senderId, recipientId } = ofInitiator
  expect(responder.oscore()).toEqual({
    ...ofInitiator,
    senderId: recipientId,
    recipientId: senderId,
  })
}

describe('an exchange', () => {
  it('gives both ends the same keys, with every method and every suite', async () => {
    for (const method of METHODS) {
      for (const suite of SUITES) {
        const completed = await exchange(worldOf({ method, suite }))
        expectAgreement(completed)
        expect(completed.initiator).toMatchObject({ method, suite: { id: suite } })
      }
    }
  })

  it('tells each end who the other is, with whatever credentials', async () => {
    await fc.assert(
      fc.asyncProperty(
        methods,
        suites,
        kinds,
        kinds,
        fc.uniqueArray(identifiers, { minLength: 2, maxLength: 2, selector: String }),
        async (method, suite, ofInitiator, ofResponder, [connectionId, cR]) => {
          const world = worldOf({ method, suite, ofInitiator, ofResponder })
          const initiator = { ...world.initiator, connectionId: connectionId! }
          const completed = await exchange({ ...world, initiator }, { cR: cR! })
          expectAgreement(completed)
          const { initiator: mine, responder: theirs } = completed
          expect(mine.peer.connectionId).toEqual(cR)
          expect(theirs.peer.connectionId).toEqual(connectionId)
          expect(world.responder.credentials).toContainEqual(
            expect.objectContaining({ idCred: mine.peer.idCred, credential: mine.peer.credential }),
          )
          expect(world.initiator.credentials).toContainEqual(
            expect.objectContaining({
              idCred: theirs.peer.idCred,
              credential: theirs.peer.credential,
            }),
          )
        },
      ),
      { numRuns: 150 },
    )
  })

  it('is the same with providers of different kinds at both ends', async () => {
    const providers: readonly CryptoProvider[] = [nodeProvider, pureProvider, sodiumProvider]
    const able = providers.filter(({ aeads }) => aeads.has(10) && aeads.has(30))
    expect(able.length).toBeGreaterThan(0)
    for (const crypto of able) {
      for (const [method, suite] of [
        [0, 1],
        [0, 3],
        [3, 0],
        [3, 2],
      ] as const) {
        const world = worldOf({ method, suite })
        const initiator = { ...world.initiator, crypto }
        expectAgreement(await exchange({ ...world, initiator }))
      }
    }
  })

  it('takes 37, 45 and 19 bytes with static Diffie-Hellman keys and identifiers of one byte', async () => {
    for (const suite of [0, 2] as const) {
      const { message1, message2, message3, message4 } = (await exchange(worldOf({ suite })))
        .messages
      expect([message1, message2, message3, message4].map(({ length }) => length)).toEqual([
        37, 45, 19, 9,
      ])
    }
  })
})
