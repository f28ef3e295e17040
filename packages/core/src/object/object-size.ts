// SPDX-License-Identifier: Apache-2.0
/**
 * How large an object becomes, before it is sealed (`docs/spec/04-objects.md` Section 4.2): for
 * whoever has to fit a payload into a transport's limit.
 *
 * @module
 */

import { AEAD_PARAMETERS, ALG_AES_CCM_16_64_128 } from '../crypto/provider.js'
import { kidOf, type VerifiedManifest } from '../stream/manifest.js'
import {
  encodeProtectedHeader,
  headBytes,
  LABEL_BATCH_SIGNATURE_BYTES,
  SESSION_PARTIAL_IV_BYTES,
  SIGNATURE_BYTES,
} from './header.js'

/** The longest text of the algorithm whose length field has two bytes. */
const MAX_SHORT_TEXT_BYTES = 65_535
const LONGEST_DURABLE_PARTIAL_IV = 5
const NODE_BYTES = 32

export interface ObjectShape {
  readonly manifest: VerifiedManifest
  readonly clearPart?: Uint8Array | undefined
  /** Objects that share a signature, at the most; where the stream's are of batches. */
  readonly batchObjects: number
}

/**
 * Finds how many bytes an object has.
 *
 * @param textBytes - Length of metadata and payload.
 * @returns The exact length; the most, where signatures are of batches or the counter is durable.
 */
export function objectBytes(shape: ObjectShape, textBytes: number): number {
  const { alg } = shape.manifest
  const ciphertextBytes = textBytes + AEAD_PARAMETERS[alg].tagBytes
  return framingBytes(shape) + headBytes(ciphertextBytes) + ciphertextBytes
}

/**
 * Finds the longest metadata and payload of an object within a limit; up to 4 bytes less where the
 * length of lengths changes.
 *
 * @param maxBytes - Of the object.
 * @returns Bytes; negative where not even an empty text fits.
 */
export function maxTextBytes(shape: ObjectShape, maxBytes: number): number {
  const { alg } = shape.manifest
  const ciphertextBytes = Math.min(maxBytes, 2 ** 32 - 1) - framingBytes(shape)
  const rest = ciphertextBytes - headBytes(Math.max(0, ciphertextBytes))
  const textBytes = rest - AEAD_PARAMETERS[alg].tagBytes
  return alg === ALG_AES_CCM_16_64_128 ? Math.min(textBytes, MAX_SHORT_TEXT_BYTES) : textBytes
}

/** All but the ciphertext's byte string. */
function framingBytes({ manifest, clearPart, batchObjects }: ObjectShape): number {
  const { alg, counterMode, signatureMode } = manifest
  const ivBytes = counterMode === 'session' ? SESSION_PARTIAL_IV_BYTES : LONGEST_DURABLE_PARTIAL_IV
  const fields = { alg, kid: kidOf(manifest), epoch: 0, partialIv: new Uint8Array(ivBytes) }
  const header = encodeProtectedHeader(clearPart === undefined ? fields : { ...fields, clearPart })
  const signatureBytes = { none: 1, each: 4 + SIGNATURE_BYTES, batch: batchBytes(batchObjects) }
  return 2 + headBytes(header.length) + header.length + signatureBytes[signatureMode]
}

function batchBytes(objects: number): number {
  const pathBytes = Math.ceil(Math.log2(objects)) * NODE_BYTES
  const numbers = headBytes(objects - 1) + headBytes(objects) + headBytes(pathBytes)
  return 1 + LABEL_BATCH_SIGNATURE_BYTES.length + 3 + SIGNATURE_BYTES + numbers + pathBytes
}
