// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of `decodeObject` and `decodeMetadata` (`docs/spec/04-objects.md` Sections 4.2.3 and
 * 4.4): what is no object is refused by the steps, one after the other, and what is one is read from
 * the decoded item.
 *
 * @module
 */

import type { CborValue, Metadata, Piece } from '@waxwing/core'
import { pathLength } from './batch-tree.ts'
import { decodeByTheBook, decodeFirst, isList, isMap, isTag, type CborMap } from './cbor.ts'
import { insist, refuse } from './refusal.ts'
import { METADATA, OBJECT_PROTECTED, obeying } from './rules.ts'

const ALGS: ReadonlySet<unknown> = new Set([1, 3, 10, 24])
const CLEAR_PART = -65537
const SIGNATURE = 12
const BATCH = -65538

export interface BatchPlace {
  readonly index: number
  readonly count: number
  readonly path: Uint8Array
}

export interface DecodedObject {
  readonly protectedBytes: Uint8Array
  readonly ciphertext: Uint8Array
  readonly alg: number
  readonly kid: Uint8Array
  readonly partialIv: Uint8Array
  readonly epoch: number
  readonly session: Uint8Array
  readonly counter: number
  readonly clearPart: Uint8Array | undefined
  readonly signature: Uint8Array | undefined
  readonly batch: BatchPlace | undefined
}

/** Decodes an object. @throws {Refusal} */
export function readObject(bytes: Uint8Array): DecodedObject {
  const item = decodeByTheBook(bytes) // step 1
  if (!isTag(item)) return refuse('ERR_MALFORMED') // step 2
  insist(item.tag === 16, 'ERR_UNSUPPORTED')
  const parts = item.contents
  if (!isList(parts) || parts.length !== 3) return refuse('ERR_MALFORMED') // step 3
  const [protectedBytes, unprotected, ciphertext] = parts
  if (!(protectedBytes instanceof Uint8Array)) return refuse('ERR_MALFORMED')
  if (!isMap(unprotected)) return refuse('ERR_MALFORMED')
  const header = decodeByTheBook(protectedBytes) // step 4
  if (!isMap(header)) return refuse('ERR_MALFORMED')
  insist(hasOnly(header, [1, 4, 6, 10, CLEAR_PART]), 'ERR_UNSUPPORTED') // step 5
  insist(hasOnly(unprotected, [SIGNATURE, BATCH]), 'ERR_UNSUPPORTED') // step 6
  insist(!header.has(1) || ALGS.has(header.get(1)), 'ERR_UNSUPPORTED') // step 7
  obeying(OBJECT_PROTECTED, header) // step 8
  if (!(ciphertext instanceof Uint8Array)) return refuse('ERR_MALFORMED')
  return { protectedBytes, ciphertext, ...fieldsOf(header), ...signatureOf(unprotected) }
}

function hasOnly(map: CborMap, labels: readonly unknown[]): boolean {
  return [...map.keys()].every((label) => labels.includes(label))
}

function fieldsOf(
  header: CborMap,
): Omit<DecodedObject, 'protectedBytes' | 'ciphertext' | 'signature' | 'batch'> {
  const partialIv = header.get(6) as Uint8Array
  const isSession = partialIv.length === 10
  return {
    alg: header.get(1) as number,
    kid: header.get(4) as Uint8Array,
    partialIv,
    epoch: numberOf(header.get(10) as Uint8Array),
    session: isSession ? partialIv.slice(0, 7) : new Uint8Array(0),
    counter: numberOf(isSession ? partialIv.slice(7) : partialIv),
    clearPart: header.get(CLEAR_PART) as Uint8Array | undefined,
  }
}

function signatureOf(unprotected: CborMap): Pick<DecodedObject, 'signature' | 'batch'> {
  insist(unprotected.size <= 1, 'ERR_MALFORMED')
  if (unprotected.size === 0) return { signature: undefined, batch: undefined }
  if (unprotected.has(SIGNATURE)) {
    return { signature: bytesOf(unprotected.get(SIGNATURE), 64), batch: undefined }
  }
  const list = unprotected.get(BATCH)
  if (!isList(list) || list.length !== 4) return refuse('ERR_MALFORMED')
  const [bytes, index, count] = list
  const signature = bytesOf(bytes, 64)
  if (typeof index !== 'number' || typeof count !== 'number') return refuse('ERR_MALFORMED')
  insist(count >= 1 && count <= 4096 && index >= 0 && index < count, 'ERR_MALFORMED')
  const path = bytesOf(list[3], 32 * pathLength(index, count))
  return { signature, batch: { index, count, path } }
}

function bytesOf(value: CborValue | undefined, length: number): Uint8Array {
  const isRight = value instanceof Uint8Array && value.length === length
  return isRight ? value : refuse('ERR_MALFORMED')
}

function numberOf(bytes: Uint8Array): number {
  return bytes.reduce((number, byte) => number * 256 + byte, 0)
}

/** What an object's text holds. */
export interface Text {
  readonly metadata: Metadata
  readonly payload: Uint8Array
}

/** Splits a text into metadata and payload. @throws {Refusal} `ERR_MALFORMED`. */
export function readText(text: Uint8Array): Text {
  const { value, end } = decodeFirst(text)
  insist(end <= 65_535, 'ERR_MALFORMED')
  const map = obeying(METADATA, value) as CborMap
  return { metadata: metadataOf(map), payload: text.slice(end) }
}

/** The value of metadata, with as much padding as is wanted. */
export function metadataValue(metadata: Metadata, paddingBytes?: number): CborMap {
  const { offsetMs, contentType, headers, trail, piece, heartbeat } = metadata
  const latest = trail?.latest.map(({ session, lastCounter }) => [session, lastCounter])
  const entries: readonly (readonly [number, CborValue | undefined])[] = [
    [1, offsetMs],
    [2, contentType],
    [3, headers],
    [4, trail && [trail.sessionCount, trail.objectCount, latest ?? []]],
    [5, piece && pieceValue(piece)],
    [6, paddingBytes === undefined ? undefined : new Uint8Array(paddingBytes)],
    [7, heartbeat],
  ]
  return new Map(entries.filter((entry): entry is [number, CborValue] => entry[1] !== undefined))
}

/** The fields of metadata that obeys its rule; those that are absent stay so. */
function metadataOf(map: CborMap): Metadata {
  const trail = map.get(4) as readonly [number, number, [Uint8Array, number][]] | undefined
  const piece = map.get(5) as readonly [Uint8Array, number, boolean, number?] | undefined
  const all = {
    offsetMs: map.get(1),
    contentType: map.get(2),
    headers: map.get(3),
    trail: trail && {
      sessionCount: trail[0],
      objectCount: trail[1],
      latest: trail[2].map(([session, lastCounter]) => ({ session, lastCounter })),
    },
    piece: piece && pieceOf(piece),
    heartbeat: map.get(7),
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

function pieceValue({ transfer, index, last, size }: Piece): CborValue {
  return size === undefined ? [transfer, index, last] : [transfer, index, last, size]
}

function pieceOf([transfer, index, last, size]: readonly [
  Uint8Array,
  number,
  boolean,
  number?,
]): Piece {
  return { transfer, index, last, ...(size === undefined ? {} : { size }) }
}
