// SPDX-License-Identifier: Apache-2.0
/**
 * COSE_Sign1 (RFC 9052 Section 4.2) with Ed25519.
 *
 * Decoding and verifying are two steps: what `decodeSign1` returns says nothing about who made it
 * before `verifySign1` said yes. Detached payloads are not implemented.
 *
 * @module
 */

import { CborTag, decodeCbor, encodeCbor } from '../cbor/cbor.js'
import { ArrayFields, untag } from '../cbor/fields.js'
import type { Ed25519VerifyingKey } from '../crypto/provider.js'
import {
  ALG_ED25519,
  ALG_EDDSA,
  type CoseDecodeOptions,
  encodeProtected,
  type Header,
  type HeaderMap,
  LABEL_ALG,
  readHeader,
  TAG_COSE_SIGN1,
} from './header.js'

const EMPTY = new Uint8Array(0)

export interface Sign1Input {
  /** Has to name the algorithm that `sign` uses. */
  readonly protectedHeader: HeaderMap
  /** Default: empty. */
  readonly unprotectedHeader?: HeaderMap
  readonly payload: Uint8Array
  /** What is signed without being sent. Default: empty. */
  readonly externalAad?: Uint8Array
}

/** A decoded message, not verified. */
export interface Sign1 extends Header {
  readonly payload: Uint8Array
  /** Of any length: verifying refuses what is no signature. */
  readonly signature: Uint8Array
}

/**
 * Signs a payload.
 *
 * @param sign - Signs the bytes of the Sig_structure; called once.
 * @returns A tagged COSE_Sign1, owned by the caller.
 */
export function encodeSign1(
  input: Sign1Input,
  sign: (toBeSigned: Uint8Array) => Uint8Array,
): Uint8Array {
  const { protectedHeader, unprotectedHeader = new Map(), payload, externalAad = EMPTY } = input
  const protectedBytes = encodeProtected(protectedHeader)
  const signature = sign(sigStructure(protectedBytes, externalAad, payload))
  const message = [protectedBytes, unprotectedHeader, payload, signature]
  return encodeCbor(new CborTag(TAG_COSE_SIGN1, message))
}

/**
 * Decodes a COSE_Sign1 and verifies nothing.
 *
 * @param bytes - Untrusted; the caller bounds its length.
 * @param what - Name of the structure, for the error.
 * @returns Copies, apart from byte strings inside the headers, which may be views into `bytes`.
 * @throws {WaxwingError} `ERR_MALFORMED`; `ERR_UNSUPPORTED` if the header has `crit`.
 */
export function decodeSign1(
  bytes: Uint8Array,
  what: string,
  options: CoseDecodeOptions = {},
): Sign1 {
  const value = decodeCbor(bytes, what)
  const { tagged = true } = options
  const fields = new ArrayFields(what, tagged ? untag(value, TAG_COSE_SIGN1, what) : value, 4)
  const header = readHeader(fields, what)
  const payload = fields.bytes(2, 'payload')
  const signature = fields.bytes(3, 'signature')
  return { ...header, payload, signature }
}

/**
 * Verifies the signature of a decoded message.
 *
 * @param externalAad - The same bytes that the signer used. Default: empty.
 * @returns `false` as well if the protected header names no algorithm, or any but Ed25519 and EdDSA.
 */
export function verifySign1(
  message: Sign1,
  key: Ed25519VerifyingKey,
  externalAad: Uint8Array = EMPTY,
): boolean {
  const alg = message.protectedHeader.get(LABEL_ALG)
  if (alg !== ALG_ED25519 && alg !== ALG_EDDSA) return false
  const { protectedBytes, payload, signature } = message
  return key.verify(sigStructure(protectedBytes, externalAad, payload), signature)
}

/** Encodes the Sig_structure of a COSE_Sign1 (RFC 9052 Section 4.4): the bytes that are signed. */
export function sigStructure(
  protectedBytes: Uint8Array,
  externalAad: Uint8Array,
  payload: Uint8Array,
): Uint8Array {
  return encodeCbor(['Signature1', protectedBytes, externalAad, payload])
}
