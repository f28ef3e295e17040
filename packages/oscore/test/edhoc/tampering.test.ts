// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import {
  type AwaitingMessage2,
  type AwaitingMessage3,
  receiveMessage1,
  startInitiator,
} from '../../src/edhoc/index.js'
import { C_R, complete, exchange, type Messages, Refused, type World, worldOf } from './world.js'

interface Halfway {
  readonly message1: Uint8Array
  readonly message2: Uint8Array
  readonly atInitiator: AwaitingMessage2
  readonly atResponder: AwaitingMessage3
}

/** A session up to message_2, which is not received. */
function halfway({ initiator, responder }: World): Halfway {
  const { message1, waiting } = startInitiator(initiator)
  const answer = receiveMessage1(responder, message1).message2({ connectionId: C_R })
  return { message1, message2: answer.message2, atInitiator: waiting, atResponder: answer.waiting }
}

async function message3Of({ atInitiator, message2 }: Halfway): Promise<Uint8Array> {
  const outcome = await atInitiator.receive(message2)
  if (outcome.kind !== 'proven') throw new Error('not proven')
  return outcome.responder.message3().message3
}

async function ends(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => false,
    (error: unknown) => {
      // What the library did not foresee, or refuse by itself, is no good end.
      if (error instanceof Refused) return true
      if (error instanceof WaxwingError && error.code !== 'ERR_INTERNAL') return true
      throw error
    },
  )
}

describe('a message that was changed', () => {
  const variants = [
    ['static Diffie-Hellman keys', { method: 3, suite: 2 }],
    ['signatures', { method: 0, suite: 0 }],
  ] as const
  const names = ['message1', 'message2', 'message3', 'message4'] as const
  const all = variants.flatMap(([what, options]) =>
    names.map((name, i) => [name, what, i + 1, options] as const),
  )

  it.each(all)('in any one bit, %s, ends the exchange, with %s', async (name, _, at, options) => {
    const world = worldOf(options)
    const { messages } = await exchange(world)
    for (let bit = 0; bit < messages[name].length * 8; bit++) {
      const onItsWay = (number: number, bytes: Uint8Array): Uint8Array =>
        number === at ? flipped(bytes, bit) : bytes
      expect(await ends(exchange(world, { onItsWay })), `bit ${bit}`).toBe(true)
    }
  })

  it('by a byte more or less ends it, too', async () => {
    const world = worldOf()
    for (const number of [1, 2, 3, 4]) {
      for (const change of [
        (bytes: Uint8Array) => bytes.subarray(0, -1),
        (bytes: Uint8Array) => Uint8Array.of(...bytes, 0x40),
        () => new Uint8Array(0),
      ]) {
        const onItsWay = (at: number, bytes: Uint8Array): Uint8Array =>
          at === number ? change(bytes) : bytes
        expect(await ends(exchange(world, { onItsWay })), `message ${number}`).toBe(true)
      }
    }
  })
})

describe('a message of another session', () => {
  const world = worldOf()

  it('of the same two endpoints is not taken for message_2', async () => {
    const [first, second] = [halfway(world), halfway(world)]
    await expect(first.atInitiator.receive(second.message2)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(MALFORMED|NOT_AUTHENTIC|KEY_UNKNOWN)$/) as string,
    })
  })

  it('is not taken for message_3', async () => {
    const [first, second] = [halfway(world), halfway(world)]
    await expect(first.atResponder.receive(await message3Of(second))).rejects.toMatchObject({
      code: 'ERR_NOT_AUTHENTIC',
    })
  })

  it('is not taken for message_4, and the session is closed', async () => {
    const [first, second] = [await exchange(world), await exchange(world)]
    const { initiator } = await unconfirmed(world)
    expect(() => initiator.receiveMessage4(second.messages.message4)).toThrow(
      expect.objectContaining({ code: 'ERR_NOT_AUTHENTIC' }),
    )
    expect(() => initiator.oscore()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
    expect(first.messages.message4).not.toEqual(second.messages.message4)
  })

  it('or of another step is refused at every step', async () => {
    const { messages } = await exchange(world)
    const all: readonly Uint8Array[] = Object.values({ ...messages })
    for (const message of all) {
      expect(await ends(received(halfway(world).atInitiator, message))).toBe(true)
      await expect(halfway(world).atResponder.receive(message)).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_(MALFORMED|NOT_AUTHENTIC)$/) as string,
      })
    }
    for (const message of [messages.message2, messages.message3, messages.message4]) {
      expect(() => receiveMessage1(world.responder, message)).toThrow(
        expect.objectContaining({ code: 'ERR_MALFORMED' }),
      )
    }
  })
})

