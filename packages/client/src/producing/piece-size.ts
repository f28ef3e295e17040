// SPDX-License-Identifier: Apache-2.0
/**
 * How long the pieces of a payload may be, so that each fits a transport
 * (`docs/spec/04-objects.md` Section 4.4.1).
 *
 * @module
 */

import {
  encodeMetadata,
  MAX_METADATA_BYTES,
  MAX_PIECES,
  MAX_TRAIL_SESSIONS,
  SESSION_ID_BYTES,
  TRANSFER_ID_BYTES,
  type Metadata,
} from '@waxwing/core'
import type { PublishOptions } from '../options.js'

/** Pieces are no longer than this, however much a transport takes. */
const MOST_BYTES = 1_048_576
/** More than header, signature, tag and metadata without headers ever take. */
const MOST_FRAMING_BYTES = 2048
const LONGEST_OFFSET_MS = 31_536_000_000

/** Whether a plaintext leaves so much room in what an object holds that nothing has to be counted. */
export function isSurelyWithin(
  maxBytes: number,
  plaintextBytes: number,
  { headers, clearPart }: PublishOptions,
  padToBytes = 0,
): boolean {
  const longest = headers === undefined ? 0 : MAX_METADATA_BYTES
  const added = MOST_FRAMING_BYTES + 2 * padToBytes + (clearPart?.length ?? 0) + longest
  return plaintextBytes + added <= maxBytes
}

/**
 * The longest payload of a piece, the first one's metadata among all being the longest.
 *
 * @param maxText - What an object holds of metadata and payload.
 * @throws {RangeError} If there is no room.
 */
export function pieceBytesWithin(
  maxText: number,
  options: PublishOptions,
  padToBytes: number | undefined,
): number {
  const metadataBytes = longestMetadataBytes(options)
  const room = padToBytes === undefined ? maxText : wholePads(maxText, padToBytes)
  const bytes = Math.min(room - metadataBytes, MOST_BYTES)
  if (bytes >= 1) return bytes
  throw new RangeError(`the transport's limit leaves no room for pieces with such options`)
}

/** What may be filled: the length of some paddings cannot be had, and the next multiple can. */
function wholePads(maxText: number, padToBytes: number): number {
  const pads = Math.floor(maxText / padToBytes)
  return (padToBytes === 1 ? pads : pads - 1) * padToBytes
}

/** Of any piece: with the size as the first one has it, and the index as a late one. */
function longestMetadataBytes({ contentType, headers }: PublishOptions): number {
  const session = new Uint8Array(SESSION_ID_BYTES)
  const most = Number.MAX_SAFE_INTEGER
  const latest = Array.from({ length: MAX_TRAIL_SESSIONS }, () => {
    return { session, lastCounter: 2 ** 40 - 1 }
  })
  const transfer = new Uint8Array(TRANSFER_ID_BYTES)
  const metadata: Metadata = {
    offsetMs: LONGEST_OFFSET_MS,
    ...(contentType === undefined ? {} : { contentType }),
    ...(headers === undefined ? {} : { headers }),
    trail: { sessionCount: most, objectCount: most, latest },
    piece: { transfer, index: 0, last: false, size: most },
  }
  const lateIndex = { transfer, index: MAX_PIECES - 1, last: false }
  const growth =
    encodeMetadata({ piece: lateIndex }).length -
    encodeMetadata({ piece: { ...lateIndex, index: 0 } }).length
  return encodeMetadata(metadata, 0).length + growth
}
