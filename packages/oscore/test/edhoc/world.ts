// SPDX-License-Identifier: Apache-2.0
/**
 * Two endpoints with keys of their own, who know each other's credentials.
 *
 * @module
 */

import { encodeCbor } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import {
  type AwaitingMessage3,
  ccsCredential,
  cwtCredential,
  type EadItem,
  type EdhocCredential,
  type EdhocCrypto,
  EdhocKey,
  type EdhocKeyKind,
  encodeBareCcs,
  type IdCred,
  type InitiatorOptions,
  type InitiatorSession,
  type Method,
  type OwnCredential,
  receiveMessage1,
  type ResponderOptions,
  type ResponderSession,
  startInitiator,
  type SuiteId,
  x509Credential,
  x5tOf,
} from '../../src/edhoc/index.js'

export const METHODS: readonly Method[] = [0, 1, 2, 3]
export const SUITES: readonly SuiteId[] = [0, 1, 2, 3]

export const CREDENTIAL_KINDS = [
  'kid of one byte',
  'long kid',
  'x5t',
  'x5chain',
  'longer x5chain',
  'x5u',
  'kccs',
  'kcwt',
  'kid with kid context',
] as const
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number]

const KEY_KINDS: readonly EdhocKeyKind[] = ['ed25519', 'es256', 'x25519', 'p256']

export const C_I: Uint8Array = Uint8Array.of(0x0e)
export const C_R: Uint8Array = Uint8Array.of(0x27)

export interface World {
  readonly initiator: InitiatorOptions
  readonly responder: ResponderOptions
}

export interface WorldOptions {
  readonly crypto?: EdhocCrypto
  readonly method?: Method
  readonly suite?: SuiteId
  readonly ofInitiator?: CredentialKind
  readonly ofResponder?: CredentialKind
}

/** Both know the other's credentials, of all kinds of keys, under one kind of identification each. */
export function worldOf(options: WorldOptions = {}): World {
  const { crypto = nodeProvider, method = 3, suite = 2 } = options
  const { ofInitiator = 'kid of one byte', ofResponder = 'kid of one byte' } = options
  const mine = KEY_KINDS.map((kind, i) => ownCredential(crypto, kind, ofInitiator, 0x20 + i))
  const theirs = KEY_KINDS.map((kind, i) => ownCredential(crypto, kind, ofResponder, 0x30 + i))
  const common = { crypto, suites: [suite] }
  return {
    initiator: {
      ...common,
      credentials: mine,
      resolve: among(theirs),
      method,
      connectionId: C_I,
    },
    responder: { ...common, credentials: theirs, resolve: among(mine), methods: METHODS },
  }
}

/** Resolves by the very identification. */
function among(known: readonly OwnCredential[]): (idCred: IdCred) => EdhocCredential | undefined {
  return (idCred) => {
    const wanted = JSON.stringify(entriesOf(idCred))
    return known.find((own) => JSON.stringify(entriesOf(own.idCred)) === wanted)?.credential
  }
}

function entriesOf(idCred: IdCred): unknown {
  return idCred.kind === 'other' ? [...idCred.header] : idCred
}

