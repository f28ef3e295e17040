// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of `decodeCompact` and `encodeCompact` (`docs/spec/04-objects.md` Section 4.7): the
 * steps and tables as they are written, over items of CBOR.
 *
 * @module
 */

import { CborTag, encodeCbor } from '@waxwing/core'
import { readObject } from './decoding.ts'
import { insist, refuse } from './refusal.ts'

const ALGS = [24, 3, 1, 10]

/** The object of a compact form. @throws {Refusal} */
export function expand(bytes: Uint8Array): Uint8Array {
  const [flags] = bytes
  if (flags === undefined || flags >= 0x80) return refuse('ERR_MALFORMED') // step 1
  insist(flags < 0x40, 'ERR_UNSUPPORTED') // step 2
  const bit = (place: number): number => Math.floor(flags / 2 ** place) % 2
  const ivCode = 2 * bit(5) + bit(4)
  const lengths = [1, bit(1) === 1 ? 4 : 8, 4, ivCode === 0 ? 10 : ivCode]
  const signatureBytes = bit(0) === 1 ? 64 : 0
  const fixedBytes = lengths.reduce((sum, length) => sum + length)
  insist(bytes.length >= fixedBytes + signatureBytes, 'ERR_MALFORMED') // step 3
  const list = [...bytes]
  const [, kid, epoch, partialIv] = lengths.map((length) => Uint8Array.from(list.splice(0, length)))
  if (kid === undefined || epoch === undefined || partialIv === undefined) throw new Error('four')
  insist(ivCode < 2 || partialIv[0] !== 0, 'ERR_MALFORMED') // step 4
  const signature = Uint8Array.from(list.splice(list.length - signatureBytes, signatureBytes))
  const header = new Map<number, number | Uint8Array>([
    [1, ALGS[2 * bit(3) + bit(2)] ?? 0],
    [4, kid],
    [6, partialIv],
    [10, epoch],
  ])
  const unprotected = new Map(signatureBytes === 0 ? [] : [[12, signature] as const])
  return encodeCbor(new CborTag(16, [encodeCbor(header), unprotected, Uint8Array.from(list)]))
}

/** The compact form of an object. @throws {Refusal} */
export function contract(object: Uint8Array): Uint8Array {
  const { alg, kid, epoch, partialIv, ciphertext, clearPart, signature, batch } = readObject(object)
  insist(clearPart === undefined && batch === undefined, 'ERR_UNSUPPORTED')
  insist([1, 2, 3, 10].includes(partialIv.length), 'ERR_UNSUPPORTED')
  const flags =
    (partialIv.length % 10) * 16 +
    ALGS.indexOf(alg) * 4 +
    (kid.length === 4 ? 2 : 0) +
    (signature === undefined ? 0 : 1)
  const epochBytes = [24, 16, 8, 0].map((places) => Math.floor(epoch / 2 ** places) % 256)
  return Uint8Array.from([
    flags,
    ...kid,
    ...epochBytes,
    ...partialIv,
    ...ciphertext,
    ...(signature ?? []),
  ])
}
