// SPDX-License-Identifier: Apache-2.0
/**
 * OSCORE step by step, from RFC 8613 and RFC 7252 alone and straight over `node:crypto`: nothing of the
 * packages under test.
 *
 * @module
 */

import { createCipheriv, type CipherCCMTypes, hkdfSync } from 'node:crypto'
import { join } from '../frozen/cbor.ts'
import { utf8 } from '../frozen/primitives.ts'

export type Algorithm = 1 | 3 | 10 | 24 | 30

/** RFC 9053 Section 4: name, and lengths of key, nonce and tag in bytes. */
const ALGORITHMS: Readonly<Record<Algorithm, readonly [string, number, number, number]>> = {
  1: ['aes-128-gcm', 16, 12, 16],
  3: ['aes-256-gcm', 32, 12, 16],
  10: ['aes-128-ccm', 16, 13, 8],
  24: ['chacha20-poly1305', 32, 12, 16],
  30: ['aes-128-ccm', 16, 13, 16],
}

/** What both endpoints share. */
export interface Shared {
  readonly algorithm: Algorithm
  readonly masterSecret: Uint8Array
  readonly masterSalt: Uint8Array
  readonly idContext?: Uint8Array | undefined
}

/** One encryption. */
export interface Sealing {
  /** Whose Sender Key it is. */
  readonly senderId: Uint8Array
  /** Who made the Partial IV of the nonce, and that Partial IV. */
  readonly idPiv: Uint8Array
  readonly partialIv: Uint8Array
  /** 'kid' and Partial IV of the request. */
  readonly requestKid: Uint8Array
  readonly requestPartialIv: Uint8Array
}

export type Options = readonly (readonly [number, Uint8Array])[]

/** Code, options in the order given, which is that of their numbers, and payload (RFC 7252 Section 3). */
export function coap(code: number, options: Options, payload: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(code)]
  let last = 0
  for (const [number, value] of options) {
    const delta = nibble(number - last)
    const length = nibble(value.length)
    parts.push(Uint8Array.of(delta[0] * 16 + length[0]), delta[1], length[1], value)
    last = number
  }
  return payload.length === 0 ? join(...parts) : join(...parts, Uint8Array.of(0xff), payload)
}

/** Ciphertext and tag (RFC 8613 Section 5). */
export function seal(shared: Shared, sealing: Sealing, plaintext: Uint8Array): Uint8Array {
  const [name, keyBytes, nonceBytes, tagBytes] = ALGORITHMS[shared.algorithm]
  const key = derive(shared, sealing.senderId, 'Key', keyBytes)
  const commonIv = derive(shared, new Uint8Array(0), 'IV', nonceBytes)
  const nonce = nonceOf(commonIv, sealing.idPiv, sealing.partialIv)
  const cipher = createCipheriv(name as CipherCCMTypes, key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(aadOf(shared.algorithm, sealing), { plaintextLength: plaintext.length })
  const ciphertext = cipher.update(plaintext)
  cipher.final()
  return join(ciphertext, cipher.getAuthTag())
}

/** The value of the OSCORE option (Section 6.1). */
export function header(
  partialIv?: Uint8Array,
  kid?: Uint8Array,
  kidContext?: Uint8Array,
): Uint8Array {
  const flags =
    (partialIv?.length ?? 0) + (kid === undefined ? 0 : 8) + (kidContext === undefined ? 0 : 16)
  if (flags === 0) return new Uint8Array(0)
  const context = kidContext === undefined ? [] : [Uint8Array.of(kidContext.length), kidContext]
  return join(
    Uint8Array.of(flags),
    partialIv ?? new Uint8Array(0),
    ...context,
    kid ?? new Uint8Array(0),
  )
}

/** HKDF of the info array (Section 3.2.1). */
function derive(shared: Shared, id: Uint8Array, type: string, length: number): Uint8Array {
  const { algorithm, masterSecret, masterSalt, idContext } = shared
  const context = idContext === undefined ? Uint8Array.of(0xf6) : bstr(idContext)
  const label = join(Uint8Array.of(0x60 + type.length), utf8(type))
  const info = join(Uint8Array.of(0x85), bstr(id), context, uint(algorithm), label, uint(length))
  return new Uint8Array(hkdfSync('sha256', masterSecret, masterSalt, info, length))
}

/** Section 5.2, byte by byte. */
function nonceOf(commonIv: Uint8Array, idPiv: Uint8Array, partialIv: Uint8Array): Uint8Array {
  const padding = (bytes: Uint8Array, length: number): number[] =>
    Array.from({ length: length - bytes.length }, () => 0)
  const left = [idPiv.length, ...padding(idPiv, commonIv.length - 6), ...idPiv]
  const whole = [...left, ...padding(partialIv, 5), ...partialIv]
  return Uint8Array.from(whole, (byte, i) => byte ^ commonIv[i]!)
}

/** Sections 5.4 and RFC 9052 Section 5.3. */
function aadOf(algorithm: Algorithm, { requestKid, requestPartialIv }: Sealing): Uint8Array {
  const algorithms = join(Uint8Array.of(0x81), uint(algorithm))
  const names = join(bstr(requestKid), bstr(requestPartialIv), bstr(new Uint8Array(0)))
  const array = join(Uint8Array.of(0x85), uint(1), algorithms, names)
  return join(Uint8Array.of(0x83, 0x68), utf8('Encrypt0'), bstr(new Uint8Array(0)), bstr(array))
}

/** Numbers below 256 (RFC 8949 Section 3.1). */
function uint(value: number): Uint8Array {
  return value < 24 ? Uint8Array.of(value) : Uint8Array.of(24, value)
}

/** Byte strings below 256 bytes. */
function bstr(bytes: Uint8Array): Uint8Array {
  const head = uint(bytes.length)
  return join(head.with(0, head[0]! + 0x40), bytes)
}

/** A delta or a length: the nibble, and the bytes that go with it. */
function nibble(value: number): readonly [number, Uint8Array] {
  if (value < 13) return [value, new Uint8Array(0)]
  if (value < 269) return [13, Uint8Array.of(value - 13)]
  return [14, Uint8Array.of(Math.floor((value - 269) / 256), (value - 269) % 256)]
}
