// SPDX-License-Identifier: Apache-2.0
import { type ErrorCode, toHex, WaxwingError } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import {
  decodeErrorMessage,
  type EdhocCredential,
  EdhocError,
  receiveMessage1,
  type ResolveCredential,
  startInitiator,
} from '../../src/edhoc/index.js'
import { encodePlaintext2 } from '../../src/edhoc/messages.js'
import { replyOf } from './failures.js'
import { forgedMessage2 } from './forged.js'
import {
  C_I,
  C_R,
  type CredentialKind,
  exchange,
  newKey,
  ownCredential,
  type World,
  worldOf,
} from './world.js'

/** The failure of an exchange. */
async function failureOf(world: World): Promise<EdhocError> {
  try {
    await exchange(world)
  } catch (error) {
    if (error instanceof EdhocError) return error
    throw error
  }
  throw new Error('nothing failed')
}

/** The same, where one end resolves credentials otherwise. */
async function failureWith(
  end: 'initiator' | 'responder',
  resolve: ResolveCredential,
  kind: CredentialKind = 'kid of one byte',
): Promise<EdhocError> {
  const world = worldOf({ ofInitiator: kind, ofResponder: kind })
  return failureOf({ ...world, [end]: { ...world[end], resolve } })
}

const someoneElse = ownCredential(nodeProvider, 'p256', 'kccs', 1).credential

const ENDS = ['initiator', 'responder'] as const

describe.each(ENDS)('at the %s, a peer', (end) => {
  it.each<readonly [string, ErrorCode, ResolveCredential, CredentialKind]>([
    ['whom nobody knows', 'ERR_KEY_UNKNOWN', () => undefined, 'kid of one byte'],
    ['whom nobody knows', 'ERR_KEY_UNKNOWN', () => [], 'x5t'],
    ['whose credential is not believed', 'ERR_NOT_TRUSTED', () => undefined, 'x5chain'],
    ['whose credential is not believed', 'ERR_NOT_TRUSTED', () => undefined, 'kccs'],
    ['who is somebody else', 'ERR_NOT_AUTHENTIC', () => someoneElse, 'kid of one byte'],
    ['with a key of another kind', 'ERR_NOT_AUTHENTIC', otherCurve, 'kid of one byte'],
    ['whom the application refuses', 'ERR_NOT_AUTHORIZED', refuse, 'kid of one byte'],
    ['whom it cannot look up', 'ERR_INTERNAL', broken, 'kid of one byte'],
  ])('%s fails with %s, and is told nothing', async (_, code, resolve, kind) => {
    const failure = await failureWith(end, resolve, kind)
    expect(failure.code).toBe(code)
    expect(decodeErrorMessage(failure.reply!)).toEqual({
      kind: 'unspecified',
      diagnostic: 'processing failed',
    })
  })

  it('is found among several of one name, by a promise too', async () => {
    const world = worldOf()
    const { resolve } = world[end]
    const among = async (
      ...[idCred, peer]: Parameters<ResolveCredential>
    ): Promise<readonly EdhocCredential[]> => [
      someoneElse,
      (await resolve(idCred, peer)) as EdhocCredential,
    ]
    const { initiator, responder } = await exchange({
      ...world,
      [end]: { ...world[end], resolve: among },
    })
    const { peer } = end === 'initiator' ? initiator : responder
    expect(peer.credential).not.toBe(someoneElse)
  })

  it('that is its own reflection is refused, by its credential or by its key alone', async () => {
    const world = worldOf()
    const own = world[end].credentials.find(({ key }) => key.kind === 'p256')!
    const dressedOtherwise = { ...own.credential, encoded: Uint8Array.of(0xa0) }
    const undressed = { ...someoneElse, encoded: own.credential.encoded }
    for (const credential of [own.credential, dressedOtherwise, undressed]) {
      const failure = await failureWith(end, () => credential)
      expect(failure.code).not.toBe('ERR_NOT_TRUSTED')
      const reflected = await failureOf({
        ...world,
        [end]: { ...world[end], resolve: () => credential },
      })
      expect(reflected.code).toBe('ERR_NOT_TRUSTED')
    }
  })

  it('is told that its reference is not known, where the application wants that', async () => {
    const options = { resolve: () => undefined, tellsUnknownCredential: true }
    const kindOfReply = async (kind: CredentialKind): Promise<string> => {
      const world = worldOf({ ofInitiator: kind, ofResponder: kind })
      const failure = await failureOf({ ...world, [end]: { ...world[end], ...options } })
      return decodeErrorMessage(failure.reply!).kind
    }
    for (const kind of ['kid of one byte', 'x5t', 'x5u'] as const) {
      expect(await kindOfReply(kind)).toBe('unknown-credential')
    }
    for (const kind of ['kccs', 'kcwt', 'x5chain', 'kid with kid context'] as const) {
      expect(await kindOfReply(kind)).toBe('unspecified')
    }
  })
})

