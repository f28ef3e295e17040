// SPDX-License-Identifier: Apache-2.0
/**
 * Control messages (`docs/spec/07-granting.md` Section 7.2): what authors and recipients say to each
 * other about grants. One envelope for all: an id, a time of issue and one of expiry, what it
 * answers, which trust bundle its author has, and where needed the author's credential and key card.
 *
 * Three steps, none of which can be skipped: {@link decodeMessage} reads, {@link authenticate}
 * verifies author, recipient and time, and only then is the body acted upon.
 *
 * @module
 */

import { toHex } from '../bytes.js'
import { decodeCbor } from '../cbor/cbor.js'
import { MapFields } from '../cbor/fields.js'
import type { CryptoProvider, Ed25519SigningKey } from '../crypto/provider.js'
import { WaxwingError } from '../errors.js'
import type { Trust, TrustedPrincipal } from '../identity/trust.js'
import {
  decodeStatement,
  signStatement,
  verifyStatement,
  type DecodedStatement,
} from '../statement/statement.js'
import { ackCodec, type Ack } from './ack.js'
import type { BodyCodec } from './body.js'
import { denialCodec, type Denial } from './denial.js'
import { enrolCodec, type Enrol } from './enrol.js'
import { checkTime, envelopeFromCbor, envelopeToCbor, type Envelope } from './envelope.js'
import { grantCodec, type Grant } from './grant.js'
import { requestCodec, type Request } from './request.js'
import { revocationCodec, type Revocation } from './revocation.js'

/** The first key of the body; what lies below belongs to the envelope. */
const BODY_FROM = 16

/** The body of each type of message. */
export interface MessageBodies {
  readonly request: Request
  readonly grant: Grant
  readonly denial: Denial
  readonly ack: Ack
  readonly revocation: Revocation
  readonly enrol: Enrol
}

export type MessageType = keyof MessageBodies

const CODECS: { readonly [T in MessageType]: BodyCodec<MessageBodies[T]> } = {
  request: requestCodec,
  grant: grantCodec,
  denial: denialCodec,
  ack: ackCodec,
  revocation: revocationCodec,
  enrol: enrolCodec,
}

/** One message of any type, with its body. Nothing in it is verified. */
export type DecodedMessage = {
  readonly [T in MessageType]: {
    readonly type: T
    readonly envelope: Envelope
    readonly body: MessageBodies[T]
    /** Thumbprint of the author's key. */
    readonly author: Uint8Array
    /** SHA-256 of the signed bytes: what an answer refers to. */
    readonly digest: Uint8Array
    readonly bytes: Uint8Array
    readonly statement: DecodedStatement
  }
}[MessageType]

declare const verified: unique symbol
/** A message whose author, recipient and time were verified. */
export type VerifiedMessage<T extends MessageType = MessageType> = Extract<
  DecodedMessage,
  { type: T }
> & { readonly principal: TrustedPrincipal; readonly [verified]: true }

export interface MessageInput<T extends MessageType> {
  readonly type: T
  readonly envelope: Envelope
  readonly body: MessageBodies[T]
  readonly author: Uint8Array
  readonly key: Ed25519SigningKey
  /** Who alone may act on it; `null` where the author does not know. */
  readonly recipient: Uint8Array | null
}

/** Signs a message. Returns its bytes, unsealed. */
export function signMessage<T extends MessageType>(input: MessageInput<T>): Uint8Array {
  const { type, envelope, author, key, recipient } = input
  const map = envelopeToCbor(envelope)
  for (const [field, value] of CODECS[type].toCbor(input.body)) map.set(BODY_FROM + field, value)
  return signStatement({ type, author, key, recipient, payload: map })
}

/**
 * Decodes a message of any type.
 *
 * @throws {WaxwingError} `ERR_MALFORMED`, `ERR_UNSUPPORTED` or `ERR_LIMIT`.
 */
export function decodeMessage(
  crypto: Pick<CryptoProvider, 'sha256'>,
  bytes: Uint8Array,
): DecodedMessage {
  const statement = decodeStatement(bytes)
  const { type } = statement
  if (!isMessageType(type)) {
    throw new WaxwingError('ERR_UNSUPPORTED', `a ${type} is no message`, { field: 'typ' })
  }
  const map = new MapFields(type, decodeCbor(statement.payload, type))
  const envelope = envelopeFromCbor(map)
  const body = CODECS[type].fromFields(map, BODY_FROM)
  map.end()
  const digest = crypto.sha256(bytes)
  const { author } = statement
  return { type, envelope, body, author, digest, bytes, statement } as DecodedMessage
}

export interface AuthenticateInputs {
  readonly trust: Trust
  /** Our own id if the message was addressed to us, `null` if it was open to all. */
  readonly recipient: Uint8Array | null
  /** Seconds since 1970. */
  readonly now: number
  /** The author's credential, where it is known already. */
  readonly knownCredential?: Uint8Array | undefined
}

/**
 * Verifies a message, cheap checks first: time, then who the author is, then the signature.
 *
 * @throws {WaxwingError} `ERR_EXPIRED`, `ERR_NOT_YET_VALID`, `ERR_NOT_TRUSTED`, `ERR_REVOKED`,
 *   `ERR_SIGNATURE` (also if it was meant for somebody else).
 */
export function authenticate(message: DecodedMessage, inputs: AuthenticateInputs): VerifiedMessage {
  const { trust, recipient, now, knownCredential } = inputs
  checkTime(message.envelope, now)
  const credential = message.envelope.credential ?? knownCredential ?? null
  const principal = trust.resolve(message.author, credential)
  verifyStatement(message.statement, principal.key, recipient)
  // A grant is judged by its chain, at the time of each link: it outlives its author's credential.
  if (message.type !== 'grant') trust.checkStanding(principal, now)
  return { ...message, principal } as VerifiedMessage
}

/** The name under which a message is remembered as seen. */
export function messageKey({ author, envelope }: DecodedMessage): string {
  return `${toHex(author)}/${toHex(envelope.id)}`
}

function isMessageType(type: string): type is MessageType {
  return Object.hasOwn(CODECS, type)
}
