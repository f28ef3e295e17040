// SPDX-License-Identifier: Apache-2.0
/**
 * The primitives of the vectors, straight over `node:crypto`: nothing of the packages under test.
 *
 * @module
 */

import {
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  sign,
  type CipherGCMTypes,
  type KeyObject,
} from 'node:crypto'
import { cbor, join, type Value } from './cbor.ts'

export function sha256(data: Uint8Array): Uint8Array {
  return plain(createHash('sha256').update(data).digest())
}

export function hmac(hash: 'sha256' | 'sha512', key: Uint8Array, data: Uint8Array): Uint8Array {
  return plain(createHmac(hash, key).update(data).digest())
}

/** HKDF-Expand with SHA-256 (RFC 5869 Section 2.3). */
export function hkdfExpand(prk: Uint8Array, info: Uint8Array, lengthBytes: number): Uint8Array {
  let block: Uint8Array = new Uint8Array(0)
  let output: Uint8Array = new Uint8Array(0)
  for (let i = 1; output.length < lengthBytes; i++) {
    block = hmac('sha256', prk, join(block, info, Uint8Array.of(i)))
    output = join(output, block)
  }
  return output.slice(0, lengthBytes)
}

/** 32 bytes that follow from some words. */
export function seedOf(words: string): Uint8Array {
  return sha256(utf8(`waxwing vectors: ${words}`))
}

/** As many bytes as are wanted that follow from some words. */
export function bytesOf(words: string, lengthBytes: number): Uint8Array {
  return hkdfExpand(seedOf(words), new Uint8Array(0), lengthBytes)
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function fromHex(text: string): Uint8Array {
  return plain(Buffer.from(text, 'hex'))
}

/** The bytes with the last one changed: of a signed or encrypted message, what proves it. */
export function tampered(bytes: Uint8Array): Uint8Array {
  const last = bytes.length - 1
  return bytes.with(last, (bytes[last] ?? 0) ^ 1)
}

export interface Signer {
  readonly seed: Uint8Array
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

const PKCS8_ED25519 = fromHex('302e020100300506032b657004220420')
const PKCS8_X25519 = fromHex('302e020100300506032b656e04220420')
const SPKI_X25519 = fromHex('302a300506032b656e032100')

/** The Ed25519 key of a seed (RFC 8032 Section 5.1.5). */
export function ed25519(seed: Uint8Array): Signer {
  const key = privateKey(PKCS8_ED25519, seed)
  return { seed, publicKey: publicBytes(key), sign: (message) => plain(sign(null, message, key)) }
}

/** The public key of an X25519 scalar. */
export function x25519(secretKey: Uint8Array): Uint8Array {
  return publicBytes(privateKey(PKCS8_X25519, secretKey))
}

/** The X25519 shared secret. */
export function dh(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const der = join(SPKI_X25519, publicKey)
  const other = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' })
  return plain(diffieHellman({ privateKey: privateKey(PKCS8_X25519, secretKey), publicKey: other }))
}

/** Encrypts under one of the content algorithms, by its COSE number. Ciphertext, then tag. */
export function encrypt(
  alg: number,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  if (alg === 10) {
    const cipher = createCipheriv('aes-128-ccm', key, nonce, { authTagLength: 8 })
    cipher.setAAD(aad, { plaintextLength: plaintext.length })
    const ciphertext = join(cipher.update(plaintext), cipher.final())
    return join(ciphertext, cipher.getAuthTag())
  }
  const cipher =
    alg === 24
      ? createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
      : createCipheriv(`aes-${8 * key.length}-gcm` as CipherGCMTypes, key, nonce)
  cipher.setAAD(aad)
  const ciphertext = join(cipher.update(plaintext), cipher.final())
  return join(ciphertext, cipher.getAuthTag())
}

export type KeyKind = 'ed25519' | 'x25519' | 'x-wing'

/** The COSE_Key of a public key (RFC 9052 Section 7). */
export function coseKey(kind: KeyKind, publicKey: Uint8Array): Value {
  if (kind === 'x-wing') {
    return new Map<number, Value>([
      [1, 7],
      [3, -65539],
      [-1, publicKey],
    ])
  }
  return new Map<number, Value>([
    [1, 1],
    [-1, kind === 'ed25519' ? 6 : 4],
    [-2, publicKey],
  ])
}

/** The COSE Key Thumbprint (RFC 9679). */
export function thumbprint(kind: KeyKind, publicKey: Uint8Array): Uint8Array {
  return sha256(cbor(coseKey(kind, publicKey)))
}

function privateKey(prefix: Uint8Array, secret: Uint8Array): KeyObject {
  const der = Buffer.from(join(prefix, secret))
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}

function publicBytes(key: KeyObject): Uint8Array {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  return plain(Buffer.from(x, 'base64url'))
}

/** Not a `Buffer`, whose slices share memory. */
function plain(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes)
}
