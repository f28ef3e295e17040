// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of opening (`docs/spec/04-objects.md` Section 4.5). It decrypts by encrypting: zeros
 * give the key stream, and a ciphertext is right if its text gives it again, tag and all.
 *
 * @module
 */

import {
  encryptionAad,
  keysOfLeaf,
  nonceOf,
  signatureAad,
} from '../../../../tools/vectors/frozen/object-parts.ts'
import { encrypt, fromHex, hex } from '../../../../tools/vectors/frozen/primitives.ts'
import { naiveLeaf, rootOfPath } from './batch-tree.ts'
import { encodeByTheBook } from './cbor.ts'
import type { Manifest } from './chains.ts'
import { readText, type DecodedObject, type Text } from './decoding.ts'
import { Refusal } from './refusal.ts'
import { verifies } from './signatures.ts'

const NONE = 0
const BATCH = 2

export interface OpeningInputs {
  readonly manifest: Manifest
  /** The producer's, imported. */
  readonly producerKey: Uint8Array
  readonly leaf: Uint8Array
}

export type Attempt =
  | { readonly kind: 'opened'; readonly text: Text }
  /** Of the wrong form, or without metadata; or under the wrong key, or not the producer's. */
  | { readonly kind: 'unfit' | 'failed' }

/** Opens an object with the leaf of its epoch. */
export function openWith(object: DecodedObject, inputs: OpeningInputs): Attempt {
  const { manifest, producerKey, leaf } = inputs
  const { epoch, session, protectedBytes, ciphertext } = object
  const { alg } = manifest
  if (!hasForm(object, manifest)) return { kind: 'unfit' } // step 1
  const tagBytes = alg === 10 ? 8 : 16
  if (ciphertext.length <= tagBytes) return { kind: 'unfit' } // step 2
  const generationId = fromHex(manifest.generationId)
  const keys = keysOfLeaf({ leaf, epoch, session, alg, generationId }) // step 3
  const aad = encodeByTheBook(['Encrypt0', protectedBytes, encryptionAad(generationId)])
  const nonce = nonceOf(keys.baseIv, object.partialIv)
  const text = decrypted(alg, keys.contentKey, nonce, aad, ciphertext, tagBytes) // step 4
  if (text === undefined) return { kind: 'failed' }
  const aadOfSignature = signatureAad(generationId, keys.commitment)
  const parts = ['CounterSignature0', protectedBytes, aadOfSignature, ciphertext]
  const signed = encodeByTheBook(parts)
  const isSigned =
    manifest.signatureMode === NONE || holds(object, signed, producerKey, generationId)
  if (!isSigned) return { kind: 'failed' } // step 5
  try {
    return { kind: 'opened', text: readText(text) } // steps 6 and 7
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'unfit' }
    throw error
  }
}

function hasForm(object: DecodedObject, manifest: Manifest): boolean {
  const { signatureMode, isSession, kidBytes, generationId } = manifest
  return (
    object.alg === manifest.alg &&
    object.session.length === (isSession ? 7 : 0) &&
    hex(object.kid) === generationId.slice(0, 2 * kidBytes) &&
    (object.signature !== undefined) === (signatureMode !== NONE) &&
    (object.batch !== undefined) === (signatureMode === BATCH)
  )
}

function decrypted(
  alg: number,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  ciphertext: Uint8Array,
  tagBytes: number,
): Uint8Array | undefined {
  const hidden = ciphertext.slice(0, -tagBytes)
  if (alg === 10 && hidden.length > 65_535) return undefined
  const stream = encrypt(alg, key, nonce, aad, new Uint8Array(hidden.length))
  const text = hidden.map((byte, i) => byte ^ stream[i]!)
  const again = encrypt(alg, key, nonce, aad, text)
  return hex(again) === hex(ciphertext) ? text : undefined
}

/** Whether the signature is the producer's (Sections 4.3.2 and 4.3.4). */
function holds(
  { signature, batch }: DecodedObject,
  signed: Uint8Array,
  key: Uint8Array,
  generationId: Uint8Array,
): boolean {
  if (signature === undefined) return false
  if (batch === undefined) return verifies(key, signed, signature)
  const { index, count, path } = batch
  const siblings = Array.from({ length: path.length / 32 }, (_, i) =>
    path.slice(32 * i, 32 * i + 32),
  )
  const root = rootOfPath(naiveLeaf(signed), index, count, siblings)
  const toSign = encodeByTheBook(['waxwing batch v1', generationId, count, root])
  return verifies(key, toSign, signature)
}