describe('an exchange with oneself', () => {
  it('is refused', async () => {
    const { initiator } = worldOf()
    const { credentials } = initiator
    const resolve: ResolveCredential = () =>
      credentials.find(({ key }) => key.kind === 'p256')?.credential
    const failure = await failureOf({
      initiator: { ...initiator, resolve },
      responder: { ...initiator, resolve, methods: [3] },
    })
    expect(failure.code).toBe('ERR_NOT_TRUSTED')
  })
})

describe('what an endpoint refuses', () => {
  it('is a method that it does not accept, or has no key for', async () => {
    const world = worldOf({ method: 0 })
    const { responder } = world
    for (const changed of [
      { ...responder, methods: [1, 2, 3] as const },
      { ...responder, credentials: responder.credentials.filter(({ key }) => key.kind === 'p256') },
    ]) {
      const failure = await failureOf({ ...world, responder: changed })
      expect(failure).toMatchObject({ code: 'ERR_UNSUPPORTED', details: { field: 'METHOD' } })
    }
  })

  it('is a method that does not exist', () => {
    const { initiator, responder } = worldOf()
    const { message1 } = startInitiator(initiator)
    for (const method of [4, 23, 0x20]) {
      const changed = message1.slice()
      changed[0] = method
      expect(() => receiveMessage1(responder, changed)).toThrow(
        expect.objectContaining({ code: 'ERR_UNSUPPORTED' }),
      )
    }
  })

  it('is a C_R that is C_I, which no honest Responder makes', async () => {
    const world = worldOf()
    const { message1, waiting } = startInitiator(world.initiator)
    const idCred = { kind: 'kid', kid: Uint8Array.of(0x32) } as const
    const claims = { idCred, signatureOrMac: new Uint8Array(8), ead: [] }
    const message2 = forgedMessage2(message1, encodePlaintext2({ cR: C_I, ...claims }))
    await expect(waiting.receive(message2)).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
    const { waiting: other, message1: again } = startInitiator(world.initiator)
    const lesser = forgedMessage2(again, encodePlaintext2({ cR: C_R, ...claims }))
    await expect(other.receive(lesser)).rejects.toMatchObject({ code: 'ERR_NOT_AUTHENTIC' })
  })

  it('is a key to verify with of which half is not known; its sign is enough', async () => {
    const world = worldOf({ method: 0, suite: 2 })
    const { resolve } = world.initiator
    const withY = (change: (y: Uint8Array) => boolean | undefined): ResolveCredential => {
      return async (...input) => {
        const { encoded, publicKey } = (await resolve(...input)) as EdhocCredential
        const y = change(publicKey.y as Uint8Array)
        return { encoded, publicKey: { ...publicKey, y } }
      }
    }
    const isOdd = (y: Uint8Array): boolean => y.at(-1)! % 2 === 1
    const initiatorWith = (change: (y: Uint8Array) => boolean | undefined): World => ({
      ...world,
      initiator: { ...world.initiator, resolve: withY(change) },
    })
    expect((await failureOf(initiatorWith(() => undefined))).code).toBe('ERR_KEY_INVALID')
    expect((await failureOf(initiatorWith((y) => !isOdd(y)))).code).toBe('ERR_NOT_AUTHENTIC')
    expect((await exchange(initiatorWith(isOdd))).initiator.method).toBe(0)
  })

  it('is an own credential without its key, and suites that do not exist or come twice', () => {
    const { initiator } = worldOf()
    const [first, second] = [newKey(nodeProvider, 'p256'), newKey(nodeProvider, 'p256')]
    const { credential, idCred } = initiator.credentials[3]!
    expect(first.publicKey).not.toEqual(second.publicKey)
    const { x } = first.publicKey
    const elsewhere = { ...credential, publicKey: { curve: 'x25519', x } } as const
    for (const options of [
      { ...initiator, credentials: [{ key: first, credential, idCred }] },
      { ...initiator, credentials: [{ key: first, credential: elsewhere, idCred }] },
      { ...initiator, credentials: [] },
      { ...initiator, suites: [] },
      { ...initiator, suites: [2, 2] as const },
      { ...initiator, suites: [6] as never },
    ]) {
      expect(() => startInitiator(options)).toThrow(RangeError)
    }
  })
})

describe('all failures', () => {
  it('look alike to the peer', async () => {
    const replies = new Set<string>()
    for (const end of ENDS) {
      for (const resolve of [() => undefined, () => someoneElse, refuse, broken]) {
        replies.add(toHex(replyOf(await failureWith(end, resolve))!))
      }
    }
    expect(replies.size).toBe(1)
  })
})

function otherCurve(): EdhocCredential {
  return ownCredential(nodeProvider, 'x25519', 'kccs', 1).credential
}

function refuse(): never {
  throw new WaxwingError('ERR_NOT_AUTHORIZED', 'not this one')
}

function broken(): never {
  throw new TypeError('no such table')
}
