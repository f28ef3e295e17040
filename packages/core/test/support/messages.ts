// SPDX-License-Identifier: Apache-2.0
/**
 * One message of each type for tests, and a way to break a field of it.
 *
 * @module
 */

import {
  decodeCbor,
  decodeMessage,
  decodeStatement,
  signMessage,
  signStatement,
  type CborKey,
  type CborValue,
  type DecodedMessage,
  type Envelope,
  type MessageBodies,
  type MessageType,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { HOUR, NOW, type Member } from './domain.js'

export const MESSAGE_TYPES: readonly MessageType[] = [
  'request',
  'grant',
  'denial',
  'ack',
  'revocation',
  'enrol',
]

const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value)

export const BODIES: MessageBodies = {
  request: {
    kid: filled(8, 1),
    spans: [
      { first: 1, last: 2 },
      { first: 9, last: 2 ** 32 - 1 },
    ],
    rights: 'read',
    reason: 'to see',
  },
  grant: { manifest: filled(40, 1), chain: [filled(50, 2), filled(60, 3)], nodes: filled(64, 4) },
  denial: {
    kid: filled(8, 1),
    code: 'pending-approval',
    retrySeconds: 60,
    producerId: filled(32, 2),
    manifestDigest: filled(32, 3),
    chain: [filled(50, 4)],
  },
  ack: { outcome: 'done' },
  revocation: {
    principalId: filled(32, 1),
    since: NOW,
    generationId: filled(32, 2),
    reason: 'left',
  },
  enrol: {
    publicKey: filled(32, 1),
    name: 'Thermometer',
    unit: 'Boiler house',
    roles: ['sensor'],
    produces: ['plant/#'],
    token: filled(16, 2),
  },
}

export const ENVELOPE: Envelope = {
  id: filled(16, 9),
  issued: NOW,
  expires: NOW + HOUR,
}

/** Signs a message of a type. Its body is the one of {@link BODIES} unless another is given. */
export function messageBytes<T extends MessageType>(
  type: T,
  author: Member,
  options: {
    readonly envelope?: Partial<Envelope>
    readonly body?: MessageBodies[T]
    readonly recipient?: Uint8Array | null
  } = {},
): Uint8Array {
  const envelope = { ...ENVELOPE, ...options.envelope }
  const { recipient = null, body = BODIES[type] } = options
  return signMessage({ type, envelope, body, author: author.id, key: author.key, recipient })
}

/** The same, decoded. */
export function messageOf<T extends MessageType>(
  type: T,
  author: Member,
  options: Parameters<typeof messageBytes<T>>[2] = {},
): Extract<DecodedMessage, { type: T }> {
  const message = decodeMessage(sodiumProvider, messageBytes(type, author, options))
  return message as Extract<DecodedMessage, { type: T }>
}

/** Signs a statement's payload again with one field changed or, where `undefined`, left out. */
export function withField(
  bytes: Uint8Array,
  author: Member,
  [field, value]: readonly [CborKey, CborValue | undefined],
): Uint8Array {
  const { type, payload } = decodeStatement(bytes)
  const map = new Map(decodeCbor(payload, type) as ReadonlyMap<CborKey, CborValue>)
  if (value === undefined) map.delete(field)
  else map.set(field, value)
  const { id, key } = author
  return signStatement({ type, author: id, key, recipient: null, payload: map })
}