describe('a step', () => {
  const taken = expect.objectContaining({ code: 'ERR_CLOSED' }) as Error
  const world = worldOf()

  it('receives one message_2, whatever became of it', async () => {
    const { atInitiator, message2 } = halfway(world)
    const [first, second] = await Promise.allSettled([
      atInitiator.receive(message2),
      atInitiator.receive(message2),
    ])
    expect(first.status).toBe('fulfilled')
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'ERR_CLOSED' } })
    const other = halfway(world)
    expect(await ends(other.atInitiator.receive(message2))).toBe(true)
    await expect(other.atInitiator.receive(other.message2)).rejects.toEqual(taken)
  })

  it('receives one message_3, whatever became of it', async () => {
    const session = halfway(world)
    const message3 = await message3Of(session)
    expect(await ends(session.atResponder.receive(flipped(message3, 20)))).toBe(true)
    await expect(session.atResponder.receive(message3)).rejects.toEqual(taken)
    const other = halfway(world)
    await complete(other.atResponder, await message3Of(other))
    await expect(other.atResponder.receive(message3)).rejects.toEqual(taken)
  })

  it('makes one message_2, one message_3 and one message_4', async () => {
    const { initiator, responder } = world
    const { message1, waiting } = startInitiator(initiator)
    const accepted = receiveMessage1(responder, message1)
    const answer = accepted.message2({ connectionId: C_R })
    expect(() => accepted.message2({ connectionId: C_R })).toThrow(taken)
    const outcome = await waiting.receive(answer.message2)
    if (outcome.kind !== 'proven') throw new Error('not proven')
    const { message3, session } = outcome.responder.message3()
    expect(() => outcome.responder.message3()).toThrow(taken)
    const completed = await complete(answer.waiting, message3)
    const message4 = completed.session.message4()
    expect(() => completed.session.message4()).toThrow(taken)
    session.receiveMessage4(message4)
    expect(() => session.receiveMessage4(message4)).toThrow(taken)
    expect(session.oscore()).toBeDefined()
  })

  it('may be taken again after a mistake in its arguments', async () => {
    const { initiator, responder } = world
    const { message1, waiting } = startInitiator(initiator)
    const accepted = receiveMessage1(responder, message1)
    const connectionId = accepted.peerConnectionId
    expect(() => accepted.message2({ connectionId })).toThrow(RangeError)
    const bad = [{ label: -1 }]
    expect(() => accepted.message2({ connectionId: C_R, ead2: bad })).toThrow(RangeError)
    const { message2 } = accepted.message2({ connectionId: C_R })
    const outcome = await waiting.receive(message2)
    if (outcome.kind !== 'proven') throw new Error('not proven')
    expect(() => outcome.responder.message3(bad)).toThrow(RangeError)
    expect(outcome.responder.message3().message3).toHaveLength(19)
  })

  it('that was given up is not taken', async () => {
    const { initiator, responder } = world
    const accepted = receiveMessage1(responder, startInitiator(initiator).message1)
    accepted.close()
    expect(() => accepted.message2({ connectionId: C_R })).toThrow(taken)
    const { atInitiator, atResponder, message2 } = halfway(world)
    const outcome = await atInitiator.receive(message2)
    if (outcome.kind !== 'proven') throw new Error('not proven')
    outcome.responder.close()
    expect(() => outcome.responder.message3()).toThrow(taken)
    atResponder.close()
    await expect(atResponder.receive(message2)).rejects.toEqual(taken)
  })
})

/** Up to message_4, which is neither made nor received. */
async function unconfirmed(
  world: World,
): Promise<Pick<Awaited<ReturnType<typeof exchange>>, 'initiator'>> {
  const { atInitiator, message2 } = halfway(world)
  const outcome = await atInitiator.receive(message2)
  if (outcome.kind !== 'proven') throw new Error('not proven')
  return { initiator: outcome.responder.message3().session }
}

/** Rejects unless message_2 was accepted. */
async function received(step: AwaitingMessage2, message: Messages[keyof Messages]): Promise<void> {
  const outcome = await step.receive(message)
  if (outcome.kind === 'error') throw new Refused(outcome.error.kind)
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = bytes.slice()
  changed[bit >> 3]! ^= 1 << (bit & 7)
  return changed
}
