// SPDX-License-Identifier: Apache-2.0
import { fromHex, type ErrorCode } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import { decodeErrorMessage, receiveMessage1, startInitiator } from '../../src/edhoc/index.js'
import { describePublished } from '../support/published.js'
import { replyOf, thrownBy } from './failures.js'
import { forgedMessage2 } from './forged.js'
import { type InvalidMessage, RFC_9529, type Rfc9529 } from './trace.js'
import { worldOf } from './world.js'

/** What each published message is refused as, by its title: the code, and the field that is wrong. */
const REFUSALS: Readonly<Record<string, readonly [ErrorCode, field: string | undefined]>> = {
  'Surplus array encoding of message': ['ERR_MALFORMED', 'METHOD'],
  'Surplus bstr encoding of connection identifier': ['ERR_MALFORMED', 'C_I'],
  'Surplus array encoding of ciphersuite': ['ERR_MALFORMED', 'SUITES_I'],
  'Text string encoding of ephemeral key': ['ERR_MALFORMED', 'G_X'],
  'Wrong number of CBOR sequence elements': ['ERR_MALFORMED', 'byte string'],
  'Surplus map encoding of ID_CRED field': ['ERR_MALFORMED', 'ID_CRED'],
  'Surplus bstr encoding of ID_CRED field': ['ERR_MALFORMED', 'ID_CRED'],
  // Suite 24, on another curve, is none of ours: what its key should look like is not asked.
  'Error in length of ephemeral key': ['ERR_UNSUPPORTED', 'SUITES_I'],
  'Error in elliptic curve representation': ['ERR_KEY_INVALID', undefined],
  'Error in elliptic curve point': ['ERR_KEY_INVALID', undefined],
  'Curve point of low order': ['ERR_KEY_INVALID', undefined],
  'Error in length of MAC': ['ERR_MALFORMED', 'Signature_or_MAC'],
  'Error in elliptic curve encoding': ['ERR_MALFORMED', 'G_X'],
  'Unnecessary long encoding': ['ERR_MALFORMED', 'CBOR'],
  'Indefinite-length array encoding': ['ERR_MALFORMED', 'CBOR'],
}

async function refusalOf({ item, hex }: InvalidMessage): Promise<unknown> {
  const bytes = fromHex(hex)
  // The keys of the published messages are for suite 2, but for the one that names suite 0.
  const { initiator, responder } = worldOf({ method: 3, suite: 2 })
  if (item === 'message_1') {
    return thrownBy(() => receiveMessage1({ ...responder, suites: [2, 0] }, bytes))
  }
  const { message1, waiting } = startInitiator(initiator)
  const message2 = item === 'message_2' ? bytes : forgedMessage2(message1, bytes)
  return waiting.receive(message2).catch((error: unknown) => error)
}

describePublished<Rfc9529>('the invalid messages of RFC 9529', RFC_9529, ({ invalid }) => {
  it('are all refused, each for its one reason', async () => {
    expect(invalid.map(({ title }) => title).toSorted()).toEqual(Object.keys(REFUSALS).toSorted())
    for (const message of invalid) {
      const [code, field] = REFUSALS[message.title]!
      const refusal = await refusalOf(message)
      expect(refusal, message.title).toMatchObject({ code, details: field ? { field } : {} })
    }
  })

  it('are answered alike, but for the one that names other suites', async () => {
    for (const message of invalid) {
      const reply = replyOf(await refusalOf(message))
      const kind =
        message.title === 'Error in length of ephemeral key' ? 'wrong-suite' : 'unspecified'
      expect(decodeErrorMessage(reply!).kind, message.title).toBe(kind)
    }
  })
})

describe('a public key', () => {
  // RFC 7748 Section 6.1: what points of small order look like.
  it.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ])('of small order, %s, is refused by both', async (hex) => {
    const { initiator, responder } = worldOf({ suite: 0 })
    const gX = fromHex(`03005820${hex}0e`)
    expect(thrownBy(() => receiveMessage1(responder, gX))).toMatchObject({
      code: 'ERR_KEY_INVALID',
    })
    const gY = fromHex(`582b${hex}${'00'.repeat(11)}`)
    const { waiting } = startInitiator(initiator)
    await expect(waiting.receive(gY)).rejects.toMatchObject({ code: 'ERR_KEY_INVALID' })
  })

  it('that is a coordinate of no point of P-256 is refused by both', async () => {
    const { initiator, responder } = worldOf({ suite: 2 })
    const hex = 'a04e73601df544a70ba7ea1e57030f7d4b4eb7f673924e58d54ca77a5e7d4d4a'
    expect(thrownBy(() => receiveMessage1(responder, fromHex(`03025820${hex}0e`)))).toMatchObject({
      code: 'ERR_KEY_INVALID',
    })
    const { waiting } = startInitiator(initiator)
    const message2 = fromHex(`582b${hex}${'00'.repeat(11)}`)
    await expect(waiting.receive(message2)).rejects.toMatchObject({ code: 'ERR_KEY_INVALID' })
  })

  it('of small order in a credential ends the session as well', async () => {
    const { initiator, responder } = worldOf({ suite: 0 })
    const { message1, waiting } = startInitiator({
      ...initiator,
      resolve: () => ({
        encoded: Uint8Array.of(0xa0),
        publicKey: { curve: 'x25519', x: new Uint8Array(32) },
      }),
    })
    const accepted = receiveMessage1(responder, message1)
    const { message2 } = accepted.message2({ connectionId: Uint8Array.of(1) })
    await expect(waiting.receive(message2)).rejects.toMatchObject({ code: 'ERR_KEY_INVALID' })
  })

  it('of the Initiator is drawn anew for each message_1', () => {
    const { initiator } = worldOf({ crypto: nodeProvider })
    const [first, second] = [1, 2].map(() => startInitiator(initiator).message1)
    expect(first).not.toEqual(second)
  })
})
