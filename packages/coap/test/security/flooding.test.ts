// SPDX-License-Identifier: Apache-2.0
import { toHex } from '@waxwing/core'
import {
  type CoapMessage,
  decodeOscoreOption,
  encodeOscoreOption,
  OPTION,
  optionValue,
} from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import type { Response } from '../../src/handler.js'
import { VERIFIED, type VerifiableRequest } from '../../src/messaging/verified.js'
import type { KnownPeer } from '../../src/security/index.js'
import {
  CHANGED,
  edhocWorld,
  EMPTY,
  messageOf,
  POST,
  textOf,
  UNAUTHORIZED,
  withheld,
  type World,
} from './world.js'

const CHALLENGE = messageOf(UNAUTHORIZED, [{ number: OPTION.echo, value: Uint8Array.of(1) }])

/** Sends a message from an address of its own, which may be invented. */
function from(
  { wire }: World,
  message: CoapMessage,
  number: number,
  isProven = false,
): Promise<Response> {
  const { signal } = new AbortController()
  const peer = { address: `10.0.0.${number}`, port: 5683 }
  const challenge = (): CoapMessage | undefined => (isProven ? undefined : CHALLENGE)
  const request: VerifiableRequest = {
    ...message,
    peer,
    signal,
    [VERIFIED]: { markVerified: () => undefined, challenge },
  }
  return wire.server(request)
}

describe('a flood of message_1', () => {
  it('from invented addresses fills half of the places, and others are taken', async () => {
    const world = await edhocWorld({}, { maxHalfOpen: 8 })
    const message1 = await withheld(world)
    const codes: number[] = []
    for (let i = 0; i < 12; i++) codes.push((await from(world, message1, i)).code)
    expect(codes.filter((code) => code === CHANGED)).toHaveLength(4)
    expect(codes.slice(4)).toEqual(Array.from({ length: 8 }, () => UNAUTHORIZED))
    expect((await from(world, message1, 99, true)).code).toBe(CHANGED)
    expect(textOf(await world.ask())).toBe('on')
  })
})

describe('what does not verify', () => {
  it('has nobody asked whom to believe', async () => {
    const world = await edhocWorld()
    await world.ask()
    const { edhoc } = world.server.options
    const known = edhoc!.peers as readonly KnownPeer[]
    let asked = 0
    const peers = (): readonly KnownPeer[] => {
      asked++
      return known
    }
    Object.assign(edhoc!, { peers })
    await world.restartServer()
    asked = 0
    const kidContext = Uint8Array.of(0x48, 1, 2, 3, 4, 5, 6, 7, 8)
    const value = encodeOscoreOption({ kid: EMPTY, partialIv: Uint8Array.of(0), kidContext })
    const garbage = messageOf(POST, [{ number: OPTION.oscore, value }], 'as long as a ciphertext')
    for (let i = 0; i < 20; i++) expect((await from(world, garbage, 1)).code >> 5).toBe(4)
    expect(asked).toBe(0)
    expect(textOf(await world.ask())).toBe('on')
    expect(asked).toBeGreaterThan(0)
  })

  it('is the request of a client that is not believed any more', async () => {
    const world = await edhocWorld()
    await world.ask()
    const { edhoc } = world.server.options
    let known = edhoc!.peers as readonly KnownPeer[]
    Object.assign(edhoc!, { peers: () => known })
    await world.restartServer()
    known = []
    await expect(world.ask()).rejects.toThrow()
    expect(world.asked).toHaveLength(1)
    expect(world.server.store.snapshot().tables.get('coap-security')!.size).toBe(1)
  })
})

describe('an identifier of EDHOC', () => {
  it('is given out once, also while somebody is asked whom to believe', async () => {
    const world = await edhocWorld()
    const { edhoc } = world.server.options
    const known = edhoc!.peers as readonly KnownPeer[]
    const [asked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let isHeld = false
    const peers = async (): Promise<readonly KnownPeer[]> => {
      if (!isHeld) return known
      asked.resolve()
      await answer.promise
      return known
    }
    Object.assign(edhoc!, { peers })
    await world.restartServer()
    isHeld = true
    const other = await world.client.copied().start()
    const first = world.ask()
    await asked.promise
    const second = other.ask(world.wire)
    await new Promise((resolve) => setImmediate(resolve))
    answer.resolve()
    expect((await Promise.all([first, second])).map(textOf)).toEqual(['on', 'on'])
    const kids = world.wire.seen.flatMap((message) => {
      const { kid } = decodeOscoreOption(optionValue(message, OPTION.oscore) ?? EMPTY)
      return kid === undefined ? [] : [toHex(kid)]
    })
    expect(new Set(kids).size).toBe(2)
  })
})
