// SPDX-License-Identifier: Apache-2.0
/**
 * What a message in pieces says: what its first piece said, with the protection that all of them have
 * (`docs/spec/08-receiving.md` Section 8.7).
 *
 * @module
 */

import { encodeCbor, fromHex, toHex, type CryptoProvider } from '@waxwing/core'
import { Message, type MessagePiece, type Protection } from '../../message.js'
import { NO_PROPERTIES, type Tell } from '../arrival.js'
import type { FirstPiece } from './transfer-record.js'

/** A piece, opened and verified. */
export interface OpenedPiece {
  /** With the piece's payload for its plaintext. */
  readonly message: Message
  readonly piece: MessagePiece
  /** The producer's id. */
  readonly producerId: Uint8Array
}

const ID_BYTES = 16
/** Properties of the transport above this are not kept: nothing rests on them. */
const MAX_PROPERTY_BYTES = 4096

/**
 * Names a transfer in the store, in hex: of one stream and producer, and of signed pieces or of others
 * alone, so that nobody else can put a piece among those that are signed.
 */
export function transferKey(
  crypto: Pick<CryptoProvider, 'sha256'>,
  { message, piece, producerId }: OpenedPiece,
): string {
  const { stream, protection } = message
  const name = encodeCbor([stream, producerId, protection.signed, fromHex(piece.transfer)])
  return toHex(crypto.sha256(name).subarray(0, ID_BYTES))
}

export function firstPieceOf(message: Message): FirstPiece {
  const { address, contentType, headers, clearPart, sealedAt, epoch, receipt } = message
  const properties = keptProperties(message.unverifiedProperties)
  return { address, contentType, headers, clearPart, sealedAt, epoch, receipt, properties }
}

function keptProperties(
  properties: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  let length = 0
  for (const [name, value] of Object.entries(properties)) length += name.length + value.length
  return length * 3 > MAX_PROPERTY_BYTES ? NO_PROPERTIES : properties
}

/** What holds of a message of which pieces have one and the other. */
export function weaker(one: Protection, other: Protection): Protection {
  if (one === other) return one
  const isSame = one.kem === other.kem
  return Object.freeze({
    signedBy: one.signed && other.signed ? one.signedBy : undefined,
    signed: one.signed && other.signed,
    grantedBy: [...new Set([...one.grantedBy, ...other.grantedBy])],
    kem: isSame ? one.kem : one.kem === undefined || other.kem === undefined ? undefined : 'x25519',
    replay: one.replay === 'unverifiable' ? one.replay : other.replay,
    addressMatches: one.addressMatches && other.addressMatches,
  })
}

export function joinedMessage(parts: {
  readonly stream: string
  readonly first: FirstPiece
  readonly protection: Protection
  readonly plaintext: Uint8Array
  readonly redelivered: boolean
  readonly repeated?: boolean
  readonly acknowledge: Tell
}): Message {
  const { first, repeated = false, ...rest } = parts
  return new Message({ ...first, ...rest, retained: false, repeated })
}
