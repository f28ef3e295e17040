// SPDX-License-Identifier: Apache-2.0
/**
 * What an object says besides its payload, inside the encryption (`docs/spec/04-objects.md`
 * Section 4.4): a CBOR map in front of the payload. Most objects carry nothing or only the time, so
 * these two forms are read and written by hand; the rest goes through the general codec.
 *
 * @module
 */

import { utf8 } from '../bytes.js'
import { decodeCbor, encodeCbor, type CborKey, type CborValue } from '../cbor/cbor.js'
import { ArrayFields, MapFields } from '../cbor/fields.js'
import { itemEnd } from '../cbor/item-end.js'
import { malformed } from '../errors.js'
import { encodeHead, MAX_DURABLE_COUNTER, SESSION_ID_BYTES } from './header.js'

/** What a producer knows of the sessions before this one (Section 8.3). */
export interface Trail {
  /** Sessions of this generation so far, this one not counted. */
  readonly sessionCount: number
  /** Objects in these sessions. */
  readonly objectCount: number
  /** The latest sessions, newest first, at most four, each with its last counter. */
  readonly latest: readonly { readonly session: Uint8Array; readonly lastCounter: number }[]
}

/** Which piece of a larger payload an object holds (Section 4.4.1). */
export interface Piece {
  /** Names the transfer: {@link TRANSFER_ID_BYTES} random bytes, the same in all its pieces. */
  readonly transfer: Uint8Array
  /** From 0; below {@link MAX_PIECES}. */
  readonly index: number
  /** This is the last piece. */
  readonly last: boolean
  /** Bytes of the whole payload. Only in the first piece, and only where its producer knew it. */
  readonly size?: number
}

export interface Metadata {
  /** Milliseconds from the start of the object's epoch. */
  readonly offsetMs?: number
  readonly contentType?: string
  /** The application's own headers; at most 64. */
  readonly headers?: ReadonlyMap<string, string>
  readonly trail?: Trail
  /** There if the payload is a piece of a larger one. */
  readonly piece?: Piece
  /** Says only that the producer is alive and where its counter stands; not for the application. */
  readonly heartbeat?: true
}

export const MAX_METADATA_BYTES = 65_535
export const MAX_TRAIL_SESSIONS = 4
/** Length of the id of a transfer. */
export const TRANSFER_ID_BYTES = 16
/** Most pieces of one payload. */
export const MAX_PIECES: number = 2 ** 24
const MAX_HEADERS = 64
const MAX_CONTENT_TYPE_BYTES = 255
const MAX_OFFSET_MS = 31_536_000_000

const OFFSET = 1
const CONTENT_TYPE = 2
const HEADERS = 3
const TRAIL = 4
const PIECE = 5
const PADDING = 6
const HEARTBEAT = 7

const EMPTY_MAP = Uint8Array.of(0xa0)
const NONE: Metadata = {}

/**
 * Encodes the metadata map.
 *
 * @param paddingBytes - Adds that many zero bytes (and 2 to 4 more for their framing).
 * @returns New bytes, or a shared constant that must not be written to.
 * @throws {RangeError} Above {@link MAX_METADATA_BYTES}, and for whatever {@link decodeMetadata}
 *   would refuse: no object is sealed that nobody can open.
 */
export function encodeMetadata(metadata: Metadata, paddingBytes?: number): Uint8Array {
  const { offsetMs, contentType, headers, trail, piece, heartbeat } = metadata
  const simple =
    contentType === undefined &&
    headers === undefined &&
    trail === undefined &&
    piece === undefined &&
    heartbeat === undefined &&
    paddingBytes === undefined
  assertMetadata(metadata)
  if (simple) return offsetMs === undefined ? EMPTY_MAP : encodeOffset(offsetMs)

  const map = new Map<CborKey, CborValue>()
  if (offsetMs !== undefined) map.set(OFFSET, offsetMs)
  if (contentType !== undefined) map.set(CONTENT_TYPE, contentType)
  if (headers !== undefined) map.set(HEADERS, headers)
  if (trail !== undefined) map.set(TRAIL, trailToCbor(trail))
  if (piece !== undefined) map.set(PIECE, pieceToCbor(piece))
  if (paddingBytes !== undefined) map.set(PADDING, new Uint8Array(paddingBytes))
  if (heartbeat !== undefined) map.set(HEARTBEAT, true)
  const bytes = encodeCbor(map)
  if (bytes.length > MAX_METADATA_BYTES) {
    throw new RangeError(
      `metadata must be at most ${MAX_METADATA_BYTES} bytes, got ${bytes.length}`,
    )
  }
  return bytes
}

