// SPDX-License-Identifier: Apache-2.0
/**
 * From a leaf of the key tree to what seals one session's objects in one epoch
 * (`docs/spec/05-keys.md` Section 5.4): content key, base IV, and the key commitment.
 *
 * @module
 */

import { encodeCbor, type CborValue } from '../cbor/cbor.js'
import { AEAD_PARAMETERS, type ContentAlgorithm, type CryptoProvider } from '../crypto/provider.js'

const COMMITMENT_BYTES = 32

export interface ContentKeyInputs {
  /** 32 bytes. */
  readonly generationId: Uint8Array
  readonly epoch: number
  /** 7 bytes; empty in durable-counter mode. */
  readonly session: Uint8Array
  readonly alg: ContentAlgorithm
}

export interface ContentKey {
  readonly key: Uint8Array
  readonly baseIv: Uint8Array
  /** Bound by the signature and never sent: a signature holds for this key only. 32 bytes. */
  readonly commitment: Uint8Array
}

/** Derives all three from a leaf. Returns new arrays, which the caller owns. */
export function deriveContentKey(
  crypto: Pick<CryptoProvider, 'hkdfExpandSha256'>,
  leaf: Uint8Array,
  inputs: ContentKeyInputs,
): ContentKey {
  const { keyBytes, nonceBytes } = AEAD_PARAMETERS[inputs.alg]
  const content = infoOf('waxwing content v1', inputs)
  const material = crypto.hkdfExpandSha256(leaf, content, keyBytes + nonceBytes)
  const commit = infoOf('waxwing commit v1', inputs)
  const contentKey = {
    key: material.slice(0, keyBytes),
    baseIv: material.slice(keyBytes),
    commitment: crypto.hkdfExpandSha256(leaf, commit, COMMITMENT_BYTES),
  }
  material.fill(0)
  return contentKey
}

/** The external_aad of an object's encryption (Section 4.3). */
export function encryptionAad(generationId: Uint8Array): Uint8Array {
  return encodeCbor(['waxwing object v1', generationId])
}

/** The external_aad of its signature: the same array with the key commitment appended. */
export function signatureAad(generationId: Uint8Array, commitment: Uint8Array): Uint8Array {
  return encodeCbor(['waxwing object v1', generationId, commitment])
}

function infoOf(label: string, inputs: ContentKeyInputs): Uint8Array {
  const { generationId, epoch, session, alg } = inputs
  const info: readonly CborValue[] = [label, generationId, epoch, session, alg]
  return encodeCbor(info)
}
