// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { fromHex, toHex } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import {
  type EdhocCredential,
  receiveMessage1,
  type ResolveCredential,
  startInitiator,
} from '../../src/edhoc/index.js'
import { recording } from './recording.js'
import { C_I, C_R, complete, exchange, METHODS, worldOf } from './world.js'

const none = new Uint8Array(0)
const closed = expect.objectContaining({ code: 'ERR_CLOSED' }) as Error

describe('a session', () => {
  it('exports the same at both ends, and something else for all else', async () => {
    const { initiator, responder } = await exchange(worldOf())
    const context = fc.uint8Array({ maxLength: 40 })
    const seen = new Map<string, string>()
    fc.assert(
      fc.property(
        fc.nat({ max: 65_535 }),
        context,
        fc.integer({ min: 16, max: 90 }),
        (...input) => {
          const [label, bytes, lengthBytes] = input
          const exported = initiator.exporter(label, bytes, lengthBytes)
          expect(exported).toHaveLength(lengthBytes)
          expect(responder.exporter(label, bytes, lengthBytes)).toEqual(exported)
          const asked = JSON.stringify([label, toHex(bytes), lengthBytes])
          const start = toHex(exported.subarray(0, 16))
          expect(seen.get(start) ?? asked).toBe(asked)
          seen.set(start, asked)
        },
      ),
    )
    expect(initiator.exporter(0, none, 0)).toHaveLength(0)
    expect(initiator.exporter(65_535, none, 8160)).toHaveLength(8160)
    for (const [label, lengthBytes] of [
      [-1, 1],
      [65_536, 1],
      [0.5, 1],
      [0, -1],
      [0, 8161],
      [0, 1.5],
    ] as const) {
      expect(() => initiator.exporter(label, none, lengthBytes)).toThrow(RangeError)
    }
  })

  it('has other keys after an update, and the same at both ends if the context was', async () => {
    const { initiator, responder } = await exchange(worldOf())
    const before = initiator.oscore()
    initiator.keyUpdate(fromHex('0102'))
    const after = initiator.oscore()
    expect(after.masterSecret).not.toEqual(before.masterSecret)
    expect(after.masterSalt).not.toEqual(before.masterSalt)
    expect(after.senderId).toEqual(before.senderId)
    expect(responder.oscore().masterSecret).toEqual(before.masterSecret)
    responder.keyUpdate(fromHex('0102'))
    expect(responder.oscore().masterSecret).toEqual(after.masterSecret)
    initiator.keyUpdate(none)
    responder.keyUpdate(Uint8Array.of(0))
    expect(responder.oscore().masterSecret).not.toEqual(initiator.oscore().masterSecret)
  })

  it('gives the keys for OSCORE once until the next update, so that no context begins twice', async () => {
    const { initiator, responder } = await exchange(worldOf())
    for (const session of [initiator, responder]) {
      session.oscore()
      expect(() => session.oscore()).toThrow(closed)
      session.keyUpdate(none)
      session.oscore()
      expect(() => session.oscore()).toThrow(closed)
      expect(session.exporter(32_768, none, 8)).toHaveLength(8)
    }
  })

  it('gives OSCORE the identifiers of the other end to send by', async () => {
    const { initiator, responder } = await exchange(worldOf())
    expect(initiator.oscore()).toMatchObject({ senderId: C_R, recipientId: C_I, algorithm: 10 })
    expect(responder.oscore()).toMatchObject({ senderId: C_I, recipientId: C_R, hash: -16 })
  })

  it('has no keys for OSCORE if an identifier is too long for it', async () => {
    const world = worldOf()
    for (const lengthBytes of [7, 8]) {
      const connectionId = new Uint8Array(lengthBytes).fill(1)
      const initiator = { ...world.initiator, connectionId }
      const session = await exchange({ ...world, initiator })
      for (const end of [session.initiator, session.responder]) {
        if (lengthBytes === 7) expect(end.oscore()).toBeDefined()
        else expect(() => end.oscore()).toThrow(expect.objectContaining({ code: 'ERR_LIMIT' }))
      }
    }
  })

  it('gives nothing once it is closed', async () => {
    const { initiator, responder } = await exchange(worldOf())
    for (const session of [initiator, responder]) {
      session.close()
      session.close()
      expect(() => session.exporter(0, none, 1)).toThrow(closed)
      expect(() => session.oscore()).toThrow(closed)
      expect(() => session.keyUpdate(none)).toThrow(closed)
    }
    expect(() => initiator.receiveMessage4(none)).toThrow(closed)
    expect(() => responder.message4()).toThrow(closed)
  })

  it('keeps what it was given as it was', async () => {
    const world = worldOf()
    const connectionId = C_I.slice()
    const { message1, waiting } = startInitiator({ ...world.initiator, connectionId })
    connectionId.fill(0xff)
    const cR = C_R.slice()
    const accepted = receiveMessage1(world.responder, message1)
    message1.fill(0)
    const answer = accepted.message2({ connectionId: cR })
    cR.fill(0xff)
    const received = waiting.receive(answer.message2)
    answer.message2.fill(0)
    const outcome = await received
    if (outcome.kind !== 'proven') throw new Error('not proven')
    const { session, message3 } = outcome.responder.message3()
    const completed = complete(answer.waiting, message3)
    message3.fill(0)
    const { session: other } = await completed
    expect(session.oscore()).toMatchObject({ senderId: C_R, recipientId: C_I })
    expect(other.oscore()).toMatchObject({ senderId: C_I, recipientId: C_R })
  })
})