/**
 * Splits a decrypted text into metadata and payload.
 *
 * @returns The metadata, and the offset at which the payload begins.
 * @throws {WaxwingError} `ERR_MALFORMED` or `ERR_LIMIT`; the opener makes one failure of them.
 */
export function decodeMetadata(text: Uint8Array): { metadata: Metadata; payloadAt: number } {
  const first = text[0]
  if (first === 0xa0) return { metadata: NONE, payloadAt: 1 }
  if (first === 0xa1 && text[1] === OFFSET) {
    const offset = readOffset(text)
    if (offset !== undefined) return offset
  }
  const end = itemEnd(text, 0, { maxBytes: MAX_METADATA_BYTES })
  if (end === undefined) throw malformed('metadata', 'length')
  const map = new MapFields('metadata', decodeCbor(text.subarray(0, end), 'metadata'))
  return { metadata: metadataFromFields(map), payloadAt: end }
}

function assertMetadata({ offsetMs, contentType, headers, trail, piece }: Metadata): void {
  if (offsetMs !== undefined) assertWithin('offsetMs', offsetMs, MAX_OFFSET_MS)
  if (contentType !== undefined) {
    assertWithin('contentType, in bytes,', utf8(contentType).length, MAX_CONTENT_TYPE_BYTES)
  }
  if (headers !== undefined) assertWithin('number of headers', headers.size, MAX_HEADERS)
  if (trail !== undefined) assertTrail(trail)
  if (piece !== undefined) assertPiece(piece)
}

function assertPiece({ transfer, index, size }: Piece): void {
  if (transfer.length !== TRANSFER_ID_BYTES) {
    throw new RangeError(
      `piece.transfer must be ${TRANSFER_ID_BYTES} bytes, got ${transfer.length}`,
    )
  }
  assertWithin('piece.index', index, MAX_PIECES - 1)
  if (size === undefined) return
  assertWithin('piece.size', size, Number.MAX_SAFE_INTEGER)
  if (index !== 0) throw new RangeError('piece.size must be left out of all pieces but the first')
}

function assertTrail({ sessionCount, objectCount, latest }: Trail): void {
  assertWithin('trail.sessionCount', sessionCount, Number.MAX_SAFE_INTEGER)
  assertWithin('trail.objectCount', objectCount, Number.MAX_SAFE_INTEGER)
  assertWithin('number of sessions in the trail', latest.length, MAX_TRAIL_SESSIONS)
  for (const { session, lastCounter } of latest) {
    if (session.length !== SESSION_ID_BYTES) {
      throw new RangeError(`session must be ${SESSION_ID_BYTES} bytes, got ${session.length}`)
    }
    assertWithin('lastCounter', lastCounter, MAX_DURABLE_COUNTER)
  }
}

