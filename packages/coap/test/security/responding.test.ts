// SPDX-License-Identifier: Apache-2.0
import { memoryStore } from '@waxwing/client'
import { type CoapMessage, encodeEdhocPayload, encodeOscoreOption, OPTION } from '@waxwing/oscore'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ownEdhocCredential } from '../../src/security/index.js'
import {
  coded,
  edhocWorld,
  EMPTY,
  End,
  messageOf,
  plainly,
  POST,
  segment,
  textOf,
  withheld,
  withOscore,
} from './world.js'

describe('EDHOC at the server', () => {
  const edhoc = (payload: Uint8Array): CoapMessage => ({
    code: POST,
    options: [segment('.well-known'), segment('edhoc')],
    payload,
  })

  it('keeps few exchanges that wait, and overwrites the first of who begins many', async () => {
    const world = await edhocWorld({}, { maxHalfOpen: 4 })
    const message1 = await withheld(world)
    for (let i = 0; i < 20; i++) expect((await plainly(world, message1)).code).toBe(0x44)
    // Another address is not displaced by one that floods.
    const { server } = world.wire
    world.wire.server = async (request) => {
      const response = await server({ ...request, peer: { address: '192.0.2.9', port: 1 } })
      for (let i = 0; i < 20; i++) await plainly({ ...world, wire: { server } as never }, message1)
      return response
    }
    expect(textOf(await world.ask())).toBe('on')
  })

  it('refuses a client whom it does not know, and says no more', async () => {
    const world = await edhocWorld()
    const crypto = world.record.crypto
    const own = await ownEdhocCredential({ store: memoryStore(), crypto })
    const { edhoc: known } = world.client.options
    const stranger = await new End({ crypto, edhoc: { own, peers: known!.peers } }).start()
    await expect(stranger.ask(world.wire)).rejects.toMatchObject(coded('ERR_KEY_UNKNOWN'))
    expect(world.asked).toEqual([])
  })

  it('takes message_3 once', async () => {
    const world = await edhocWorld()
    await world.ask()
    const combined = world.wire.seen[2]!
    expect(await plainly(world, combined)).toMatchObject({ code: 0x80 })
    expect(world.asked).toHaveLength(1)
  })

  it('answers whatever is sent to it with an error, and goes on', async () => {
    const world = await edhocWorld()
    const message1 = await withheld(world)
    const { asked } = world
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc
            .uint8Array({ maxLength: 60 })
            .map((message) => encodeEdhocPayload({ kind: 'message_1', message })),
          fc
            .tuple(fc.nat(), fc.nat(255))
            .map(([at, byte]) => message1.payload.with(at % message1.payload.length, byte)),
        ),
        async (payload) => {
          const response = await plainly(world, edhoc(payload))
          expect([0x44, 0x80]).toContain(response.code)
          for (const options of [[{ number: OPTION.edhoc, value: EMPTY }], []]) {
            const value = encodeOscoreOption({
              kid: payload.slice(0, 1),
              partialIv: Uint8Array.of(1),
            })
            const message = { ...withOscore(messageOf(POST, options), value), payload }
            expect((await plainly(world, message)).code >> 5).toBe(4)
          }
        },
      ),
      { numRuns: 300 },
    )
    expect(asked).toEqual([])
    expect(textOf(await world.ask())).toBe('on')
  })

  it('forgets the clients that were not there for the longest time, who come back by themselves', async () => {
    const world = await edhocWorld({}, { maxClients: 2 })
    const others = [world.client.copied(), world.client.copied(), world.client.copied()]
    for (const other of others) {
      other.store = memoryStore()
      await other.start()
      await other.ask(world.wire)
    }
    expect(world.server.events.filter(({ kind }) => kind === 'evicted')).toHaveLength(1)
    expect(world.server.store.snapshot().tables.get('coap-security')!.size).toBe(3)
    expect(textOf(await others[0]!.ask(world.wire))).toBe('on')
    expect(others[0]!.established).toEqual(['edhoc', 'edhoc'])
  })

  it('is over for a peer that is forgotten, or not believed any more', async () => {
    const world = await edhocWorld()
    await world.ask()
    await world.server.security.forget('desk')
    expect(world.server.store.snapshot().tables.get('coap-security')!.size).toBe(1)
    await world.ask()
    expect(world.client.established).toEqual(['edhoc', 'edhoc'])
    Object.assign(world.server.options.edhoc!, { peers: [] })
    await world.restartServer()
    expect(world.server.store.snapshot().tables.get('coap-security')!.size).toBe(1)
    await expect(world.ask()).rejects.toMatchObject(coded('ERR_KEY_UNKNOWN'))
  })

  it('is over for a server that the client forgets', async () => {
    const world = await edhocWorld()
    await world.ask()
    await world.client.security.forget('lamp')
    expect(world.client.store.snapshot().tables.get('coap-security')!.size).toBe(1)
    await world.ask()
    expect(world.client.established).toEqual(['edhoc', 'edhoc'])
  })
})