describe('what was agreed on and derived', () => {
  const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)
  const left = (secrets: readonly Uint8Array[]): number =>
    secrets.filter((secret) => !isZero(secret)).length

  it.each(METHODS)('is overwritten when the session is closed, in method %i', async (method) => {
    for (const suite of [0, 2] as const) {
      const { crypto, secrets } = recording(nodeProvider)
      const { initiator, responder } = await exchange(worldOf({ crypto, method, suite }))
      expect(left(secrets)).toBeGreaterThan(0)
      initiator.close()
      responder.close()
      expect(secrets.length).toBeGreaterThan(15)
      expect(left(secrets)).toBe(0)
    }
  })

  it('is overwritten when a session is closed that nobody confirmed', async () => {
    const { crypto, secrets } = recording(nodeProvider)
    const world = worldOf({ crypto })
    const { message1, waiting } = startInitiator(world.initiator)
    const answer = receiveMessage1(world.responder, message1).message2({ connectionId: C_R })
    const outcome = await waiting.receive(answer.message2)
    if (outcome.kind !== 'proven') throw new Error('not proven')
    const { session } = outcome.responder.message3()
    session.keyUpdate(none)
    session.close()
    answer.waiting.close()
    expect(left(secrets)).toBe(0)
  })

  it('is overwritten when any message is refused', async () => {
    for (const at of [2, 3, 4]) {
      const { crypto, secrets } = recording(nodeProvider)
      const onItsWay = (number: number, bytes: Uint8Array): Uint8Array =>
        number === at ? bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1) : bytes
      const world = worldOf({ crypto })
      await expect(exchange(world, { onItsWay })).rejects.toThrow()
      // The other end does not know yet: what it holds for its next step is left, and nothing else.
      expect(left(secrets), `message ${at}`).toBe(at === 2 ? 1 : at === 3 ? 3 : 2)
    }
  })

  it('is overwritten when a step is given up', async () => {
    const { crypto, secrets } = recording(nodeProvider)
    const world = worldOf({ crypto })
    const { message1, waiting } = startInitiator(world.initiator)
    receiveMessage1(world.responder, message1).close()
    expect(left(secrets)).toBe(0)
    const answer = receiveMessage1(world.responder, message1).message2({ connectionId: C_R })
    answer.waiting.close()
    const outcome = await waiting.receive(answer.message2)
    if (outcome.kind !== 'proven') throw new Error('not proven')
    outcome.responder.close()
    expect(left(secrets)).toBe(0)
  })

  it.each(METHODS)('is overwritten when message_2 would be too long, in method %i', (method) => {
    const { crypto, secrets } = recording(nodeProvider)
    const world = worldOf({ method })
    const { message1 } = startInitiator(world.initiator)
    const accepted = receiveMessage1({ ...world.responder, crypto }, message1)
    const ead2 = [{ label: 1, value: new Uint8Array(9000) }]
    expect(() => accepted.message2({ connectionId: C_R, ead2 })).toThrow(
      expect.objectContaining({ code: 'ERR_LIMIT' }) as Error,
    )
    expect(secrets.length).toBeGreaterThan(1)
    expect(left(secrets)).toBe(0)
  })

  it.each([0, 3] as const)(
    'is overwritten when a key is no point, in method %i',
    async (method) => {
      const { crypto, secrets } = recording(nodeProvider)
      const world = worldOf({ method })
      const { message1, waiting } = startInitiator({
        ...world.initiator,
        crypto,
        resolve: () => NO_POINT,
      })
      const { message2 } = receiveMessage1(world.responder, message1).message2({
        connectionId: C_R,
      })
      const failure = waiting.receive(message2)
      await expect(failure).rejects.toMatchObject({ code: 'ERR_KEY_INVALID' })
      expect(left(secrets)).toBe(0)
    },
  )

  it('is overwritten at once by a Responder that gives up while the application looks up', async () => {
    const { crypto, secrets } = recording(nodeProvider)
    const world = worldOf()
    const { message1, waiting } = startInitiator(world.initiator)
    const lookup = Promise.withResolvers<EdhocCredential>()
    const responder = { ...world.responder, crypto, resolve: () => lookup.promise }
    const answer = receiveMessage1(responder, message1).message2({ connectionId: C_R })
    const outcome = await waiting.receive(answer.message2)
    if (outcome.kind !== 'proven') throw new Error('not proven')
    const received = answer.waiting.receive(outcome.responder.message3().message3)
    answer.waiting.close()
    answer.waiting.close()
    lookup.resolve(world.initiator.credentials[3]!.credential)
    await expect(received).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect(left(secrets)).toBe(0)
  })

  it('is overwritten by an Initiator that gives up while the application looks up', async () => {
    const { crypto, secrets } = recording(nodeProvider)
    const world = worldOf()
    const lookup = Promise.withResolvers<EdhocCredential>()
    const { message1, waiting } = startInitiator({
      ...world.initiator,
      crypto,
      resolve: () => lookup.promise,
    })
    const { message2 } = receiveMessage1(world.responder, message1).message2({ connectionId: C_R })
    const received = waiting.receive(message2)
    waiting.close()
    lookup.resolve(world.responder.credentials[3]!.credential)
    await expect(received).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect(secrets.length).toBeGreaterThan(0)
    expect(left(secrets)).toBe(0)
  })
})

describe('an Initiator that gives up', () => {
  it('takes no message_2 any more', async () => {
    const world = worldOf()
    const { message1, waiting } = startInitiator(world.initiator)
    const { message2 } = receiveMessage1(world.responder, message1).message2({ connectionId: C_R })
    waiting.close()
    waiting.close()
    await expect(waiting.receive(message2)).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
})

/** A key that is on no curve. */
const NO_POINT: EdhocCredential = {
  encoded: Uint8Array.of(0xa0),
  publicKey: { curve: 'p256', x: new Uint8Array(32).fill(0xff), y: true },
}

describe('a candidate whose key is unusable', () => {
  it.each(METHODS)('is passed over, in method %i', async (method) => {
    const world = worldOf({ method })
    const afterNoPoint = (resolve: ResolveCredential): ResolveCredential => {
      return async (...asked) => [NO_POINT, (await resolve(...asked)) as EdhocCredential]
    }
    const { initiator, responder } = await exchange({
      initiator: { ...world.initiator, resolve: afterNoPoint(world.initiator.resolve) },
      responder: { ...world.responder, resolve: afterNoPoint(world.responder.resolve) },
    })
    for (const { peer } of [initiator, responder]) expect(peer.credential).not.toBe(NO_POINT)
  })
})