export function ownCredential(
  crypto: EdhocCrypto,
  keyKind: EdhocKeyKind,
  kind: CredentialKind,
  kid: number,
): OwnCredential {
  const key = newKey(crypto, keyKind)
  const { publicKey } = key
  const claims = encodeBareCcs(publicKey)
  const certificate = Uint8Array.of(0x30, 0x82, ...publicKey.x, kid)
  const ccs = ccsCredential(claims)
  const x509 = x509Credential(certificate, publicKey)
  switch (kind) {
    case 'kid of one byte':
      return { key, credential: ccs, idCred: { kind: 'kid', kid: Uint8Array.of(kid) } }
    case 'long kid':
      return { key, credential: ccs, idCred: { kind: 'kid', kid: Uint8Array.of(kid, kid) } }
    case 'x5t':
      return { key, credential: x509, idCred: x5tOf(crypto, certificate) }
    case 'x5chain':
      return { key, credential: x509, idCred: { kind: 'x5chain', certificates: [certificate] } }
    case 'longer x5chain': {
      const certificates = [certificate, Uint8Array.of(0x30, 0x01), Uint8Array.of(0x30, 0x02)]
      return { key, credential: x509, idCred: { kind: 'x5chain', certificates } }
    }
    case 'x5u':
      return { key, credential: x509, idCred: { kind: 'x5u', uri: `coap://[::1]/${kid}` } }
    case 'kccs':
      return { key, credential: ccs, idCred: { kind: 'kccs', claims } }
    case 'kcwt': {
      const token = encodeCbor([Uint8Array.of(0xa0), new Map(), claims, new Uint8Array(64)])
      return { key, credential: cwtCredential(token), idCred: { kind: 'kcwt', token } }
    }
    case 'kid with kid context': {
      const header = new Map([
        [4, Uint8Array.of(kid)],
        [10, Uint8Array.of(1, 2)],
      ])
      return { key, credential: ccs, idCred: { kind: 'other', header } }
    }
  }
}

export function newKey(crypto: EdhocCrypto, kind: EdhocKeyKind): EdhocKey {
  const curve = kind === 'ed25519' || kind === 'x25519' ? 'x25519' : 'p256'
  return new EdhocKey(crypto, kind, nodeProvider.ecdh[curve].randomSecretKey())
}

export interface Messages {
  readonly message1: Uint8Array
  readonly message2: Uint8Array
  readonly message3: Uint8Array
  readonly message4: Uint8Array
}

export interface Completed {
  readonly messages: Messages
  readonly initiator: InitiatorSession
  readonly responder: ResponderSession
  readonly ead: readonly (readonly EadItem[])[]
}

export interface ExchangeOptions {
  /** What each of the four messages carries. */
  readonly ead?: readonly (readonly EadItem[])[]
  /** Changes a message on its way: its number and its bytes. */
  readonly onItsWay?: (number: 1 | 2 | 3 | 4, bytes: Uint8Array) => Uint8Array
  readonly cR?: Uint8Array
}

/** An error message came in the place of another. */
export class Refused extends Error {}

/** Plays a whole exchange. @throws Whatever refuses it. */
export async function exchange(world: World, options: ExchangeOptions = {}): Promise<Completed> {
  const { ead: [ead1 = [], ead2 = [], ead3 = [], ead4 = []] = [], cR = C_R } = options
  const { onItsWay = (_, bytes) => bytes } = options
  const { message1, waiting } = startInitiator({ ...world.initiator, ead1 })
  const accepted = receiveMessage1(world.responder, onItsWay(1, message1))
  const answer = accepted.message2({ connectionId: cR, ead2 })
  const outcome2 = await waiting.receive(onItsWay(2, answer.message2))
  if (outcome2.kind !== 'proven') throw new Refused(outcome2.error.kind)
  const { message3, session: initiator } = outcome2.responder.message3(ead3)
  const { session: responder, ead3: seen3 } = await complete(answer.waiting, onItsWay(3, message3))
  const message4 = responder.message4(ead4)
  const outcome4 = initiator.receiveMessage4(onItsWay(4, message4))
  if (outcome4.kind !== 'confirmed') throw new Refused(outcome4.error.kind)
  return {
    messages: { message1, message2: answer.message2, message3, message4 },
    initiator,
    responder,
    ead: [accepted.ead1, outcome2.responder.ead2, seen3, outcome4.ead],
  }
}

/** Receives message_3 where no error is expected. */
export async function complete(
  waiting: AwaitingMessage3,
  message3: Uint8Array,
): Promise<{ session: ResponderSession; ead3: readonly EadItem[] }> {
  const outcome = await waiting.receive(message3)
  if (outcome.kind !== 'completed') throw new Refused(outcome.error.kind)
  return outcome
}
