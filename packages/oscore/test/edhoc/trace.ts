// SPDX-License-Identifier: Apache-2.0
/**
 * The traces of RFC 9529, played by both roles.
 *
 * @module
 */

import { decodeCbor, fromHex } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import {
  ccsCredential,
  type EdhocCredential,
  EdhocKey,
  type EdhocKeyKind,
  type IdCred,
  type InitiatorOptions,
  type Method,
  type OwnCredential,
  type ResponderOptions,
  type SuiteId,
  x509Credential,
} from '../../src/edhoc/index.js'
import { type Recording, recording } from './recording.js'

/** One value in up to four forms, all in hex. */
interface TraceValue {
  readonly raw?: string
  readonly cbor?: string
  readonly sequence?: string
  readonly bstr?: string
}

type Values = Readonly<Record<string, TraceValue>>

export interface Trace {
  readonly id: string
  readonly method: Method
  readonly cipherSuite: SuiteId
  readonly steps: Readonly<Record<string, Values>>
  /** Their parts in hex, by who they are of. */
  readonly certificates?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export interface InvalidMessage {
  readonly title: string
  readonly item: 'message_1' | 'message_2' | 'PLAINTEXT_2'
  readonly hex: string
}

export interface Rfc9529 {
  readonly traces: readonly Trace[]
  readonly invalid: readonly InvalidMessage[]
}

export const RFC_9529 = 'edhoc/rfc9529.json'

/** The bytes of a value. */
export function valueOf(trace: Trace, step: string, name: string): Uint8Array {
  const value = trace.steps[step]?.[name]
  const hex = value?.raw ?? value?.sequence ?? value?.cbor
  if (hex === undefined) throw new Error(`${trace.id} has no ${name} in ${step}`)
  return fromHex(hex)
}

export interface Stage {
  readonly initiator: InitiatorOptions
  readonly responder: ResponderOptions
  readonly ofInitiator: Recording
  readonly ofResponder: Recording
  readonly cR: Uint8Array
}

/** Both ends of a trace, with the keys that it was made with. */
export function stageOf(trace: Trace): Stage {
  const ofInitiator = recording(nodeProvider, valueOf(trace, 'message_1', 'X'))
  const ofResponder = recording(nodeProvider, valueOf(trace, 'message_2', 'Y'))
  const { method } = trace
  const own = {
    initiator: ownOf(trace, ofInitiator, 'I'),
    responder: ownOf(trace, ofResponder, 'R'),
  }
  const suites: readonly SuiteId[] = [trace.cipherSuite]
  const initiator = {
    crypto: ofInitiator.crypto,
    // The second trace begins with a suite that the Responder has not; no code for it is needed here.
    suites,
    credentials: [own.initiator],
    resolve: () => own.responder.credential,
    method,
    connectionId: valueOf(trace, 'message_1', 'C_I'),
  }
  const responder = {
    crypto: ofResponder.crypto,
    suites,
    credentials: [own.responder],
    resolve: () => own.initiator.credential,
    methods: [method],
  }
  return { initiator, responder, ofInitiator, ofResponder, cR: valueOf(trace, 'message_2', 'C_R') }
}

function ownOf(trace: Trace, { crypto }: Recording, side: 'I' | 'R'): OwnCredential {
  const step = side === 'I' ? 'message_3' : 'message_2'
  const kind: EdhocKeyKind = trace.method === 0 ? 'ed25519' : 'p256'
  const key = new EdhocKey(crypto, kind, valueOf(trace, step, `SK_${side}`))
  return { key, idCred: idCredOf(trace, step, side), credential: credentialOf(trace, step, side) }
}

function credentialOf(trace: Trace, step: string, side: 'I' | 'R'): EdhocCredential {
  const bytes = valueOf(trace, step, `CRED_${side}`)
  if (trace.method !== 0) return ccsCredential(bytes)
  return x509Credential(bytes, { curve: 'ed25519', x: valueOf(trace, step, `PK_${side}`) })
}

function idCredOf(trace: Trace, step: string, side: 'I' | 'R'): IdCred {
  const header = decodeCbor(valueOf(trace, step, `ID_CRED_${side}`), 'ID_CRED')
  const [parameter] = header as ReadonlyMap<number, Uint8Array | [number, Uint8Array]>
  const [, content] = parameter!
  if (content instanceof Uint8Array) return { kind: 'kid', kid: content }
  return { kind: 'x5t', algorithm: content[0], hash: content[1] }
}
