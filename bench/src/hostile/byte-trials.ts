// SPDX-License-Identifier: Apache-2.0
/**
 * What has to hold of what a decoder accepts: it is given back byte for byte, and two ways to read
 * the same bytes agree.
 *
 * @module
 */

import {
  ArchiveReader,
  decodeCbor,
  decodeCompact,
  decodeMetadata,
  decodeObject,
  encodeArchiveItem,
  encodeCbor,
  encodeCompact,
  encodeMetadata,
  encodeProtectedHeader,
  fromHex,
  isCompact,
  isNamePattern,
  isPackedMessage,
  isStreamName,
  itemEnd,
  matchesName,
  MAX_ARCHIVE_ITEM_BYTES,
  packedReference,
  packMessage,
  patternCovers,
  readArchive,
  toHex,
  unpackMessage,
  WaxwingError,
  CborTag,
  type CborKey,
  type CborValue,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { same } from './same.ts'
import { casesOf } from './seeds.ts'
import type { Trial } from './target.ts'

/** An encoded empty map is accepted for an empty protected header (RFC 9052 Section 3). */
export function sameUnlessEmptyHeader(made: Uint8Array, came: Uint8Array): string | undefined {
  return toHex(came).includes('41a0') ? undefined : same('message', made, came)
}

interface Split {
  readonly lengths: readonly number[]
  readonly end: string
}

/** Three ways to split a sequence: all at once, in small pieces, and by where each item ends. */
export function splitAlike(bytes: Uint8Array): Trial {
  const whole = splitBy(bytes, Math.max(1, bytes.length))
  const piecewise = splitBy(bytes, bytes.length > 512 ? 13 : 1)
  const itemwise = splitAtEnds(bytes)
  const [first, ...others] = [whole, piecewise, itemwise].map((split) => JSON.stringify(split))
  const isSame = others.every((other) => other === first)
  return isSame ? undefined : `split as ${first} or ${others.join(' or ')}`
}

function splitBy(bytes: Uint8Array, step: number): Split {
  const reader = new ArchiveReader()
  const lengths: number[] = []
  const end = codeOf(() => {
    for (let at = 0; at < bytes.length; at += step) {
      for (const item of reader.push(bytes.subarray(at, at + step))) lengths.push(item.length)
    }
    reader.end()
  })
  return { lengths, end }
}

function splitAtEnds(bytes: Uint8Array): Split {
  const lengths: number[] = []
  const end = codeOf(() => {
    for (let at = 0; at < bytes.length;) {
      const until = itemEnd(bytes, at, { maxBytes: MAX_ARCHIVE_ITEM_BYTES }) ?? bytes.length
      lengths.push(encodeArchiveItem(bytes.subarray(at, until)).length)
      at = until
    }
  })
  return { lengths, end }
}

function codeOf(call: () => void): string {
  try {
    call()
    return 'whole'
  } catch (error) {
    if (error instanceof WaxwingError) return error.code
    throw error
  }
}

export async function archiveIsWhole(bytes: Uint8Array): Promise<Trial> {
  let length = 0
  for await (const { item, offset } of readArchive(chunksOf(bytes))) {
    if (offset !== length) return `an item at ${offset} instead of ${length}`
    length += item.length
  }
  return length === bytes.length ? undefined : `${length} of ${bytes.length} bytes`
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 61) yield bytes.subarray(at, at + 61)
}

export function objectIsGivenBack(bytes: Uint8Array): Trial {
  const object = decodeObject(bytes)
  const { alg, kid, epoch, partialIv, clearPart, protectedBytes, ciphertext } = object
  const header = { alg, kid, epoch, partialIv, ...(clearPart && { clearPart }) }
  const unprotected = new Map<CborKey, CborValue>()
  const { signature, batch } = object
  if (signature !== undefined && batch === undefined) unprotected.set(12, signature)
  if (signature !== undefined && batch !== undefined) {
    unprotected.set(-65_538, [signature, batch.index, batch.count, batch.path])
  }
  const parts = new CborTag(16, [protectedBytes, unprotected, ciphertext])
  return (
    same('header', encodeProtectedHeader(header), protectedBytes) ??
    same('object', encodeCbor(parts), bytes)
  )
}

/** Either form, to the other and back: what is no compact form is tried as an object. */
export function compactIsGivenBack(bytes: Uint8Array): Trial {
  if (!isCompact(bytes)) return same('object', decodeCompact(encodeCompact(bytes)), bytes)
  const object = decodeObject(decodeCompact(bytes))
  return same('compact form', encodeCompact(object), bytes)
}

export function metadataIsGivenBack(bytes: Uint8Array): Trial {
  const { metadata, payloadAt } = decodeMetadata(bytes)
  const encoded = bytes.subarray(0, payloadAt)
  const map = decodeCbor(encoded, 'metadata')
  const padding = map instanceof Map ? (map.get(6) as Uint8Array | undefined) : undefined
  if (padding?.some((byte) => byte !== 0) === true) return undefined
  return same('metadata', encodeMetadata(metadata, padding?.length), encoded)
}

export function patternsAgree(bytes: Uint8Array): Trial {
  const text = Buffer.from(bytes).toString(bytes.length % 2 === 0 ? 'utf8' : 'utf16le')
  const [pattern = '', name = '', other = ''] = text.split('\n')
  const isPattern = isNamePattern(pattern)
  if (isStreamName(name) && isPattern) {
    const isCovered = patternCovers(pattern, name)
    if (matchesName(pattern, name) !== isCovered) return `${text}: matched and covered differ`
  }
  if (!isPattern || !isNamePattern(other) || !isStreamName(name)) return undefined
  const isWrong =
    patternCovers(pattern, other) && matchesName(other, name) && !matchesName(pattern, name)
  return isWrong ? `${text}: a pattern covers what matches more` : undefined
}

const HELD = heldStrings()

/** What is unpacked is packed again, which has to lead to the same. */
export function packedIsGivenBack(bytes: Uint8Array): Trial {
  const find = (reference: Uint8Array): Uint8Array | undefined => HELD.get(toHex(reference))
  const statement = unpackMessage(bytes, find)
  if (!isPackedMessage(bytes)) return 'not taken for packed'
  const packed = packMessage(sodiumProvider, statement)
  if (packed === statement) return undefined
  return same('statement', unpackMessage(packed, find), statement)
}

function heldStrings(): ReadonlyMap<string, Uint8Array> {
  const held = casesOf('packed').flatMap((test) => test.held as readonly string[])
  const all = [...new Set(held)].map((one) => fromHex(one))
  return new Map(all.map((one) => [toHex(packedReference(sodiumProvider, one)), one]))
}
