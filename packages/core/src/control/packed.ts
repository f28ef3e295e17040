// SPDX-License-Identifier: Apache-2.0
/**
 * The packed form of control messages (`docs/spec/07-granting.md` Section 7.2.6), for media where each
 * byte costs: DEFLATE over what statements have in common, and over byte strings that the other side
 * holds, named by their digests.
 *
 * Lossless: what is unpacked is the statement that was packed, byte for byte, or it is another one whose
 * signature does not verify. So nothing is verified here, and everything behind goes as ever.
 *
 * @module
 */

import { deflateSync } from 'fflate'
import { concatBytes } from '../bytes.js'
import { decodeCbor, encodeCbor } from '../cbor/cbor.js'
import { ArrayFields } from '../cbor/fields.js'
import type { CryptoProvider } from '../crypto/provider.js'
import { malformed, WaxwingError } from '../errors.js'
import { MAX_STATEMENT_BYTES } from '../statement/statement.js'
import { PACKING_DICTIONARY } from './packed-dictionary.js'
import { inflate } from './packed-inflate.js'

/** How many byte strings a packed message may refer to. */
export const MAX_PACKED_REFERENCES = 8
export const PACKED_REFERENCE_BYTES = 8
/**
 * So much may come out of a packed message, and so many times its own length besides: junk shall not make
 * its receiver work a thousand times as hard as its sender.
 */
const UNPACKED_BYTES = 65_536
const UNPACKED_TIMES = 16
/** An array of two: neither a tag, as statements and sealed messages have, nor below 0x80. */
const ARRAY_OF_TWO = 0x82

/** Tells a packed message from a statement and from a sealed message by its first byte. */
export function isPackedMessage(bytes: Uint8Array): boolean {
  return bytes[0] === ARRAY_OF_TWO
}

/** How a packed message refers to a byte string: the first 8 bytes of its SHA-256. */
export function packedReference(
  crypto: Pick<CryptoProvider, 'sha256'>,
  bytes: Uint8Array,
): Uint8Array {
  return crypto.sha256(bytes).slice(0, PACKED_REFERENCE_BYTES)
}

/**
 * Packs a statement.
 *
 * @param known - Byte strings that the other side holds for sure: credentials, key cards. Those that make
 *   the message shorter are referred to, at most eight.
 * @returns New bytes; or the statement itself, where packing it would not make it shorter, or so much
 *   shorter that nobody would unpack it.
 */
export function packMessage(
  crypto: Pick<CryptoProvider, 'sha256'>,
  statement: Uint8Array,
  known: readonly Uint8Array[] = [],
): Uint8Array {
  let best: Packing = { referred: [], bytes: packedOver(crypto, statement, []) }
  for (;;) {
    const better = [...new Set(known)]
      .filter((bytes) => !best.referred.includes(bytes))
      .map((bytes) => [...best.referred, bytes])
      .map((referred) => ({ referred, bytes: packedOver(crypto, statement, referred) }))
      .reduce(shorter, best)
    if (better === best) break
    best = better
    if (best.referred.length === MAX_PACKED_REFERENCES) break
  }
  const isOfUse = best.bytes.length < statement.length
  return isOfUse && statement.length <= maxUnpackedBytes(best.bytes) ? best.bytes : statement
}

/**
 * Unpacks a message.
 *
 * @param bytes - Untrusted.
 * @param find - Gives the byte string that a reference of 8 bytes stands for, if it is held.
 * @returns New bytes: a statement that is still to be decoded and verified. At most 1,048,576, and at most
 *   65,536 more than 16 times as many as there were.
 * @throws {WaxwingError} `ERR_MALFORMED`; `ERR_LIMIT` if it is, or becomes, longer than that; `ERR_KEY_UNKNOWN` if
 *   it refers to something that is not held.
 */
export function unpackMessage(
  bytes: Uint8Array,
  find: (reference: Uint8Array) => Uint8Array | undefined,
): Uint8Array {
  const { references, data } = decodePackedMessage(bytes)
  const referred = references.map((reference) => {
    const found = find(reference)
    if (found !== undefined) return found
    const message = 'a packed message refers to something that is not held'
    throw new WaxwingError('ERR_KEY_UNKNOWN', message, { rule: 'reference' })
  })
  return inflate(data, dictionaryOver(referred), maxUnpackedBytes(bytes))
}

function maxUnpackedBytes(packed: Uint8Array): number {
  return Math.min(MAX_STATEMENT_BYTES, UNPACKED_BYTES + UNPACKED_TIMES * packed.length)
}

/** A packed message, before it is unpacked. */
export interface PackedMessage {
  /** At most 8, of 8 bytes each. */
  readonly references: readonly Uint8Array[]
  /** DEFLATE data. */
  readonly data: Uint8Array
}

/**
 * Decodes the frame of a packed message, and unpacks nothing: that costs little.
 *
 * @throws {WaxwingError} `ERR_MALFORMED`; `ERR_LIMIT` if it is longer than a statement may be.
 */
export function decodePackedMessage(bytes: Uint8Array): PackedMessage {
  if (bytes.length > MAX_STATEMENT_BYTES) {
    throw new WaxwingError('ERR_LIMIT', 'packed message is too long', {
      rule: 'MAX_STATEMENT_BYTES',
    })
  }
  const list = new ArrayFields('packed message', decodeCbor(bytes, 'packed message'), 2)
  const references = list.array(0, 'references', { max: MAX_PACKED_REFERENCES })
  return {
    references: references.map((reference) => {
      const isReference =
        reference instanceof Uint8Array && reference.length === PACKED_REFERENCE_BYTES
      if (!isReference) throw malformed('packed message', 'reference')
      return reference
    }),
    data: list.bytes(1, 'data'),
  }
}

interface Packing {
  readonly referred: readonly Uint8Array[]
  readonly bytes: Uint8Array
}

function shorter(a: Packing, b: Packing): Packing {
  return b.bytes.length < a.bytes.length ? b : a
}

function packedOver(
  crypto: Pick<CryptoProvider, 'sha256'>,
  statement: Uint8Array,
  referred: readonly Uint8Array[],
): Uint8Array {
  const dictionary = dictionaryOver(referred)
  const references = referred.map((bytes) => packedReference(crypto, bytes))
  return encodeCbor([references, deflateSync(statement, { level: 9, dictionary })])
}

function dictionaryOver(referred: readonly Uint8Array[]): Uint8Array {
  return concatBytes(PACKING_DICTIONARY, ...referred)
}
