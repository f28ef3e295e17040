// SPDX-License-Identifier: Apache-2.0
/**
 * The structures that are authenticated beside an object and never sent: Enc_structure (RFC 9052
 * Section 5.3) and Countersign_structure (RFC 9338 Section 3.3), `docs/spec/04-objects.md` Section
 * 4.3. Both are `[context, protected, external_aad]`, the second with the ciphertext behind.
 *
 * Between two objects of a session little changes, so a structure stands ready in a buffer and only
 * the protected header, and the ciphertext, are copied in. Sealer and opener must agree on every
 * byte; the general codec agrees with both in the tests.
 *
 * @module
 */

import { utf8 } from '../bytes.js'
import { headBytes, writeBytesHead } from './header.js'

/** A buffer that a large ciphertext made grow is not kept. */
const MAX_KEPT_BYTES = 65_536

/** `["Encrypt0", protected, external_aad]`, as far as it is always alike. */
export const ENCRYPT0: Uint8Array = Uint8Array.of(0x83, 0x68, ...utf8('Encrypt0'))
/** `["CounterSignature0", protected, external_aad, ciphertext]`, likewise. */
export const COUNTERSIGNATURE0: Uint8Array = Uint8Array.of(0x84, 0x71, ...utf8('CounterSignature0'))

/** One of the two structures, for all objects under one content key. */
export class AuthenticatedStructure {
  readonly #context: Uint8Array
  readonly #externalAad: Uint8Array
  #buffer = new Uint8Array(0)
  /** Everything up to the end of the external_aad: a view of `#buffer`. */
  #fixed = new Uint8Array(0)
  #headerBytes = -1
  #headerAt = 0

  /** @param externalAad - Kept, not copied. */
  constructor(context: Uint8Array, externalAad: Uint8Array) {
    this.#context = context
    this.#externalAad = externalAad
  }

  /** The structure without a ciphertext. Returns a view that holds until the next call. */
  of(protectedBytes: Uint8Array): Uint8Array {
    if (protectedBytes.length !== this.#headerBytes) this.#layOut(protectedBytes.length)
    this.#fixed.set(protectedBytes, this.#headerAt)
    return this.#fixed
  }

  /** The structure with a ciphertext. Returns a view that holds until the next call. */
  withCiphertext(protectedBytes: Uint8Array, ciphertext: Uint8Array): Uint8Array {
    const fixed = this.of(protectedBytes)
    const length = fixed.length + headBytes(ciphertext.length) + ciphertext.length
    const out = this.#room(length)
    out.set(ciphertext, writeBytesHead(out, fixed.length, ciphertext.length))
    return out.length === length ? out : out.subarray(0, length)
  }

  /** Overwrites what it holds. It is of no more use. */
  wipe(): void {
    this.#buffer.fill(0)
    this.#externalAad.fill(0)
  }

  #layOut(headerBytes: number): void {
    const context = this.#context
    const aad = this.#externalAad
    const headerAt = context.length + headBytes(headerBytes)
    const length = headerAt + headerBytes + headBytes(aad.length) + aad.length
    const buffer = new Uint8Array(2 * length)
    buffer.set(context)
    writeBytesHead(buffer, context.length, headerBytes)
    buffer.set(aad, writeBytesHead(buffer, headerAt + headerBytes, aad.length))
    this.#headerBytes = headerBytes
    this.#headerAt = headerAt
    this.#buffer = buffer
    this.#fixed = buffer.subarray(0, length)
  }

  /** A buffer of at least that length that begins with the fixed part. */
  #room(length: number): Uint8Array {
    if (length <= this.#buffer.length) return this.#buffer
    const kept = length <= MAX_KEPT_BYTES
    const grown = new Uint8Array(kept ? 2 * length : length)
    grown.set(this.#fixed)
    if (!kept) return grown
    this.#buffer = grown
    this.#fixed = grown.subarray(0, this.#fixed.length)
    return grown
  }
}
