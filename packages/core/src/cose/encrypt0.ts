// SPDX-License-Identifier: Apache-2.0
/**
 * COSE_Encrypt0 (RFC 9052 Section 5.2): framing and authenticated data, without the encryption.
 *
 * For messages of any header; sealed objects, whose layout is fixed, have their own faster codec.
 * Detached ciphertexts are not implemented.
 *
 * @module
 */

import { CborTag, decodeCbor, encodeCbor } from '../cbor/cbor.js'
import { ArrayFields, untag } from '../cbor/fields.js'
import {
  type CoseDecodeOptions,
  encodeProtected,
  type Header,
  type HeaderMap,
  readHeader,
  TAG_COSE_ENCRYPT0,
} from './header.js'

export interface Encrypt0Input {
  readonly protectedHeader: HeaderMap
  /** Default: empty. */
  readonly unprotectedHeader?: HeaderMap
  /** Ciphertext and tag, made over the {@link encStructure} of the same protected header. */
  readonly ciphertext: Uint8Array
}

/** A decoded message, not decrypted. */
export interface Encrypt0 extends Header {
  /** Of any length: opening refuses what is no ciphertext. */
  readonly ciphertext: Uint8Array
}

/**
 * Encodes the Enc_structure of a COSE_Encrypt0 (RFC 9052 Section 5.3): the AEAD's additional data.
 *
 * @param protectedBytes - From `encodeProtected` when sealing, from the message when opening.
 */
export function encStructure(protectedBytes: Uint8Array, externalAad: Uint8Array): Uint8Array {
  return encodeCbor(['Encrypt0', protectedBytes, externalAad])
}

/** Encodes a tagged COSE_Encrypt0. Returns new bytes. */
export function encodeEncrypt0(input: Encrypt0Input): Uint8Array {
  const { protectedHeader, unprotectedHeader = new Map(), ciphertext } = input
  const message = [encodeProtected(protectedHeader), unprotectedHeader, ciphertext]
  return encodeCbor(new CborTag(TAG_COSE_ENCRYPT0, message))
}

/**
 * Decodes a COSE_Encrypt0 and opens nothing.
 *
 * @param bytes - Untrusted; the caller bounds its length.
 * @param what - Name of the structure, for the error.
 * @returns Copies, apart from byte strings inside the headers, which may be views into `bytes`.
 * @throws {WaxwingError} `ERR_MALFORMED`; `ERR_UNSUPPORTED` if the header has `crit`.
 */
export function decodeEncrypt0(
  bytes: Uint8Array,
  what: string,
  options: CoseDecodeOptions = {},
): Encrypt0 {
  const value = decodeCbor(bytes, what)
  const { tagged = true } = options
  const fields = new ArrayFields(what, tagged ? untag(value, TAG_COSE_ENCRYPT0, what) : value, 3)
  const header = readHeader(fields, what)
  return { ...header, ciphertext: fields.bytes(2, 'ciphertext') }
}
