// SPDX-License-Identifier: Apache-2.0
/**
 * ID_CRED_x: what tells which credential is meant, or carries it (RFC 9528 Section 3.5.3).
 *
 * A COSE header map everywhere, but in a plaintext a lone key identifier stands without its map.
 *
 * @module
 */

import {
  type CborKey,
  CborTag,
  type CborValue,
  type CryptoProvider,
  decodeCbor,
  encodeCbor,
  LABEL_KID,
  malformed,
} from '@waxwing/core'
import { identifierFromCbor, identifierToCbor } from './sequence.js'

// Labels of header parameters (RFC 9528 Section 10.6, RFC 9360 Section 2).
const LABEL_KCWT = 13
const LABEL_KCCS = 14
const LABEL_X5CHAIN = 33
const LABEL_X5T = 34
const LABEL_X5U = 35
/** Tag of a URI (RFC 8949 Section 3.4.5.3). */
const TAG_URI = 32

/** COSE number of SHA-256 cut to 8 bytes (RFC 9054 Section 3.2). */
const ALG_SHA_256_64 = -15
const SHA_256_64_BYTES = 8

/**
 * One way to identify a credential. What is not among the first six is `other`: a header map, with its
 * parameters as they are.
 */
export type IdCred =
  | { readonly kind: 'kid'; readonly kid: Uint8Array }
  /** A hash of the certificate; the algorithm by its COSE number or name. */
  | { readonly kind: 'x5t'; readonly algorithm: number | string; readonly hash: Uint8Array }
  /** Certificates in DER, the end entity's first. */
  | { readonly kind: 'x5chain'; readonly certificates: readonly Uint8Array[] }
  | { readonly kind: 'x5u'; readonly uri: string }
  /** An encoded, untagged CWT. */
  | { readonly kind: 'kcwt'; readonly token: Uint8Array }
  /** An encoded CWT Claims Set. */
  | { readonly kind: 'kccs'; readonly claims: Uint8Array }
  | { readonly kind: 'other'; readonly header: ReadonlyMap<CborKey, CborValue> }

/** ID_CRED_x for an X.509 certificate in DER, by the first eight bytes of its SHA-256. */
export function x5tOf(crypto: Pick<CryptoProvider, 'sha256'>, certificate: Uint8Array): IdCred {
  const hash = crypto.sha256(certificate).slice(0, SHA_256_64_BYTES)
  return { kind: 'x5t', algorithm: ALG_SHA_256_64, hash }
}

/**
 * Encodes the header map, as it stands in everything that is authenticated.
 *
 * @throws {RangeError} If an x5chain has no certificate, or an `other` header is empty.
 * @throws {WaxwingError} `ERR_MALFORMED` if a token or claims are not deterministic CBOR.
 */
export function encodeIdCred(idCred: IdCred): Uint8Array {
  return encodeCbor(headerOf(idCred))
}

/** The same for a plaintext: a lone key identifier without its map (RFC 9528 Section 3.5.3.2). */
export function idCredToPlaintext(idCred: IdCred): CborValue {
  return idCred.kind === 'kid' ? identifierToCbor(idCred.kid) : headerOf(idCred)
}

/**
 * Reads ID_CRED_x from a plaintext.
 *
 * @throws {WaxwingError} `ERR_MALFORMED` if it is no header map, an empty one, one with a lone key
 *   identifier, or has a parameter of these that is not as RFC 9360 or RFC 9528 says.
 */
export function idCredFromPlaintext(value: CborValue | undefined, what: string): IdCred {
  if (!(value instanceof Map)) {
    return { kind: 'kid', kid: identifierFromCbor(value, what, 'ID_CRED') }
  }
  const header = value as ReadonlyMap<CborKey, CborValue>
  const [parameter] = header
  if (parameter === undefined) throw malformed(what, 'ID_CRED')
  if (header.size > 1) return other(header)
  const [label, content] = parameter
  if (label === LABEL_KID) throw malformed(what, 'ID_CRED')
  return readParameter(label, content, what) ?? other(header)
}

/** A copy: the plaintext that the header lies in is overwritten. */
function other(header: ReadonlyMap<CborKey, CborValue>): IdCred {
  const copy = decodeCbor(encodeCbor(header), 'ID_CRED') as ReadonlyMap<CborKey, CborValue>
  return { kind: 'other', header: copy }
}

function headerOf(idCred: IdCred): ReadonlyMap<CborKey, CborValue> {
  switch (idCred.kind) {
    case 'kid':
      return new Map([[LABEL_KID, idCred.kid]])
    case 'x5t':
      return new Map([[LABEL_X5T, [idCred.algorithm, idCred.hash]]])
    case 'x5chain':
      return new Map([[LABEL_X5CHAIN, chainToCbor(idCred.certificates)]])
    case 'x5u':
      return new Map([[LABEL_X5U, new CborTag(TAG_URI, idCred.uri)]])
    case 'kcwt':
      return new Map([[LABEL_KCWT, decodeCbor(idCred.token, 'kcwt')]])
    case 'kccs':
      return new Map([[LABEL_KCCS, decodeCbor(idCred.claims, 'kccs')]])
    case 'other':
      if (idCred.header.size === 0) throw new RangeError('header must have a parameter')
      return idCred.header
  }
}

/** A single certificate stands without an array (RFC 9360 Section 2). */
function chainToCbor(certificates: readonly Uint8Array[]): CborValue {
  const [first] = certificates
  if (first === undefined) throw new RangeError('certificates must not be empty')
  return certificates.length === 1 ? first : certificates
}

function readParameter(label: CborKey, content: CborValue, what: string): IdCred | undefined {
  if (label === LABEL_X5T) return readX5t(content, what)
  if (label === LABEL_X5CHAIN) return readX5chain(content, what)
  if (label === LABEL_X5U) {
    const uri = content instanceof CborTag && content.tag === TAG_URI ? content.contents : undefined
    if (typeof uri !== 'string') throw malformed(what, 'x5u')
    return { kind: 'x5u', uri }
  }
  if (label === LABEL_KCWT) {
    if (!isArray(content)) throw malformed(what, 'kcwt')
    return { kind: 'kcwt', token: encodeCbor(content) }
  }
  if (label === LABEL_KCCS) {
    if (!(content instanceof Map)) throw malformed(what, 'kccs')
    return { kind: 'kccs', claims: encodeCbor(content) }
  }
  return undefined
}

function readX5t(content: CborValue, what: string): IdCred {
  const [algorithm, hash] = isArray(content) && content.length === 2 ? content : []
  const isName = typeof algorithm === 'number' || typeof algorithm === 'string'
  if (!isName || !(hash instanceof Uint8Array)) throw malformed(what, 'x5t')
  return { kind: 'x5t', algorithm, hash: hash.slice() }
}

function readX5chain(content: CborValue, what: string): IdCred {
  if (content instanceof Uint8Array) return { kind: 'x5chain', certificates: [content.slice()] }
  if (!isArray(content) || content.length < 2) throw malformed(what, 'x5chain')
  const certificates = content.map((certificate) => {
    if (!(certificate instanceof Uint8Array)) throw malformed(what, 'x5chain')
    return certificate.slice()
  })
  return { kind: 'x5chain', certificates }
}

function isArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value)
}