function assertWithin(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${name} must be an integer from 0 to ${max}, got ${value}`)
  }
}

function encodeOffset(offsetMs: number): Uint8Array {
  if (offsetMs >= 2 ** 32) return encodeCbor(new Map([[OFFSET, offsetMs]]))
  const head = encodeHead(0, offsetMs)
  const bytes = new Uint8Array(2 + head.length)
  bytes[0] = 0xa1
  bytes[1] = OFFSET
  bytes.set(head, 2)
  return bytes
}

/** Reads `{1: uint}` with the shortest head, below 2^32; anything else is left to the codec. */
function readOffset(text: Uint8Array): { metadata: Metadata; payloadAt: number } | undefined {
  const head = text[2] ?? 0xff
  if (head < 24) return { metadata: { offsetMs: head }, payloadAt: 3 }
  const size = head === 24 ? 1 : head === 25 ? 2 : head === 26 ? 4 : 0
  const payloadAt = 3 + size
  if (size === 0 || payloadAt > text.length) return undefined
  let offsetMs = 0
  for (let i = 3; i < payloadAt; i++) offsetMs = offsetMs * 256 + text[i]!
  const shortest = size === 1 ? 24 : 2 ** (4 * size)
  return offsetMs < shortest ? undefined : { metadata: { offsetMs }, payloadAt }
}

function metadataFromFields(map: MapFields): Metadata {
  const metadata: { -readonly [K in keyof Metadata]: Metadata[K] } = {}
  const offsetMs = map.optUint(OFFSET, 'time offset', { max: MAX_OFFSET_MS })
  if (offsetMs !== undefined) metadata.offsetMs = offsetMs
  const contentType = map.optText(CONTENT_TYPE, 'content type', {
    maxBytes: MAX_CONTENT_TYPE_BYTES,
  })
  if (contentType !== undefined) metadata.contentType = contentType
  const headers = map.optMap(HEADERS, 'headers')
  if (headers !== undefined) metadata.headers = headersFromCbor(headers)
  const trail = map.optArray(TRAIL, 'trail', { max: 3 })
  if (trail !== undefined) metadata.trail = trailFromCbor(trail)
  const piece = map.optArray(PIECE, 'piece', { max: 4 })
  if (piece !== undefined) metadata.piece = pieceFromCbor(piece)
  map.optBytes(PADDING, 'padding', { max: MAX_METADATA_BYTES })
  const heartbeat = map.optBool(HEARTBEAT, 'heartbeat')
  if (heartbeat === false) throw malformed('metadata', 'heartbeat')
  if (heartbeat === true) metadata.heartbeat = true
  map.end()
  return metadata
}

function headersFromCbor(map: ReadonlyMap<CborKey, CborValue>): ReadonlyMap<string, string> {
  if (map.size > MAX_HEADERS) throw malformed('metadata', 'headers')
  for (const [name, value] of map) {
    if (typeof name !== 'string' || typeof value !== 'string')
      throw malformed('metadata', 'headers')
  }
  return map as ReadonlyMap<string, string>
}

function trailToCbor({ sessionCount, objectCount, latest }: Trail): CborValue {
  return [
    sessionCount,
    objectCount,
    latest.map(({ session, lastCounter }) => [session, lastCounter]),
  ]
}

function trailFromCbor(value: readonly CborValue[]): Trail {
  const list = new ArrayFields('trail', value)
  const latest = list.array(2, 'latest', { max: MAX_TRAIL_SESSIONS }).map((entry) => {
    const pair = new ArrayFields('trail', entry)
    const session = pair.bytes(0, 'session', { length: SESSION_ID_BYTES })
    const lastCounter = pair.uint(1, 'last counter', { max: MAX_DURABLE_COUNTER })
    pair.end()
    return { session, lastCounter }
  })
  const sessionCount = list.uint(0, 'session count')
  const objectCount = list.uint(1, 'object count')
  list.end()
  return { sessionCount, objectCount, latest }
}

function pieceToCbor({ transfer, index, last, size }: Piece): CborValue {
  return size === undefined ? [transfer, index, last] : [transfer, index, last, size]
}

function pieceFromCbor(value: readonly CborValue[]): Piece {
  const list = new ArrayFields('piece', value)
  const transfer = list.bytes(0, 'transfer', { length: TRANSFER_ID_BYTES })
  const index = list.uint(1, 'index', { max: MAX_PIECES - 1 })
  const last = list.bool(2, 'last')
  const size = index === 0 ? list.optUint(3, 'size') : undefined
  list.end()
  return size === undefined ? { transfer, index, last } : { transfer, index, last, size }
}
