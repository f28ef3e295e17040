// SPDX-License-Identifier: Apache-2.0
/**
 * Makes the message that the application gets, with the protection that was found.
 *
 * @module
 */

import { toBase64Url, toHex, type OpenedObject, type Piece } from '@waxwing/core'
import { Message, type MessagePiece, type Protection } from '../message.js'
import { addressMatches, sealedAtMs } from './acceptance.js'
import type { Arrival, Tell } from './arrival.js'
import type { Reading } from './openings.js'

const NO_HEADERS: ReadonlyMap<string, string> = new Map()

export interface MessageParts {
  readonly arrival: Arrival
  readonly reading: Reading
  readonly opened: OpenedObject
  /** In hex. */
  readonly session: string
  readonly replay: Protection['replay']
  readonly repeated?: boolean
  readonly acknowledge: Tell
}

export function messageOf(parts: MessageParts): Message {
  const { arrival, reading, opened, session, acknowledge } = parts
  const { generation } = reading
  const { metadata, counter } = opened
  const atMs = sealedAtMs(opened)
  return new Message({
    stream: generation.stream,
    address: arrival.address ?? '',
    // With a buffer of its own: the application may give it away.
    plaintext: opened.plaintext.slice(),
    contentType: metadata.contentType,
    headers: metadata.headers ?? NO_HEADERS,
    clearPart: opened.clearPart,
    sealedAt: atMs === undefined ? undefined : new Date(atMs),
    epoch: opened.epoch,
    receipt: { generationId: generation.id, session, counter },
    protection: protectionOf(parts),
    properties: arrival.properties,
    retained: arrival.retained,
    redelivered: arrival.redelivered,
    repeated: parts.repeated ?? false,
    piece: metadata.piece && pieceOf(metadata.piece, opened.plaintext.length),
    acknowledge,
  })
}

function pieceOf({ transfer, index, last, size }: Piece, bytes: number): MessagePiece {
  return { transfer: toHex(transfer), index, last, size, pieceBytes: last ? undefined : bytes }
}

function protectionOf({ arrival, reading, opened, replay }: MessageParts): Protection {
  const matches = addressMatches(arrival, reading.generation.stream)
  const known = reading.protection
  if (
    known?.sources === opened.sources &&
    known.producer === opened.producer &&
    known.found.replay === replay &&
    known.found.addressMatches === matches
  ) {
    return known.found
  }
  const { sources, producer } = opened
  const found = findProtection(reading, opened, replay, matches)
  reading.protection = { sources, producer, found }
  return found
}

function findProtection(
  { generation }: Reading,
  { producer, signed, sources }: OpenedObject,
  replay: Protection['replay'],
  matches: boolean,
): Protection {
  const [grant] = sources.flatMap((source) => generation.grants.get(source) ?? [])
  return Object.freeze({
    signedBy: signed ? { id: toBase64Url(producer.id), name: producer.name } : undefined,
    signed,
    grantedBy: grant?.issuers ?? [],
    kem: grant?.kem,
    replay,
    addressMatches: matches,
  })
}
